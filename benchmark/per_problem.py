"""The metrics of one exam problem by problem, each as two parts whose sums over problems divide into the metric.

`benchmark.metrics` defines the metrics; this is what their intervals and paired differences are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

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
from benchmark.metrics import CORRECT, Sampled, by_problem

if TYPE_CHECKING:
    from benchmark.contract import Outcome

__all__ = ["SHARES", "Exam", "is_share", "per_problem"]

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


def per_problem(outcomes: Sequence[Outcome], *, ks: Sequence[int] = (1, 2, 4, 8, 16)) -> Exam:
    """All metrics of `measure`, those of a k above n left out. An undefined cell has 0 in both parts.

    Raises `ValueError` where `measure` does.
    """
    found, greedy = by_problem(outcomes)
    by_name = dict(zip(dict.fromkeys(outcome.problem for outcome in outcomes), found, strict=True))
    names = tuple(sorted(by_name))
    problems = [by_name[name] for name in names]
    n = len(problems[0].samples) if problems else 0
    parts = _sampled(problems, n, ks) if n else {}
    if greedy:
        right = {one.problem: float(one.verdict == "correct") for one in greedy}
        parts["greedy_accuracy"] = _pair((right.get(name, 0.0), float(name in right)) for name in names)
    return Exam(names, n, parts)


def _sampled(problems: Sequence[Sampled], n: int, ks: Sequence[int]) -> dict[str, tuple[Vector, Vector]]:
    parts = {
        "accuracy": _means(problem.right / n for problem in problems),
        "effective_strategies": _pair(_collision(problem.strategies) for problem in problems),
        f"richness@{CORRECT}": _pair(_rarefied(problem.strategies) for problem in problems),
        "distinct_answers": _means(distinct_answers(problem.answers) for problem in problems),
        "answer_entropy": _means(answer_entropy(problem.answers) or 0.0 for problem in problems),
        "strategy_coverage": _pair(_readable(problem) for problem in problems),
    }
    counted = [(one.tokens, one.truncated) for problem in problems for one in problem.samples]
    if all(None not in pair for pair in counted):
        parts["completion_tokens"] = _means(sum(one.tokens or 0 for one in problem.samples) / n for problem in problems)
        parts["truncated"] = _means(sum(bool(one.truncated) for one in problem.samples) / n for problem in problems)
    for kind in ("no_answer", "undecided", "error"):
        parts[kind] = _means(sum(one.verdict == kind for one in problem.samples) / n for problem in problems)
    budgets = sorted(k for k in set(ks) if 1 <= k <= n)
    for k in budgets:
        parts[f"pass@{k}"] = _means(pass_at_k(n, problem.right, k) for problem in problems)
        parts[f"strategies@{k}"] = _means(strategies_at_k(n, problem.strategies, k) for problem in problems)
    for k in budgets[-1:]:
        parts[f"maj@{k}"] = _means(_won(problem, n, k) for problem in problems)
        parts[f"strategies_per_solved@{k}"] = parts[f"strategies@{k}"][0], parts[f"pass@{k}"][0]
    return parts


def _collision(strategies: Iterable[int]) -> tuple[float, float]:
    """D2 is the number of problems where the chance of agreement is defined, over the sum of these chances."""
    chance = collision_probability(strategies)
    return (0.0, 0.0) if chance is None else (1.0, chance)


def _rarefied(strategies: Iterable[int]) -> tuple[float, float]:
    """Strategies among `CORRECT` correct samples, where there are as many."""
    richness = rarefied_richness(strategies, CORRECT)
    return (0.0, 0.0) if richness is None else (richness, 1.0)


def _readable(problem: Sampled) -> tuple[float, float]:
    right = [one for one in problem.samples if one.verdict == "correct"]
    return float(sum(one.strategy is not None for one in right)), float(len(right))


def _won(problem: Sampled, n: int, k: int) -> float:
    return 1.0 if problem.right == n else _majority(problem.right, tuple(sorted(problem.wrong)), n, k)


@lru_cache(maxsize=65536)
def _majority(right: int, wrong: tuple[int, ...], n: int, k: int) -> float:
    return majority_at_k(right, wrong, n - right - sum(wrong), k)


def _means(values: Iterable[float]) -> tuple[Vector, Vector]:
    top = np.fromiter(values, dtype=np.float64)
    return top, np.ones_like(top)


def _pair(values: Iterable[tuple[float, float]]) -> tuple[Vector, Vector]:
    both = np.array(list(values), dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
