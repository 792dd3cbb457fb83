"""GRPO: group relative policy optimisation.

Objective    L = (1/B) Σ_i (1/n_i) Σ_t [ max(−ρA, −clamp(ρ, 1−ε, 1+ε)·A) + β·k3 ]
             A_i = (r_i − mean)/(std + δ)           the same for all tokens of a completion, constant
             ρ = π_θ/π_old per token                k3 = e^{−d} + d − 1,  d = log π_θ − log π_ref
Source       arXiv:2402.03300, eq. 3 and 4, section 4.1.2; means and deviations of groups, batches or none as
             inclusionAI/AReaL offers them (`areal/utils/data.py`, class Normalization)
Differences  β = 0 by default (the paper trains with 0.04): no reference is kept then. ε = 0.2, PPO's, where the paper
             gives none. std is unbiased with δ = 1e-5, as in AReaL; the paper gives no δ, TRL 1e-4.
Degenerates  if all rewards of a group are equal, A = 0 and the group has no gradient. In a single optimiser pass ρ = 1
             and the clip is inactive; the loss is then −mean A ≈ 0, and only its gradient is informative. 1/n_i makes
             long wrong answers cheap per token. Dividing by std amplifies rare successes: one in 8 gets A = 2.47, four
             in 8 get 0.94.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._normalise import NormLevel, normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import k3, mean_of_row_means
from algorithms._ranges import Coefficient, Positive
from algorithms._surrogate import token_surrogate
from benchmark.contract import Setting
from benchmark.contract.aim import Aim, Credit

__all__ = ["GRPO"]


@dataclass(frozen=True, slots=True)
class GRPO(OnPolicy):
    """PPO's clipped objective with the critic replaced by the group's own mean and deviation."""

    paper: ClassVar[str] = "arXiv:2402.03300, eq. 3"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"kl_weight": 0.25, "std_level": "none"}
    smallest_group: ClassVar[int] = 2
    clip: Coefficient = 0.2
    """ε; the paper gives no value, PPO's default."""
    kl_weight: Coefficient = 0.0
    """β; 0.04 in section 4.2."""
    kl_correction: bool = False
    """Multiply k3 by ρ, as TRL does: the gradient is then that of the reverse KL, and the optimum changes."""
    mean_level: NormLevel = "group"
    """Which mean is subtracted: the group's, the batch's, or none."""
    std_level: NormLevel = "group"
    """Which standard deviation divides: the group's, the batch's, or none."""
    raw_std: bool = False
    """Use the deviation of the raw rewards, as TRL does over the batch, instead of the centred ones."""
    advantage_eps: Positive = 1e-5
    """δ, as in inclusionAI/AReaL."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, if the KL has weight."""
        return frozenset({"reference"} if self.kl_weight else ())

    def aim(self) -> Aim:
        """With a KL, the optimum of reward and the KL at visited states; without, all mass on the best completions."""
        plain: dict[tuple[NormLevel, NormLevel], Credit] = {
            ("group", "none"): "reward",
            ("group", "group"): "group_std",
        }
        credit = plain.get((self.mean_level, self.std_level))
        if not self.kl_weight:
            return Aim("best", credit=credit, span="row_mean")
        return Aim("loss_kl", self.kl_weight, corrected_kl=self.kl_correction, credit=credit, span="row_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute advantages [B, T], constant along a row."""
        levels = (self.mean_level, self.std_level)
        return batch.with_advantage(
            normalised(batch.reward, batch.group_size, *levels, eps=self.advantage_eps, raw_std=self.raw_std)
        )

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        u = surrogate.term
        if batch.ref_logp is not None:
            kl = k3(now.logp, batch.ref_logp, batch.mask)
            u = u + self.kl_weight * (surrogate.ratio * kl if self.kl_correction else kl)
        return Loss(mean_of_row_means(u, batch.mask, batch.rows), surrogate.metrics)
