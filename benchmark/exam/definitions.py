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
from types import MappingProxyType
from typing import Literal

from benchmark.contract import Direction
from benchmark.errors import UnknownName
from benchmark.exam import parts
from benchmark.exam.facts import CORRECT, ProblemFacts
from benchmark.exam.parts import Parts

__all__ = ["BUDGETS", "METRICS", "Metric", "Unit", "direction", "metric_named", "names_at"]

BUDGETS = (1, 2, 4, 8, 16)
"""The values of k for pass@k and similar metrics."""

Unit = Literal["share", "strategies", "problems", "samples", "answers", "nats", "tokens"]

Reads = Literal["size", "counts", "lengths", "greedy", "texts"]

At = Literal[
    "",  # the name has no @k
    "each",  # one metric for every k up to n
    "largest",  # the largest k up to n only
    "correct",  # k = CORRECT
]


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


_TABLE = (
    Metric("problems", "problems", "neither", "problems in the exam", parts.of_size, "size"),
    Metric("samples", "samples", "neither", "n, sampled completions of each problem", parts.of_size, "size"),
    Metric(
        "greedy_accuracy",
        "share",
        "higher",
        "share of problems whose greedy completion is correct",
        parts.of_greedy,
        "greedy",
    ),
    Metric(
        "accuracy",
        "share",
        "higher",
        "mean correctness of a sample, which is pass@1 and avg@n",
        parts.share_of_samples(lambda counts: counts.correct),
    ),
    Metric("pass@k", "share", "higher", "unbiased chance that one of k samples is correct", parts.of_pass, at="each"),
    Metric(
        "strategies@k",
        "strategies",
        "higher",
        "expected number of distinct correct strategies among k samples",
        parts.of_strategies,
        at="each",
        at_most_k=True,
    ),
    Metric(
        "maj@k",
        "share",
        "higher",
        "expected correctness of the majority answer of k samples, largest k; ties are shared",
        parts.of_majority,
        at="largest",
    ),
    Metric(
        "strategies_per_solved@k",
        "strategies",
        "higher",
        "strategies@k / pass@k of the means, largest k; undefined where nothing is solved",
        parts.per_solved,
        at="largest",
        at_most_k=True,
    ),
    Metric(
        "effective_strategies",
        "strategies",
        "higher",
        "D2: 1 / mean chance that two correct samples agree in strategy, over problems with two that have one; "
        "undefined without such a problem and where no two ever agree",
        parts.of_effective,
        least=1.0,
    ),
    Metric(
        "richness@k",
        "strategies",
        "higher",
        f"expected number of strategies among k = {CORRECT} correct samples; problems with as many",
        parts.of_richness,
        at="correct",
        least=1.0,
        at_most_k=True,
    ),
    Metric(
        "step_strategies@k",
        "strategies",
        "higher",
        "strategies@k with the finer key `steps`, largest k; needs the texts",
        parts.of_step_strategies,
        "texts",
        at="largest",
        at_most_k=True,
    ),
    Metric(
        "effective_step_strategies",
        "strategies",
        "higher",
        "D2 with the finer key `steps`; needs the texts",
        parts.of_effective_steps,
        "texts",
        least=1.0,
    ),
    Metric(
        "invalid_strategies",
        "share",
        "lower",
        "share of correct samples whose strategy has a step that is wrong; needs the texts",
        parts.of_invalid,
        "texts",
    ),
    Metric(
        "distinct_2_correct",
        "share",
        "higher",
        f"distinct-2 of the first {CORRECT} correct samples; problems with as many; needs the texts",
        parts.of_distinct_2,
        "texts",
    ),
    Metric(
        "distinct_equations",
        "share",
        "neither",
        "Div-Equ: different equations / equations in all samples of a problem, wrong ones included; needs the texts",
        parts.of_distinct_equations,
        "texts",
    ),
    Metric(
        "potential@k",
        "share",
        "higher",
        "pass@k over the problems whose greedy completion is wrong, largest k; undefined without such a problem",
        parts.of_potential,
        "greedy",
        at="largest",
    ),
    Metric("distinct_answers", "answers", "neither", "number of different answers", parts.of_answers),
    Metric(
        "answer_entropy",
        "nats",
        "neither",
        "entropy of the answers, a missing answer being one",
        parts.of_answer_entropy,
    ),
    Metric(
        "strategy_coverage",
        "share",
        "higher",
        "share of correct samples, pooled over problems, with a strategy; undefined without correct ones",
        parts.of_coverage,
    ),
    Metric(
        "completion_tokens",
        "tokens",
        "neither",
        "mean tokens of a sample; unknown in imported completions",
        parts.of_tokens,
        "lengths",
    ),
    Metric(
        "truncated",
        "share",
        "lower",
        "share of samples cut at the length limit; unknown in imported completions",
        parts.of_truncated,
        "lengths",
    ),
    Metric(
        "no_answer",
        "share",
        "lower",
        "share of samples without a final answer",
        parts.share_of_samples(lambda counts: counts.no_answer),
    ),
    Metric(
        "undecided",
        "share",
        "lower",
        "share of samples the grader could not decide",
        parts.share_of_samples(lambda counts: counts.undecided),
    ),
    Metric(
        "error",
        "share",
        "lower",
        "share of samples on which the grader failed",
        parts.share_of_samples(lambda counts: counts.error),
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""By name; `@k` stands for every k."""
