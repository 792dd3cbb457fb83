"""CISPO: clipped importance weights that never zero a token's gradient.

Objective    L = −Σ_{i,t} sg(clamp(ρ, ρ_min, ρ_max))·A_i·log π_θ / Σ_{i,t} 1
             A_i = (r_i − mean_g)/(std + δ)         sg(·) is constant
Source       arXiv:2506.13585, eq. 4; cap of 5 without a lower bound arXiv:2510.13786
Differences  the deviation is the group's (arXiv:2510.13786 takes the batch's: `std_level = "batch"`).
Degenerates  with ratio 1 the gradient is exactly that of DAPO without filter and shaping. The value of the loss
             contains log π_θ and is not comparable with other methods'. A largest ratio that stays at the cap means
             stale data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Now, Rollouts
from algorithms._normalise import NormLevel, normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import log_ratio, mean_of_tokens
from algorithms._ranges import Coefficient, Positive
from algorithms._surrogate import ratio_metrics
from benchmark.contract.aim import Aim

__all__ = ["CISPO"]


@dataclass(frozen=True, slots=True)
class CISPO(OnPolicy):
    """REINFORCE with a capped importance weight on every token."""

    paper: ClassVar[str] = "arXiv:2506.13585, eq. 4"
    smallest_group: ClassVar[int] = 2
    ratio_max: Positive = 5.0
    """ρ_max, arXiv:2510.13786."""
    ratio_min: Coefficient = 0.0
    """ρ_min; 0 is no lower bound, as in the paper."""
    std_level: NormLevel = "group"
    """Whether the group's or the batch's standard deviation divides."""
    advantage_eps: Positive = 1e-4
    """δ, TRL's; the paper gives none."""

    def aim(self) -> Aim:
        """All mass on the best completions."""
        return Aim("best", credit="group_std" if self.std_level == "group" else None, span="token_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """GRPO's advantages."""
        advantage = normalised(batch.reward, batch.group_size, "group", self.std_level, eps=self.advantage_eps)
        return batch.with_advantage(advantage)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        ratio = log_ratio(now.logp, batch.old_logp, batch.mask).exp()  # [B, T]
        weight = ratio.clamp(self.ratio_min, self.ratio_max).detach()
        metrics = ratio_metrics(batch, now, ratio, 1 - self.ratio_min, self.ratio_max - 1)
        return Loss(-mean_of_tokens(weight * batch.advantage * now.logp, batch.mask, batch.tokens), metrics)
