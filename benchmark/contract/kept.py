"""What is kept beside the outcomes of a suite, so that a report asks no grader and no task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.contract.asked import Problem
from benchmark.contract.happened import VerdictKind


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
    """SHA-256 over the problems of all splits, as in the provenance of the records that sat them."""
    problems: tuple[Problem, ...]
