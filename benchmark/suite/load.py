"""Read a TOML file into a `Suite` and its jobs. Unknown keys are errors; defaults are those of `contract`."""

from __future__ import annotations

import hashlib
import itertools
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from algorithms import CATALOGUE as ALGORITHMS
from benchmark.contract import DEFAULT_TIMEOUT_SECONDS, Algorithm, Exam, Job, Model, Setting, Suite, Training, Tuning
from benchmark.errors import ConfigurationError, UnknownName, nearest
from benchmark.store.provenance import numbers_version, weights_digest
from benchmark.tasks import CATALOGUE as TASKS

__all__ = ["SUITES", "jobs_of", "load_suite", "suite_path"]

SUITES = Path(__file__).parent / "builtin"
KEYS = ("model", "tasks", "seeds", "timeout_seconds", "training", "exam", "algorithms", "tuned")
Resolve = Callable[[str, Mapping[str, Setting]], Algorithm]
T = TypeVar("T")


def suite_path(name: str) -> Path:
    """The file of a suite: a path to a `.toml`, or the name of one that comes with the package."""
    path = Path(name) if name.endswith(".toml") else SUITES / f"{name}.toml"
    if not path.is_file():
        raise UnknownName(
            "suite", name, (file.stem for file in SUITES.glob("*.toml")), "Your own is given as a path to a .toml file."
        )
    return path


def load_suite(path: Path, resolve: Resolve) -> Suite:
    """Read and check a suite; `resolve` turns a name and its settings into an algorithm. Loads no data and no model."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a TOML file: {error}") from error
    _known(path, table, KEYS, "")
    for key in ("tasks", "seeds", "algorithms"):
        if not table.get(key):
            raise ConfigurationError(
                f"{path}: '{key}' is missing or empty: a suite names its tasks, seeds and algorithms."
            )
    model = table.get("model", {})
    algorithms = _algorithms(path, table["algorithms"], resolve)
    return Suite(
        name=path.stem,
        algorithms=algorithms,
        tasks=_tasks(path, table["tasks"]),
        seeds=_seeds(path, table["seeds"]),
        model=_section(path, "model", Model, {"source": model} if isinstance(model, str) else model),
        training=_section(path, "training", Training, table.get("training", {})),
        exam=_section(path, "exam", Exam, table.get("exam", {})),
        timeout_seconds=_positive(path, "timeout_seconds", table.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
        tuned=_tuned(path, table.get("tuned", {}), ["training", *(each.name for each in algorithms)]),
    )


def jobs_of(suite: Suite) -> tuple[Job, ...]:
    """All jobs, ordered by seed and task first, so that an interrupted sweep still has paired methods."""
    return tuple(
        _job(suite, algorithm, task, seed)
        for seed, task, algorithm in itertools.product(suite.seeds, suite.tasks, suite.algorithms)
    )


def _job(suite: Suite, algorithm: Algorithm, task: str, seed: int) -> Job:
    moves = {
        "numbers": numbers_version(),
        "target": algorithm.target,
        "settings": dict(algorithm.settings),
        "task": task,
        "seed": seed,
        "model": asdict(suite.model),
        "weights": weights_digest(suite.model.source),
        "training": asdict(suite.training),
        "exam": asdict(suite.exam),
    }
    digest = hashlib.sha256(json.dumps(moves, sort_keys=True).encode()).hexdigest()[:8]
    name = f"{algorithm.name}-{task}-s{seed}-{digest}"
    return Job(name, suite.name, algorithm, task, seed, suite.model, suite.training, suite.exam)


def _algorithms(path: Path, table: object, resolve: Resolve) -> tuple[Algorithm, ...]:
    if table == "all":
        table = {name: {} for name in ALGORITHMS}
    if not isinstance(table, dict) or not all(isinstance(value, dict) for value in table.values()):
        raise ConfigurationError(
            f"{path}: [algorithms] must be a table of tables, such as 'grpo = {{}}', or algorithms = \"all\"."
        )
    return tuple(resolve(name, settings) for name, settings in table.items())


def _tuned(path: Path, table: object, names: list[str]) -> dict[str, Tuning]:
    if not isinstance(table, dict) or not all(isinstance(value, dict) for value in table.values()):
        raise ConfigurationError(
            f"{path}: [tuned] must be a table of tables, such as "
            "'grpo = { trials = 4, completions = 8192, on = \"validation\" }'."
        )
    _known(path, table, names, "[tuned] ")
    found = {name: _section(path, f"tuned.{name}", Tuning, value) for name, value in table.items()}
    for name, tuning in found.items():
        if tuning.trials < 2:
            raise ConfigurationError(
                f"{path}: [tuned.{name}] trials = {tuning.trials}: a single setting is not tuning: remove this line."
            )
    return found


def _tasks(path: Path, names: object) -> tuple[str, ...]:
    if not isinstance(names, list):
        raise ConfigurationError(f"{path}: tasks = {names!r}: expected a list of task names.")
    for name in names:
        if name not in TASKS:
            raise UnknownName("task", str(name), TASKS)
    return tuple(names)


def _seeds(path: Path, seeds: object) -> tuple[int, ...]:
    if not isinstance(seeds, list) or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise ConfigurationError(f"{path}: seeds = {seeds!r}: expected a list of whole numbers from 0.")
    if len(set(seeds)) < len(seeds):
        raise ConfigurationError(f"{path}: seeds = {seeds!r}: a seed is given twice.")
    return tuple(seeds)


def _section(path: Path, name: str, kind: type[T], table: Mapping[str, Any]) -> T:
    _known(path, table, [field.name for field in fields(kind)], f"[{name}] ")  # type: ignore[arg-type]
    for key, value in table.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            raise ConfigurationError(f"{path}: [{name}] {key} = {value}: expected a number from 0.")
    try:
        return TypeAdapter(kind).validate_json(json.dumps(table), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{path}: [{name}] {where} = {first['input']!r}: {first['msg']}.") from error


def _positive(path: Path, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ConfigurationError(f"{path}: {key} = {value!r}: expected seconds above 0.")
    return float(value)


def _known(path: Path, table: Mapping[str, Any], known: list[str] | tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f"{path}: {where}unknown key '{key}'{nearest(key, known)} Known: {', '.join(known)}."
            )
