"""Every number of one problem's samples: the metrics of exams at both levels of strategies, and numbers of texts.

Where a fixed number of samples is needed, the first ones of the problem are taken, in the order of the file: samples of
one problem are exchangeable, so these are a fair draw.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmark.exam import estimators, text_diversity
from benchmark.exam.definitions import METRICS
from benchmark.exam.facts import CORRECT, Counts, ProblemFacts
from benchmark.exam.strategy.key import Strategy, count_equations, strategy_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.commands.diversity.samples import Sample
    from benchmark.exam.strategy.expressions import Reading
    from benchmark.exam.strategy.key import StrategyLevel

__all__ = ["ProblemColumns", "budgets", "columns_of"]


ProblemColumns = dict[str, float | None]
"""Name → value of one problem; `None` is undefined."""
LEVELS: tuple[StrategyLevel, ...] = ("expr", "steps")


def budgets(n: int) -> tuple[int, ...]:
    """The k of pass@k: all up to 16, then powers of two, and n itself."""
    return tuple(k for k in range(1, n + 1) if k <= 16 or k == n or not k & (k - 1))


def columns_of(samples: Sequence[Sample], n: int, reading: Reading, *, bleu: bool) -> ProblemColumns:
    """All columns of one problem. `n`: samples taken where their number matters, and the largest k; `bleu`: self-BLEU.

    The reading `published` compares answers as they are written, too: `3,000` and `3000` are two.

    What counts correct samples only is undefined without one. Distinct and effective strategies are those of the first
    n samples; a solved problem none of whose correct samples has a strategy has 0 of them.
    """
    strategies = [strategy_of(sample.completion, sample.answer, reading) for sample in samples]
    facts = {level: _facts(samples, strategies, level) for level in LEVELS}
    found = _budget_columns(facts, strategies, samples, n)
    for level in LEVELS:
        found |= _strategy_columns(samples[:n], strategies[:n], facts[level], level)
    answers = _answer_columns(samples[:n], as_written=reading == "published")
    right = [sample for sample in samples if sample.correct][:CORRECT]
    equations = {
        "div_equ": _share(samples[:n], reading),
        "div_equ_correct": _share(right, reading) if len(right) == CORRECT else None,
    }
    return found | answers | equations | _text_columns(samples, n, bleu=bleu)


def _share(samples: Sequence[Sample], reading: Reading) -> float | None:
    """Div-Equ: different equations / equations; undefined without one."""
    different, every = count_equations((sample.completion for sample in samples), reading)
    return different / every if every else None


def _facts(samples: Sequence[Sample], strategies: Sequence[Strategy | None], level: StrategyLevel) -> ProblemFacts:
    """What the exam metrics ask, with strategies of this level."""
    right = [strategy for strategy, sample in zip(strategies, samples, strict=True) if sample.correct]
    wrong = Counter(sample.answer for sample in samples if not sample.correct)
    missing = wrong.pop(None, 0)
    return ProblemFacts(
        Counts(
            samples=len(samples),
            correct=len(right),
            with_strategy=sum(strategy is not None for strategy in right),
            strategies=_counts(right, level),
            wrong=tuple(sorted(wrong.values())),
            no_answer=missing,
        )
    )


def _value(metric: str, facts: ProblemFacts, k: int = 0) -> float | None:
    """An exam metric of this problem alone; `None` where it is undefined."""
    parts = METRICS[metric].estimator(facts, k)
    return parts[0] / parts[1] if parts is not None and parts[1] else None


def _key(strategy: Strategy, level: StrategyLevel) -> str:
    return strategy.expr if level == "expr" else strategy.steps


def _counts(strategies: Sequence[Strategy | None], level: StrategyLevel) -> tuple[int, ...]:
    keys = Counter(_key(strategy, level) for strategy in strategies if strategy is not None)
    return tuple(sorted(keys.values()))


def _budget_columns(
    facts: Mapping[StrategyLevel, ProblemFacts],
    strategies: Sequence[Strategy | None],
    samples: Sequence[Sample],
    n: int,
) -> ProblemColumns:
    """Everything that depends on k, over all samples, and the counts behind it."""
    counts = facts["expr"].counts
    right = [strategy for strategy, sample in zip(strategies, samples, strict=True) if sample.correct]
    valid = [strategy for strategy in right if strategy is not None and strategy.valid]
    found: ProblemColumns = {
        "samples": float(counts.samples),
        "correct": float(counts.correct),
        "with_strategy": float(counts.with_strategy),
        "invalid": float(counts.with_strategy - len(valid)),
    }
    for k in budgets(n):
        found[f"pass@{k}"] = _value("pass@k", facts["expr"], k)
        for level in LEVELS:
            found[f"{level}@{k}"] = _value("strategies@k", facts[level], k)
    for level in LEVELS:
        held = facts[level]
        strict = held._replace(counts=held.counts._replace(strategies=_counts(valid, level)))
        found[f"valid_{level}@n"] = _value("strategies@k", strict, n)
    found["maj@n"] = _value("maj@k", facts["expr"], n)
    found["potential@n"] = None  # known where there is a greedy answer, in `measure`
    return found


def _strategy_columns(
    samples: Sequence[Sample], strategies: Sequence[Strategy | None], facts: ProblemFacts, level: StrategyLevel
) -> ProblemColumns:
    """`facts` are those of all samples; the rest is of the first n."""
    seen = _counts(strategies, level)
    right = [strategy for strategy, sample in zip(strategies, samples, strict=True) if sample.correct]
    own = _counts(right, level)
    found: ProblemColumns = {
        f"collision_{level}": estimators.collision_probability(facts.counts.strategies),
        f"richness_{level}": _value("richness@k", facts, CORRECT),
        f"distinct_{level}": float(len(own)) if right else None,
        f"effective_{level}": (estimators.hill_number(own, 1) or 0.0) if right else None,
        f"any_{level}": float(len(seen)),
    }
    if level == "expr":
        found |= {
            "dominance": estimators.dominance_score(seen, len(samples)),
            "dominance_correct": estimators.dominance_score(own, len(right)),
        }
    return found


def _answer_columns(samples: Sequence[Sample], *, as_written: bool) -> ProblemColumns:
    """All correct answers are one answer, unless answers are compared as they are written."""
    correct = 0 if as_written else sum(sample.correct for sample in samples)
    others = Counter(one.answer for one in samples if one.answer is not None and (as_written or not one.correct))
    facts = ProblemFacts(Counts(len(samples), correct, wrong=tuple(sorted(others.values()))))
    return {"answers": _value("distinct_answers", facts), "answer_entropy": _value("answer_entropy", facts)}


def _text_columns(samples: Sequence[Sample], n: int, *, bleu: bool) -> ProblemColumns:
    texts = [sample.completion for sample in samples[:n]]
    vectors = text_diversity.ngram_vectors(texts)
    right = [sample.completion for sample in samples if sample.correct][:CORRECT]
    enough = len(right) == CORRECT
    return {
        "distinct1": text_diversity.distinct_n(texts, 1),
        "distinct2": text_diversity.distinct_n(texts, 2),
        "distinct4": text_diversity.distinct_n(texts, 4),
        "distinct2_per_token": text_diversity.distinct_n_per_token(texts, 2),
        "self_bleu": text_diversity.self_bleu(texts) if bleu else None,
        "vendi": text_diversity.vendi_score(text_diversity.cosine_kernel(vectors)),
        "cosine": text_diversity.cosine_diversity(vectors),
        "distinct2_correct": text_diversity.distinct_n(right, 2) if enough else None,
        "vendi_correct": _vendi(right) if enough else None,
        "self_bleu_correct": text_diversity.self_bleu(right) if enough and bleu else None,
    }


def _vendi(texts: Sequence[str]) -> float | None:
    return text_diversity.vendi_score(text_diversity.cosine_kernel(text_diversity.ngram_vectors(texts)))
