"""Exact answers on a world, in float64: what a policy samples, what a reward and a backward policy imply.

Every quantity goes through the layers of the graph once, all states of a layer together. The balance conditions are
those of arXiv:2111.09266: F(s)·P_F(s'|s) = F(s')·P_B(s|s') for every edge, F(s)·P_F(stop|s) = R(s).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from benchmark.lab.worlds.graph import NONE, Graph
from benchmark.stats.scores import FloatArray

__all__ = [
    "Distances",
    "balance_residuals",
    "distances",
    "forward_policy",
    "log_flows",
    "log_z",
    "marginals",
    "reach",
    "target",
    "terminal",
    "uniform_backward",
]


def log_z(graph: Graph) -> float:
    """Log Σ_x R(x)"""
    return float(logsumexp(graph.log_reward))


def target(graph: Graph) -> FloatArray:
    """(N,) R(x)/Z; 0 where a trajectory cannot stop."""
    return np.asarray(np.exp(graph.log_reward - log_z(graph)))


def reach(graph: Graph, log_forward: FloatArray) -> FloatArray:
    """(N,) the probability that a trajectory of the forward policy passes through a state.

    u(start) = 1,  u(s') = Σ over edges into s' of u(s)·P_F(a|s). `log_forward` (N, A+1), −∞ or anything where an
    action is not allowed.
    """
    probability = np.exp(log_forward)
    found = np.zeros(graph.states)
    found[0] = 1.0
    for layer in graph.layers[1:]:
        before = graph.parent[layer]
        step = probability[before, graph.parent_action[layer]]
        found[layer] = np.where(before == NONE, 0.0, found[before] * step).sum(axis=1)
    return found


def terminal(graph: Graph, log_forward: FloatArray) -> FloatArray:
    """(N,) the distribution of the states where trajectories of a forward policy (N, A+1) stop."""
    return np.asarray(np.where(graph.ends, reach(graph, log_forward) * np.exp(log_forward[:, -1]), 0.0))


def uniform_backward(graph: Graph) -> FloatArray:
    """(N, K) log P_B that takes every way back alike: −log of their number; −∞ where there is none."""
    there = graph.parent != NONE
    ways = np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, -np.log(ways), -np.inf)


def log_flows(graph: Graph, log_backward: FloatArray) -> FloatArray:
    """(N,) log F(s) of the one flow that the reward and a backward policy (N, K) imply; log F(start) is log Z.

    F(s) = R(s) + Σ over edges s → s' of F(s')·P_B(s|s')
    """
    found = np.full(graph.states, -np.inf)
    for layer in reversed(graph.layers):
        after = graph.child[layer]
        edge = np.where(after == NONE, -np.inf, found[after] + log_backward[after, graph.slot])
        found[layer] = _logsumexp(np.concatenate((edge, graph.log_reward[layer, None]), axis=1))
    return found


def marginals(graph: Graph, log_backward: FloatArray) -> FloatArray:
    """(N,) the share of trajectories that pass through each state when objects come in proportion to their reward."""
    flows = log_flows(graph, log_backward)
    return np.asarray(np.exp(flows - flows[0]))


def forward_policy(graph: Graph, log_backward: FloatArray) -> FloatArray:
    """(N, A+1) the log P_F in balance with the reward and a backward policy; −∞ where an action is not allowed."""
    flows = log_flows(graph, log_backward)
    edge = np.where(graph.child == NONE, -np.inf, flows[graph.child] + log_backward[graph.child, graph.slot])
    return np.asarray(np.concatenate((edge, graph.log_reward[:, None]), axis=1) - flows[:, None])


def balance_residuals(graph: Graph, log_forward: FloatArray, log_backward: FloatArray, flows: FloatArray) -> FloatArray:
    """(N, A+1) log F(s) + log P_F(a|s) − log F(s') − log P_B(s|s'), for "stop" − log R(s); 0 where not allowed."""
    after = np.where(graph.child == NONE, 0, graph.child)
    with np.errstate(invalid="ignore"):  # infinities of actions that are not allowed
        onward = flows[:, None] + log_forward[:, :-1] - flows[after] - log_backward[after, graph.slot]
        stop = flows + log_forward[:, -1] - graph.log_reward
    return np.asarray(np.where(graph.allowed, np.concatenate((onward, stop[:, None]), axis=1), 0.0))


@dataclass(frozen=True, slots=True)
class Distances:
    """Between what a policy samples, p, and the target, q. All in nats but the first, which is a share."""

    total_variation: float
    """½ Σ|p − q|, from 0 to 1."""
    jensen_shannon: float
    """½ KL(p‖m) + ½ KL(q‖m), m = (p+q)/2; from 0 to log 2."""
    kl: float
    """KL(p‖q), what on-policy training minimises."""
    mean_reward: float
    """Σ p·R"""
    mode_mass: float
    """Probability of the modes."""


def distances(graph: Graph, sampled: FloatArray) -> Distances:
    """Of a terminal distribution (N,)."""
    wanted = target(graph)
    ends = graph.ends
    p, q = sampled[ends], wanted[ends]
    middle = (p + q) / 2
    return Distances(
        total_variation=float(np.abs(p - q).sum() / 2),
        jensen_shannon=(_kl(p, middle) + _kl(q, middle)) / 2,
        kl=_kl(p, q),
        mean_reward=float(p @ np.exp(graph.log_reward[ends])),
        mode_mass=float(sampled[graph.mode].sum()),
    )


def _kl(p: FloatArray, q: FloatArray) -> float:
    some = p > 0
    return float((p[some] * (np.log(p[some]) - np.log(q[some]))).sum())


def _logsumexp(values: FloatArray) -> FloatArray:
    """(R,) over the last axis of (R, C); faster than scipy's on small rows."""
    top = values.max(axis=1)
    return np.asarray(top + np.log(np.exp(values - top[:, None]).sum(axis=1)))
