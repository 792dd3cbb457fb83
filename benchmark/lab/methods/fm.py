"""Flow matching: what flows into a state flows out of it.

Objective    δ(s) = log Σ_{edges into s} e^{z(s′,a)} − log Σ_a e^{z(s,a)}       for every visited state but the start
             δ(x) = z(x, stop) − log R(x)                                       for every finished object
             L = mean of δ² over both;    P_F = softmax(z(s,·))
Source       arXiv:2106.04399, eq. 12, with the terminal term as its own residual
Differences  z(s, stop) is learned and held to log R; the first paper's code puts R in its place. No ε inside the
             logarithms: the flows are kept in log space, where they do not underflow.
Degenerates  on a tree every state has one edge in, and this is detailed balance with log F = logsumexp z. No backward
             policy appears: the flow implies one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from algorithms._batch import Loss
from benchmark.lab.methods.method import Backward, Method, View
from benchmark.lab.policies import FORBIDDEN

__all__ = ["FlowMatching", "flow_matching"]


def flow_matching(inflow: Tensor, outflow: Tensor, inner: Tensor, stop: Tensor, log_reward: Tensor) -> Tensor:
    """[] the loss above. `inflow`, `outflow` [B, T] at the states an action is taken in, `inner` [B, T] 1.0 where that
    is a visited state other than the start; `stop` and `log_reward` [B] of the objects.
    """
    squares = torch.where(inner.bool(), inflow - outflow, 0.0) ** 2
    return (squares.sum() + ((stop - log_reward) ** 2).sum()) / (inner.sum() + len(stop))


@dataclass(frozen=True, slots=True)
class FlowMatching(Method):
    """Edge flows that neither begin nor end on the way."""

    paper: ClassVar[str] = "arXiv:2106.04399, eq. 12"
    backwards: ClassVar[tuple[Backward, ...]] = ("uniform",)

    def loss(self, view: View) -> Loss:
        """The objective above."""
        world, paths, networks = view.world, view.paths, view.networks
        states = paths.states
        out = networks.edge_flows(states).logsumexp(-1)
        edges = networks.edge_flows(world.parent[states])  # [B, T, K, A+1]
        edge = edges.gather(-1, world.parent_action[states].unsqueeze(-1)).squeeze(-1)
        into = torch.where(world.undoable[states], edge, FORBIDDEN).logsumexp(-1)
        stop = networks.edge_flows(paths.last)[:, -1]
        inner = paths.mask * (states != 0)
        total = flow_matching(into, out, inner, stop, view.batch.reward)
        return Loss(total, {"gfn/log_z": out[:, 0].mean().detach()})
