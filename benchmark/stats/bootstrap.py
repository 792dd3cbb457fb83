"""Hierarchical bootstrap: problems and seeds are resampled, and each cell follows both.

Problems are the same for all seeds and methods, so all share one draw of problems, and all methods with the
same seeds share one draw of seeds: statistics computed from the result are paired. Meant for statistics without a
variance formula; estimates and differences have one (`intervals`), which holds with fewer seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.stats.scores import FloatArray, Scores

__all__ = ["percentile", "resample"]

_AT_ONCE = 1000
"""Resamples held in memory together, fewer where there are many problems."""
_CELLS = 8_000_000
"""Weights held in memory together."""


def resample(methods: Sequence[Scores], resamples: int, seed: int) -> list[FloatArray]:
    """Rates of resampled seeds on resampled problems, for each method, (resamples, S).

    A resampled seed is a row of the method's own, so the mean over the last axis is one draw of its estimate. A draw of
    problems that leaves a ratio undefined is NaN. Raises `ValueError` unless all methods have the same problems.
    """
    if len({scores.problems for scores in methods}) > 1:
        raise ValueError("the methods sat exams of different problems; resample those of one exam together")
    generator = np.random.default_rng(seed)
    blocks = [list(block) for block in _blocks(methods, resamples, generator)]
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _blocks(
    methods: Sequence[Scores], resamples: int, generator: np.random.Generator
) -> Iterator[Iterator[FloatArray]]:
    if not methods:
        return
    at_once = max(1, min(_AT_ONCE, _CELLS // len(methods[0].problems)))
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        weights = _counts(generator, size, len(methods[0].problems))
        rows = {
            seeds: generator.integers(len(seeds), size=(size, len(seeds)))
            for seeds in dict.fromkeys(scores.seeds for scores in methods)
        }
        yield (_drawn(scores, weights, rows[scores.seeds]) for scores in methods)


def _drawn(scores: Scores, weights: FloatArray, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> FloatArray:
    top, bottom = weights @ scores.top.T, weights @ scores.bottom.T
    rates = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom != 0)
    return np.take_along_axis(rates, rows, axis=1)


def _counts(generator: np.random.Generator, size: int, problems: int) -> FloatArray:
    """How often each of P problems is drawn in each of `size` draws of P, (size, P)."""
    drawn = generator.integers(problems, size=(size, problems)) + problems * np.arange(size)[:, None]
    return np.bincount(drawn.ravel(), minlength=size * problems).reshape(size, problems).astype(np.float64)


def percentile(draws: FloatArray, confidence: float = 0.95) -> tuple[float, float]:
    """The middle share of the draws, (resamples,), before `within`. Raises `ValueError` for an undefined draw."""
    if not np.isfinite(draws).all():
        raise ValueError("a draw is undefined (NaN or infinite); an interval over the rest would leave out the worst")
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
