"""The catalogue of tasks: maps the name that a suite writes to `module:object`, imported when used."""

from __future__ import annotations

import hashlib
import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from benchmark.errors import UnknownName
from benchmark.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmark.contract import Problem

__all__ = ["CATALOGUE", "Task", "digest", "load_task"]

CATALOGUE: Mapping[str, str] = MappingProxyType(
    {
        "grade_school": "benchmark.tasks.generated.grade_school:TASK",
        "competition": "benchmark.tasks.generated.competition:TASK",
        "gsm8k": "benchmark.tasks.gsm8k:TASK",
        "math": "benchmark.tasks.math:TASK",
        "math500": "benchmark.tasks.math:MATH500",
    }
)
"""Name → `module:object`."""


def load_task(name: str) -> Task:
    """The task of that name; raises `UnknownName`. Reads no data: that is `Task.load`."""
    if name not in CATALOGUE:
        raise UnknownName("task", name, CATALOGUE)
    module, _, attribute = CATALOGUE[name].partition(":")
    return cast("Task", vars(importlib.import_module(module))[attribute])


def digest(problems: Iterable[Problem]) -> str:
    """SHA-256 over ids, prompts and golds in their order: equal digests, equal questions and answers."""
    total = hashlib.sha256()
    for problem in problems:
        for text in (problem.id, problem.prompt, problem.gold):
            encoded = text.encode()
            total.update(f"{len(encoded)}:".encode() + encoded)
    return total.hexdigest()
