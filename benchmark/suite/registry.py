"""Resolve a name in a suite to an adapter: from the catalogue, or a class given as `package.module:Class`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from algorithms import CATALOGUE
from benchmark.adapter import Adapter
from benchmark.contract import IMPORTED, Algorithm, Setting, name_fault
from benchmark.errors import ConfigurationError, UnknownName, nearest
from benchmark.importing import foreign_code, named_object
from benchmark.suite.programs import COMMAND, program_row
from benchmark.suite.values import expected, fits, shown

__all__ = ["FORM", "adapter_class", "build", "resolve"]

FORM = "package.module:Class"
OUTSIDE = f"An outside one is written '{FORM}' or 'file.py:Class'."
CLASS = "class"


def adapter_class(target: str) -> type[Adapter]:
    """The class at `package.module:Class` or `file.py:Class`; `ConfigurationError` for anything but an adapter."""
    found = named_object(target, FORM)
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise ConfigurationError(f"'{target}' is not an Adapter: derive the class from benchmark.adapter.Adapter.")
    if "__dataclass_fields__" not in vars(found):
        raise ConfigurationError(f"'{target}' must be a frozen dataclass: its fields are its hyper-parameters.")
    if inspect.isabstract(found):
        missing = " and ".join(f"'{name}'" for name in sorted(found.__abstractmethods__))
        raise ConfigurationError(f"{_place(found)}: class {found.__name__} does not define {missing}: add it.")
    for field in dataclasses.fields(found):  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING:
            raise ConfigurationError(
                f"{_place(found)}: hyper-parameter '{field.name}' of {found.__name__} has no plain default: "
                "give it one, as a suite may leave it out."
            )
    return found


def resolve(name: str, asked: Mapping[str, Setting]) -> Algorithm:
    """The algorithm with every hyper-parameter; `asked` may hold `class` and the settings to change.

    `{"imported": True}` alone is a row that was trained elsewhere: it has neither class nor hyper-parameters.
    `{"command": [...]}` alone is one that a program trains (`benchmark.suite.programs`).

    Raises `UnknownName` for a name that is neither in the catalogue nor given a class, and `ConfigurationError` for a
    hyper-parameter the class does not have, of the wrong type or out of its range.
    """
    settings = dict(asked)
    if IMPORTED in settings:
        return _imported(name, settings)
    if COMMAND in settings and CLASS not in settings:
        return program_row(name, settings)
    target = settings.pop(CLASS, CATALOGUE.get(name, name if ":" in name else ""))
    if not isinstance(target, str):
        raise ConfigurationError(f"{name}.class = {shown(target)}: expected '{FORM}' or 'file.py:Class'.")
    if not target:
        _refuse_misspelt(name, settings)
        raise UnknownName("algorithm", name, CATALOGUE, OUTSIDE)
    cls = adapter_class(target)
    defaults: dict[str, Setting] = {field.name: field.default for field in dataclasses.fields(cls)}  # type: ignore[arg-type, misc]
    complete = {**defaults, **_checked(name, settings, defaults, _hints(cls))}
    changed = tuple(sorted(key for key in settings if complete[key] != defaults[key]))
    with foreign_code(f"making {cls.__name__} with its settings", inspect.getsourcefile(cls)):
        needs = tuple(sorted(cls(**complete).needs))
    return Algorithm(name.rpartition(":")[2], target, complete, changed, needs)


def build(algorithm: Algorithm) -> Adapter:
    """The adapter of a resolved algorithm."""
    return adapter_class(algorithm.target)(**algorithm.settings)


def _checked(
    name: str, settings: Mapping[str, Setting], defaults: Mapping[str, Setting], hints: Mapping[str, Any]
) -> dict[str, Setting]:
    """The settings that were asked for, each held against its field's type and range."""
    for key, value in settings.items():
        if key not in defaults:
            raise ConfigurationError(
                f"{name} has no hyper-parameter {shown(key)}{nearest(key, defaults)} "
                f"It has: {', '.join(sorted(defaults)) or 'none'}."
            )
        if not fits(value, hints[key]):
            raise ConfigurationError(f"{name}.{key} = {shown(value)}: expected {expected(hints[key])}.")
    return dict(settings)


def _hints(cls: type[Adapter]) -> dict[str, Any]:
    with foreign_code(f"reading the annotations of {cls.__name__}", inspect.getsourcefile(cls)):
        return get_type_hints(cls, include_extras=True)


def _refuse_misspelt(name: str, settings: Mapping[str, Setting]) -> None:
    """A key that looks like `class` or holds a target was meant as one."""
    for key, value in settings.items():
        close = nearest(key, (CLASS, IMPORTED))
        if close != "." or (isinstance(value, str) and ":" in value):
            raise ConfigurationError(
                f"{name}: unknown key {shown(key)}{close if close != '.' else f'; did you mean {CLASS!r}?'} "
                f"A row of your own is written '{name} = {{ class = \"{FORM}\" }}'."
            )


def _place(cls: type) -> str:
    """`mine.py:12`, where a class begins."""
    _, line = inspect.getsourcelines(cls)
    return f"{Path(inspect.getsourcefile(cls) or cls.__module__).name}:{line}"


def _imported(name: str, settings: Mapping[str, Setting]) -> Algorithm:
    if dict(settings) != {IMPORTED: True} or settings[IMPORTED] is not True:
        raise ConfigurationError(
            f"{name}: an imported row is written '{name} = {{ imported = true }}' and has no other settings; found "
            f"{', '.join(f'{key} = {shown(value)}' for key, value in settings.items())}."
        )
    if name in CATALOGUE:
        raise ConfigurationError(f"{name} is trained here: give the imported row a name that is not in 'bakeoff list'.")
    fault = name_fault(name)
    if fault is not None:
        raise ConfigurationError(f"{shown(name)} cannot name an imported row: {fault}.")
    return Algorithm(name, IMPORTED)
