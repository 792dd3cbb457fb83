"""Bit strings written word by word from the left: a tree, as a text is. Beside the graphs, the control.

    R(x) = e^{−min_m d(x, m)},  d the Hamming distance to the nearest mode m                     (arXiv:2201.13259, 5.3)

Modes are all strings made of the paper's five patterns of 8 bits. Every string has one way, so a backward policy is 1.
"""

from __future__ import annotations

import itertools

import numpy as np

from benchmark.lab.worlds.graph import NONE, Graph, make_graph

__all__ = ["bits"]

PATTERNS = ("00000000", "11111111", "11110000", "00001111", "00111100")


def bits(length: int = 16, word: int = 4) -> Graph:
    """Strings of `length` bits in words of `word`; 2^length objects. Raises `ValueError` unless 8 and words divide."""
    if length % 8 or length % word:
        raise ValueError(f"{length} bits in words of {word}: expected a multiple of 8 and of the word")
    words, choices = length // word, 2**word
    first = np.concatenate(([0], np.cumsum(choices ** np.arange(words + 1))))
    sizes = np.repeat(np.arange(words + 1), choices ** np.arange(words + 1))
    code = np.arange(int(first[-1])) - first[sizes]
    onward = first[sizes + 1][:, None] + code[:, None] * choices + np.arange(choices)
    child = np.where((sizes < words)[:, None], onward, NONE).astype(np.int32)
    features = np.zeros((len(sizes), words, choices), np.uint8)
    for place in range(words):
        rows = np.flatnonzero(sizes > place)
        features[rows, place, (code[rows] // choices ** (sizes[rows] - place - 1)) % choices] = 1
    whole = np.arange(first[words], len(sizes))
    strings = np.arange(2**length)[:, None] >> np.arange(length - 1, -1, -1) & 1
    modes = [[int(bit) for part in parts for bit in part] for parts in itertools.product(PATTERNS, repeat=length // 8)]
    away = np.min([(strings != mode).sum(axis=1) for mode in modes], axis=0)
    log_reward = np.full(len(sizes), -np.inf)
    log_reward[whole] = -away.astype(np.float64)
    mode = np.zeros(len(sizes), np.bool_)
    mode[whole] = away == 0
    return make_graph(
        f"{length} bits in words of {word}",
        child,
        np.zeros(choices, np.int32),
        1,
        log_reward,
        features.reshape(len(sizes), -1),
        mode,
        lambda state: f"{int(code[state]):0{int(sizes[state]) * word}b}" if sizes[state] else "·",
    )
