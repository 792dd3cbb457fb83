"""What is concluded: the parts of one exam, estimates over seeds with intervals, one method compared with another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from benchmark.stats.scores import FloatArray

Decision = Literal["better", "worse", "undecided"]
Direction = Literal["higher", "lower", "neither"]
"""Which way a metric is better."""
Spread = Literal["seeds", "problems", "seeds and problems"]


@dataclass(frozen=True, slots=True, eq=False)
class ExamParts:
    """One exam's parts: metric → (top, bottom), (P,) each, in the order of `problems`."""

    problems: tuple[str, ...]
    """Sorted ids."""
    samples: int
    """Of each problem, the greedy one not counted."""
    parts: dict[str, tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    mean: float | None
    low: float | None
    high: float | None
    done: int
    """Seeds that finished and define the number."""
    planned: int
    problems: int | None = None
    """Problems of the exam behind each seed; `None` for a number that is not taken per problem."""
    samples: int | None = None
    """Completions of each problem."""
    over: Spread = "seeds"
    """What the interval speaks of: other seeds, other problems, or both."""


NO_ESTIMATE = Estimate(mean=None, low=None, high=None, done=0, planned=0)
"""Of a number that nobody has."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One method against another on one task and metric, paired by seed and problem."""

    metric: str
    task: str
    method: str
    against: str
    difference: Estimate
    """`method` minus `against`."""
    decision: Decision
    p_value: float | None = None
    """Two-sided, of this pair alone; `None` without two seeds in common."""
    adjusted: float | None = None
    """After Holm over all pairs of the task and metric, those with the floor apart; the decision follows it."""
    reason: str = ""
    """Why the decision is what it is, in words."""
