"""RLOO: REINFORCE with the other completions of the group as baseline and the KL in the reward.

Objective    R_i = r_i − β·Σ_t (log π_old − log π_ref)              constant, whole sequence, k1
             A_i = R_i − mean of the others of its group
             L = (1/B) Σ_i max(−w_i·A_i, −clamp(w_i, 1−ε, 1+ε)·A_i),  w_i = exp(Σ_t (log π_θ − log π_old))
Source       arXiv:2402.14740; the clipped sequence ratio is TRL's `RLOOTrainer`
Differences  β = 0.02; learned reward models use 0.03 to 0.05, with which a sequence KL of tens of nats would exceed a
             0/1 reward. The paper has no ratio; on-policy it is 1 and the gradient is REINFORCE's.
Degenerates  with β = 0, A is G/(G−1) times the centred reward, the direction of Dr. GRPO. If all rewards of a group are
             equal, only the KL has a gradient. In several passes the sequence ratio of a long completion leaves the
             clip range at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._normalise import leave_one_out
from algorithms._on_policy import OnPolicy
from algorithms._pieces import k1, log_ratio, mean_of_rows, sum_of_tokens
from algorithms._ranges import Coefficient
from algorithms._surrogate import clipped, ratio_metrics
from benchmark.contract import Setting
from benchmark.contract.aim import Aim

__all__ = ["RLOO"]


@dataclass(frozen=True, slots=True)
class RLOO(OnPolicy):
    """REINFORCE with a leave-one-out baseline."""

    paper: ClassVar[str] = "arXiv:2402.14740"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"kl_coef": 0.25}
    smallest_group: ClassVar[int] = 2
    kl_coef: Coefficient = 0.02
    """β of the KL in the reward."""
    clip: Coefficient = 0.2
    """ε, TRL's default."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, if the KL has weight."""
        return frozenset({"reference"} if self.kl_coef else ())

    def aim(self) -> Aim:
        """The optimum of E[r] − β·KL(π‖π_ref)."""
        if not self.kl_coef:
            return Aim("best", credit="reward")
        return Aim("tempered", self.kl_coef, credit="free_energy")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute leave-one-out advantages of KL-penalised rewards."""
        gain = batch.reward
        if batch.ref_logp is not None:
            gain = gain - self.kl_coef * sum_of_tokens(k1(batch.old_logp, batch.ref_logp, batch.mask), batch.mask)
        return batch.with_advantage(leave_one_out(gain, batch.group_size))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        w = sum_of_tokens(log_ratio(now.logp, batch.old_logp, batch.mask), batch.mask).exp()  # [B]
        term = clipped(w, batch.advantage[:, 0], self.clip, self.clip)
        metrics = ratio_metrics(batch, now, w.unsqueeze(1).expand_as(batch.mask), self.clip, self.clip)
        return Loss(mean_of_rows(term, batch.rows), metrics)
