"""TOML → suite of worlds: the contract's `Suite`, with worlds as tasks and a world's methods as algorithms.

tasks = ["grid_8x8"]                       names of `worlds.catalogue`
seeds = [0, 1, 2]
network = { width = 64, depth = 2 }        start = "random": the last layer starts like the others, not at 0
[training]                                 steps, trajectories, learning_rate, probe_every
[methods]
base_model = {}                            the untrained policy
rl_b = { method = "rl", backward = "policy_gradient" }
"""

from __future__ import annotations

import dataclasses
import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from benchmark.contract import FLOOR, Algorithm, Exam, Job, Model, Setting, Suite, Training
from benchmark.errors import ConfigurationError, UnknownName, nearest
from benchmark.lab.methods.catalogue import METHODS
from benchmark.lab.worlds.catalogue import WORLDS

__all__ = ["LAB_SUITES", "NETWORK", "is_lab", "lab_suite_path", "load_lab_suite", "method_class", "network_of"]

LAB_SUITES = Path(__file__).parent / "builtin"
NETWORK = "network"
"""Begins the model's name of every suite of worlds: `network 2x64`."""
KEYS = ("tasks", "seeds", "network", "training", "methods", "timeout_seconds")
TRAINING = {
    "steps": ("steps", 500),
    "trajectories": ("group_size", 128),
    "learning_rate": ("learning_rate", 1e-3),
    "probe_every": ("probe_every", 25),
}
"""A suite's word → the contract's, and its default."""
FLOOR_TARGET = "algorithms.base_model:BaseModel"


def lab_suite_path(name: str) -> Path:
    """The file of a suite: a path to a `.toml`, or the name of one that comes with the package."""
    path = Path(name) if name.endswith(".toml") else LAB_SUITES / f"{name}.toml"
    if not path.is_file():
        known = (file.stem for file in LAB_SUITES.glob("*.toml"))
        raise UnknownName("suite of worlds", name, known, "Your own is given as a path to a .toml file.")
    return path


def is_lab(suite: Suite) -> bool:
    """Whether a suite is one of worlds."""
    return suite.model.source.startswith(f"{NETWORK} ")


class NetworkTable(NamedTuple):
    """The networks a suite asks for."""

    depth: int
    width: int
    even_start: bool


def network_of(model: Model) -> NetworkTable:
    """From the model's name, `network 2x64` or `network 2x64 random`."""
    size, _, start = model.source.removeprefix(f"{NETWORK} ").partition(" ")
    depth, width = size.split("x")
    return NetworkTable(int(depth), int(width), start != "random")


def load_lab_suite(path: Path) -> Suite:
    """Read and check a suite. Raises `ConfigurationError` for anything it does not know."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a TOML file: {error}") from error
    _known(path, "", table, KEYS)
    for key in ("tasks", "seeds", "methods"):
        if not table.get(key):
            raise ConfigurationError(
                f"{path}: '{key}' is missing or empty: a suite names its tasks, seeds and methods."
            )
    return Suite(
        name=path.stem,
        algorithms=tuple(_row(path, name, settings) for name, settings in _table(path, table, "methods").items()),
        tasks=_names(path, table["tasks"]),
        seeds=_seeds(path, table["seeds"]),
        model=_network(path, _table(path, table, "network")),
        training=_training(path, _table(path, table, "training")),
        exam=Exam(problems=0, samples=0),
        timeout_seconds=_positive(path, "timeout_seconds", table.get("timeout_seconds", 3600.0)),
    )


def refusal(job: Job, *, is_tree: bool) -> str | None:
    """Why a method cannot run on a world, in its own words."""
    if job.algorithm.name == FLOOR:
        return None
    method = method_class(job.algorithm.target)(**job.algorithm.settings)
    found: str | None = method.refuses(is_tree=is_tree)
    return found


def method_class(target: str) -> type[Any]:
    """The class at `package.module:Class`."""
    module, _, name = target.partition(":")
    found: type[Any] = vars(importlib.import_module(module))[name]
    return found


def _row(path: Path, name: str, asked: object) -> Algorithm:
    if not isinstance(asked, dict):
        raise ConfigurationError(f"{path}: [methods] {name} must be a table, such as '{name} = {{}}'.")
    settings: dict[str, Setting] = dict(asked)
    if name == FLOOR:
        _known(path, f"[methods.{name}] ", settings, ())
        return Algorithm(name, FLOOR_TARGET)
    method = settings.pop("method", name)
    if method not in METHODS:
        raise UnknownName("method of worlds", str(method), METHODS, f"In {path}, '{name}' may say method = \"tb\".")
    cls = method_class(METHODS[str(method)])
    fields: dict[str, Setting] = {field.name: field.default for field in dataclasses.fields(cls)}  # type: ignore[misc]
    _known(path, f"[methods.{name}] ", settings, tuple(fields))
    hints = get_type_hints(cls)
    for key, value in settings.items():
        _check(path, f"[methods.{name}] {key}", value, fields[key], hints[key])
    changed = tuple(sorted(key for key, value in settings.items() if value != fields[key]))
    complete = {**fields, **settings}
    return Algorithm(name, METHODS[str(method)], complete, changed, tuple(sorted(cls(**complete).networks)))


def _check(path: Path, where: str, value: object, default: object, hint: object) -> None:
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    if choices and value not in choices:
        raise ConfigurationError(f"{path}: {where} = {value!r}: expected one of {', '.join(map(str, choices))}.")
    if isinstance(default, float) and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
        raise ConfigurationError(f"{path}: {where} = {value!r}: expected a number from 0.")


def _training(path: Path, table: Mapping[str, Any]) -> Training:
    _known(path, "[training] ", table, tuple(TRAINING))
    settings = {}
    for key, (name, default) in TRAINING.items():
        value = table.get(key, default)
        whole = isinstance(default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value <= 0:
            kind = "a whole number from 1" if whole else "a number above 0"
            raise ConfigurationError(f"{path}: [training] {key} = {value!r}: expected {kind}.")
        settings[name] = value
    return Training(prompts_per_step=1, warmup_steps=0, probe_problems=0, **settings)


def _network(path: Path, table: Mapping[str, Any]) -> Model:
    _known(path, "[network] ", table, ("width", "depth", "start"))
    start = table.get("start", "even")
    if start not in ("even", "random"):
        raise ConfigurationError(f"{path}: [network] start = {start!r}: expected even or random.")
    for key in ("width", "depth"):
        value = table.get(key, 1)
        if type(value) is not int or value < 1:
            raise ConfigurationError(f"{path}: [network] {key} = {value!r}: expected a whole number from 1.")
    size = f"{NETWORK} {table.get('depth', 2)}x{table.get('width', 64)}"
    return Model(size if start == "even" else f"{size} random")


def _names(path: Path, names: object) -> tuple[str, ...]:
    if not isinstance(names, list):
        raise ConfigurationError(f"{path}: tasks = {names!r}: expected a list of worlds.")
    for name in names:
        if name not in WORLDS:
            raise UnknownName("world", str(name), WORLDS)
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{path}: tasks = {names!r}: a world is given twice.")
    return tuple(names)


def _seeds(path: Path, seeds: object) -> tuple[int, ...]:
    if not isinstance(seeds, list) or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise ConfigurationError(f"{path}: seeds = {seeds!r}: expected a list of whole numbers from 0.")
    if len(set(seeds)) < len(seeds):
        raise ConfigurationError(f"{path}: seeds = {seeds!r}: a seed is given twice.")
    return tuple(seeds)


def _positive(path: Path, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ConfigurationError(f"{path}: {key} = {value!r}: expected seconds above 0.")
    return float(value)


def _table(path: Path, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: {key} = {found!r}: expected a table.")
    return found


def _known(path: Path, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f"{path}: {where}unknown key '{key}'{nearest(key, known)} Known: {', '.join(known) or 'none'}."
            )
