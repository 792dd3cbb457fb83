"""Where the pass@k of a trained policy falls behind its base: the k at which the two curves cross.

Yue et al. 2025 (arXiv 2504.13837) draw pass@k of both to large k: training raises pass@1, and where it does so by
repeating what the base already solved, the base solves more problems from some k on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.contract import GREEDY, Outcome
from benchmark.exam.estimators import pass_at_k
from benchmark.stats import FloatArray, resample, scores_of

__all__ = ["Crossing", "Solved", "crossing", "solved"]

Solved = Mapping[str, Sequence[tuple[int, int]]]
"""Problem → (samples, correct ones) for each seed."""

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two curves of pass@k, and where the base catches up."""

    ks: tuple[int, ...]
    ours: tuple[float, ...]
    """pass@k of the trained policy, in [0, 1]."""
    base: tuple[float, ...]
    at: float | None
    """The k, between two of `ks` by a straight line over log k; `None` where the base does not catch up by the last."""
    low: float | None
    high: float | None
    """95 % interval of `at` over resampled problems (and seeds); `None` is beyond the last k."""
    share: float
    """Share of the resamples in which the curves cross by the last k."""
    problems: int


def solved(exams: Sequence[Sequence[Outcome]]) -> dict[str, list[tuple[int, int]]]:
    """The samples and correct ones of every problem that all seeds have; greedy completions are not counted."""
    counted = []
    for outcomes in exams:
        drawn = [one for one in outcomes if one.sample != GREEDY]
        right = Counter(one.problem for one in drawn if one.verdict == "correct")
        counted.append({name: (n, right[name]) for name, n in Counter(one.problem for one in drawn).items()})
    shared = [name for name in (counted[0] if counted else {}) if all(name in each for each in counted)]
    return {name: [each[name] for each in counted] for name in shared}


def crossing(ours: Solved, base: Solved, ks: Sequence[int], *, resamples: int = RESAMPLES, seed: int = 0) -> Crossing:
    """The smallest k at which the base's pass@k is at least that of `ours`, over the problems that both have.

    `ks` ascend. `at` is the first of `ks` where the base leads from the start. Problems are resampled together for both
    (seeds, too, where there are several), so the interval is that of a paired comparison. Raises `ValueError` for no
    shared problem, and for a k above the samples of one.
    """
    names = tuple(sorted(ours.keys() & base.keys()))
    if not names:
        raise ValueError("the two policies share no problem")
    if not ks or list(ks) != sorted(set(ks)):
        raise ValueError(f"ks must ascend, found {list(ks)}")
    curves = [[_passes(side, names, k) for k in ks] for side in (ours, base)]
    means = np.array([[each.mean() for each in side] for side in curves])
    found = _catches_up(means[0] - means[1], ks)
    drawn = resample(
        [scores_of(tuple(range(len(each))), names, each, np.ones_like(each)) for side in curves for each in side],
        resamples,
        seed,
    )
    rates = np.stack([each.mean(axis=1) for each in drawn]).reshape(2, len(ks), -1)
    points = [_catches_up(each, ks) for each in (rates[0] - rates[1]).T]
    low, high = _ends(points)
    return Crossing(
        ks=tuple(ks),
        ours=tuple(map(float, means[0])),
        base=tuple(map(float, means[1])),
        at=found,
        low=low,
        high=high,
        share=sum(point is not None for point in points) / len(points),
        problems=len(names),
    )


def _passes(solved_by: Solved, names: Sequence[str], k: int) -> FloatArray:
    """pass@k of each seed and problem, (S, P)."""
    rows = [[pass_at_k(n, c, k) for n, c in solved_by[name]] for name in names]
    return np.array(rows, dtype=np.float64).T.copy()


def _catches_up(lead: FloatArray, ks: Sequence[int]) -> float | None:
    """The first k at which the lead is gone: on a grid point, or between two where it changes sign."""
    for place, ahead in enumerate(lead):
        if ahead <= 0:
            if place == 0 or ahead == 0:
                return float(ks[place])
            before = float(lead[place - 1])
            share = before / (before - float(ahead))
            return math.exp(math.log(ks[place - 1]) + share * math.log(ks[place] / ks[place - 1]))
    return None


def _ends(points: Sequence[float | None], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """The middle share of the points, those beyond the last k being the largest; no interpolation into them."""
    ordered = sorted(math.inf if point is None else point for point in points)
    first = ordered[math.floor((1 - confidence) / 2 * (len(ordered) - 1))]
    last = ordered[math.ceil((1 + confidence) / 2 * (len(ordered) - 1))]
    return (None if math.isinf(first) else first), (None if math.isinf(last) else last)
