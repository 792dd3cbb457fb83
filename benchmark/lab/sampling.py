"""Trajectories: forwards from the start by a policy, or backwards from finished objects. All rows step together.

In NumPy, whose calls on a few hundred numbers cost a third of torch's: sampling is most of a step on a small world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.lab.policies import Tables

__all__ = ["Paths", "Row", "concatenated", "sample_backward", "sample_forward"]

Row = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""(B,) states → (B, C) probabilities of what can be done there."""


@dataclass(frozen=True, slots=True)
class Paths:
    """B trajectories of at most T actions, "stop" included. Behind a trajectory's end states repeat its last one."""

    states: Tensor
    """[B, T] the state an action is taken in; s_0 is the start."""
    actions: Tensor
    """[B, T]; "stop" on padding."""
    mask: Tensor
    """[B, T] 1.0 on actions that were taken."""

    @property
    def last(self) -> Tensor:
        """[B] the object each trajectory built."""
        return self.states[:, -1]

    @property
    def following(self) -> Tensor:
        """[B, T] the state after each action; after "stop" the same state."""
        return torch.cat((self.states[:, 1:], self.states[:, -1:]), 1)


def sample_forward(world: Tables, forward: Row, rows: int, generator: np.random.Generator) -> Paths:
    """`rows` trajectories from the start, by the probabilities of A+1 actions."""
    child, stop = world.graph.child, world.stop
    state = np.zeros(rows, np.int64)
    running = np.ones(rows, np.bool_)
    states, actions, mask = [], [], []
    while running.any():
        action = np.where(running, _draw(forward(state), generator), stop)
        states.append(state)
        actions.append(action)
        mask.append(running)
        running = running & (action != stop)
        state = np.where(running, child[state, np.minimum(action, stop - 1)], state)
    return _paths(states, actions, mask)


def sample_backward(world: Tables, backward: Row, objects: Tensor, generator: np.random.Generator) -> Paths:
    """A trajectory to each of the finished `objects` [B], drawn backwards; it comes back in forward order."""
    parent, parent_action = world.graph.parent, world.graph.parent_action
    state = objects.numpy()
    states, actions = [state], [np.full(len(state), world.stop)]
    while state.any():
        way = _draw(backward(state), generator)
        on = state != 0
        actions.append(np.where(on, parent_action[state, way], -1))
        state = np.where(on, parent[state, way], 0)
        states.append(state)
    drawn_states, drawn_actions = np.stack(states, 1), np.stack(actions, 1)
    length = (drawn_actions >= 0).sum(1, keepdims=True)
    place = length - 1 - np.arange(drawn_states.shape[1])  # forward place → place in backward order
    taken, place = place >= 0, np.maximum(place, 0)
    in_order = np.take_along_axis(drawn_states, place, 1)
    acted = np.where(taken, np.take_along_axis(drawn_actions, place, 1), world.stop)
    return _paths(in_order.T, acted.T, taken.T)


def concatenated(one: Paths, other: Paths) -> Paths:
    """The rows of both, padded to the longer."""
    width = max(one.mask.shape[1], other.mask.shape[1])
    parts = [_padded(each, width) for each in (one, other)]
    return Paths(*(torch.cat([getattr(part, name) for part in parts]) for name in ("states", "actions", "mask")))


def _padded(paths: Paths, width: int) -> Paths:
    more = width - paths.mask.shape[1]
    if not more:
        return paths
    rows = len(paths.mask)
    return Paths(
        torch.cat((paths.states, paths.last.unsqueeze(1).expand(rows, more)), 1),
        torch.cat((paths.actions, paths.actions[:, -1:].expand(rows, more)), 1),
        torch.cat((paths.mask, paths.mask.new_zeros(rows, more)), 1),
    )


def _paths(states: object, actions: object, mask: object) -> Paths:
    """From one array for each place."""
    whole = [np.ascontiguousarray(np.stack(each, 1)) for each in (states, actions, mask)]  # type: ignore[call-overload]
    return Paths(
        torch.from_numpy(whole[0].astype(np.int64)),
        torch.from_numpy(whole[1].astype(np.int64)),
        torch.from_numpy(whole[2].astype(np.float32)),
    )


def _draw(p: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.int64]:
    """(B,) one index per row of p (B, C), by the inverse of the distribution function; never one of probability 0."""
    total = p.cumsum(1)
    u = generator.random((len(p), 1)) * total[:, -1:] * (1 - 1e-6)  # never rounds up to the whole
    return np.asarray((total <= u).sum(1))
