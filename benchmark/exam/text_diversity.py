"""How different texts or vectors are: shares of different n-grams, self-BLEU, cosines, the Vendi score.

All of them see wording, length and style before they see reasoning, and all rise as solutions get worse: compare them
on correct solutions alone, at one fixed number of them. Tokens are those of the lower-cased text, except in self-BLEU.
"""

from __future__ import annotations

import importlib.metadata
import math
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import ConfigurationError
from benchmark.exam.estimators import effective

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.stats.scores import FloatArray

__all__ = [
    "SELF_BLEU",
    "cosine_diversity",
    "cosine_kernel",
    "distinct_n",
    "distinct_n_per_token",
    "expectation_adjusted_distinct",
    "ngram_vectors",
    "sacrebleu_version",
    "self_bleu",
    "vendi_score",
]


SELF_BLEU = "13a tokens, exponential smoothing, effective order"
"""How self-BLEU is computed; other BLEUs give other numbers."""

_WORD = re.compile(r"\d+(?:\.\d+)?|[a-z]+|[^\sa-z0-9]")
_EIGENVALUE = 1e-12
"""Smaller ones are rounding."""


def distinct_n(texts: Iterable[str], n: int) -> float:
    """Different n-grams over all n-grams, pooled over the texts, in [0, 1]; 0 without n-grams. Falls with length."""
    grams, _ = _ngrams(texts, n)
    return len(grams) / grams.total() if grams else 0.0


def distinct_n_per_token(texts: Iterable[str], n: int) -> float:
    """Different n-grams over all tokens, in [0, 1]; the definition of Li et al. 2016 (arXiv 1510.03055)."""
    grams, tokens = _ngrams(texts, n)
    return len(grams) / tokens if tokens else 0.0


def expectation_adjusted_distinct(texts: Iterable[str], n: int, vocabulary_size: int) -> float:
    """Different n-grams over how many as many uniform draws would give: N / (V (1 - ((V-1)/V)^C)); 0 without n-grams.

    Liu et al. 2022 (arXiv 2202.13587), equation 3. Not bounded by 1 when V is smaller than the real vocabulary.
    """
    grams, _ = _ngrams(texts, n)
    expected = vocabulary_size * (1 - ((vocabulary_size - 1) / vocabulary_size) ** grams.total())
    return len(grams) / expected if grams else 0.0


def self_bleu(texts: Sequence[str]) -> float | None:
    """Mean sentence BLEU of each text against all the others, in [0, 1]; lower is more diverse. Undefined below two.

    Zhu et al. 2018 (arXiv 1802.01886), by sacrebleu (arXiv 1804.08771) as `SELF_BLEU` says. A text without a word of
    the others has 0. Raises `ConfigurationError` where sacrebleu is not installed.
    """
    if len(texts) < 2:
        return None
    try:
        from sacrebleu.metrics import BLEU  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise ConfigurationError(
            "self-BLEU needs the package sacrebleu, which is not installed: pip install -e '.[diversity]'."
        ) from error
    bleu = BLEU(effective_order=True)
    scores = [bleu.sentence_score(text, [*texts[:own], *texts[own + 1 :]]).score for own, text in enumerate(texts)]
    return math.fsum(scores) / len(scores) / 100


def sacrebleu_version() -> str | None:
    """Installed version, read without importing it; `None` where it is missing."""
    try:
        return importlib.metadata.version("sacrebleu")
    except importlib.metadata.PackageNotFoundError:
        return None


def ngram_vectors(texts: Sequence[str]) -> FloatArray:
    """Counts of each text's token 1- and 2-grams, one row for each text."""
    rows = [_ngrams([text], 1)[0] + _ngrams([text], 2)[0] for text in texts]
    columns = sorted(set().union(*rows))
    return np.array([[row[gram] for gram in columns] for row in rows], dtype=np.float64).reshape(
        len(rows), len(columns)
    )


def _ngrams(texts: Iterable[str], n: int) -> tuple[Counter[tuple[str, ...]], int]:
    grams: Counter[tuple[str, ...]] = Counter()
    tokens = 0
    for text in texts:
        words = _WORD.findall(text.lower())
        tokens += len(words)
        grams.update(zip(*(words[start:] for start in range(n)), strict=False))
    return grams, tokens


def cosine_kernel(vectors: FloatArray) -> FloatArray:
    """Cosines of all pairs of rows, [n, n]. A row of zeros is alike to itself alone."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norms > 0, norms, 1.0)
    kernel: FloatArray = unit @ unit.T
    np.fill_diagonal(kernel, 1.0)
    return kernel


def cosine_diversity(vectors: FloatArray) -> float | None:
    """1 - mean cosine over pairs of rows, in [0, 2]. Undefined below two rows."""
    count = len(vectors)
    if count < 2:
        return None
    kernel = cosine_kernel(vectors)
    return float(1.0 - (kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def vendi_score(kernel: FloatArray, order: float = 1.0) -> float | None:
    """Effective number of rows of a positive semidefinite kernel with ones on its diagonal, from 1 to n.

    The Hill number of the eigenvalues of K/n; Friedman & Dieng 2022 (arXiv 2210.02410), orders other than 1 from
    arXiv 2310.12952. With the kernel "same class" it is exp H of the class sizes. Undefined for no rows.
    """
    count = len(kernel)
    if count == 0:
        return None
    eigenvalues = np.linalg.eigvalsh(kernel / count)
    return effective([float(value) for value in eigenvalues if value > _EIGENVALUE], order)
