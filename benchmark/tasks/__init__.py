"""The catalogue of tasks: the name a suite writes, and where its object lives. Each is imported when it is used."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from benchmark.contract import TaskData
from benchmark.errors import ConfigurationError, UnknownName
from benchmark.importing import named_object
from benchmark.tasks.table import TableTask
from benchmark.tasks.task import Task, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.contract import OwnTask

__all__ = ["CATALOGUE", "Task", "digest", "load_task"]

CATALOGUE: Mapping[str, str] = MappingProxyType(
    {
        "grade_school": "benchmark.tasks.generated.grade_school:TASK",
        "competition": "benchmark.tasks.generated.competition:TASK",
        "gsm8k": "benchmark.tasks.gsm8k:TASK",
        "math": "benchmark.tasks.math:TASK",
        "math500": "benchmark.tasks.math:MATH500",
        "svamp": "benchmark.tasks.word_problems:SVAMP",
        "asdiv": "benchmark.tasks.word_problems:ASDIV",
        "aime24": "benchmark.tasks.contests:AIME24",
        "aime25": "benchmark.tasks.contests:AIME25",
        "amc": "benchmark.tasks.contests:AMC",
        "amc23": "benchmark.tasks.contests:AMC23",
        "minerva": "benchmark.tasks.contests:MINERVA",
        "olympiadbench": "benchmark.tasks.contests:OLYMPIADBENCH",
    }
)
"""Name → `module:object`."""


def load_task(name: str, own: Mapping[str, OwnTask] = MappingProxyType({})) -> Task:
    """The task of that name, of the catalogue or of the suite's `own`. Reads no data: that is `Task.load`.

    Raises `UnknownName`, and `ConfigurationError` for an own object that is not a task.
    """
    found = own.get(name)
    if isinstance(found, TaskData):
        return TableTask.of(name, found)
    if isinstance(found, str):
        return _checked(named_object(found, "package.module:TASK"), found)
    if name not in CATALOGUE:
        raise UnknownName("task", name, [*CATALOGUE, *own])
    module, _, attribute = CATALOGUE[name].partition(":")
    return cast("Task", vars(importlib.import_module(module))[attribute])


def _checked(found: object, target: str) -> Task:
    if isinstance(found, type) and issubclass(found, Task):
        raise ConfigurationError(f"'{target}' is a class: name an object of it, such as 'TASK = {found.__name__}()'.")
    if not isinstance(found, Task):
        raise ConfigurationError(f"'{target}' is not a task: derive its class from benchmark.tasks.Task.")
    for value in ("name", "answer_format", "instruction"):
        if not isinstance(getattr(found, value, None), str):
            raise ConfigurationError(
                f"'{target}' has no text '{value}': see docs/tasks.md for the four values of a task."
            )
    return found
