"""Numbers over many problems, with intervals.

A row is Σ top / Σ bottom of two columns over the problems that define both: a mean over problems where the bottom is 1,
D2 where the top is 1 and the bottom the collision probability, a pooled share otherwise. Intervals are percentiles over
resamples of the problems, the same ones for every row and method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.contract import NO_ESTIMATE, Estimate
from benchmark.exam.definitions import METRICS
from benchmark.exam.facts import CORRECT
from benchmark.stats import Scores, percentile, resample, scores_of, within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.stats import FloatArray

__all__ = ["ROWS", "MetricRow", "rows_over"]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One number over many problems."""

    label: str
    top: str
    """Name of a column, or empty for 1."""
    bottom: str = ""
    correct_only: bool = False
    """Undefined for problems without a correct sample, so that it says nothing of all problems."""
    least: float = 0.0
    most: float = math.inf
    """The range of the number; an interval ends there."""


def _of_exam(
    label: str, metric: str, top: str, bottom: str = "", *, correct_only: bool = False, k: int = 0
) -> MetricRow:
    """A row that is a metric of exams, with its range."""
    known = METRICS[metric]
    return MetricRow(label, top, bottom, correct_only, known.least, known.most(k) if k else _most(metric))


def _most(metric: str) -> float:
    return 1.0 if METRICS[metric].unit == "share" else math.inf


ROWS = (
    _of_exam("accuracy (pass@1)", "accuracy", "pass@1"),
    _of_exam("maj@{n}", "maj@k", "maj@n"),
    _of_exam(
        "D2, expr (effective strategies, order 2)", "effective_strategies", "", "collision_expr", correct_only=True
    ),
    _of_exam("D2, steps", "effective_step_strategies", "", "collision_steps", correct_only=True),
    *(
        _of_exam(
            f"correct strategies among {CORRECT} correct, {level}",
            "richness@k",
            f"richness_{level}",
            correct_only=True,
            k=CORRECT,
        )
        for level in ("expr", "steps")
    ),
    MetricRow("distinct correct strategies, expr", "distinct_expr", correct_only=True),
    MetricRow("distinct correct strategies, steps", "distinct_steps", correct_only=True),
    MetricRow("effective correct strategies (order 1), expr", "effective_expr", correct_only=True),
    MetricRow("effective correct strategies (order 1), steps", "effective_steps", correct_only=True),
    MetricRow("dominance score of correct, expr", "dominance_correct", correct_only=True, least=1, most=5),
    _of_exam("strategies@{n}, every step valid, expr", "strategies@k", "valid_expr@n"),
    _of_exam("strategies@{n}, every step valid, steps", "step_strategies@k", "valid_steps@n"),
    _of_exam("coverage: correct samples with a strategy", "strategy_coverage", "with_strategy", "correct"),
    _of_exam("correct samples with an invalid step", "invalid_strategies", "invalid", "correct"),
    _of_exam(f"distinct-2 of {CORRECT} correct", "distinct_2_correct", "distinct2_correct", correct_only=True),
    MetricRow(f"Vendi score of {CORRECT} correct", "vendi_correct", correct_only=True, least=1, most=CORRECT),
    MetricRow(f"self-BLEU of {CORRECT} correct (lower: more diverse)", "self_bleu_correct", correct_only=True, most=1),
    MetricRow(f"Div-Equ of {CORRECT} correct", "div_equ_correct", correct_only=True, most=1),
    _of_exam("potential@{n}: pass@{n} where the greedy answer is wrong", "potential@k", "potential@n"),
    MetricRow("Div-Equ, all samples", "div_equ", most=1),
    MetricRow("distinct-1, all samples", "distinct1", most=1),
    MetricRow("distinct-2, all samples", "distinct2", most=1),
    MetricRow("distinct-4, all samples", "distinct4", most=1),
    MetricRow("distinct-2 per token, all samples", "distinct2_per_token", most=1),
    MetricRow("self-BLEU, all samples", "self_bleu", most=1),
    MetricRow("Vendi score, all samples", "vendi", least=1),
    MetricRow("cosine diversity, all samples", "cosine", most=2),
    _of_exam("distinct answers", "distinct_answers", "answers"),
    _of_exam("answer entropy (nats)", "answer_entropy", "answer_entropy"),
    MetricRow("distinct strategies, wrong ones included, expr", "any_expr"),
    MetricRow("distinct strategies, wrong ones included, steps", "any_steps"),
    MetricRow("dominance score of all samples, expr", "dominance", least=1, most=5),
    MetricRow("judge score (1 to 5)", "judge", least=1, most=5),
)
"""What is printed; a row that no problem defines is left out."""


def rows_over(
    problems: Sequence[Mapping[str, float | None]], rows: Sequence[MetricRow], *, resamples: int, seed: int
) -> list[Estimate]:
    """Each row over these problems, `mean` being its value.

    No interval below two problems, where resamples leave the row undefined, and where they show no spread.
    """
    scores = [_scores(problems, row) for row in rows]
    known = [one for one in scores if one.seeds]
    draws = iter(resample(known, resamples, seed) if len(problems) > 1 else [np.full((1, 1), np.nan)] * len(known))
    return [
        _estimate(one, next(draws)[:, 0], row) if one.seeds else NO_ESTIMATE
        for one, row in zip(scores, rows, strict=True)
    ]


def _estimate(scores: Scores, drawn: FloatArray, row: MetricRow) -> Estimate:
    low, high = percentile(drawn) if np.isfinite(drawn).all() else (None, None)
    low, high = within(low, high, row.least, row.most)
    return Estimate(float(scores.rates[0]), low, high, 1, 1, problems=len(scores.problems), over="problems")


def _scores(problems: Sequence[Mapping[str, float | None]], row: MetricRow) -> Scores:
    """The row as one "seed" over these problems; without seeds where it is undefined."""
    cells = [(_part(columns, row.top), _part(columns, row.bottom)) for columns in problems]
    both = [(0.0, 0.0) if top is None or bottom is None else (top, bottom) for top, bottom in cells]
    top, bottom = np.array(both, dtype=np.float64).reshape(-1, 2).T
    return scores_of((0,), tuple(map(str, range(len(problems)))), top[None], bottom[None])


def _part(columns: Mapping[str, float | None], name: str) -> float | None:
    return columns.get(name) if name else 1.0
