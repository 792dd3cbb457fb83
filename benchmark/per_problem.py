"""The metrics of one exam problem by problem, each as two parts whose sums over problems divide into the metric.

`benchmark.metrics` defines the metrics; this is what their intervals and paired differences are made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.diversity import (
    answer_entropy,
    collision_probability,
    distinct_answers,
    majority_at_k,
    pass_at_k,
    rarefied_richness,
    strategies_at_k,
)
from benchmark.metrics import CORRECT, by_problem
from benchmark.outcomes import outcomes_of

if TYPE_CHECKING:
    from benchmark.contract import Outcome
    from benchmark.outcomes import Columns

__all__ = ["SHARES", "Exam", "from_columns", "is_share", "per_problem"]

BUDGETS = (1, 2, 4, 8, 16)
"""The k of pass@k and its like."""

SHARES = frozenset(
    {"greedy_accuracy", "accuracy", "pass", "maj", "strategy_coverage", "truncated", "no_answer", "undecided", "error"}
)
"""Metrics, less their `@k`, that are a share from 0 to 1."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """One exam's parts: metric → (top, bottom), (P,) each, in the order of `problems`."""

    problems: tuple[str, ...]
    """Sorted ids."""
    samples: int
    """Of each problem, the greedy one not counted."""
    parts: dict[str, tuple[Vector, Vector]]


def is_share(metric: str) -> bool:
    """Whether a metric lies in [0, 1] by definition."""
    return metric.partition("@")[0] in SHARES


def per_problem(outcomes: Sequence[Outcome], *, ks: Sequence[int] = BUDGETS) -> Exam:
    """All metrics of `measure`, those of a k above n left out. An undefined cell has 0 in both parts.

    Raises `ValueError` where `measure` does.
    """
    problems, greedy = by_problem(outcomes)
    names = dict.fromkeys(outcome.problem for outcome in outcomes)
    blocks = {name: _block(problem.samples) for name, problem in zip(names, problems, strict=True)}
    return _exam(blocks, {one.problem: one.verdict == "correct" for one in greedy}, ks)


def from_columns(found: Columns, *, ks: Sequence[int] = BUDGETS) -> Exam:
    """`per_problem`, ten times as fast where each problem's greedy completion and samples follow each other."""
    size = max(found.sample, default=-1) + 2
    names = found.problem[::size]
    if (
        len(set(names)) * size != len(found.problem)
        or any(found.problem[place::size] != names for place in range(size))
        or found.sample != list(range(-1, size - 1)) * len(names)
    ):
        return per_problem(outcomes_of(found), ks=ks)
    blocks = {}
    for place, name in enumerate(names):
        own = slice(place * size + 1, (place + 1) * size)
        columns = found.verdict[own], found.answer[own], found.strategy[own], found.tokens[own], found.truncated[own]
        blocks[name] = _Block(*columns)
    return _exam(blocks, {name: kind == "correct" for name, kind in zip(names, found.verdict[::size], strict=True)}, ks)


class _Block(NamedTuple):
    """The n samples of one problem."""

    verdicts: Sequence[str]
    answers: Sequence[str | None]
    strategies: Sequence[str | None]
    tokens: Sequence[int]
    truncated: Sequence[bool]


def _block(samples: Sequence[Outcome]) -> _Block:
    return _Block(
        verdicts=[one.verdict for one in samples],
        answers=[one.answer for one in samples],
        strategies=[one.strategy for one in samples],
        tokens=[one.tokens for one in samples],
        truncated=[one.truncated for one in samples],
    )


def _exam(blocks: Mapping[str, _Block], greedy: Mapping[str, bool], ks: Sequence[int]) -> Exam:
    names = tuple(sorted(blocks))
    n = len(blocks[names[0]].verdicts) if names else 0
    parts: dict[str, tuple[Vector, Vector]] = {}
    if n:
        budgets = tuple(sorted(k for k in set(ks) if 1 <= k <= n))
        cells = [_counted(blocks[name], n, budgets) for name in names]
        metrics = (*_PLAIN, *(f"{family}@{k}" for k in budgets for family in ("pass", "strategies")))
        metrics += tuple(f"maj@{k}" for k in budgets[-1:])
        both = np.array(cells, dtype=np.float64).reshape(len(names), len(metrics), 2).transpose(1, 2, 0).copy()
        parts = {metric: (both[place, 0], both[place, 1]) for place, metric in enumerate(metrics)}
        for k in budgets[-1:]:
            parts[f"strategies_per_solved@{k}"] = parts[f"strategies@{k}"][0], parts[f"pass@{k}"][0]
    if greedy:
        right = np.array([greedy.get(name, False) for name in names], dtype=np.float64)
        parts["greedy_accuracy"] = right, np.array([name in greedy for name in names], dtype=np.float64)
    return Exam(names, n, parts)


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


def _counted(block: _Block, n: int, budgets: tuple[int, ...]) -> list[float]:
    """Top and bottom of the metrics of `_PLAIN`, then those at each budget."""
    kinds = block.verdicts
    right = kinds.count("correct")
    ways = [way for way, kind in zip(block.strategies, kinds, strict=True) if kind == "correct" and way is not None]
    strategies = sorted(Counter(way for way in ways if way).values())
    answers = Counter(answer for answer, kind in zip(block.answers, kinds, strict=True) if kind != "correct")
    answers.pop(None, None)
    return [
        *(right / n, 1.0, float(len(ways)), float(right), sum(block.tokens) / n, 1.0, sum(block.truncated) / n, 1.0),
        *(part for kind in ("no_answer", "undecided", "error") for part in (kinds.count(kind) / n, 1.0)),
        *_of_counts(right, tuple(strategies), tuple(sorted(answers.values())), n, budgets),
    ]


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
