"""Estimates and 95 % intervals over seeds and problems.

    half² = t(S-1)²·V_seeds + t(ν)²·V_problems

Each source of variance has Student's quantile of its own degrees of freedom (Cochran and Cox 1957), which is large
for few seeds and small for many problems. With the mean squares A of seeds, B of problems and E of cells, the noise
of cells, which is part of both, is counted once:

- an estimate over problems that differ clearly more than seeds do, B > 2A, takes V_seeds = max(A - E, 0)/SP and
  V_problems = B/SP; any other takes V_seeds = A/SP and V_problems = max(B - E, 0)/SP;
- a difference always takes the second form: it is tested at small levels, where a seed variance estimated as 0 by
  chance would reject too often;
- an estimate of a share m goes through Wilson's formula with the number of trials that half² stands for, so that it
  stays in [0, 1] and has a length at 0 and at 1. Its problems never count for less than one toss of a coin each: the
  second term is at most t(P-1)²·m(1 - m)/(P - 1).

docs/statistics.md shows the coverage of these intervals and the alternatives tried.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import stdtrit

from benchmark.contract import Estimate, Spread
from benchmark.stats.scores import Components, components, from_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.stats.scores import FloatArray, Scores

__all__ = ["difference", "estimate", "interval", "p_value", "quantile", "variances", "within"]

_STEPS = 60
"""Halvings of the logarithm of p."""
_LOG_FLOOR = -80.0


def estimate(scores: Scores | None, planned: int, confidence: float = 0.95) -> Estimate:
    """Mean over seeds of the metric and its interval. `None` is a metric that no seed has.

    With one seed the interval is over problems alone, with one column (a number known for whole seeds) over seeds
    alone; see `Estimate.over`. One seed and one column have no interval, nor have values without any spread. An
    interval ends where the metric's range does.
    """
    if scores is None or not scores.seeds:
        return Estimate(mean=None, low=None, high=None, done=0, planned=planned)
    parts = components(scores.values)
    mean = math.fsum(scores.rates) / len(scores.seeds)
    low, high = within(*_bounds(mean, parts, confidence=confidence, share=scores.share), scores.least, scores.most)
    return Estimate(
        mean=mean,
        low=low,
        high=high,
        done=len(scores.seeds),
        planned=planned,
        problems=len(scores.problems) if len(scores.problems) > 1 else None,
        samples=scores.samples,
        over=_over(parts),
    )


def interval(values: Sequence[float | None], planned: int, confidence: float = 0.95) -> Estimate:
    """Mean over seeds of a number known for whole seeds, with Student's interval: mean ± t·s/√n with s² over n-1.

    `None` among the values is a seed without the number; it is left out and shows as `done < planned`. One value has a
    mean and no interval, none has neither. Equal values have none either: they show no spread, which is not the same as
    having none.
    """
    return estimate(from_seeds(dict(enumerate(values))), planned, confidence)


def difference(gaps: FloatArray, planned: int, samples: int | None = None) -> Estimate:
    """Mean of paired differences (S, P) with its 95 % interval."""
    seeds, problems = gaps.shape
    if not seeds:
        return Estimate(mean=None, low=None, high=None, done=0, planned=planned)
    parts = components(gaps)
    mean = float(gaps.mean())
    low = high = None
    if max(seeds, problems) > 1:
        half = math.sqrt(sum(_half_squared(parts, *variances(parts, strict=True), 0.05)))
        low, high = within(mean - half, mean + half)
    known = problems if problems > 1 else None
    return Estimate(mean, low, high, seeds, planned, problems=known, samples=samples, over=_over(parts))


def within(
    low: float | None, high: float | None, least: float = -math.inf, most: float = math.inf
) -> tuple[float | None, float | None]:
    """The rule for every printed interval: it ends where the metric's range does, and has a width or is not there.

    Values without any spread say nothing of how far another run may lie, so they have no interval.
    """
    if low is None or high is None:
        return None, None
    low, high = max(low, least), min(high, most)
    return (low, high) if low < high else (None, None)


def p_value(mean: float, parts: Components) -> float:
    """Two-sided p of a paired difference: the level at which its interval just reaches 0.

    Without any spread it is that of flipping the sign of each problem, 2^(1-P): all P differences are the same.
    """
    seeds, problems = variances(parts, strict=True)
    if mean == 0 or seeds + problems == 0:
        return 1.0 if mean == 0 else 2.0 ** (1 - parts.problem_count)
    low, high = _LOG_FLOOR, 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if sum(_half_squared(parts, seeds, problems, math.exp(middle))) > mean**2:
            low = middle
        else:
            high = middle
    return math.exp(high)


def variances(parts: Components, *, strict: bool) -> tuple[float, float]:
    """Variance of the mean from seeds and from problems; `strict` always leaves the noise of cells with the seeds."""
    cells = parts.seed_count * parts.problem_count
    if min(parts.seed_count, parts.problem_count) == 1:
        return parts.seeds / cells, parts.problems / cells
    if strict or parts.problems <= 2 * parts.seeds:
        return parts.seeds / cells, max(parts.problems - parts.cells, 0.0) / cells
    return max(parts.seeds - parts.cells, 0.0) / cells, parts.problems / cells


def _half_squared(parts: Components, seeds: float, problems: float, level: float) -> tuple[float, float]:
    """What seeds and what problems add to the squared half width."""
    by_seed = quantile(level, parts.seed_count - 1) ** 2 * seeds if parts.seed_count > 1 else 0.0
    by_problem = quantile(level, parts.problem_freedom) ** 2 * problems if parts.problem_count > 1 else 0.0
    return by_seed, by_problem


def quantile(level: float, freedom: float) -> float:
    """Student's t that a two-sided test of this level asks for."""
    return -float(stdtrit(freedom, level / 2))


def _bounds(mean: float, parts: Components, *, confidence: float, share: bool) -> tuple[float | None, float | None]:
    """Of an estimate."""
    if max(parts.seed_count, parts.problem_count) == 1:
        return None, None
    by_seed, by_problem = _half_squared(parts, *variances(parts, strict=False), 1 - confidence)
    if share and parts.problem_count > 1:
        t = quantile(1 - confidence, parts.problem_count - 1)
        return _wilson(min(max(mean, 0.0), 1.0), by_seed, by_problem, t, parts.problem_count)
    half = math.sqrt(by_seed + by_problem)
    return mean - half, mean + half


def _wilson(mean: float, by_seed: float, by_problem: float, t: float, problems: int) -> tuple[float, float]:
    """Wilson's interval (1927) with t²/n = half²/(m(1 - m)); at 0 and at 1 the problems are the n trials."""
    trial = mean * (1 - mean)
    squared = by_seed + min(by_problem, t**2 * trial / (problems - 1))
    ratio = squared / trial if trial else t**2 / problems
    centre, half = (mean + ratio / 2) / (1 + ratio), math.sqrt(ratio * trial + ratio**2 / 4) / (1 + ratio)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _over(parts: Components) -> Spread:
    if parts.problem_count == 1:
        return "seeds"
    return "problems" if parts.seed_count == 1 else "seeds and problems"
