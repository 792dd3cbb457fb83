"""The one interface of all worlds: a directed acyclic graph of states, given as tables.

Every state has an integer from 0 (the start) to N-1. An action adds one piece; the last action of a trajectory is
"stop", which ends it at the present state. Edges are actions, not pairs of states: where two actions lead from one
state to the same other one (prepending and appending the same letter), they are two edges and two ways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.stats.scores import FloatArray

__all__ = ["NONE", "Graph", "Ints", "make_graph"]

Ints = NDArray[np.int32]

NONE = -1
"""Fills `child` where an action is not allowed and `parent` where there is none."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A world. N states, A actions beside "stop", K ways to undo an action, F features.

    Undoing is numbered apart from doing: `slot[a]` is the way in which action `a` is undone, so that
    `parent[child[s, a], slot[a]] == s` and `parent_action[child[s, a], slot[a]] == a` for every allowed action.
    """

    name: str
    child: Ints
    """(N, A) the state an action leads to, `NONE` where it is not allowed."""
    parent: Ints
    """(N, K) the state before, `NONE` where there is no such way back."""
    parent_action: Ints
    """(N, K) the action that led here from `parent`; 0 where there is none."""
    slot: Ints
    """(A,) the column of `parent` in which an action is undone."""
    depth: Ints
    """(N,) actions since the start, the same on every way."""
    log_reward: FloatArray
    """(N,) log R of stopping in a state; −∞ where a trajectory cannot stop."""
    features: NDArray[np.uint8]
    """(N, F) zeros and ones that a network reads."""
    mode: NDArray[np.bool_]
    """(N,) the states that count as modes of the reward."""
    describe: Callable[[int], str]
    """A state in a few characters."""
    shape: tuple[int, ...] = ()
    """Of a grid, for pictures: states are its cells in row-major order; empty for other worlds."""
    edges: tuple[str, ...] = ()
    """Of a Bayesian network: the name of each feature's edge; empty for other worlds."""

    @property
    def states(self) -> int:
        """N"""
        return len(self.child)

    @property
    def actions(self) -> int:
        """A + 1, "stop" included; its index is A."""
        return int(self.child.shape[1]) + 1

    @property
    def ends(self) -> NDArray[np.bool_]:
        """(N,) whether a trajectory can stop in the state."""
        return np.isfinite(self.log_reward)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """(N, A+1) which actions a state allows, "stop" last."""
        return np.concatenate((self.child != NONE, self.ends[:, None]), axis=1)

    @cached_property
    def layers(self) -> tuple[Ints, ...]:
        """The states of each depth, from the start on. Every action leads to the next layer."""
        order = np.argsort(self.depth, kind="stable").astype(np.int32)
        return tuple(np.split(order, np.searchsorted(self.depth[order], np.arange(1, int(self.depth.max()) + 1))))

    @property
    def stop_is_a_choice(self) -> bool:
        """Whether any state allows to stop and to go on."""
        return bool((self.ends & (self.child != NONE).any(axis=1)).any())

    @property
    def is_tree(self) -> bool:
        """Whether every object can be built in one way only, so that a backward policy has nothing to choose."""
        return bool(((self.parent != NONE).sum(axis=1) <= 1).all())

    @property
    def longest(self) -> int:
        """Actions of the longest trajectory, "stop" included."""
        return int(self.depth.max()) + 1


def make_graph(  # noqa: PLR0913 - a world is these tables
    name: str,
    child: Ints,
    slot: Ints,
    ways_back: int,
    log_reward: FloatArray,
    features: NDArray[np.uint8],
    mode: NDArray[np.bool_],
    describe: Callable[[int], str],
    *,
    shape: tuple[int, ...] = (),
    edges: tuple[str, ...] = (),
) -> Graph:
    """The graph of a table of children; parents and depths follow from it.

    Raises `ValueError` where two actions of different states are undone in the same way from the same child, where a
    state cannot be reached, where one is reached at two depths, and where one is a dead end.
    """
    states, actions = child.shape
    parent = np.full((states, ways_back), NONE, np.int32)
    parent_action = np.zeros((states, ways_back), np.int32)
    for action in range(actions):
        before = np.flatnonzero(child[:, action] != NONE).astype(np.int32)
        after = child[before, action]
        if len(np.unique(after)) < len(after) or (parent[after, slot[action]] != NONE).any():
            raise ValueError(f"{name}: two edges into one state are undone in the same way")
        parent[after, slot[action]] = before
        parent_action[after, slot[action]] = action
    depth = _depths(name, child)
    dead = ~np.isfinite(log_reward) & (child == NONE).all(axis=1)
    if dead.any():
        raise ValueError(f"{name}: state {describe(int(np.flatnonzero(dead)[0]))} allows neither an action nor a stop")
    return Graph(
        name, child, parent, parent_action, slot, depth, log_reward, features, mode, describe, shape=shape, edges=edges
    )


def _depths(name: str, child: Ints) -> Ints:
    depth = np.full(len(child), NONE, np.int32)
    layer, level = np.zeros(1, np.int32), 0
    while len(layer):
        if (depth[layer] != NONE).any():
            raise ValueError(f"{name}: a state is reached at two depths")
        depth[layer] = level
        following = child[layer]
        layer, level = np.unique(following[following != NONE]), level + 1
    if (depth == NONE).any():
        raise ValueError(f"{name}: {int((depth == NONE).sum())} states cannot be reached from the start")
    return depth
