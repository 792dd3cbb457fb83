"""The estimators of exam metrics: the parts (top, bottom) of one problem, from its facts and k.

`benchmark.exam.definitions` says which metric is made of which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from benchmark.exam.estimators import (
    collision_probability,
    entropy,
    majority_at_k,
    pass_at_k,
    rarefied_richness,
    strategies_at_k,
)
from benchmark.exam.facts import Counts, ProblemFacts

Parts = tuple[float, float]
"""Top and bottom of one problem."""

UNDEFINED: Parts = (0.0, 0.0)


def share_of_samples(counted: Callable[[Counts], int]) -> Callable[[ProblemFacts, int], Parts]:
    """The share of samples of which something holds."""
    return lambda facts, _: (counted(facts.counts) / facts.counts.samples, 1.0)


def of_greedy(facts: ProblemFacts, _: int) -> Parts:
    """Whether the greedy completion is correct."""
    return UNDEFINED if facts.greedy is None else (float(facts.greedy), 1.0)


def of_pass(facts: ProblemFacts, k: int) -> Parts:
    """pass@k."""
    return pass_at_k(facts.counts.samples, facts.counts.correct, k), 1.0


def of_majority(facts: ProblemFacts, k: int) -> Parts:
    """maj@k."""
    return _majority_of(facts.counts.samples, facts.counts.correct, facts.counts.wrong, k), 1.0


@lru_cache(maxsize=65536)
def _majority_of(n: int, correct: int, wrong: tuple[int, ...], k: int) -> float:
    return 1.0 if correct == n else majority_at_k(correct, wrong, n - correct - sum(wrong), k)


def of_strategies(facts: ProblemFacts, k: int) -> Parts:
    """strategies@k."""
    return strategies_at_k(facts.counts.samples, facts.counts.strategies, k), 1.0


def per_solved(facts: ProblemFacts, k: int) -> Parts:
    """strategies@k over pass@k."""
    return of_strategies(facts, k)[0], of_pass(facts, k)[0]


def _inverse_collision(counts: Sequence[int]) -> Parts:
    """D2: problems where the chance of agreement is defined, over the sum of these chances."""
    chance = collision_probability(counts)
    return UNDEFINED if chance is None else (1.0, chance)


def of_effective(facts: ProblemFacts, _: int) -> Parts:
    """D2 of the strategies."""
    return _inverse_collision(facts.counts.strategies)


def of_richness(facts: ProblemFacts, k: int) -> Parts:
    """Strategies among k correct samples, where there are as many that have one."""
    richness = rarefied_richness(facts.counts.strategies, k)
    return UNDEFINED if richness is None else (richness, 1.0)


def of_answers(facts: ProblemFacts, _: int) -> Parts:
    """Different answers."""
    return float(len(facts.counts.wrong) + (facts.counts.correct > 0)), 1.0


def of_answer_entropy(facts: ProblemFacts, _: int) -> Parts:
    """Entropy of the answers in nats."""
    counts = facts.counts
    classes = (counts.correct, *counts.wrong, counts.samples - counts.correct - sum(counts.wrong))
    return entropy([count / counts.samples for count in classes if count]), 1.0


def of_coverage(facts: ProblemFacts, _: int) -> Parts:
    """Correct samples with a strategy, over correct ones."""
    return float(facts.counts.with_strategy), float(facts.counts.correct)


def of_tokens(facts: ProblemFacts, _: int) -> Parts | None:
    """Mean tokens of a sample."""
    return None if facts.tokens is None else (facts.tokens / facts.counts.samples, 1.0)


def of_truncated(facts: ProblemFacts, _: int) -> Parts | None:
    """Share of samples cut at the length limit."""
    return None if facts.truncated is None else (facts.truncated / facts.counts.samples, 1.0)


def of_step_strategies(facts: ProblemFacts, k: int) -> Parts | None:
    """strategies@k of the level `steps`."""
    if facts.texts is None:
        return None
    return strategies_at_k(facts.counts.samples, facts.texts.step_strategies, k), 1.0


def of_effective_steps(facts: ProblemFacts, _: int) -> Parts | None:
    """D2 of the level `steps`."""
    return None if facts.texts is None else _inverse_collision(facts.texts.step_strategies)


def of_invalid(facts: ProblemFacts, _: int) -> Parts | None:
    """Correct samples with a wrong step, over correct ones."""
    return None if facts.texts is None else (float(facts.texts.invalid), float(facts.counts.correct))


def of_distinct_2(facts: ProblemFacts, _: int) -> Parts | None:
    """Distinct-2 of the first correct samples."""
    if facts.texts is None:
        return None
    return UNDEFINED if facts.texts.distinct_2 is None else (facts.texts.distinct_2, 1.0)


def of_distinct_equations(facts: ProblemFacts, _: int) -> Parts | None:
    """Div-Equ: different equations / equations of all samples (arXiv 2505.23433, section 3)."""
    if facts.texts is None:
        return None
    different, every = facts.texts.equations
    return (different / every, 1.0) if every else UNDEFINED


def of_potential(facts: ProblemFacts, k: int) -> Parts:
    """Potential@k: pass@k of a problem whose greedy completion is wrong (arXiv 2505.23433, section 3)."""
    return UNDEFINED if facts.greedy is not False or not facts.counts.samples else of_pass(facts, k)


def of_size(_: ProblemFacts, __: int) -> None:
    """Known of the exam as a whole."""
    return
