"""The hyper-grid: cells of {0 … H−1}^D, each action adds 1 to one coordinate, every cell may be the last.

    R(x) = R0 + R1·1[all axes outer] + R2·1[all axes in the band],   u = |2x − (H−1)| per axis
    outer: 2u > H−1      band: 3(H−1) < 5u < 4(H−1)

These are the published bands |x/(H−1) − ½| > 0.25 and 0.3 < |…| < 0.4 (arXiv:2106.04399, arXiv:2201.13259) in integers:
evaluated in floats, a cell on a border falls inside or outside by rounding. A mode is a cell of the highest reward.
"""

from __future__ import annotations

import numpy as np

from benchmark.lab.worlds.graph import NONE, Graph, make_graph

__all__ = ["hypergrid"]


def hypergrid(ndim: int, height: int, r0: float = 0.01, r1: float = 0.5, r2: float = 2.0) -> Graph:
    """H^D cells in row-major order; features are one of H for each axis. Raises `ValueError` for an empty grid."""
    if ndim < 1 or height < 2 or r0 <= 0:
        raise ValueError(f"a grid of {ndim} axes, height {height}, R0 {r0}: expected at least 1, at least 2, above 0")
    shape = (height,) * ndim
    cells = np.stack(np.unravel_index(np.arange(height**ndim), shape), axis=1)  # (N, D)
    stride = height ** np.arange(ndim - 1, -1, -1)
    child = np.where(cells < height - 1, np.arange(len(cells))[:, None] + stride, NONE).astype(np.int32)
    u = np.abs(2 * cells - (height - 1))
    outer = (2 * u > height - 1).all(axis=1)
    band = ((3 * (height - 1) < 5 * u) & (5 * u < 4 * (height - 1))).all(axis=1)
    reward = r0 + r1 * outer + r2 * band
    features = np.zeros((len(cells), ndim, height), np.uint8)
    np.put_along_axis(features, cells[:, :, None], 1, axis=2)
    name = f"grid of {'×'.join([str(height)] * ndim)} cells, R0 {r0:g}"
    return make_graph(
        name,
        child,
        np.arange(ndim, dtype=np.int32),
        ndim,
        np.log(reward),
        features.reshape(len(cells), -1),
        reward == reward.max(),
        lambda state: str(tuple(map(int, cells[state]))),
        shape=shape,
    )
