"""The numbers of one exam, computed from its outcomes alone: the table of `definitions`, summed over problems."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from benchmark.contract import GREEDY
from benchmark.exam.definitions import BUDGETS, METRICS, names_at
from benchmark.exam.facts import CORRECT, Counts, ProblemFacts, TextFacts
from benchmark.exam.strategy.key import count_equations, strategy_of
from benchmark.exam.text_diversity import distinct_n

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.contract import Outcome
    from benchmark.exam.parts import Parts
    from benchmark.exam.strategy.key import Strategy

__all__ = ["ProblemSamples", "by_problem", "measure", "ratio", "strategy_counts"]


def measure(outcomes: Sequence[Outcome], *, ks: Sequence[int] = BUDGETS) -> dict[str, float | None]:
    """All metrics of one exam; those of a k above n are left out. `None` is undefined.

    Raises `ValueError` unless every problem has the same samples 0 … n-1, each once, and at most one greedy completion.
    """
    problems, greedy = by_problem(outcomes)
    n = len(problems[0].samples) if problems else 0
    found: dict[str, float | None] = {"problems": float(len(problems)), "samples": float(n)}
    budgets = sorted(k for k in set(ks) if 1 <= k <= n)
    texts = any(outcome.text for problem in problems for outcome in problem.samples)
    right = {outcome.problem: outcome.verdict == "correct" for outcome in greedy}
    facts = [
        problem.facts(greedy=right.get(name), texts=texts)
        for name, problem in zip(_names(outcomes), problems, strict=True)
    ]
    for metric in METRICS.values():
        if metric.reads != "size":
            known = facts if n or metric.reads == "greedy" else []
            for name, k in names_at(metric, budgets).items():
                found[name] = ratio([metric.estimator(each, k) for each in known])
    return found


def ratio(parts: Sequence[Parts | None]) -> float | None:
    """Σ top / Σ bottom. Undefined for no parts, where one is not known, and where the bottoms add up to 0."""
    known = [each for each in parts if each is not None]
    bottom = math.fsum(bottom for _, bottom in known)
    return math.fsum(top for top, _ in known) / bottom if bottom and len(known) == len(parts) else None


def strategy_counts(outcomes: Sequence[Outcome]) -> dict[str, tuple[int, ...]]:
    """Problem → how many correct samples each strategy has: what `estimators.shared_collisions` compares."""
    problems, _ = by_problem(outcomes)
    return {problem.samples[0].problem: problem.strategies for problem in problems if problem.samples}


@dataclass(frozen=True)
class ProblemSamples:
    """The samples of one problem, and the facts that the metrics ask of them."""

    samples: tuple[Outcome, ...]

    @cached_property
    def correct(self) -> tuple[Outcome, ...]:
        """Correct samples."""
        return tuple(outcome for outcome in self.samples if outcome.verdict == "correct")

    @property
    def n_correct(self) -> int:
        """How many samples are correct."""
        return len(self.correct)

    @cached_property
    def strategies(self) -> tuple[int, ...]:
        """How many correct samples each strategy has."""
        return _sizes(outcome.strategy for outcome in self.correct if outcome.strategy)

    @cached_property
    def strategies_from_text(self) -> tuple[Strategy, ...]:
        """Strategies of the correct samples, read from their texts."""
        found = (strategy_of(outcome.text, outcome.answer) for outcome in self.correct)
        return tuple(strategy for strategy in found if strategy is not None)

    @cached_property
    def step_strategy_counts(self) -> tuple[int, ...]:
        """How many correct samples each strategy of the level `steps` has."""
        return _sizes(strategy.steps for strategy in self.strategies_from_text)

    @property
    def counts(self) -> Counts:
        """The samples, counted."""
        verdicts = Counter(outcome.verdict for outcome in self.samples)
        wrong = (one.answer for one in self.samples if one.verdict != "correct" and one.answer is not None)
        return Counts(
            samples=len(self.samples),
            correct=self.n_correct,
            with_strategy=sum(outcome.strategy is not None for outcome in self.correct),
            strategies=self.strategies,
            wrong=_sizes(wrong),
            no_answer=verdicts["no_answer"],
            undecided=verdicts["undecided"],
            error=verdicts["error"],
        )

    def facts(self, *, greedy: bool | None, texts: bool) -> ProblemFacts:
        """All facts; `greedy` says whether the greedy completion is correct, `texts` whether completions were kept."""
        return ProblemFacts(
            counts=self.counts,
            tokens=_sum([outcome.tokens for outcome in self.samples]),
            truncated=_sum([outcome.truncated for outcome in self.samples]),
            greedy=greedy,
            texts=self._text_facts() if texts else None,
        )

    def _text_facts(self) -> TextFacts:
        first = [outcome.text for outcome in self.correct][:CORRECT]
        return TextFacts(
            step_strategies=self.step_strategy_counts,
            invalid=sum(not strategy.valid for strategy in self.strategies_from_text),
            distinct_2=distinct_n(first, 2) if len(first) == CORRECT else None,
            equations=count_equations(outcome.text for outcome in self.samples),
        )


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


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    """Problems in order of appearance."""
    return list(dict.fromkeys(outcome.problem for outcome in outcomes))


def _sizes(labels: Iterable[str | None]) -> tuple[int, ...]:
    """How often each label comes, fewest first."""
    return tuple(sorted(Counter(labels).values()))


def _sum(values: Sequence[int | None]) -> int | None:
    """`None` where one of them is not known, as in imported completions."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
