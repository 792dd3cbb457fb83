"""Resolve a name in a suite to an adapter: from the catalogue, or a class given as `package.module:Class`."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Mapping
from typing import Literal, get_args, get_origin, get_type_hints

from algorithms import CATALOGUE
from benchmark.adapter import Adapter
from benchmark.contract import IMPORTED, Algorithm, Setting
from benchmark.errors import ConfigurationError, UnknownName, nearest

__all__ = ["adapter_class", "build", "resolve"]

OUTSIDE = "An outside one is written 'package.module:Class'."


def adapter_class(target: str) -> type[Adapter]:
    """The class at `package.module:Class`. An import that fails shows its own error."""
    module, separator, name = target.partition(":")
    if not separator or not module or not name:
        raise ConfigurationError(f"'{target}' is not a class: write 'package.module:Class'.")
    try:
        found = vars(importlib.import_module(module)).get(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            raise ConfigurationError(
                f"no module '{error.name}' for '{target}': install it, or start bakeoff in the folder that holds it."
            ) from error
        raise
    if found is None:
        raise ConfigurationError(f"module '{module}' has no '{name}'.")
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise ConfigurationError(f"'{target}' is not an Adapter: derive the class from benchmark.adapter.Adapter.")
    if "__dataclass_fields__" not in vars(found):
        raise ConfigurationError(f"'{target}' must be a frozen dataclass: its fields are its hyper-parameters.")
    return found


def resolve(name: str, asked: Mapping[str, Setting]) -> Algorithm:
    """The algorithm with every hyper-parameter; `asked` may hold `class` and the settings to change.

    `{"imported": True}` alone is a row that was trained elsewhere: it has neither class nor hyper-parameters.

    Raises `UnknownName` for a name that is neither in the catalogue nor given a class, and `ConfigurationError` for a
    hyper-parameter the class does not have or of the wrong type.
    """
    settings = dict(asked)
    if IMPORTED in settings:
        return _imported(name, settings)
    target = str(settings.pop("class", CATALOGUE.get(name, name if ":" in name else "")))
    if not target:
        raise UnknownName("algorithm", name, CATALOGUE, OUTSIDE)
    cls = adapter_class(target)
    defaults: dict[str, Setting] = {field.name: field.default for field in dataclasses.fields(cls)}  # type: ignore[arg-type, misc]
    hints = get_type_hints(cls)
    for key, value in settings.items():
        if key not in defaults:
            raise ConfigurationError(
                f"{name} has no hyper-parameter '{key}'{nearest(key, defaults)} "
                f"It has: {', '.join(sorted(defaults)) or 'none'}."
            )
        choices = get_args(hints[key]) if get_origin(hints[key]) is Literal else ()
        if choices and value not in choices:
            raise ConfigurationError(f"{name}.{key} = {value!r}: expected one of {', '.join(map(str, choices))}.")
        if not _fits(value, defaults[key]):
            raise ConfigurationError(f"{name}.{key} = {value!r}: expected a value like its default, {defaults[key]!r}.")
    changed = tuple(sorted(key for key, value in settings.items() if value != defaults[key]))
    complete = {**defaults, **settings}
    needs = tuple(sorted(cls(**complete).needs))
    return Algorithm(name.rpartition(":")[2], target, complete, changed, needs)


def build(algorithm: Algorithm) -> Adapter:
    """The adapter of a resolved algorithm."""
    return adapter_class(algorithm.target)(**algorithm.settings)


def _imported(name: str, settings: Mapping[str, Setting]) -> Algorithm:
    if dict(settings) != {IMPORTED: True}:
        raise ConfigurationError(
            f"{name}: an imported row is written '{name} = {{ imported = true }}' and has no other settings; found "
            f"{', '.join(f'{key} = {value!r}' for key, value in settings.items())}."
        )
    if name in CATALOGUE:
        raise ConfigurationError(f"{name} is trained here: give the imported row a name that is not in 'bakeoff list'.")
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ConfigurationError(f"{name!r} cannot name an imported row: use letters, digits, '_', '-' and '.'.")
    return Algorithm(name, IMPORTED)


def _fits(value: Setting, default: object) -> bool:
    if default is None or value is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))
