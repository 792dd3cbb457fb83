"""Statistics over all runs of a method, every seed of every task being one run (Agarwal et al. 2021, arXiv 2108.13264).

Intervals are percentiles of the hierarchical bootstrap, stratified by task: each task draws its own problems and seeds.
With three seeds a percentile interval is too narrow where seeds vary more than problems (docs/statistics.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import trim_mean

from benchmark.seeds import seed_of
from benchmark.stats.bootstrap import percentile, resample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.stats.scores import FloatArray, Scores

__all__ = ["Across", "across", "improvement", "iqm", "profile"]


@dataclass(frozen=True, slots=True)
class Across:
    """One method over all tasks, with 95 % intervals."""

    iqm: float
    iqm_bounds: tuple[float, float]
    improvement: float | None
    """Probability that a run beats a run of the baseline; `None` for the baseline itself."""
    improvement_bounds: tuple[float, float] | None


def across(tasks: Mapping[str, Mapping[str, Scores]], floor: str | None, resamples: int = 2000) -> dict[str, Across]:
    """One row per method that all tasks have, from task → method → scores. `floor` is the baseline."""
    shared = [method for method in next(iter(tasks.values()), {}) if all(method in known for known in tasks.values())]
    runs = {method: [known[method].rates for known in tasks.values()] for method in shared}
    drawn: dict[str, list[FloatArray]] = {method: [] for method in shared}
    for task, known in tasks.items():
        seed = seed_of("across", task, resamples)
        for method, draw in zip(shared, resample([known[method] for method in shared], resamples, seed), strict=True):
            drawn[method].append(draw)
    return {method: _row(method, floor, runs, drawn) for method in shared}


def _row(
    method: str, floor: str | None, runs: Mapping[str, list[FloatArray]], drawn: Mapping[str, list[FloatArray]]
) -> Across:
    middle = iqm(np.concatenate(runs[method]))
    bounds = percentile(iqm_of_rows(np.concatenate(drawn[method], axis=1)))
    if floor is None or floor not in runs or method == floor:
        return Across(middle, bounds, None, None)
    chance = improvement(runs[method], runs[floor])
    draws = np.mean([_wins(x, y) for x, y in zip(drawn[method], drawn[floor], strict=True)], axis=0)
    return Across(middle, bounds, chance, percentile(draws))


def iqm(runs: FloatArray) -> float:
    """Interquartile mean: the mean after dropping a quarter of the runs, rounded down, at each end."""
    return float(trim_mean(runs.ravel(), 0.25))


def iqm_of_rows(runs: FloatArray) -> FloatArray:
    """The interquartile mean of each row."""
    return np.asarray(trim_mean(runs, 0.25, axis=1))


def improvement(ours: Sequence[FloatArray], theirs: Sequence[FloatArray]) -> float:
    """Probability that a run of ours beats one of theirs on the same task, averaged over tasks; ties count one half.

    One array of runs for each task. Runs are not paired: this is the Mann-Whitney statistic over n·m.
    """
    if not ours:
        raise ValueError("no tasks; at least one is needed")
    return float(np.mean([_wins(x[None], y[None])[0] for x, y in zip(ours, theirs, strict=True)]))


def _wins(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Share of pairs that ours wins, for each row."""
    gaps = ours[:, :, None] - theirs[:, None, :]
    return np.asarray((np.sign(gaps) + 1).mean(axis=(1, 2)) / 2)


def profile(values: FloatArray, thresholds: Sequence[float]) -> tuple[float, ...]:
    """Performance profile: for each threshold the share of values above it."""
    return tuple(float((values > each).mean()) for each in thresholds)
