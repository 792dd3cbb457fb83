"""Every number of one problem's samples.

Where a fixed number of samples is needed, the first ones of the problem are taken, in the order of the file: samples of
one problem are exchangeable, so these are a fair draw.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmark.exam import estimators, text_diversity
from benchmark.exam.metrics import CORRECT, RIGHT
from benchmark.exam.strategy.key import Strategy, strategy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    ways = [strategy_of(sample.completion, sample.answer, reading) for sample in samples]
    right = [way for way, sample in zip(ways, samples, strict=True) if sample.correct]
    found = _budget_columns(samples, right, n)
    for level in LEVELS:
        found |= _strategy_columns(samples[:n], ways[:n], _counts(right, level), level)
    answers = _answer_columns(samples[:n], as_written=reading == "published")
    return found | answers | _text_columns(samples, n, bleu=bleu)


def _key(way: Strategy, level: StrategyLevel) -> str:
    return way.expr if level == "expr" else way.steps


def _counts(ways: Sequence[Strategy | None], level: StrategyLevel) -> list[int]:
    return list(Counter(_key(way, level) for way in ways if way is not None).values())


def _budget_columns(samples: Sequence[Sample], right: Sequence[Strategy | None], n: int) -> ProblemColumns:
    """Everything that depends on k, over all samples, and the counts behind it."""
    valid = [way for way in right if way is not None and way.valid]
    keyed = sum(way is not None for way in right)
    found: ProblemColumns = {
        "samples": float(len(samples)),
        "correct": float(len(right)),
        "with_strategy": float(keyed),
        "invalid": float(keyed - len(valid)),
    }
    for k in budgets(n):
        found[f"pass@{k}"] = estimators.pass_at_k(len(samples), len(right), k)
        for level in LEVELS:
            found[f"{level}@{k}"] = estimators.strategies_at_k(len(samples), _counts(right, level), k)
    for level in LEVELS:
        found[f"valid_{level}@n"] = estimators.strategies_at_k(len(samples), _counts(valid, level), n)
    wrong = Counter(sample.answer for sample in samples if not sample.correct)
    missing = wrong.pop(None, 0)
    found["maj@n"] = estimators.majority_at_k(len(right), wrong.values(), missing, n)
    return found


def _strategy_columns(
    samples: Sequence[Sample], ways: Sequence[Strategy | None], counts: Sequence[int], level: StrategyLevel
) -> ProblemColumns:
    """`counts` are those of all correct samples; the rest is of the first n."""
    seen = _counts(ways, level)
    right = [way for way, sample in zip(ways, samples, strict=True) if sample.correct]
    own = _counts(right, level)
    found: ProblemColumns = {
        f"collision_{level}": estimators.collision_probability(counts),
        f"richness_{level}": estimators.rarefied_richness(counts, CORRECT),
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
    answers = [RIGHT if sample.correct and not as_written else sample.answer for sample in samples]
    return {
        "answers": float(estimators.distinct_answers(answers)),
        "answer_entropy": estimators.answer_entropy(answers),
    }


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
