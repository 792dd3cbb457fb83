"""Learning a backward policy by a loss of its own: maximum likelihood, RL-B and RL-G.

Objective    maximum likelihood:  L = −(1/B) Σ_i Σ_t log P_B(s_{t−1}|s_t)      on trajectories of P_F, before P_F's step
             RL-B:  c_t = log P_B − log P_F        RL-G:  c_t = log P_B − log P_G        constant
                    trajectories drawn backwards from the batch's objects, after P_F's step
                    A_t = Σ_{u≤t} c_u − V_B(s_t), centred over all actions;     a backward cost-to-go ends at the start
                    L = (1/B) Σ_i Σ_t ρ·A + (1/B) Σ_i Σ_t (V_B(s_t) − Σ_{u≤t} c_u)²
Source       arXiv:2410.15474, eq. 7 (trajectory likelihood maximisation); arXiv:2408.05885, eq. 10, algorithm 1, and
             section 3.4 for the guide
Differences  the guide where stopping is a choice is P_F with the exit logit at most ln 10⁻⁵ in states whose reward is
             not above the median (on the grids: R0, as published). Where all objects have the same length it prefers
             actions in proportion to the mean reward of the objects that trajectories through the next state have
             reached so far; the released code keeps such means over a replay buffer.
Degenerates  one way back everywhere: c has nothing to change, P_B is 1.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from algorithms._pieces import masked, mean_of_rows, sum_of_tokens
from benchmark.lab.methods.method import Backward, ways_back
from benchmark.lab.policies import FORBIDDEN, Networks, Tables, log_softmax_allowed
from benchmark.lab.sampling import Paths

__all__ = ["Guide", "backward_gradient", "backward_likelihood", "inner"]

EXIT_LOGIT = math.log(1e-5)


def inner(paths: Paths, stop: int) -> Tensor:
    """[B, T] 1.0 on actions that can be undone: all that were taken but "stop"."""
    return paths.mask * (paths.actions != stop)


def backward_likelihood(networks: Networks, paths: Paths) -> Tensor:
    """[] −(1/B) Σ log P_B of trajectories."""
    return -mean_of_rows(sum_of_tokens(ways_back(networks, paths), paths.mask), len(paths.mask))


def backward_gradient(log_backward: Tensor, log_goal: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """[] L of RL-B or RL-G. All [B, T]: log P_B with gradient, log P_F or log P_G, V_B of the state after an action,
    and `mask` 1.0 on actions that can be undone.
    """
    cost = masked(log_backward - log_goal, mask).detach()
    to_go = masked(cost.cumsum(1), mask)
    advantage = masked(to_go - value.detach(), mask)
    advantage = masked(advantage - advantage.sum() / mask.sum().clamp(min=1), mask)
    ratio = masked(log_backward - log_backward.detach(), mask).exp()
    rows = len(mask)
    return mean_of_rows(sum_of_tokens(ratio * advantage, mask), rows) + mean_of_rows(
        sum_of_tokens((value - to_go) ** 2, mask), rows
    )


class Guide:
    """P_G of RL-G, and what it remembers."""

    def __init__(self, world: Tables, kind: Backward) -> None:
        self._world = world
        self._wanted = kind == "guided"
        graph = world.graph
        ends = graph.log_reward[graph.ends]
        self._poor = torch.from_numpy(graph.ends & (graph.log_reward <= np.median(ends)))
        self._sum = torch.zeros(graph.states, dtype=torch.float64)
        self._seen = torch.zeros(graph.states, dtype=torch.float64)

    def remember(self, paths: Paths) -> None:
        """Count the rewards of trajectories for every state on them."""
        if self._wanted and not self._world.graph.stop_is_a_choice:
            states, mask = paths.states.reshape(-1), paths.mask.double().reshape(-1)
            reward = self._world.log_reward[paths.last].double().exp().unsqueeze(1).expand_as(paths.mask).reshape(-1)
            self._seen.index_add_(0, states, mask)
            self._sum.index_add_(0, states, mask * reward)

    def log_prob(self, networks: Networks, paths: Paths) -> Tensor:
        """[B, T] log P_G of a trajectory's actions, constant."""
        with torch.no_grad():
            logits = self._capped(networks, paths) if self._world.graph.stop_is_a_choice else self._means(paths)
            found = log_softmax_allowed(logits, self._world.allowed[paths.states])
            return found.gather(-1, paths.actions.unsqueeze(-1)).squeeze(-1)

    def _capped(self, networks: Networks, paths: Paths) -> Tensor:
        logits = networks.read(networks.policy, paths.states).clone()
        on = self._world.allowed[paths.states][..., :-1].any(-1)
        cap = self._poor[paths.states] & on
        logits[..., -1] = torch.where(cap, logits[..., -1].clamp(max=EXIT_LOGIT), logits[..., -1])
        return logits

    def _means(self, paths: Paths) -> Tensor:
        child = self._world.child[paths.states]  # [B, T, A]
        overall = self._sum[0] / self._seen[0].clamp(min=1)
        mean = torch.where(self._seen > 0, self._sum / self._seen.clamp(min=1), overall).clamp(min=1e-12).log().float()
        stop = torch.full((*paths.states.shape, 1), FORBIDDEN)
        forced = ~self._world.allowed[paths.states][..., :-1].any(-1, keepdim=True)
        return torch.cat((mean[child], torch.where(forced, 0.0, stop)), -1)
