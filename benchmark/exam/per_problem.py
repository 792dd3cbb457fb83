"""The metrics of one exam problem by problem, each as two parts whose sums over problems divide into the metric.

`benchmark.exam.metrics` defines the metrics; this is what their intervals and paired differences are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.exam.estimators import (
    answer_entropy,
    collision_probability,
    distinct_answers,
    majority_at_k,
    pass_at_k,
    rarefied_richness,
    strategies_at_k,
)
from benchmark.exam.metrics import CORRECT, by_problem
from benchmark.store.outcomes import outcomes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmark.contract import Outcome
    from benchmark.stats.scores import FloatArray
    from benchmark.store.outcomes import OutcomeColumns

__all__ = ["SHARES", "ExamParts", "from_columns", "is_share", "per_problem"]

BUDGETS = (1, 2, 4, 8, 16)
"""The k of pass@k and its like."""

SHARES = frozenset(
    {"greedy_accuracy", "accuracy", "pass", "maj", "strategy_coverage", "truncated", "no_answer", "undecided", "error"}
)
"""Metrics, less their `@k`, that are a share from 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class ExamParts:
    """One exam's parts: metric → (top, bottom), (P,) each, in the order of `problems`."""

    problems: tuple[str, ...]
    """Sorted ids."""
    samples: int
    """Of each problem, the greedy one not counted."""
    parts: dict[str, tuple[FloatArray, FloatArray]]


def is_share(metric: str) -> bool:
    """Whether a metric lies in [0, 1] by definition."""
    return metric.partition("@")[0] in SHARES


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


_COUNTED = {"completion_tokens": "tokens", "truncated": "truncated"}
"""Metrics that an imported exam may not know, and their columns."""


def _with_zeros(samples: _Samples) -> _Samples:
    """Numbers where an imported exam has none."""
    return samples._replace(
        tokens=[one or 0 for one in samples.tokens], truncated=[bool(one) for one in samples.truncated]
    )


def _exam(names: tuple[str, ...], samples: _Samples, greedy: Mapping[str, bool], ks: Sequence[int]) -> ExamParts:
    order = sorted(range(len(names)), key=names.__getitem__)
    n = len(samples.verdicts) // max(len(names), 1)
    parts: dict[str, tuple[FloatArray, FloatArray]] = {}
    if n:
        budgets = tuple(sorted(k for k in set(ks) if 1 <= k <= n))
        metrics = (*_PLAIN, *(f"{family}@{k}" for k in budgets for family in ("pass", "strategies")))
        metrics += tuple(f"maj@{k}" for k in budgets[-1:])
        unknown = [name for name, column in _COUNTED.items() if None in getattr(samples, column)]
        cells = _cells(_with_zeros(samples), len(names), n, budgets)[order].T.copy()
        parts = {metric: (cells[2 * place], cells[2 * place + 1]) for place, metric in enumerate(metrics)}
        for name in unknown:
            del parts[name]
        for k in budgets[-1:]:
            parts[f"strategies_per_solved@{k}"] = parts[f"strategies@{k}"][0], parts[f"pass@{k}"][0]
    names = tuple(names[place] for place in order)
    if greedy:
        right = np.array([greedy.get(name, False) for name in names], dtype=np.float64)
        parts["greedy_accuracy"] = right, np.array([name in greedy for name in names], dtype=np.float64)
    return ExamParts(names, n, parts)


_PLAIN = (
    "accuracy",
    "strategy_coverage",
    "completion_tokens",
    "truncated",
    "no_answer",
    "undecided",
    "error",
    "effective_strategies",
    f"richness@{CORRECT}",
    "distinct_answers",
    "answer_entropy",
)


def _cells(samples: _Samples, problems: int, n: int, budgets: tuple[int, ...]) -> FloatArray:
    """Top and bottom of the metrics of `_PLAIN`, then of those at each budget: (P, 2·metrics)."""
    shape = problems, n
    kinds = np.array(list(map(_KINDS.__getitem__, samples.verdicts))).reshape(shape)
    correct = kinds == 0
    known = np.array([way is not None for way in samples.strategies]).reshape(shape)
    said = np.array([answer is not None for answer in samples.answers]).reshape(shape)
    ways = _frequencies(samples.strategies, correct & np.array(list(map(bool, samples.strategies))).reshape(shape))
    wrong = _frequencies(samples.answers, ~correct & said)
    right = correct.sum(axis=1)
    plain = [right / n, (correct & known).sum(axis=1), np.array(samples.tokens).reshape(shape).sum(axis=1) / n]
    plain += [np.array(samples.truncated).reshape(shape).sum(axis=1) / n]
    plain += [(kinds == place).sum(axis=1) / n for place in range(1, 4)]
    bottoms = [right if place == 1 else np.ones(problems) for place in range(len(plain))]
    both = np.stack([each for pair in zip(plain, bottoms, strict=True) for each in pair], axis=1)
    counted = map(_of_counts, right.tolist(), ways, wrong, repeat(n), repeat(budgets))
    return np.concatenate([both, np.array(list(counted), dtype=np.float64)], axis=1)


_KINDS = {"correct": 0, "no_answer": 1, "undecided": 2, "error": 3, "wrong": 4}


def _frequencies(labels: Sequence[Any], counted: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """For each problem how often each of its labels stands where `counted` (P, n) says so, fewest first."""
    table = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    codes = np.array(list(map(table.__getitem__, labels))).reshape(counted.shape)
    problems = len(counted)
    keys = (codes + len(table) * np.arange(problems)[:, None])[counted]
    different, counts = np.unique(keys, return_counts=True)
    owners = different // len(table)
    found = counts[np.lexsort((counts, owners))].tolist()
    ends = np.searchsorted(owners, np.arange(problems + 1)).tolist()
    return [tuple(found[start:end]) for start, end in pairwise(ends)]


@lru_cache(maxsize=2**18)
def _of_counts(
    right: int, strategies: tuple[int, ...], wrong: tuple[int, ...], n: int, budgets: tuple[int, ...]
) -> tuple[float, ...]:
    """What depends on how often each correct strategy and each wrong answer was seen, and on nothing else."""
    missing = n - right - sum(wrong)
    labels = [str(place) for place, count in enumerate((right, *wrong)) for _ in range(count)]
    answers = [*labels, *[None] * missing]
    found = [*_collision(strategies), *_rarefied(strategies)]
    found += [distinct_answers(answers), 1.0, answer_entropy(answers) or 0.0, 1.0]
    for k in budgets:
        found += [pass_at_k(n, right, k), 1.0, strategies_at_k(n, strategies, k), 1.0]
    for k in budgets[-1:]:
        found += [1.0 if right == n else _majority(right, wrong, n, k), 1.0]
    return tuple(found)


def _collision(strategies: Iterable[int]) -> tuple[float, float]:
    """D2 is the number of problems where the chance of agreement is defined, over the sum of these chances."""
    chance = collision_probability(strategies)
    return (0.0, 0.0) if chance is None else (1.0, chance)


def _rarefied(strategies: Iterable[int]) -> tuple[float, float]:
    """Strategies among `CORRECT` correct samples, where there are as many."""
    richness = rarefied_richness(strategies, CORRECT)
    return (0.0, 0.0) if richness is None else (richness, 1.0)


@lru_cache(maxsize=65536)
def _majority(right: int, wrong: tuple[int, ...], n: int, k: int) -> float:
    return majority_at_k(right, wrong, n - right - sum(wrong), k)
