"""Soft Q-learning: a GFlowNet as entropy-regularised reinforcement learning with the reward log P_B.

Objective    y_t = log P_B(s_t|s_{t+1}) + log Σ_a e^{Q̄(s_{t+1},a)},   y of "stop" = log R(x)               constant
             L = Σ_{i,t} (Q(s_t,a_t) − y_t)² / Σ_{i,t} 1;    P_F = softmax(Q(s,·))
             Q̄ ← Q̄ + rate·(Q − Q̄) after every step
Source       arXiv:2310.12934, theorem 1 and algorithm 1 (SoftDQN), temperature 1
Differences  squares instead of Huber's loss, no prioritised memory, and on-policy trajectories unless `epsilon` or
             `replay` is set; Munchausen's term is left out.
Degenerates  with Q̄ = Q and its gradient kept it is detailed balance with log F = logsumexp Q.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from algorithms._batch import Loss
from algorithms._pieces import mean_of_tokens
from benchmark.lab.methods.method import Backward, Method, View

__all__ = ["SoftQ", "soft_targets"]


def soft_targets(log_backward: Tensor, following: Tensor, stops: Tensor, log_reward: Tensor) -> Tensor:
    """[B, T] y_t: log P_B [B, T] plus the next state's soft value `following` [B, T]; log R [B] where it `stops`."""
    return torch.where(stops, log_reward.unsqueeze(1), log_backward + following).detach()


@dataclass(frozen=True, slots=True)
class SoftQ(Method):
    """Action values whose softmax is the policy."""

    paper: ClassVar[str] = "arXiv:2310.12934, theorem 1"
    backwards: ClassVar[tuple[Backward, ...]] = ("uniform", "max_likelihood", "policy_gradient", "guided")
    slow_rate: float = 0.25
    """How far Q̄ moves towards Q after a step; the paper's τ."""

    @property
    def needs(self) -> frozenset[str]:
        """A slow copy of the policy."""
        return frozenset({"slow"})

    def loss(self, view: View) -> Loss:
        """The objective above."""
        assert view.slow is not None
        assert view.batch.ref_logp is not None
        paths = view.paths
        q = view.networks.edge_flows(paths.states)
        with torch.no_grad():
            value = view.slow.edge_flows(paths.following).logsumexp(-1)
        y = soft_targets(view.batch.ref_logp, value, paths.actions == view.world.stop, view.batch.reward)
        error = q.gather(-1, paths.actions.unsqueeze(-1)).squeeze(-1) - y
        total = mean_of_tokens(error**2, paths.mask, view.batch.tokens)
        return Loss(total, {"gfn/log_z": q[:, 0].logsumexp(-1).mean().detach()})
