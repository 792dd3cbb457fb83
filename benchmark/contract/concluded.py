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
    """Number of seeds that finished and define the number."""
    planned: int
    problems: int | None = None
    """Number of exam problems behind each seed; `None` if the number is not taken per problem."""
    samples: int | None = None
    """Number of completions per problem."""
    over: Spread = "seeds"
    """Which variation the interval covers: seeds, problems, or both."""


NO_ESTIMATE = Estimate(mean=None, low=None, high=None, done=0, planned=0)
"""The estimate of a number that no seed defines."""


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
    """Two-sided p-value of this pair alone; `None` if the pair shares fewer than two seeds."""
    adjusted: float | None = None
    """p-value after Holm's correction, pairs with the floor apart from the others; it makes the decision."""
    reason: str = ""
    """The reason for the decision, in words."""
