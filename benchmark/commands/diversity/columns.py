"""Every number of one problem's samples.

Where a fixed number of samples is needed, the first ones of the problem are taken, in the order of the file: samples of
one problem are exchangeable, so these are a fair draw.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmark.exam import estimators
from benchmark.exam.strategy.key import Strategy, strategy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.commands.diversity.samples import Sample
    from benchmark.exam.strategy.expressions import Reading
    from benchmark.exam.strategy.key import Level

__all__ = ["CORRECT", "Columns", "budgets", "columns_of"]

CORRECT = 4
"""m: correct samples on which richness, distinct-2, the Vendi score and self-BLEU are compared."""

Columns = dict[str, float | None]
"""Name → value of one problem; `None` is undefined."""
LEVELS: tuple[Level, ...] = ("expr", "steps")
_RIGHT = "\0right"
"""The one answer of all correct samples, however they write it."""


def budgets(n: int) -> tuple[int, ...]:
    """The k of pass@k: all up to 16, then powers of two, and n itself."""
    return tuple(k for k in range(1, n + 1) if k <= 16 or k == n or not k & (k - 1))


def columns_of(samples: Sequence[Sample], n: int, reading: Reading, *, bleu: bool) -> Columns:
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


def _key(way: Strategy, level: Level) -> str:
    return way.expr if level == "expr" else way.steps


def _counts(ways: Sequence[Strategy | None], level: Level) -> list[int]:
    return list(Counter(_key(way, level) for way in ways if way is not None).values())


def _budget_columns(samples: Sequence[Sample], right: Sequence[Strategy | None], n: int) -> Columns:
    """Everything that depends on k, over all samples, and the counts behind it."""
    valid = [way for way in right if way is not None and way.valid]
    keyed = sum(way is not None for way in right)
    found: Columns = {
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
    samples: Sequence[Sample], ways: Sequence[Strategy | None], counts: Sequence[int], level: Level
) -> Columns:
    """`counts` are those of all correct samples; the rest is of the first n."""
    seen = _counts(ways, level)
    right = [way for way, sample in zip(ways, samples, strict=True) if sample.correct]
    own = _counts(right, level)
    found: Columns = {
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


def _answer_columns(samples: Sequence[Sample], *, as_written: bool) -> Columns:
    """All correct answers are one answer, unless answers are compared as they are written."""
    answers = [_RIGHT if sample.correct and not as_written else sample.answer for sample in samples]
    return {
        "answers": float(estimators.distinct_answers(answers)),
        "answer_entropy": estimators.answer_entropy(answers),
    }


def _text_columns(samples: Sequence[Sample], n: int, *, bleu: bool) -> Columns:
    texts = [sample.completion for sample in samples[:n]]
    vectors = estimators.ngram_vectors(texts)
    right = [sample.completion for sample in samples if sample.correct][:CORRECT]
    enough = len(right) == CORRECT
    return {
        "distinct1": estimators.distinct_n(texts, 1),
        "distinct2": estimators.distinct_n(texts, 2),
        "distinct4": estimators.distinct_n(texts, 4),
        "distinct2_per_token": estimators.distinct_n_per_token(texts, 2),
        "self_bleu": estimators.self_bleu(texts) if bleu else None,
        "vendi": estimators.vendi_score(estimators.cosine_kernel(vectors)),
        "cosine": estimators.cosine_diversity(vectors),
        "distinct2_correct": estimators.distinct_n(right, 2) if enough else None,
        "vendi_correct": _vendi(right) if enough else None,
        "self_bleu_correct": estimators.self_bleu(right) if enough and bleu else None,
    }


def _vendi(texts: Sequence[str]) -> float | None:
    return estimators.vendi_score(estimators.cosine_kernel(estimators.ngram_vectors(texts)))
