"""For undecided pairs: the smallest difference that these seeds can detect, and how many seeds would decide.

By simulation from the pair's own mean squares: seeds, problems and cells normal with the variances they estimate. Few
seeds estimate them badly, so both results are orders of magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmark.seeds import seed_of
from benchmark.stats.intervals import quantile

if TYPE_CHECKING:
    from benchmark.stats.scores import Components, FloatArray

__all__ = ["MOST_SEEDS", "POWER", "detectable", "power", "seeds_needed"]

POWER = 0.8
"""Share of repetitions that should find the difference."""
MOST_SEEDS = 40
_DRAWS = 4000


@dataclass(frozen=True, slots=True, eq=False)
class _Noise:
    """Standard draws for one number of seeds, shared by all pairs: (draws,) each, mean squares with expectation 1."""

    mean: FloatArray
    seeds: FloatArray
    problems: FloatArray
    cells: FloatArray


@cache
def _noise(seeds: int, problems: int) -> _Noise:
    generator = np.random.default_rng(seed_of("outlook", seeds, problems))

    def square(freedom: int) -> FloatArray:
        return np.asarray(generator.chisquare(freedom, _DRAWS) / freedom) if freedom else np.zeros(_DRAWS)

    normal = np.asarray(generator.standard_normal(_DRAWS))
    return _Noise(normal, square(seeds - 1), square(problems - 1), square((seeds - 1) * (problems - 1)))


def power(gap: float, parts: Components, seeds: int, level: float) -> float:
    """Chance that a true difference `gap` is found at this level with so many seeds, 2 or more, on these problems."""
    mean, half = _repeated(parts, seeds, level)
    return float((np.abs(abs(gap) + mean) > half).mean())


def detectable(parts: Components, level: float, seeds: int | None = None) -> float | None:
    """The smallest true difference that is found in 80 % of repetitions; `None` below two seeds and without spread."""
    count = parts.seed_count if seeds is None else seeds
    if count < 2:
        return None
    mean, half = _repeated(parts, count, level)
    return max(float(np.quantile(half - mean, POWER)), 0.0) if half.any() else None


def seeds_needed(gap: float, parts: Components, level: float) -> int | None:
    """Seeds with which a true difference of this size is found in 80 % of repetitions; `None` beyond 40."""
    if parts.seed_count < 2:
        return None
    few, many = 2, MOST_SEEDS
    if power(gap, parts, many, level) < POWER:
        return None
    while few < many:
        middle = (few + many) // 2
        few, many = (few, middle) if power(gap, parts, middle, level) >= POWER else (middle + 1, many)
    return few


def _repeated(parts: Components, seeds: int, level: float) -> tuple[FloatArray, FloatArray]:
    """Errors of the mean and half widths of its interval in each repetition, (draws,)."""
    problems, noise = parts.problem_count, _noise(seeds, parts.problem_count)
    if problems == 1:  # whole seeds: their mean square is all there is
        by_seed, by_problem, by_cell = parts.seeds, 0.0, 0.0
    else:
        by_cell = parts.cells
        by_seed = max(parts.seeds, by_cell)
        by_problem = by_cell + seeds * max(parts.problems - by_cell, 0.0) / parts.seed_count
    cells = seeds * problems
    variance = max(by_seed + by_problem - by_cell, 0.0) / cells
    half_squared = quantile(level, seeds - 1) ** 2 * by_seed * noise.seeds / cells
    if problems > 1:
        extra = np.maximum(by_problem * noise.problems - by_cell * noise.cells, 0.0) / cells
        half_squared = half_squared + quantile(level, parts.problem_freedom) ** 2 * extra
    return np.sqrt(variance) * noise.mean, np.asarray(np.sqrt(half_squared))
