"""Numbers over many problems, with intervals.

A row is Σ top / Σ bottom of two columns over the problems that define both: a mean over problems where the bottom is 1,
D2 where the top is 1 and the bottom the collision probability, a pooled share otherwise. Intervals are percentiles over
resamples of the problems, the same ones for every method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.exam.metrics import CORRECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ROWS", "MetricRow", "RowEstimate", "rows_over"]

_CELLS = 4_000_000
"""Weights held at once while resampling."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One number over many problems."""

    label: str
    top: str
    """Name of a column, or empty for 1."""
    bottom: str = ""
    correct_only: bool = False
    """Undefined for problems without a correct sample, so that it says nothing of all problems."""


ROWS = (
    MetricRow("accuracy (pass@1)", "pass@1"),
    MetricRow("maj@{n}", "maj@n"),
    MetricRow("D2, expr (effective strategies, order 2)", "", "collision_expr", correct_only=True),
    MetricRow("D2, steps", "", "collision_steps", correct_only=True),
    MetricRow(f"correct strategies among {CORRECT} correct, expr", "richness_expr", correct_only=True),
    MetricRow(f"correct strategies among {CORRECT} correct, steps", "richness_steps", correct_only=True),
    MetricRow("distinct correct strategies, expr", "distinct_expr", correct_only=True),
    MetricRow("distinct correct strategies, steps", "distinct_steps", correct_only=True),
    MetricRow("effective correct strategies (order 1), expr", "effective_expr", correct_only=True),
    MetricRow("effective correct strategies (order 1), steps", "effective_steps", correct_only=True),
    MetricRow("dominance score of correct, expr", "dominance_correct", correct_only=True),
    MetricRow("strategies@{n}, every step valid, expr", "valid_expr@n"),
    MetricRow("strategies@{n}, every step valid, steps", "valid_steps@n"),
    MetricRow("coverage: correct samples with a strategy", "with_strategy", "correct"),
    MetricRow("correct samples with an invalid step", "invalid", "correct"),
    MetricRow(f"distinct-2 of {CORRECT} correct", "distinct2_correct", correct_only=True),
    MetricRow(f"Vendi score of {CORRECT} correct", "vendi_correct", correct_only=True),
    MetricRow(f"self-BLEU of {CORRECT} correct (lower: more diverse)", "self_bleu_correct", correct_only=True),
    MetricRow("distinct-1, all samples", "distinct1"),
    MetricRow("distinct-2, all samples", "distinct2"),
    MetricRow("distinct-4, all samples", "distinct4"),
    MetricRow("distinct-2 per token, all samples", "distinct2_per_token"),
    MetricRow("self-BLEU, all samples", "self_bleu"),
    MetricRow("Vendi score, all samples", "vendi"),
    MetricRow("cosine diversity, all samples", "cosine"),
    MetricRow("distinct answers", "answers"),
    MetricRow("answer entropy (nats)", "answer_entropy"),
    MetricRow("distinct strategies, wrong ones included, expr", "any_expr"),
    MetricRow("distinct strategies, wrong ones included, steps", "any_steps"),
    MetricRow("dominance score of all samples, expr", "dominance"),
    MetricRow("judge score (1 to 5)", "judge"),
)
"""What is printed; a row that no problem defines is left out."""


class RowEstimate(NamedTuple):
    """A row's value with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None


def rows_over(
    problems: Sequence[Mapping[str, float | None]], rows: Sequence[MetricRow], *, resamples: int, seed: int
) -> list[RowEstimate]:
    """Each row over these problems. No interval below two problems, or where resamples leave the row undefined."""
    top, bottom = (_matrix(problems, rows, side) for side in ("top", "bottom"))
    known = ~(np.isnan(top) | np.isnan(bottom))
    top, bottom = np.where(known, top, 0.0), np.where(known, bottom, 0.0)  # [P, R]
    points = _ratio(top.sum(axis=0), bottom.sum(axis=0))
    draws = _resampled(top, bottom, resamples, seed) if len(problems) > 1 else np.full((1, len(rows)), np.nan)
    found = []
    for value, drawn in zip(points, draws.T, strict=True):
        if np.isnan(value):
            found.append(RowEstimate(None, None, None))
        elif np.isnan(drawn).any():
            found.append(RowEstimate(float(value), None, None))
        else:
            low, high = np.percentile(drawn, [2.5, 97.5])
            found.append(RowEstimate(float(value), float(low), float(high)))
    return found


def _matrix(
    problems: Sequence[Mapping[str, float | None]], rows: Sequence[MetricRow], side: str
) -> NDArray[np.float64]:
    """[P, R] of one side of the rows, NaN where undefined."""
    names = [row.top if side == "top" else row.bottom for row in rows]
    found = np.full((len(problems), len(rows)), np.nan)
    for place, columns in enumerate(problems):
        for index, name in enumerate(names):
            value = columns.get(name) if name else 1.0
            if value is not None:
                found[place, index] = value
    return found


def _resampled(top: NDArray[np.float64], bottom: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """The rows of every resample, [resamples, R]."""
    draw, count = np.random.Generator(np.random.PCG64(seed)), len(top)
    found, left = [], resamples
    while left:
        size = min(left, max(1, _CELLS // count))
        weights = draw.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64)
        found.append(_ratio(weights @ top, weights @ bottom))
        left -= size
    return np.concatenate(found)


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
