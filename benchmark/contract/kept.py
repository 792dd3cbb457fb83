"""What is kept of an exam: outcomes as columns, what other graders say of them, and the problems that were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from benchmark.contract.asked import Problem
from benchmark.contract.happened import VerdictKind


@dataclass(frozen=True, slots=True)
class OutcomeColumns:
    """Fields of the outcomes of one job in the order they were written, one entry each; see `Outcome`."""

    problem: Sequence[str]
    sample: Sequence[int]
    verdict: Sequence[VerdictKind]
    answer: Sequence[str | None]
    route: Sequence[str]
    tokens: Sequence[int | None]
    truncated: Sequence[bool | None]
    strategy: Sequence[str | None]

    def at(self, places: Sequence[int]) -> OutcomeColumns:
        """Some of them."""
        return OutcomeColumns(*([column[place] for place in places] for column in self.fields))

    @property
    def fields(self) -> tuple[Sequence[Any], ...]:
        """The columns, in the order of `Outcome`'s fields."""
        return tuple(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class CrossGrading:
    """What other graders say of one job's completions, the greedy ones included."""

    graders: tuple[str, ...]
    differing: Mapping[tuple[str, int], Mapping[str, VerdictKind]]
    """Problem and sample → grader → its verdict, where only one of it and the examiner accepts the completion."""


@dataclass(frozen=True, slots=True)
class ExamProblems:
    """The test problems of a task whose texts may be passed on."""

    task_digest: str
    """SHA-256 over the problems of all splits, as in the provenance of the records."""
    problems: tuple[Problem, ...]
