"""Which of two methods is better: differences paired by seed and problem, Holm over all pairs, and the reason in words.

A verdict follows the adjusted p-value and not the single interval: with 15 pairs and no true difference, one in two
tables would otherwise show a false winner.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from benchmark.contract import NO_ESTIMATE, Comparison, Decision
from benchmark.stats.intervals import difference, p_value
from benchmark.stats.scores import common, components

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.contract import Direction
    from benchmark.stats.scores import FloatArray, Scores

__all__ = ["LEVEL", "compare_all", "families", "flipped", "holm", "p_words", "sign_flip"]


LEVEL = 0.05
"""Probability of any wrong verdict among all pairs of one task and metric."""

_SWAPPED: dict[Decision, Decision] = {"better": "worse", "worse": "better", "undecided": "undecided"}


def compare_all(
    metric: str,
    task: str,
    scores: Mapping[str, Scores | None],
    direction: Direction,
    planned: int,
    floor: str | None = None,
) -> dict[tuple[str, str], Comparison]:
    """Compare every ordered pair of methods.

    Pairs sharing fewer than two seeds are undecided and are not counted in the Holm correction.

    The pairs with `floor` and the others each get half the level: the many comparisons between methods then cannot hide
    whether a method learned anything.
    """
    pairs = {
        pair: _compare(metric, task, *pair, scores[pair[0]], scores[pair[1]], planned)
        for pair in combinations(scores, 2)
    }
    tested = [pair for pair, found in pairs.items() if found.p_value is not None]
    words = {}
    for family in families(tested, floor):
        adjusted = holm([pairs[pair].p_value or 0.0 for pair in family])
        share = len(families(tested, floor))
        for pair, p in zip(family, adjusted, strict=True):
            pairs[pair] = replace(pairs[pair], adjusted=min(1.0, share * p))
            words[pair] = _after(len(family), share, floor if floor in pair else None)
    decided = {pair: _with_decision(found, direction, words.get(pair, "")) for pair, found in pairs.items()}
    return decided | {(two, one): flipped(found) for (one, two), found in decided.items()}


def families(pairs: Sequence[tuple[str, str]], floor: str | None) -> list[list[tuple[str, str]]]:
    """The families of pairs that share a level: pairs with the floor, and all others. Empty families are left out."""
    split = ([pair for pair in pairs if floor in pair], [pair for pair in pairs if floor not in pair])
    return [family for family in split if family]


def _after(tests: int, share: int, floor: str | None) -> str:
    if tests * share == 1:
        return ""
    return f" after Holm over {tests} {'pair' if tests == 1 else 'pairs'}" + (f" with {floor}" if floor else "")


def _compare(
    metric: str, task: str, method: str, against: str, ours: Scores | None, theirs: Scores | None, planned: int
) -> Comparison:
    if ours is None or theirs is None:
        return Comparison(metric, task, method, against, replace(NO_ESTIMATE, planned=planned), "undecided")
    one, other = common(ours, theirs)
    gaps: FloatArray = one - other
    samples = ours.samples if ours.samples == theirs.samples else None
    p = p_value(float(gaps.mean()), components(gaps)) if len(gaps) > 1 else None
    return Comparison(metric, task, method, against, difference(gaps, planned, samples), "undecided", p_value=p)


def _with_decision(found: Comparison, direction: Direction, after: str) -> Comparison:
    p, adjusted, gap = found.p_value, found.adjusted, found.difference.mean
    if p is None or adjusted is None or gap is None:
        seeds = {0: "no seed in common", 1: "one seed in common: others may differ"}[min(found.difference.done, 1)]
        return replace(found, reason=seeds)
    if direction == "neither":
        return replace(found, reason="neither direction is better")
    if adjusted <= LEVEL:
        decision: Decision = "better" if (gap > 0) == (direction == "higher") else "worse"
        return replace(found, decision=decision, reason=f"{p_words(adjusted)}{after}")
    if p <= LEVEL:
        return replace(found, reason=f"alone {p_words(p)}, but {p_words(adjusted)}{after}")
    held = "the interval holds 0" if found.difference.low is not None else "all differences are equal"
    return replace(found, reason=f"{held} ({p_words(p)})")


def flipped(found: Comparison) -> Comparison:
    """The same comparison with the two methods exchanged."""
    gap = found.difference
    mean, low, high = (None if value is None else 0.0 - value for value in (gap.mean, gap.high, gap.low))
    return replace(
        found,
        method=found.against,
        against=found.method,
        difference=replace(gap, mean=mean, low=low, high=high),
        decision=_SWAPPED[found.decision],
    )


def p_words(p: float) -> str:
    """A p-value as text, such as `p = 0.012`; small values are never printed as 0."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.0995 else f"p = {p:.2f}"


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values in the given order: running maximum of (m - rank)·p, at most 1 (Holm 1979)."""
    found, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = highest
    return found


def sign_flip(gaps: FloatArray) -> float:
    """Exact two-sided p of the mean seed difference over all 2^S flips of the seeds' signs, gaps (S, P), S ≤ 20.

    The test assumes no distribution. Since p is at least 2^(1-S), it can be below 5 % only from 6 seeds on.
    """
    rates = gaps.mean(axis=1)
    if not 1 <= len(rates) <= 20:
        raise ValueError(f"all sign flips of {len(rates)} seeds cannot be listed; 1 to 20 can")
    signs = 1 - 2 * ((np.arange(2 ** len(rates))[:, None] >> np.arange(len(rates))) & 1)
    seen = abs(float(rates.sum()))
    return float((np.abs(signs @ rates) >= seen * (1 - 1e-12)).mean())
