"""A reward over sequences of our own making, shaped like binding data: a few motifs, position weights, epistasis.

    score_m(x) = Σ_i w_mi·1[x_i = m_i] + Σ_{i<j} e_mij·1[x_i = m_i and x_j = m_j]     for each motif m
    s(x)       = max_m h_m·score_m(x)/score_m(m),  h_m the motif's height from 0.8 to 1
    y(x)       = (e^{4s} − 1)/(e⁴ − 1)                                   binding saturates late: most sequences are weak
    R(x)       = 10·max(y, 10⁻³)³

The cube and the factor are those of the published TFBind8 task (arXiv:2408.05885, `train_G.py`). A mode is a sequence
of at least half the highest y that no single substitution improves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.seeds import seed_of
from benchmark.stats.scores import FloatArray

__all__ = ["landscape", "modes_of", "reward_of"]

FLOOR, POWER, SCALE = 1e-3, 3, 10.0
MODE_SHARE = 0.5
SHARPNESS = 4.0
PAIRS = 0.3
"""Share of position pairs with an interaction."""


def landscape(digits: NDArray[np.int64], letters: int, motifs: int, seed: int) -> FloatArray:
    """(X,) y of the sequences `digits` (X, L), from 0 to 1."""
    length = digits.shape[1]
    generator = np.random.default_rng(seed_of("landscape", length, letters, motifs, seed))
    best = np.zeros(len(digits))
    for place in range(motifs):
        motif = generator.integers(letters, size=length)
        weight = np.asarray(generator.gamma(2.0, 1.0, length))
        pair: FloatArray = np.triu(generator.gamma(2.0, 0.5, (length, length)), 1)
        pair = pair * (generator.random((length, length)) < PAIRS)
        hit = (digits == motif).astype(np.float64)
        score = (hit @ weight + np.einsum("xi,ij,xj->x", hit, pair, hit, optimize=True)) / (weight.sum() + pair.sum())
        best = np.maximum(best, score * (1.0 if place == 0 else generator.uniform(0.8, 1.0)))
    return np.asarray(np.expm1(SHARPNESS * best / best.max()) / np.expm1(SHARPNESS))


def reward_of(y: FloatArray) -> FloatArray:
    """10·max(y/max y, 10⁻³)³"""
    return np.asarray(SCALE * np.maximum(y / y.max(), FLOOR) ** POWER)


def modes_of(y: FloatArray, length: int, letters: int) -> NDArray[np.bool_]:
    """(X,) local maxima under one substitution with at least half the highest y; `y` in row-major order."""
    table = y.reshape((letters,) * length)
    top = np.ones_like(table, dtype=np.bool_)
    for axis in range(length):
        top &= table >= table.max(axis=axis, keepdims=True)
    return np.asarray((top & (table >= MODE_SHARE * table.max())).ravel())
