"""Structures of Bayesian networks: an action adds one edge that closes no circle, every graph may be the last.

    R(G) = e^{max(score(G) − max score, −12)}

The BGe score is that of data drawn from a seeded linear-Gaussian graph, with a uniform prior, so R(G)/Z is the exact
posterior over graphs but for the floor, that of arXiv:2408.05885's code, which moves it by less than 0.4 % in total
variation. There are 25, 543 and 29,281 graphs on 3, 4 and 5 nodes (OEIS A003024); a graph of m edges has m! ways. The
mode is every graph of the highest score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.lab.worlds.bge import linear_gaussian, local_scores
from benchmark.lab.worlds.graph import NONE, Graph, make_graph
from benchmark.stats.scores import FloatArray

__all__ = ["bayes_net", "every_dag"]

MOST_NODES = 5


def every_dag(nodes: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """All directed acyclic graphs as adjacency matrices (N, n, n) by their number of edges, and their codes (N,).

    A code has bit i·n + j for the edge i → j. Raises `ValueError` beyond 5 nodes: 6 have 3,781,503 graphs.
    """
    if not 2 <= nodes <= MOST_NODES:
        raise ValueError(f"{nodes} nodes: expected 2 to {MOST_NODES}, whose graphs can be listed")
    layer = np.zeros((1, nodes, nodes), np.bool_)
    codes = np.zeros(1, np.int64)
    graphs, names = [layer], [codes]
    while len(layer):
        reach = _reaches(layer)
        found, first = [], []
        for i, j in _pairs(nodes):
            may = ~layer[:, i, j] & ~reach[:, j, i]
            grown = layer[may].copy()
            grown[:, i, j] = True
            found.append(grown)
            first.append(codes[may] | 1 << i * nodes + j)
        codes, places = np.unique(np.concatenate(first), return_index=True)
        layer = np.concatenate(found)[places]
        graphs.append(layer)
        names.append(codes)
    return np.concatenate(graphs), np.concatenate(names)


def bayes_net(nodes: int, edges: int, rows: int = 100, seed: int = 0, least: float = -12.0) -> Graph:
    """The posterior over graphs of `rows` observations of a graph of `edges` edges; `least` is the floor of log R."""
    graphs, codes = every_dag(nodes)
    _, data = linear_gaussian(nodes, edges, rows, seed)
    score = _scores(graphs, local_scores(data))
    pairs = _pairs(nodes)
    child = np.full((len(graphs), len(pairs)), NONE, np.int32)
    reach = _reaches(graphs)
    sort = np.argsort(codes)
    for action, (i, j) in enumerate(pairs):
        may = np.flatnonzero(~graphs[:, i, j] & ~reach[:, j, i])
        grown = codes[may] | 1 << i * nodes + j
        child[may, action] = sort[np.searchsorted(codes, grown, sorter=sort)]
    names = tuple(f"{i}→{j}" for i, j in pairs)
    features = np.stack([graphs[:, i, j] for i, j in pairs], axis=1).astype(np.uint8)
    return make_graph(
        f"graphs on {nodes} nodes, {rows} rows",
        child,
        np.arange(len(pairs), dtype=np.int32),
        len(pairs),
        np.maximum(score - score.max(), least),
        features,
        score > score.max() - 1e-6,
        lambda state: " ".join(name for name, there in zip(names, features[state], strict=True) if there) or "·",
        edges=names,
    )


def _pairs(nodes: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(nodes) for j in range(nodes) if i != j]


def _reaches(graphs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, n, n) whether a way leads from i to j: Warshall's closure."""
    reach = graphs.copy()
    for middle in range(graphs.shape[1]):
        reach |= reach[:, :, middle, None] & reach[:, middle, None, :]
    return reach


def _scores(graphs: NDArray[np.bool_], local: FloatArray) -> FloatArray:
    nodes = graphs.shape[1]
    masks = (graphs * (1 << np.arange(nodes))[:, None]).sum(axis=1)  # (N, n): the parents of each node
    return np.asarray(local[np.arange(nodes), masks].sum(axis=1))
