"""Numerator and denominator of a metric for every seed and problem.

Every metric of an exam is, on one seed, a sum over problems divided by another: accuracy Σ x / Σ 1, D2 Σ defined /
Σ collision chance, strategies per solved problem Σ strategies / Σ pass. An undefined cell has 0 in both. All seeds of a
method take the same exam, so the parts are matrices (seeds × problems) and both are resampled or differenced as such.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Components", "FloatArray", "Scores", "common", "components", "from_seeds", "scores_of"]

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-24
"""Mean squares below this are rounding errors of equal values."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One metric of one method on one task. On one seed it is the row sum of `top` over that of `bottom`."""

    seeds: tuple[int, ...]
    """S seeds on which the metric is defined."""
    problems: tuple[str, ...]
    """P problems, the same for every seed."""
    top: FloatArray
    """(S, P)"""
    bottom: FloatArray
    """(S, P)"""
    samples: int | None = None
    """Number of completions behind each cell; `None` if unknown."""
    share: bool = False
    """Whether the metric is a share, from 0 to 1."""
    least: float = -math.inf
    """Smallest value the metric can have; an interval ends there."""
    most: float = math.inf
    """Largest value the metric can have."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for parts that are not (S, P), not finite, or undefined on a seed."""
        shape = len(self.seeds), len(self.problems)
        if self.top.shape != shape or self.bottom.shape != shape:
            raise ValueError(f"parts of shape {self.top.shape} and {self.bottom.shape} do not fit {shape}")
        if len(set(self.seeds)) < len(self.seeds) or len(set(self.problems)) < len(self.problems):
            raise ValueError("a seed or a problem comes twice")
        if not (np.isfinite(self.top).all() and np.isfinite(self.bottom).all()):
            raise ValueError("a part is NaN or infinite; an undefined cell is 0 in both parts")
        if self.seeds and not (self.bottom.sum(axis=1) != 0).all():
            raise ValueError("the metric is undefined on a seed; leave that seed out")

    @property
    def rates(self) -> FloatArray:
        """The metric on each seed, (S,)."""
        return np.asarray(self.top.sum(axis=1) / self.bottom.sum(axis=1))

    @property
    def values(self) -> FloatArray:
        """The metric as a mean of one value for each problem, (S, P): rate + (top - rate·bottom) / mean bottom.

        For a plain mean these are the cells themselves. For a ratio they are its linearisation (delta method): row
        means are exactly the rates, and their spread over problems is the ratio's to first order.
        """
        rates = self.rates[:, None]
        return np.asarray(rates + (self.top - rates * self.bottom) / self.bottom.mean(axis=1, keepdims=True))


def scores_of(
    seeds: Sequence[int],
    problems: Sequence[str],
    top: FloatArray,
    bottom: FloatArray,
    *,
    samples: int | None = None,
    share: bool = False,
    least: float = -math.inf,
    most: float = math.inf,
) -> Scores:
    """The scores of the seeds on which the metric is defined; the others are left out."""
    known = bottom.sum(axis=1) != 0
    kept = tuple(seed for seed, there in zip(seeds, known, strict=True) if there)
    return Scores(kept, tuple(problems), top[known], bottom[known], samples, share, least, most)


def from_seeds(values: Mapping[int, float | None], *, least: float = -math.inf, most: float = math.inf) -> Scores:
    """Scores of numbers known only per seed, as one column; seeds with `None` are left out."""
    known = {seed: value for seed, value in values.items() if value is not None}
    top = np.array(list(known.values()), dtype=np.float64).reshape(-1, 1)
    return Scores(tuple(known), ("all",), top, np.ones_like(top), least=least, most=most)


def common(ours: Scores, theirs: Scores) -> tuple[FloatArray, FloatArray]:
    """The values of both on the seeds they share, in the same order, (S', P) each.

    Where one of them knows whole seeds only, both are taken as such. Raises `ValueError` when their problems differ.
    """
    seeds = [seed for seed in ours.seeds if seed in theirs.seeds]
    rows = [[each.seeds.index(seed) for seed in seeds] for each in (ours, theirs)]
    if min(len(ours.problems), len(theirs.problems)) == 1:
        return ours.rates[rows[0], None], theirs.rates[rows[1], None]
    if ours.problems == theirs.problems:
        return ours.values[rows[0]], theirs.values[rows[1]]
    if set(ours.problems) != set(theirs.problems):
        raise ValueError("two methods sat exams of different problems; they cannot be paired")
    order = [theirs.problems.index(problem) for problem in ours.problems]
    return ours.values[rows[0]], theirs.values[np.ix_(rows[1], order)]


@dataclass(frozen=True, slots=True)
class Components:
    """Mean squares of a two-way layout without replication: E[seeds] = σ_e² + P·σ_s², E[problems] = σ_e² + S·σ_p²."""

    seed_count: int
    problem_count: int
    seeds: float
    """P·Σ(row mean - mean)² / (S - 1); 0 with one seed."""
    problems: float
    """S·Σ(column mean - mean)² / (P - 1); 0 with one problem."""
    cells: float
    """Residual mean square, E = σ_e²; 0 with one seed or one problem."""
    problem_freedom: float
    """Degrees of freedom of `problems`: 2 / (2/(P-1) + k/P) with k the excess kurtosis of the column means, at least 0.

    P - 1 for normal values. A few hard problems among easy ones make the variance uncertain and lower it.
    """


def components(values: FloatArray) -> Components:
    """Mean squares of a complete matrix (S, P)."""
    seeds, problems = values.shape
    mean = values.mean()
    rows, columns = values.mean(axis=1) - mean, values.mean(axis=0) - mean
    rest = values - mean - rows[:, None] - columns[None, :]
    spread = float((columns**2).mean())
    excess = max(float((columns**4).mean()) / spread**2 - 3, 0.0) if spread > _ROUNDING else 0.0
    found = (
        problems * float((rows**2).sum()) / max(seeds - 1, 1),
        seeds * float((columns**2).sum()) / max(problems - 1, 1),
        float((rest**2).sum()) / max((seeds - 1) * (problems - 1), 1),
    )
    by_seed, by_problem, by_cell = (square if square > _ROUNDING else 0.0 for square in found)
    freedom = 2 / (2 / (problems - 1) + excess / problems) if problems > 1 else 0.0
    return Components(seeds, problems, by_seed, by_problem, by_cell, freedom)
