"""Sequences of L letters, built in any order or at both ends, with a reward for every finished sequence.

`any_order`: an action writes a letter into an empty place; a sequence has L! ways. `both_ends`: an action prepends or
appends a letter; a sequence has 2^L ways, counting the first letter's two. Both stop exactly at L letters
(arXiv:2408.05885 uses the first for its biological sequences).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.lab.worlds.graph import NONE, Graph, Ints, make_graph
from benchmark.lab.worlds.landscape import landscape, modes_of, reward_of
from benchmark.stats.scores import FloatArray

__all__ = ["ALPHABET", "any_order", "both_ends", "finished"]

ALPHABET = "ACGTBDEFHIJKLMNOPQRSUVWXYZ"
MOTIFS = 6


def finished(length: int, letters: int) -> NDArray[np.int64]:
    """(X, L) all sequences in row-major order."""
    return np.stack(np.unravel_index(np.arange(letters**length), (letters,) * length), axis=1)


def any_order(length: int = 8, letters: int = 4, seed: int = 0, y: FloatArray | None = None) -> Graph:
    """(letters+1)^L states, digit 0 for an empty place; `y` (letters^L,) replaces the landscape of our own making."""
    base = letters + 1
    digits = np.stack(np.unravel_index(np.arange(base**length), (base,) * length), axis=1).astype(np.int8)
    stride = base ** np.arange(length - 1, -1, -1)
    place, letter = np.divmod(np.arange(length * letters), letters)
    onward = np.arange(len(digits), dtype=np.int32)[:, None] + ((letter + 1) * stride[place]).astype(np.int32)
    child = np.where(digits[:, place] == 0, onward, np.int32(NONE))
    whole = (digits > 0).all(axis=1)
    features = digits[:, :, None] == np.arange(1, base, dtype=np.int8)
    return _sequences(
        f"{length} places × {letters} letters in any order",
        child,
        place.astype(np.int32),
        length,
        np.flatnonzero(whole),  # row-major among finished ones, too
        features.reshape(len(digits), -1).astype(np.uint8),
        lambda state: "".join("·" if d == 0 else ALPHABET[d - 1] for d in digits[state]),
        (length, letters, seed),
        y,
    )


def both_ends(length: int = 8, letters: int = 4, seed: int = 0, y: FloatArray | None = None) -> Graph:
    """Σ_n letters^n states by length; the first actions prepend, the others append."""
    first = np.concatenate(([0], np.cumsum(letters ** np.arange(length + 1))))
    states = int(first[-1])
    sizes = np.repeat(np.arange(length + 1), letters ** np.arange(length + 1))
    code = np.arange(states) - first[sizes]
    letter = np.arange(letters)
    prepend = first[sizes + 1][:, None] + letter * (letters ** np.minimum(sizes, length))[:, None] + code[:, None]
    append = first[sizes + 1][:, None] + code[:, None] * letters + letter
    child = np.where((sizes < length)[:, None], np.concatenate((prepend, append), axis=1), NONE).astype(np.int32)

    def digits_of(n: int) -> NDArray[np.int64]:
        return finished(n, letters) if n else np.zeros((1, 0), np.int64)

    features = np.zeros((states, length, letters), np.uint8)
    for n in range(1, length + 1):
        rows = features[first[n] : first[n + 1], :n]
        np.put_along_axis(rows, digits_of(n)[:, :, None], 1, axis=2)
    return _sequences(
        f"{length} places × {letters} letters from both ends",
        child,
        np.repeat(np.arange(2), letters).astype(np.int32),
        2,
        np.arange(first[length], states),
        features.reshape(states, -1),
        lambda state: (
            "".join(ALPHABET[d] for d in np.unravel_index(int(code[state]), (letters,) * int(sizes[state])))
            if sizes[state]
            else "·"
        ),
        (length, letters, seed),
        y,
    )


def _sequences(  # noqa: PLR0913, PLR0917 - what both constructions hand over
    name: str,
    child: Ints,
    slot: Ints,
    ways_back: int,
    whole: NDArray[np.int64],
    features: NDArray[np.uint8],
    describe: object,
    made_of: tuple[int, int, int],
    y: FloatArray | None,
) -> Graph:
    length, letters, seed = made_of
    if y is None:
        y = landscape(finished(length, letters), letters, MOTIFS, seed)
    if y.shape != (letters**length,) or not (y.max() > 0):
        raise ValueError(f"{name}: expected {letters**length} values with one above 0, found {y.shape}")
    log_reward = np.full(len(child), -np.inf)
    mode = np.zeros(len(child), np.bool_)
    log_reward[whole] = np.log(reward_of(y))
    mode[whole] = modes_of(y, length, letters)
    return make_graph(name, child, slot, ways_back, log_reward, features, mode, describe)  # type: ignore[arg-type]
