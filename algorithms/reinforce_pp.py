"""REINFORCE++: returns of token rewards, whitened over the batch.

Objective    R_t = −β·(log π_old − log π_ref)_t + r·1[t = n];   A = whiten(Σ_{u≥t} γ^{u−t} R_u) over all valid tokens
             L = token_mean( max(−ρA, −clamp(ρ, 1−ε, 1+ε)·A) )
             with `group_baseline` r − mean_g takes the place of r
Source       arXiv:2501.03262; as in volcengine/verl `compute_reinforce_plus_plus_outcome_advantage`
Differences  none. The variance is unbiased (OpenRLHF's is not: a difference of order 1/tokens).
Degenerates  with equal lengths and β = 0 this is REINFORCE with the batch's mean and deviation. The baseline is global,
             so prompts that are always solved keep positive advantages and easy prompts dominate. If all rewards of the
             *batch* are equal, A depends only on the KL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._normalise import normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import k1, mean_of_tokens, returns, token_rewards, whiten
from algorithms._ranges import Coefficient, Fraction
from algorithms._surrogate import token_surrogate
from benchmark.contract import Setting
from benchmark.contract.aim import Aim

__all__ = ["ReinforcePP"]


@dataclass(frozen=True, slots=True)
class ReinforcePP(OnPolicy):
    """REINFORCE with PPO's clip and whitening, without a critic."""

    paper: ClassVar[str] = "arXiv:2501.03262"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"kl_coef": 0.25}
    kl_coef: Coefficient = 0.01
    """β of the KL in the reward; the paper's for human feedback, 0.001 or 0 for reasoning."""
    gamma: Fraction = 1.0
    """γ"""
    clip: Coefficient = 0.2
    """ε"""
    group_baseline: bool = False
    """Subtract the group's mean from the reward first, as REINFORCE++-baseline does."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, for the KL in the reward."""
        return frozenset({"reference"})

    def aim(self) -> Aim:
        """The optimum of E[r] − β·KL(π‖π_ref), up to the bias of a mean over tokens."""
        return Aim(
            "tempered", self.kl_coef, credit=None if self.group_baseline else "batch_whitened", span="token_mean"
        )

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute whitened returns [B, T]."""
        assert batch.ref_logp is not None
        reward = batch.reward
        if self.group_baseline:
            reward = normalised(reward, batch.group_size, "group", "none", eps=0.0)
        to_ref = k1(batch.old_logp, batch.ref_logp, batch.mask)
        gain = returns(token_rewards(reward, to_ref, batch.mask, self.kl_coef), batch.mask, self.gamma)
        return batch.with_advantage(whiten(gain, batch.mask))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        return Loss(mean_of_tokens(surrogate.term, batch.mask, batch.tokens), surrogate.metrics)
