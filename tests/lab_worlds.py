"""Worlds of a few states with tabular networks, and every trajectory of them by recursion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from benchmark.lab import exact
from benchmark.lab.policies import Networks, NetworkShape, tables
from benchmark.lab.sampling import Paths
from benchmark.lab.worlds.bayes_net import bayes_net
from benchmark.lab.worlds.bits import bits
from benchmark.lab.worlds.graph import NONE
from benchmark.lab.worlds.hypergrid import hypergrid
from benchmark.lab.worlds.sequence import any_order, both_ends

TINY = {
    "grid": lambda: hypergrid(2, 3, 0.1),
    "any_order": lambda: any_order(3, 2),
    "both_ends": lambda: both_ends(3, 2),
    "bayes_net": lambda: bayes_net(3, 2, rows=4),
    "bits": lambda: bits(8, 4),
}


def trajectories(graph):
    """[(states, actions)] of every trajectory, the last action being "stop": by recursion, one at a time."""
    stop, found = graph.actions - 1, []

    def walk(states, actions):
        state = states[-1]
        if np.isfinite(graph.log_reward[state]):
            found.append((tuple(states), (*actions, stop)))
        for action, child in enumerate(graph.child[state]):
            if child != NONE:
                walk([*states, int(child)], [*actions, action])

    walk([0], [])
    return found


def log_prob(trajectory, log_forward):
    """log Π P_F of one trajectory."""
    states, actions = trajectory
    return sum(log_forward[s, a] for s, a in zip(states, actions, strict=True))


def log_back(graph, trajectory, log_backward):
    """log Π P_B of one trajectory."""
    states, actions = trajectory
    return sum(log_backward[after, graph.slot[a]] for after, a in zip(states[1:], actions, strict=False))


def random_backward(graph, seed=0):
    """(N, K) a backward policy far from uniform."""
    logits = np.where(graph.parent == NONE, -np.inf, np.random.default_rng(seed).normal(0, 1.5, graph.parent.shape))
    top = logits.max(axis=1, keepdims=True, initial=-1e30)
    total = np.exp(logits - top).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(graph.parent == NONE, -np.inf, logits - top - np.log(total))


def paths_of(graph, chosen):
    """Trajectories as one padded batch."""
    width = max(len(actions) for _, actions in chosen)
    stop = graph.actions - 1
    states = [[*states, *[states[-1]] * (width - len(states))] for states, _ in chosen]
    actions = [[*actions, *[stop] * (width - len(actions))] for _, actions in chosen]
    mask = [[1.0] * len(actions) + [0.0] * (width - len(actions)) for _, actions in chosen]
    return Paths(torch.tensor(states), torch.tensor(actions), torch.tensor(mask))


def tabular(graph, needs, seed=0, spread=1.0):
    """Networks that are tables: one feature for each state, no hidden layer; float64, filled at random."""
    one_hot = replace(graph, features=np.eye(graph.states, dtype=np.uint8))
    networks = Networks(tables(one_hot), frozenset(needs), seed, NetworkShape(depth=0)).double()
    networks.world = replace(
        networks.world,
        features=networks.world.features.double(),
        log_reward=torch.from_numpy(np.where(graph.ends, graph.log_reward, 0.0)),
    )
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for weight in networks.parameters():
            weight.copy_(spread * torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    return networks


def put(net, table):
    """Make a tabular network say a table; −∞ becomes a large negative number."""
    with torch.no_grad():
        values = torch.from_numpy(np.nan_to_num(table, neginf=-1e6)).double()
        net[-1].weight.copy_(values.reshape(len(values), -1).T)
        net[-1].bias.zero_()


def solve(networks, graph, log_backward, *, edge_flows=False):
    """Fill in the exact solution for a backward policy: policy or edge flows, state flows, log Z, remaining costs."""
    flows, forward = exact.log_flows(graph, log_backward), exact.forward_policy(graph, log_backward)
    put(networks.policy, forward + flows[:, None] if edge_flows else forward)
    for net in (networks.flow,):
        if net is not None:
            put(net, flows)
    if networks.value is not None:
        put(networks.value, flows[0] - flows)  # V = −log E, E = F/Z
    if networks.backward_policy is not None:
        put(networks.backward_policy, np.nan_to_num(log_backward, nan=0.0))
    if networks.log_z is not None:
        with torch.no_grad():
            networks.log_z.fill_(flows[0])
    return flows, forward
