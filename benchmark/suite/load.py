"""Read a TOML file into a `Suite` and its jobs. Unknown keys are errors; defaults are those of `contract`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from algorithms import CATALOGUE as ALGORITHMS
from benchmark.contract import (
    DEFAULT_CHECKPOINT_SECONDS,
    DEFAULT_TIMEOUT_SECONDS,
    Algorithm,
    Between,
    Exam,
    Job,
    Keep,
    Model,
    OwnTask,
    Setting,
    Suite,
    Training,
    Tuning,
    collision,
    job_id,
    name_fault,
)
from benchmark.errors import ConfigurationError, MissingPackage, UnknownName
from benchmark.importing import locate
from benchmark.suite.own_tasks import named_tasks, tables_of
from benchmark.suite.presets import read_prompt
from benchmark.suite.programs import COMMAND, located_words
from benchmark.suite.source import SUITES, Changes, SuiteText, read_text, suite_path
from benchmark.suite.values import expected, fits, known_keys, section, shown

__all__ = ["KEYS", "SEED", "SUITES", "TIMEOUT", "check_names", "jobs_of", "load_suite", "suite_path"]

KEYS = (
    "extends",
    "only",
    "model",
    "prompt",
    "tasks",
    "seeds",
    "timeout_seconds",
    "checkpoint_seconds",
    "keep",
    "needs_gpu",
    "training",
    "exam",
    "algorithms",
    "task",
    "tuned",
)
SEED, TIMEOUT, CHECKPOINT = Between(0, 2**32 - 1), Between(0, 1e9, above=True), Between(0, 1e9)
MOST_JOBS = 1_000_000
Resolve = Callable[[str, Mapping[str, Setting]], Algorithm]


def load_suite(path: Path, resolve: Resolve, changes: Changes | None = None) -> Suite:
    """Read and check a suite; `resolve` turns a name and its settings into an algorithm. Loads no data and no model."""
    text = read_text(path)
    return _checked(changes.apply(text) if changes else text, resolve)


def _checked(text: SuiteText, resolve: Resolve) -> Suite:
    where, table = text.where, text.table
    known_keys(where, table, KEYS, "")
    fault = name_fault(text.name)
    if fault is not None:
        raise ConfigurationError(f"{where}: the suite's name is that of its file, {shown(text.name)}: {fault}.")
    for key in ("tasks", "seeds", "algorithms"):
        if key not in table or table[key] in ("", [], {}):
            raise ConfigurationError(
                f"{where}: '{key}' is missing or empty: a suite names its tasks, seeds and algorithms."
            )
    model = table.get("model", {})
    algorithms = _algorithms(text, resolve)
    exam = section(where, Exam, table.get("exam", {}), "exam")
    tasks, transfer, own = _tasks(text, exam.transfer)
    suite = Suite(
        name=text.name,
        algorithms=algorithms,
        tasks=tasks,
        seeds=_seeds(where, table["seeds"]),
        model=section(where, Model, {"source": model} if isinstance(model, str) else model, "model"),
        prompt=read_prompt(where, table.get("prompt", {})),
        keep=_one_of(where, "keep", table.get("keep", "none"), Keep),
        needs_gpu=_one_of(where, "needs_gpu", table.get("needs_gpu", False), bool),
        training=section(where, Training, table.get("training", {}), "training"),
        exam=dataclasses.replace(exam, transfer=transfer),
        timeout_seconds=_seconds(where, table, "timeout_seconds", DEFAULT_TIMEOUT_SECONDS, TIMEOUT),
        checkpoint_seconds=_seconds(where, table, "checkpoint_seconds", DEFAULT_CHECKPOINT_SECONDS, CHECKPOINT),
        tuned=_tuned(where, table.get("tuned", {}), ["training", *(each.name for each in algorithms)]),
        own_tasks=own,
    )
    _refuse_method_beside_task(where, suite)
    count = len(suite.algorithms) * len(suite.tasks) * len(suite.seeds)
    if count > MOST_JOBS:
        raise ConfigurationError(f"{where}: {count:,} jobs: a suite has at most {MOST_JOBS:,}.")
    return suite


def _refuse_method_beside_task(where: str, suite: Suite) -> None:
    """The examiner imports the tasks and must not import a method with them."""
    homes = {one.rpartition(":")[0]: name for name, one in suite.own_tasks.items() if isinstance(one, str)}
    for row in suite.algorithms:
        home = row.target.rpartition(":")[0]
        if home in homes:
            raise ConfigurationError(
                f"{where}: the method '{row.name}' and the task '{homes[home]}' are in one file, {home}: write each in "
                "a file of its own, because the process that examines imports the task and never the method."
            )


def jobs_of(suite: Suite) -> tuple[Job, ...]:
    """All jobs, ordered by seed and task first, so that an interrupted sweep still has paired methods.

    They have no identity yet: `benchmark.run.identity` gives it, and their names with it, before the first one runs.
    """
    return tuple(
        _job(suite, algorithm, task, seed)
        for seed, task, algorithm in itertools.product(suite.seeds, suite.tasks, suite.algorithms)
    )


def _job(suite: Suite, algorithm: Algorithm, task: str, seed: int) -> Job:
    own = {name: suite.own_tasks[name] for name in (task, *suite.exam.transfer) if name in suite.own_tasks}
    job = Job("", suite.name, algorithm, task, seed, suite.model, suite.training, suite.exam, own, suite.prompt)
    return dataclasses.replace(job, id=job_id(job))


def _one_of(where: str, key: str, value: Any, hint: Any) -> Any:  # noqa: ANN401 - as TOML gives it
    if not fits(value, hint):
        raise ConfigurationError(f"{where}: {key} = {shown(value)}: expected {expected(hint)}.")
    return value


def _algorithms(text: SuiteText, resolve: Resolve) -> tuple[Algorithm, ...]:
    where, table = text.where, text.table["algorithms"]
    if table == "all":
        table = {name: {} for name in ALGORITHMS}
    if not isinstance(table, dict) or not all(isinstance(value, dict) for value in table.values()):
        raise ConfigurationError(
            f"{where}: [algorithms] must be a table of tables, such as 'grpo = {{}}', or algorithms = \"all\"."
        )
    only = text.table.get("only")
    if only is not None:
        if not isinstance(only, list) or not only or not all(isinstance(name, str) for name in only):
            raise ConfigurationError(f"{where}: only = {shown(only)}: expected a list of rows of [algorithms].")
        for name in only:
            if name not in table:
                raise UnknownName("row of [algorithms]", name, table)
        table = {name: value for name, value in table.items() if name in only}
    check_names(where, "row", [name.rpartition(":")[2] for name in table])
    return tuple(_row(text, name, settings, resolve) for name, settings in table.items())


def _row(text: SuiteText, name: str, settings: Mapping[str, Setting], resolve: Resolve) -> Algorithm:
    """One row; a class given by path is looked for beside the suite first."""
    if COMMAND in settings:
        settings = {**settings, COMMAND: located_words(settings[COMMAND], text.folders)}  # type: ignore[dict-item]
    target = settings.get("class")
    if isinstance(target, str):
        settings = {**settings, "class": locate(target, text.folders)}
    try:
        return resolve(locate(name, text.folders) if "class" not in settings else name, settings)
    except ConfigurationError as error:
        if isinstance(error, UnknownName | MissingPackage):
            raise
        raise ConfigurationError(f"{text.where}: {error}") from error


def check_names(where: str, what: str, names: Sequence[str]) -> None:
    """Refuse a name that is not of the pattern, and two names that are one where case does not count."""
    for name in names:
        fault = name_fault(name)
        if fault is not None:
            raise ConfigurationError(f"{where}: {shown(name)} cannot name a {what}: {fault}.")
    same = collision(list(names))
    if same is not None:
        first, second = same
        how = f"two {what}s are named '{first}'" if first == second else f"'{first}' and '{second}' differ in case only"
        raise ConfigurationError(f"{where}: {how}: give each a name of its own, as in 'mine = {{ class = \"…\" }}'.")


def _tasks(text: SuiteText, transfer: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, OwnTask]]:
    """Names of the tasks and the transfer tasks, and those of them that the suite brings along."""
    where = text.where
    asked = text.table["tasks"]
    if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
        raise ConfigurationError(f"{where}: tasks = {shown(asked)}: expected a list of task names.")
    own = tables_of(text)
    tasks, found = named_tasks(text, asked, own)
    others, more = named_tasks(text, transfer, own)
    check_names(where, "task", tasks)
    check_names(where, "transfer task", others)
    used = {**found, **more}
    idle = [name for name in own if name not in used]
    if idle:
        raise ConfigurationError(
            f"{where}: [task.{idle[0]}] is in no list: add '{idle[0]}' to 'tasks', or to 'transfer' under [exam]."
        )
    return tasks, others, used


def _tuned(where: str, table: object, names: list[str]) -> dict[str, Tuning]:
    if not isinstance(table, dict) or not all(isinstance(value, dict) for value in table.values()):
        raise ConfigurationError(
            f"{where}: [tuned] must be a table of tables, such as "
            "'grpo = { trials = 4, completions = 8192, on = \"validation\" }'."
        )
    known_keys(where, table, names, "[tuned] ")
    for name, value in table.items():
        if value.get("trials") == 1:
            raise ConfigurationError(
                f"{where}: [tuned.{name}] trials = 1: a single setting is not tuning: remove this line."
            )
    return {name: section(where, Tuning, value, f"tuned.{name}") for name, value in table.items()}


def _seeds(where: str, seeds: object) -> tuple[int, ...]:
    if not isinstance(seeds, list) or not all(type(seed) is int and SEED.holds(seed) for seed in seeds):
        raise ConfigurationError(f"{where}: seeds = {shown(seeds)}: expected a list of whole numbers {SEED}.")
    twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
    if twice:
        raise ConfigurationError(f"{where}: seeds: a seed is given twice, {twice[0]}.")
    return tuple(seeds)


def _seconds(where: str, table: Mapping[str, Any], key: str, default: float, bounds: Between) -> float:
    value = table.get(key, default)
    if type(value) not in {int, float} or not bounds.holds(value):
        raise ConfigurationError(f"{where}: {key} = {shown(value)}: expected a number of seconds {bounds}.")
    return float(value)
