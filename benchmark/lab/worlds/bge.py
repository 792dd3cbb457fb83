"""The BGe score: log-probability of data under each directed acyclic graph, weights and variances integrated out.

For a node with parents P, Q = P and the node, l = |P|, data of M rows and n columns,

    log p(x_Q)/p(x_P) = log Γ((M+w−n+l+1)/2) − log Γ((w−n+l+1)/2) − (M/2)·log π + ½·log(u/(M+u))
                        + ½(w−n+2l+1)·log t + ½(M+w−n+l)·log|R_P| − ½(M+w−n+l+1)·log|R_Q|
    R = t·I + Σ (x−x̄)(x−x̄)ᵀ + (M·u/(M+u))·x̄x̄ᵀ,   t = u(w−n−1)/(u+1),   u = 1, w = n+2

(Geiger and Heckerman 2002; this form: Kuipers, Moffa, Heckerman 2014, eq. 1 to 5). Graphs that state the same
independences have the same score.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from benchmark.seeds import seed_of
from benchmark.stats.scores import FloatArray

__all__ = ["linear_gaussian", "local_scores"]

MEAN_STRENGTH = 1.0
"""u: prior rows that speak for a mean of 0."""


def local_scores(data: FloatArray) -> FloatArray:
    """(n, 2^n) the score of each node with each set of parents as a bit mask; −∞ where a node is its own parent."""
    rows, nodes = data.shape
    freedom = nodes + 2
    prior = MEAN_STRENGTH * (freedom - nodes - 1) / (MEAN_STRENGTH + 1)
    mean = data.mean(axis=0)
    centred = data - mean
    scatter = prior * np.eye(nodes) + centred.T @ centred
    scatter += rows * MEAN_STRENGTH / (rows + MEAN_STRENGTH) * np.outer(mean, mean)
    scores = np.full((nodes, 2**nodes), -np.inf)
    for node, mask in itertools.product(range(nodes), range(2**nodes)):
        parents = [other for other in range(nodes) if mask >> other & 1]
        if node not in parents:
            scores[node, mask] = _score(scatter, node, parents, rows, freedom, prior)
    return scores


def _score(scatter: FloatArray, node: int, parents: list[int], rows: int, freedom: int, prior: float) -> float:
    free = freedom - len(scatter) + len(parents)
    family = [*parents, node]
    return (
        math.lgamma((rows + free + 1) / 2)
        - math.lgamma((free + 1) / 2)
        - rows / 2 * math.log(math.pi)
        + math.log(MEAN_STRENGTH / (rows + MEAN_STRENGTH)) / 2
        + (free + len(parents) + 1) / 2 * math.log(prior)
        + (rows + free) / 2 * _log_det(scatter, parents)
        - (rows + free + 1) / 2 * _log_det(scatter, family)
    )


def _log_det(scatter: FloatArray, chosen: list[int]) -> float:
    return float(np.linalg.slogdet(scatter[np.ix_(chosen, chosen)])[1]) if chosen else 0.0


def linear_gaussian(nodes: int, edges: int, rows: int, seed: int) -> tuple[NDArray[np.bool_], FloatArray]:
    """A random graph (n, n) of so many edges (Erdős–Rényi over a random order) and data (rows, n) drawn from it.

    Each node is the sum of its parents times weights N(0, 1), plus noise of standard deviation √0.1, as in
    arXiv:2408.05885 `train_BN.py`.
    """
    generator = np.random.default_rng(seed_of("linear-gaussian", nodes, edges, rows, seed))
    order = generator.permutation(nodes)
    pairs = list(itertools.combinations(range(nodes), 2))
    truth = np.zeros((nodes, nodes), np.bool_)
    for place in generator.choice(len(pairs), size=min(edges, len(pairs)), replace=False):
        before, after = pairs[place]
        truth[order[before], order[after]] = True
    weight = np.where(truth, generator.standard_normal((nodes, nodes)), 0.0)
    data = np.zeros((rows, nodes))
    for node in order:
        data[:, node] = data @ weight[:, node] + math.sqrt(0.1) * generator.standard_normal(rows)
    return truth, data
