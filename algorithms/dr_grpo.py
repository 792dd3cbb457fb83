"""Dr. GRPO: GRPO without its length bias and its difficulty bias.

Objective    L = (1/(B·L_max)) Σ_i Σ_t max(−ρA, −clamp(ρ, 1−ε, 1+ε)·A) [ + β·k3 ]
             A_i = r_i − mean_g                     no deviation; L_max the length limit, a constant
Source       arXiv:2503.20783; sail-sg/understand-r1-zero `train_zero_math.py` divides by the same constant
Differences  β = 0 as there; a k3 term is offered because it gives the exact world a unique optimum to test.
Degenerates  on-policy its gradient is (G−1)/(G·L_max) times leave-one-out REINFORCE's. L_max only rescales: Adam
             ignores it, gradient clipping does not. If all rewards of a group are equal, the group has no gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._normalise import normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import k3, mean_of_rows, sum_of_tokens
from algorithms._ranges import Coefficient
from algorithms._surrogate import token_surrogate
from benchmark.contract import Setting
from benchmark.contract.aim import Aim

__all__ = ["DrGRPO"]


@dataclass(frozen=True, slots=True)
class DrGRPO(OnPolicy):
    """Centred rewards and one constant divisor for completions of every length."""

    paper: ClassVar[str] = "arXiv:2503.20783"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"kl_weight": 0.25}
    smallest_group: ClassVar[int] = 2
    clip: Coefficient = 0.2
    """ε, sail-sg/understand-r1-zero."""
    kl_weight: Coefficient = 0.0
    """β, 0 in the paper."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, if the KL has weight."""
        return frozenset({"reference"} if self.kl_weight else ())

    def aim(self) -> Aim:
        """All mass on the best completions, or with a KL the optimum of reward and KL at every visited state."""
        return Aim("loss_kl" if self.kl_weight else "best", self.kl_weight, credit="reward")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Use centred rewards as advantages."""
        return batch.with_advantage(normalised(batch.reward, batch.group_size, "group", "none", eps=0.0))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        u = surrogate.term
        if batch.ref_logp is not None:
            u = u + self.kl_weight * k3(now.logp, batch.ref_logp, batch.mask)
        return Loss(mean_of_rows(sum_of_tokens(u, batch.mask), batch.rows) / batch.limit, surrogate.metrics)
