"""Trajectories: forwards from the start by a policy, or backwards from finished objects. All rows step together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.lab.policies import Tables

__all__ = ["Paths", "concatenated", "sample_backward", "sample_forward"]

Row = Callable[[Tensor], Tensor]
"""[B] states → [B, …] log-probabilities of what can be done there."""


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


def sample_forward(
    world: Tables, log_forward: Row, rows: int, generator: torch.Generator, epsilon: float = 0.0
) -> Paths:
    """`rows` trajectories; with probability `epsilon` an action is drawn evenly among the allowed ones."""
    state = torch.zeros(rows, dtype=torch.int64)
    running = torch.ones(rows, dtype=torch.bool)
    states, actions, mask = [], [], []
    while bool(running.any()):
        p = log_forward(state).exp()
        if epsilon:
            allowed = world.allowed[state].float()
            p = (1 - epsilon) * p + epsilon * allowed / allowed.sum(1, keepdim=True)
        action = torch.where(running, _draw(p, generator), world.stop)
        states.append(state)
        actions.append(action)
        mask.append(running)
        running = running & (action != world.stop)
        onward = world.child[state, action.clamp(max=world.stop - 1)]
        state = torch.where(running, onward, state)
    return Paths(torch.stack(states, 1), torch.stack(actions, 1), torch.stack(mask, 1).float())


def sample_backward(world: Tables, log_backward: Row, objects: Tensor, generator: torch.Generator) -> Paths:
    """A trajectory to each of the finished `objects` [B], drawn backwards; it comes back in forward order."""
    state = objects
    rows = len(objects)
    states, actions = [state], [torch.full((rows,), world.stop)]
    while bool((state != 0).any()):
        way = _draw(log_backward(state).exp(), generator)
        action = world.parent_action[state, way]
        before = torch.where(state != 0, world.parent[state, way], 0)
        actions.append(torch.where(state != 0, action, -1))
        states.append(before)
        state = before
    backward_states, backward_actions = torch.stack(states, 1), torch.stack(actions, 1)
    length = (backward_actions >= 0).sum(1, keepdim=True)  # [B, 1]
    place = length - 1 - torch.arange(backward_states.shape[1])  # forward place → place in backward order
    taken = place >= 0
    place = place.clamp(min=0)
    return Paths(
        backward_states.gather(1, place),
        torch.where(taken, backward_actions.gather(1, place), world.stop),
        taken.float(),
    )


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


def _draw(p: Tensor, generator: torch.Generator) -> Tensor:
    """[B] one index per row of p [B, C], by the inverse of the distribution function; never one of probability 0."""
    total = p.cumsum(-1)
    u = torch.rand(len(p), 1, generator=generator) * total[:, -1:] * (1 - 1e-6)  # never rounds up to the whole
    return (total <= u).sum(-1).clamp(max=p.shape[1] - 1)
