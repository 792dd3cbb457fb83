"""GFlowNet by trajectory balance with log Z estimated from the group: VarGrad.

Objective    L = (1/B) Σ_i ( log Ẑ_g + Σ_t log π_θ − log R_i )²
             log Ẑ_g = mean over the group of (log R_j − Σ_t log π_θ(y_j)),  constant
             log R(y|x) = r/τ + a·Σ_t log π_ref
Source       arXiv:2302.05446 (log-variance form of trajectory balance); log variance arXiv:2010.10436
Differences  none except the tempered reward. There is no head: log Z is correct from the first step.
Degenerates  its gradient is that of the group's variance of log R − log π, so neither a constant per prompt in log R
             nor detaching log Ẑ changes anything. On-policy it is (2/τ)·(G−1)/G times RLOO with KL coefficient τ.
             Groups of equal rewards pull Σ log π − Σ log π_ref towards its group mean: the KL term, as intended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Now, Rollouts
from algorithms._flow import GFlowNet, balance_metrics, group_log_z, log_reward
from algorithms._pieces import mean_of_rows, sum_of_tokens
from benchmark.contract.aim import Aim

__all__ = ["VarGrad"]


@dataclass(frozen=True, slots=True)
class VarGrad(GFlowNet):
    """Trajectory balance of whole completions, with log Z estimated from the group."""

    paper: ClassVar[str] = "arXiv:2302.05446, log variance"
    smallest_group: ClassVar[int] = 2

    def aim(self) -> Aim | None:
        """The tempered reference; the expected gradient is that of the KL to it."""
        return Aim("tempered", self.tau, self.ref_power, credit="free_energy") if self.floor is None else None

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        excess = log_reward(batch, self.tau, self.ref_power, self.floor) - sum_of_tokens(now.logp, batch.mask)  # [B]
        log_z = group_log_z(excess, batch.group_size)
        return Loss(mean_of_rows((log_z - excess) ** 2, batch.rows), balance_metrics(batch, log_z - excess, log_z))
