"""The numbers of one exam, computed from its outcomes alone.

n sampled completions of each problem; a metric is taken per problem, then averaged over problems. All samples count,
`undecided` and `error` ones as not correct. Greedy completions enter `greedy_accuracy` only. `None` is undefined.

| name | definition | range | better |
| --- | --- | --- | --- |
| `problems` | problems in the exam | 0 … | |
| `samples` | n | 0 … | |
| `greedy_accuracy` | share of problems whose greedy completion is correct | 0 … 1 | higher |
| `accuracy` | mean correctness of a sample, which is pass@1 and avg@n | 0 … 1 | higher |
| `pass@k` | unbiased chance that one of k samples is correct | 0 … 1 | higher |
| `maj@k` | expected correctness of the majority answer of k samples, largest k; ties shared | 0 … 1 | higher |
| `strategies@k` | expected number of distinct correct strategies among k samples | 0 … k | higher |
| `strategies_per_solved@k` | strategies@k / pass@k of the means, largest k; undefined at 0 | 0 … k | higher |
| `effective_strategies` | D2: 1 / mean chance that two correct samples agree in strategy | 1 … | higher |
| `richness@k` | expected number of strategies among k correct samples, k = 4; problems with as many | 1 … k | higher |
| `step_strategies@k` | strategies@k with the finer key `steps`, largest k | 0 … k | higher |
| `effective_step_strategies` | D2 with the finer key `steps` | 1 … | higher |
| `distinct_2_correct` | distinct-2 of the first 4 correct samples; problems with as many | 0 … 1 | higher |
| `distinct_answers` | number of different answers | 0 … n | |
| `answer_entropy` | entropy of the answers in nats, a missing answer being one | 0 … log n | |
| `strategy_coverage` | share of correct samples with a strategy; undefined without correct ones | 0 … 1 | higher |
| `invalid_strategies` | share of correct samples whose strategy has a step that is wrong | 0 … 1 | lower |
| `completion_tokens` | mean tokens of a sample | 0 … | |
| `truncated` | share of samples cut at the length limit | 0 … 1 | lower |
| `no_answer` | share of samples without a final answer | 0 … 1 | lower |
| `undecided` | share of samples the grader could not decide | 0 … 1 | lower |
| `error` | share of samples on which the grader failed | 0 … 1 | lower |

`effective_strategies` takes the problems with at least two correct samples that have a strategy, and is undefined
without one or when no two ever agree. `strategy_coverage` pools the samples of all problems. All correct answers of a
problem are one answer, however they are written; the others are compared as text. `step_strategies@k`,
`effective_step_strategies`, `invalid_strategies` and `distinct_2_correct` read the completions again: undefined for
outcomes without their texts. `completion_tokens` and `truncated` are undefined for imported completions.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from benchmark.contract import GREEDY
from benchmark.errors import UnknownName
from benchmark.exam.estimators import (
    answer_entropy,
    d2,
    distinct_answers,
    majority_at_k,
    pass_at_k,
    rarefied_richness,
    strategies_at_k,
)
from benchmark.exam.strategy.key import strategy_of
from benchmark.exam.text_diversity import distinct_n

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from benchmark.contract import Direction, Outcome
    from benchmark.exam.strategy.key import Strategy

__all__ = ["CORRECT", "DIRECTIONS", "RIGHT", "ProblemSamples", "by_problem", "direction", "measure", "strategy_counts"]

DIRECTIONS: Mapping[str, Direction] = MappingProxyType(
    {
        "problems": "neither",
        "samples": "neither",
        "greedy_accuracy": "higher",
        "accuracy": "higher",
        "pass@k": "higher",
        "maj@k": "higher",
        "strategies@k": "higher",
        "strategies_per_solved@k": "higher",
        "effective_strategies": "higher",
        "richness@k": "higher",
        "step_strategies@k": "higher",
        "effective_step_strategies": "higher",
        "distinct_2_correct": "higher",
        "distinct_answers": "neither",
        "answer_entropy": "neither",
        "strategy_coverage": "higher",
        "invalid_strategies": "lower",
        "completion_tokens": "neither",
        "truncated": "lower",
        "no_answer": "lower",
        "undecided": "lower",
        "error": "lower",
    }
)
"""Which way each metric is better; `@k` stands for every k."""

CORRECT = 4
"""Correct samples at which `richness@k` and `distinct_2_correct` are taken, so that accuracy does not move them."""

RIGHT = "\0right"
"""The one class of all correct answers; no extracted answer holds this character."""


def direction(name: str) -> Direction:
    """Which way the metric is better, `pass@8` as `pass@k`. Raises `UnknownName`."""
    family, at, k = name.partition("@")
    known = DIRECTIONS.get(f"{family}@k" if at and k.isdecimal() else name)
    if known is None:
        raise UnknownName("metric", name, DIRECTIONS)
    return known


def measure(outcomes: Sequence[Outcome], *, ks: Sequence[int] = (1, 2, 4, 8, 16)) -> dict[str, float | None]:
    """All metrics of one exam; those of a k above n are left out.

    Raises `ValueError` unless every problem has the same samples 0 … n-1, each once, and at most one greedy completion.
    """
    problems, greedy = by_problem(outcomes)
    n = len(problems[0].samples) if problems else 0
    samples = [outcome for problem in problems for outcome in problem.samples]
    found: dict[str, float | None] = {
        "problems": float(len(problems)),
        "samples": float(n),
        "greedy_accuracy": _mean([float(outcome.verdict == "correct") for outcome in greedy]),
        "accuracy": _share(samples, lambda outcome: outcome.verdict == "correct"),
    }
    if n:
        found |= _at_budgets(problems, n, sorted(k for k in set(ks) if 1 <= k <= n))
    right = [outcome for outcome in samples if outcome.verdict == "correct"]
    return found | {
        "effective_strategies": d2(problem.strategies for problem in problems),
        f"richness@{CORRECT}": _known(rarefied_richness(problem.strategies, CORRECT) for problem in problems),
        **_of_texts(problems, n, max((k for k in ks if 1 <= k <= n), default=0)),
        "distinct_answers": _mean([distinct_answers(problem.answers) for problem in problems if n]),
        "answer_entropy": _mean([answer_entropy(problem.answers) or 0.0 for problem in problems if n]),
        "strategy_coverage": _share(right, lambda outcome: outcome.strategy is not None),
        "completion_tokens": _of_all([outcome.tokens for outcome in samples]),
        "truncated": _of_all([outcome.truncated for outcome in samples]),
        "no_answer": _share(samples, lambda outcome: outcome.verdict == "no_answer"),
        "undecided": _share(samples, lambda outcome: outcome.verdict == "undecided"),
        "error": _share(samples, lambda outcome: outcome.verdict == "error"),
    }


def strategy_counts(outcomes: Sequence[Outcome]) -> dict[str, tuple[int, ...]]:
    """Problem → how many correct samples each strategy has: what `estimators.shared_collisions` compares."""
    problems, _ = by_problem(outcomes)
    return {problem.samples[0].problem: problem.strategies for problem in problems if problem.samples}


@dataclass(frozen=True)
class ProblemSamples:
    """The samples of one problem, with what the metrics ask of them."""

    samples: tuple[Outcome, ...]

    @cached_property
    def n_correct(self) -> int:
        """Correct samples."""
        return sum(outcome.verdict == "correct" for outcome in self.samples)

    @cached_property
    def strategies(self) -> tuple[int, ...]:
        """How many correct samples each strategy has."""
        keys = Counter(
            outcome.strategy for outcome in self.samples if outcome.verdict == "correct" and outcome.strategy
        )
        return tuple(keys.values())

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Of the correct samples."""
        return tuple(outcome.text for outcome in self.samples if outcome.verdict == "correct")

    @cached_property
    def strategies_from_text(self) -> tuple[Strategy, ...]:
        """Strategies of the correct samples, read from their texts."""
        right = [outcome for outcome in self.samples if outcome.verdict == "correct"]
        found = (strategy_of(outcome.text, outcome.answer) for outcome in right)
        return tuple(way for way in found if way is not None)

    @cached_property
    def step_strategy_counts(self) -> tuple[int, ...]:
        """How many correct samples each strategy of the level `steps` has."""
        return tuple(Counter(way.steps for way in self.strategies_from_text).values())

    @cached_property
    def answers(self) -> tuple[str | None, ...]:
        """Of each sample; all correct answers are one."""
        return tuple(RIGHT if outcome.verdict == "correct" else outcome.answer for outcome in self.samples)

    @cached_property
    def wrong(self) -> tuple[int, ...]:
        """How many samples each answer that is not correct has."""
        return tuple(Counter(answer for answer in self.answers if answer not in {None, RIGHT}).values())


def _at_budgets(problems: Sequence[ProblemSamples], n: int, ks: Sequence[int]) -> dict[str, float | None]:
    """What depends on a number of samples k."""
    found: dict[str, float | None] = {}
    for k in ks:
        found[f"pass@{k}"] = _mean([pass_at_k(n, problem.n_correct, k) for problem in problems])
        found[f"strategies@{k}"] = _mean([strategies_at_k(n, problem.strategies, k) for problem in problems])
    for k in ks[-1:]:
        found[f"maj@{k}"] = _mean([_majority(problem, n, k) for problem in problems])
        solved, strategies = found[f"pass@{k}"], found[f"strategies@{k}"]
        found[f"strategies_per_solved@{k}"] = strategies / solved if solved and strategies is not None else None
    return found


def _of_texts(problems: Sequence[ProblemSamples], n: int, k: int) -> dict[str, float | None]:
    """What needs the completions; undefined where they were not kept."""
    names = (f"step_strategies@{k}", "effective_step_strategies", "invalid_strategies", "distinct_2_correct")
    if not any(outcome.text for problem in problems for outcome in problem.samples):
        return dict.fromkeys(names[0 if k else 1 :])
    lexical = (distinct_n(problem.texts[:CORRECT], 2) for problem in problems if problem.n_correct >= CORRECT)
    right = sum(problem.n_correct for problem in problems)
    values = (
        _mean([strategies_at_k(n, problem.step_strategy_counts, k) for problem in problems]),
        d2(problem.step_strategy_counts for problem in problems),
        sum(not way.valid for problem in problems for way in problem.strategies_from_text) / right if right else None,
        _known(lexical),
    )
    return dict(zip(names, values, strict=True))


def _majority(problem: ProblemSamples, n: int, k: int) -> float:
    missing = n - problem.n_correct - sum(problem.wrong)
    return majority_at_k(problem.n_correct, problem.wrong, missing, k)


def by_problem(outcomes: Sequence[Outcome]) -> tuple[list[ProblemSamples], list[Outcome]]:
    """The problems in order of appearance, and the greedy completions."""
    samples: dict[str, dict[int, Outcome]] = defaultdict(dict)
    greedy: dict[str, Outcome] = {}
    for outcome in outcomes:
        place: dict[int, Outcome] = samples[outcome.problem]
        seen = outcome.problem in greedy if outcome.sample == GREEDY else outcome.sample in place
        if seen:
            raise ValueError(f"problem {outcome.problem!r} has sample {outcome.sample} twice")
        if outcome.sample == GREEDY:
            greedy[outcome.problem] = outcome
        else:
            place[outcome.sample] = outcome
    count = max(map(len, samples.values()), default=0)
    for name, drawn in samples.items():
        if drawn.keys() != set(range(count)):
            raise ValueError(f"problem {name!r} has the samples {sorted(drawn)}; all need 0 to {count - 1}")
    problems = [ProblemSamples(tuple(drawn[number] for number in range(count))) for drawn in samples.values()]
    return problems, list(greedy.values())


def _share(outcomes: Sequence[Outcome], holds: Callable[[Outcome], bool]) -> float | None:
    return _mean([float(holds(outcome)) for outcome in outcomes])


def _of_all(values: Sequence[float | None]) -> float | None:
    """Undefined where one of them is not known, as in imported completions."""
    known = [value for value in values if value is not None]
    return _mean(known) if len(known) == len(values) else None


def _known(values: Iterable[float | None]) -> float | None:
    return _mean([value for value in values if value is not None])


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
