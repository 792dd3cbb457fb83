"""The metrics of one exam per problem, each as numerator and denominator whose sums over problems give the metric.

`benchmark.exam.definitions` defines the metrics; their intervals and paired differences are computed from these parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.contract import ExamParts
from benchmark.exam.definitions import BUDGETS, METRICS, names_at
from benchmark.exam.facts import Counts, ProblemFacts
from benchmark.exam.metrics import by_problem
from benchmark.store.outcomes import outcomes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.contract import Outcome, OutcomeColumns
    from benchmark.exam.parts import Parts
    from benchmark.stats.scores import FloatArray

__all__ = ["from_columns", "per_problem"]


def per_problem(outcomes: Sequence[Outcome], *, ks: Sequence[int] = BUDGETS) -> ExamParts:
    """All metrics of `measure`, those of a k above n left out. An undefined cell has 0 in both parts.

    Raises `ValueError` where `measure` does.
    """
    problems, greedy = by_problem(outcomes)
    names = dict.fromkeys(outcome.problem for outcome in outcomes)
    found = [one for problem in problems for one in problem.samples]
    samples = _Samples(
        verdicts=[one.verdict for one in found],
        answers=[one.answer for one in found],
        strategies=[one.strategy for one in found],
        tokens=[one.tokens for one in found],
        truncated=[one.truncated for one in found],
    )
    return _exam(tuple(names), samples, {one.problem: one.verdict == "correct" for one in greedy}, ks)


def from_columns(found: OutcomeColumns, *, ks: Sequence[int] = BUDGETS) -> ExamParts:
    """`per_problem`, ten times as fast where each problem's greedy completion and samples follow each other."""
    size = max(found.sample, default=-1) + 2
    names = found.problem[::size]
    if (
        len(set(names)) * size != len(found.problem)
        or any(found.problem[place::size] != names for place in range(size))
        or found.sample != list(range(-1, size - 1)) * len(names)
    ):
        return per_problem(outcomes_of(found), ks=ks)
    greedy = {name: kind == "correct" for name, kind in zip(names, found.verdict[::size], strict=True)}
    samples = [list(each) for each in (found.verdict, found.answer, found.strategy, found.tokens, found.truncated)]
    for column in samples:
        del column[::size]
    return _exam(tuple(names), _Samples(*samples), greedy, ks)


class _Samples(NamedTuple):
    """P problems with n samples each, one after the other: columns of P·n."""

    verdicts: Sequence[Any]
    answers: Sequence[Any]
    strategies: Sequence[Any]
    tokens: Sequence[Any]
    truncated: Sequence[Any]


def _exam(names: tuple[str, ...], samples: _Samples, greedy: Mapping[str, bool], ks: Sequence[int]) -> ExamParts:
    order = sorted(range(len(names)), key=names.__getitem__)
    n = len(samples.verdicts) // max(len(names), 1)
    budgets = tuple(sorted(k for k in set(ks) if 1 <= k <= n))
    facts = _facts(names, samples, greedy, n)
    counted = [_of_counts(each.counts, budgets) for each in facts] if n else []
    parts: dict[str, tuple[FloatArray, FloatArray]] = {}
    for metric in METRICS.values():
        for name, k in names_at(metric, budgets).items():
            cells: list[Parts | None] = []
            if metric.reads == "counts":
                cells = [known[name] for known in counted]
            elif (metric.reads == "lengths" and n) or (metric.reads == "greedy" and greedy):
                cells = [metric.estimator(each, k) for each in facts]
            if cells and None not in cells:
                both = np.array(cells, dtype=np.float64)[order].T.copy()
                parts[name] = both[0], both[1]
    return ExamParts(tuple(names[place] for place in order), n, parts)


@lru_cache(maxsize=2**15)
def _of_counts(counts: Counts, budgets: tuple[int, ...]) -> dict[str, Parts | None]:
    """Every metric that depends on the counts and on nothing else; many problems have the same."""
    facts = ProblemFacts(counts)
    return {
        name: metric.estimator(facts, k)
        for metric in METRICS.values()
        if metric.reads == "counts"
        for name, k in names_at(metric, budgets).items()
    }


def _facts(names: Sequence[str], samples: _Samples, greedy: Mapping[str, bool], n: int) -> list[ProblemFacts]:
    """The facts of every problem; those of the texts are not known here."""
    if not n:
        return [ProblemFacts(Counts(0, 0), greedy=greedy.get(name)) for name in names]
    shape = len(names), n
    kinds = {
        kind: np.array([verdict == kind for verdict in samples.verdicts]).reshape(shape)
        for kind in ("correct", "no_answer", "undecided", "error")
    }
    correct = kinds["correct"]
    has_key = np.array([key is not None for key in samples.strategies]).reshape(shape)
    has_answer = np.array([answer is not None for answer in samples.answers]).reshape(shape)
    named = np.array(list(map(bool, samples.strategies))).reshape(shape)
    columns = {
        "samples": [n] * len(names),
        "correct": correct.sum(axis=1).tolist(),
        "with_strategy": (correct & has_key).sum(axis=1).tolist(),
        "strategies": _frequencies(samples.strategies, correct & named),
        "wrong": _frequencies(samples.answers, ~correct & has_answer),
        **{kind: kinds[kind].sum(axis=1).tolist() for kind in ("no_answer", "undecided", "error")},
    }
    counts = [Counts(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    tokens, truncated = (_sums(column, shape) for column in (samples.tokens, samples.truncated))
    return [
        ProblemFacts(counted, length, cut, greedy.get(name))
        for name, counted, length, cut in zip(names, counts, tokens, truncated, strict=True)
    ]


def _sums(column: Sequence[Any], shape: tuple[int, int]) -> list[int | None]:
    """Of each problem; unknown for all where an imported exam has no number."""
    return [None] * shape[0] if None in column else np.array(column).reshape(shape).sum(axis=1).tolist()


def _frequencies(labels: Sequence[Any], counted: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """For each problem, how often each label occurs among the samples marked in `counted` (P, n), fewest first."""
    table = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    codes = np.array(list(map(table.__getitem__, labels))).reshape(counted.shape)
    problems = len(counted)
    keys = (codes + len(table) * np.arange(problems)[:, None])[counted]
    different, counts = np.unique(keys, return_counts=True)
    owners = different // len(table)
    found = counts[np.lexsort((counts, owners))].tolist()
    ends = np.searchsorted(owners, np.arange(problems + 1)).tolist()
    return [tuple(found[start:end]) for start, end in pairwise(ends)]
