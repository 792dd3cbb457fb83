"""Greedy answers, one per problem: McNemar's exact test on the problems that only one of two methods solves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr

from benchmark.stats.scores import common

if TYPE_CHECKING:
    from benchmark.stats.scores import Scores

__all__ = ["Greedy", "greedy", "mcnemar"]


@dataclass(frozen=True, slots=True)
class Greedy:
    """Problems that only one of two methods solves."""

    seeds: tuple[int, ...]
    only_ours: tuple[int, ...]
    """One test per shared seed."""
    only_theirs: tuple[int, ...]
    p_values: tuple[float, ...]
    pooled: float
    """Sign test with one vote per problem: the sign of wins minus losses summed over seeds (ties dropped).

    Counting a problem once per seed would treat S dependent answers as S problems. The test generalises to new
    problems, not to new seeds.
    """


def greedy(ours: Scores, theirs: Scores) -> Greedy:
    """The exact tests of two methods' greedy answers, by seed and pooled by problem."""
    one, other = common(ours, theirs)
    gaps = np.rint(one - other).astype(int)
    wins, losses = (gaps > 0).sum(axis=1).tolist(), (gaps < 0).sum(axis=1).tolist()
    by_problem = gaps.sum(axis=0)
    return Greedy(
        seeds=tuple(seed for seed in ours.seeds if seed in theirs.seeds),
        only_ours=tuple(wins),
        only_theirs=tuple(losses),
        p_values=tuple(mcnemar(won, lost) for won, lost in zip(wins, losses, strict=True)),
        pooled=mcnemar(int((by_problem > 0).sum()), int((by_problem < 0).sum())),
    )


def mcnemar(only_ours: int, only_theirs: int) -> float:
    """Exact two-sided p: twice the binomial probability of at most the smaller count, capped at 1."""
    fewer, all_ = min(only_ours, only_theirs), only_ours + only_theirs
    if fewer < 0:
        raise ValueError(f"counts of problems cannot be negative: {only_ours} and {only_theirs}")
    return min(1.0, 2 * float(bdtr(fewer, all_, 0.5)))
