"""The one table of exam metrics: name, unit, direction, range, definition, and the estimator for one problem.

An estimator returns two parts, top and bottom. The metric of an exam is the sum of the tops over all problems divided
by the sum of the bottoms: a plain mean has the bottom 1, D2 is Σ 1 / Σ collision probability. A problem on which the
metric is undefined has 0 in both. `None` instead of parts means that the exam does not have the metric at all, as an
imported exam has no token counts.

All n sampled completions of a problem count; `undecided` and `error` count as not correct. Greedy completions
enter only `greedy_accuracy`. All correct answers of a problem are one answer, however they are written; the others are
compared as text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from benchmark.contract import Direction
from benchmark.errors import UnknownName
from benchmark.exam.estimators import (
    collision_probability,
    entropy,
    majority_at_k,
    pass_at_k,
    rarefied_richness,
    strategies_at_k,
)
from benchmark.exam.facts import CORRECT, Counts, ProblemFacts

__all__ = ["BUDGETS", "METRICS", "Metric", "Parts", "Unit", "direction", "metric_named", "names_at"]

BUDGETS = (1, 2, 4, 8, 16)
"""The values of k for pass@k and similar metrics."""

Parts = tuple[float, float]
"""Top and bottom of one problem."""

Unit = Literal["share", "strategies", "problems", "samples", "answers", "nats", "tokens"]

Reads = Literal["size", "counts", "lengths", "greedy", "texts"]

At = Literal[
    "",  # the name has no @k
    "each",  # one metric for every k up to n
    "largest",  # the largest k up to n only
    "correct",  # k = CORRECT
]

UNDEFINED: Parts = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """The definition of one metric."""

    name: str
    """With `@k` where it depends on k."""
    unit: Unit
    direction: Direction
    description: str
    estimator: Callable[[ProblemFacts, int], Parts | None]
    """Parts of one problem at k. Called only for problems with samples, `greedy_accuracy` apart."""
    reads: Reads = "counts"
    """Which of the facts it needs; `size` is known of the exam as a whole."""
    at: At = ""
    least: float = 0.0
    """Smallest possible value."""
    at_most_k: bool = False
    """Whether k is the largest possible value."""

    def most(self, k: int) -> float:
        """Largest possible value."""
        return 1.0 if self.unit == "share" else float(k) if self.at_most_k else math.inf


def metric_named(name: str) -> Metric:
    """The definition of `pass@8`, which is that of `pass@k`. Raises `UnknownName`."""
    family, at, k = name.partition("@")
    known = METRICS.get(f"{family}@k" if at and k.isdecimal() else name)
    if known is None:
        raise UnknownName("metric", name, METRICS)
    return known


def direction(name: str) -> Direction:
    """Which way the metric is better, `pass@8` as `pass@k`. Raises `UnknownName`."""
    return metric_named(name).direction


def names_at(metric: Metric, ks: Sequence[int]) -> dict[str, int]:
    """The names under which an exam has the metric, with their k (0 without one); `ks` ascend and are at most n."""
    chosen = {"": (0,), "each": ks, "largest": ks[-1:], "correct": (CORRECT,)}[metric.at]
    return {metric.name.removesuffix("k") + str(k) if k else metric.name: k for k in chosen}


# --- estimators: the parts of one problem --------------------------------------------------------------------------


def _per_sample(counted: Callable[[Counts], int]) -> Callable[[ProblemFacts, int], Parts]:
    """The share of samples of which something holds."""
    return lambda facts, _: (counted(facts.counts) / facts.counts.samples, 1.0)


def _greedy(facts: ProblemFacts, _: int) -> Parts:
    return UNDEFINED if facts.greedy is None else (float(facts.greedy), 1.0)


def _pass(facts: ProblemFacts, k: int) -> Parts:
    return pass_at_k(facts.counts.samples, facts.counts.correct, k), 1.0


def _majority(facts: ProblemFacts, k: int) -> Parts:
    return _majority_of(facts.counts.samples, facts.counts.correct, facts.counts.wrong, k), 1.0


@lru_cache(maxsize=65536)
def _majority_of(n: int, correct: int, wrong: tuple[int, ...], k: int) -> float:
    return 1.0 if correct == n else majority_at_k(correct, wrong, n - correct - sum(wrong), k)


def _strategies(facts: ProblemFacts, k: int) -> Parts:
    return strategies_at_k(facts.counts.samples, facts.counts.strategies, k), 1.0


def _per_solved(facts: ProblemFacts, k: int) -> Parts:
    return _strategies(facts, k)[0], _pass(facts, k)[0]


def _inverse_collision(counts: Sequence[int]) -> Parts:
    """D2: problems where the chance of agreement is defined, over the sum of these chances."""
    chance = collision_probability(counts)
    return UNDEFINED if chance is None else (1.0, chance)


def _effective(facts: ProblemFacts, _: int) -> Parts:
    return _inverse_collision(facts.counts.strategies)


def _richness(facts: ProblemFacts, k: int) -> Parts:
    richness = rarefied_richness(facts.counts.strategies, k)
    return UNDEFINED if richness is None else (richness, 1.0)


def _answers(facts: ProblemFacts, _: int) -> Parts:
    return float(len(facts.counts.wrong) + (facts.counts.correct > 0)), 1.0


def _answer_entropy(facts: ProblemFacts, _: int) -> Parts:
    counts = facts.counts
    classes = (counts.correct, *counts.wrong, counts.samples - counts.correct - sum(counts.wrong))
    return entropy([count / counts.samples for count in classes if count]), 1.0


def _coverage(facts: ProblemFacts, _: int) -> Parts:
    return float(facts.counts.with_strategy), float(facts.counts.correct)


def _tokens(facts: ProblemFacts, _: int) -> Parts | None:
    return None if facts.tokens is None else (facts.tokens / facts.counts.samples, 1.0)


def _truncated(facts: ProblemFacts, _: int) -> Parts | None:
    return None if facts.truncated is None else (facts.truncated / facts.counts.samples, 1.0)


def _step_strategies(facts: ProblemFacts, k: int) -> Parts | None:
    if facts.texts is None:
        return None
    return strategies_at_k(facts.counts.samples, facts.texts.step_strategies, k), 1.0


def _effective_steps(facts: ProblemFacts, _: int) -> Parts | None:
    return None if facts.texts is None else _inverse_collision(facts.texts.step_strategies)


def _invalid(facts: ProblemFacts, _: int) -> Parts | None:
    return None if facts.texts is None else (float(facts.texts.invalid), float(facts.counts.correct))


def _distinct_2(facts: ProblemFacts, _: int) -> Parts | None:
    if facts.texts is None:
        return None
    return UNDEFINED if facts.texts.distinct_2 is None else (facts.texts.distinct_2, 1.0)


def _size(_: ProblemFacts, __: int) -> None:
    return None


# --- the table -----------------------------------------------------------------------------------------------------

_TABLE = (
    Metric("problems", "problems", "neither", "problems in the exam", _size, "size"),
    Metric("samples", "samples", "neither", "n, sampled completions of each problem", _size, "size"),
    Metric(
        "greedy_accuracy",
        "share",
        "higher",
        "share of problems whose greedy completion is correct",
        _greedy,
        "greedy",
    ),
    Metric(
        "accuracy",
        "share",
        "higher",
        "mean correctness of a sample, which is pass@1 and avg@n",
        _per_sample(lambda counts: counts.correct),
    ),
    Metric("pass@k", "share", "higher", "unbiased chance that one of k samples is correct", _pass, at="each"),
    Metric(
        "strategies@k",
        "strategies",
        "higher",
        "expected number of distinct correct strategies among k samples",
        _strategies,
        at="each",
        at_most_k=True,
    ),
    Metric(
        "maj@k",
        "share",
        "higher",
        "expected correctness of the majority answer of k samples, largest k; ties are shared",
        _majority,
        at="largest",
    ),
    Metric(
        "strategies_per_solved@k",
        "strategies",
        "higher",
        "strategies@k / pass@k of the means, largest k; undefined where nothing is solved",
        _per_solved,
        at="largest",
        at_most_k=True,
    ),
    Metric(
        "effective_strategies",
        "strategies",
        "higher",
        "D2: 1 / mean chance that two correct samples agree in strategy, over problems with two that have one; "
        "undefined without such a problem and where no two ever agree",
        _effective,
        least=1.0,
    ),
    Metric(
        "richness@k",
        "strategies",
        "higher",
        f"expected number of strategies among k = {CORRECT} correct samples; problems with as many",
        _richness,
        at="correct",
        least=1.0,
        at_most_k=True,
    ),
    Metric(
        "step_strategies@k",
        "strategies",
        "higher",
        "strategies@k with the finer key `steps`, largest k; needs the texts",
        _step_strategies,
        "texts",
        at="largest",
        at_most_k=True,
    ),
    Metric(
        "effective_step_strategies",
        "strategies",
        "higher",
        "D2 with the finer key `steps`; needs the texts",
        _effective_steps,
        "texts",
        least=1.0,
    ),
    Metric(
        "invalid_strategies",
        "share",
        "lower",
        "share of correct samples whose strategy has a step that is wrong; needs the texts",
        _invalid,
        "texts",
    ),
    Metric(
        "distinct_2_correct",
        "share",
        "higher",
        f"distinct-2 of the first {CORRECT} correct samples; problems with as many; needs the texts",
        _distinct_2,
        "texts",
    ),
    Metric("distinct_answers", "answers", "neither", "number of different answers", _answers),
    Metric("answer_entropy", "nats", "neither", "entropy of the answers, a missing answer being one", _answer_entropy),
    Metric(
        "strategy_coverage",
        "share",
        "higher",
        "share of correct samples, pooled over problems, with a strategy; undefined without correct ones",
        _coverage,
    ),
    Metric(
        "completion_tokens",
        "tokens",
        "neither",
        "mean tokens of a sample; unknown in imported completions",
        _tokens,
        "lengths",
    ),
    Metric(
        "truncated",
        "share",
        "lower",
        "share of samples cut at the length limit; unknown in imported completions",
        _truncated,
        "lengths",
    ),
    Metric(
        "no_answer",
        "share",
        "lower",
        "share of samples without a final answer",
        _per_sample(lambda counts: counts.no_answer),
    ),
    Metric(
        "undecided",
        "share",
        "lower",
        "share of samples the grader could not decide",
        _per_sample(lambda counts: counts.undecided),
    ),
    Metric(
        "error",
        "share",
        "lower",
        "share of samples on which the grader failed",
        _per_sample(lambda counts: counts.error),
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""By name; `@k` stands for every k."""
