"""Intervals over seeds and differences paired by seed.

Both are Student's t with n-1 degrees of freedom over one number per seed. What varies is the whole job, training and
exam, so the interval speaks of other seeds of the same suite, not of other problems. Nothing here draws random numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from scipy.stats import t as student

from benchmark.contract import Comparison, Decision, Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Direction", "compare", "interval"]

Direction = Literal["higher", "lower", "neither"]
"""Which way a metric is better."""


def interval(values: Sequence[float | None], planned: int, confidence: float = 0.95) -> Estimate:
    """Mean over seeds with its two-sided t interval: mean ± t·s/√n with s² over n-1.

    `None` among the values is a seed without the number; it is left out and shows as `done < planned`. One value has a
    mean and no interval, none has neither. Equal values have an interval of width zero. Bounds are not cut to a range.
    """
    known = [float(value) for value in values if value is not None]
    count = len(known)
    if count == 0:
        return Estimate(mean=None, low=None, high=None, done=0, planned=planned)
    if min(known) == max(known):
        low = high = None if count == 1 else known[0]
        return Estimate(mean=known[0], low=low, high=high, done=count, planned=planned)
    mean = math.fsum(known) / count
    variance = math.fsum((value - mean) ** 2 for value in known) / (count - 1)
    half = float(student.ppf((1 + confidence) / 2, count - 1)) * math.sqrt(variance / count)
    return Estimate(mean=mean, low=mean - half, high=mean + half, done=count, planned=planned)


def compare(
    metric: str,
    task: str,
    method: str,
    against: str,
    ours: Mapping[int, float | None],
    theirs: Mapping[int, float | None],
    direction: Direction,
) -> Comparison:
    """`method` minus `against`, seed by seed, and whether that is better.

    A seed counts where both have the number. The decision is `undecided` when the 95 % interval holds 0, with fewer
    than two pairs, and for a metric of which neither direction is better. Nothing corrects for many comparisons.
    """
    seeds = sorted(ours.keys() | theirs.keys())
    differences = [_difference(ours.get(seed), theirs.get(seed)) for seed in seeds]
    estimate = interval(differences, planned=len(seeds))
    return Comparison(metric, task, method, against, difference=estimate, decision=_decide(estimate, direction))


def _difference(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours - theirs


def _decide(difference: Estimate, direction: Direction) -> Decision:
    low, high = difference.low, difference.high
    if direction == "neither" or low is None or high is None or low <= 0 <= high:
        return "undecided"
    return "better" if (low > 0) == (direction == "higher") else "worse"
