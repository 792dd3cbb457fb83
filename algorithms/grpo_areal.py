"""GRPO as inclusionAI/AReaL's GSM8K example configures it: rewards normalised twice, token mean.

Objective    L = Σ_{i,t} m·max(−ρÂ, −clamp(ρ, 1−ε, 1+ε)·Â) / Σ m
             r' = s·(r + b);  A_i = (r'_i − mean_g)/(std_g + δ);  Â = (A − mean)/(std + δ) over all valid tokens
Source       inclusionAI/AReaL, `examples/math/gsm8k_grpo.yaml` (reward_norm group/group, adv_norm batch/batch, ε = 0.4,
             reward_bias −0.5, reward_scaling 10); loss of arXiv:2402.03300 with the token mean of arXiv:2503.14476
Differences  synchronous: AReaL's decoupled objective corrects for weights at most two versions old; here none are old.
Degenerates  the affine map of the reward only changes the relative size of δ. The second normalisation counts a row
             once per token, so long rows dominate the mean. If every group has equal rewards, A = 0 and Â = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms._batch import Loss, Now, Rollouts
from algorithms._normalise import group_normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import masked, mean_of_tokens
from algorithms._ranges import Coefficient, Positive, Signed
from algorithms._surrogate import token_surrogate
from benchmark.contract.aim import Aim

__all__ = ["GRPOAReaL"]


@dataclass(frozen=True, slots=True)
class GRPOAReaL(OnPolicy):
    """GRPO whose advantages are normalised within the group and again over the tokens of the batch."""

    paper: ClassVar[str] = "arXiv:2402.03300, as in inclusionAI/AReaL"
    smallest_group: ClassVar[int] = 2
    clip: Coefficient = 0.4
    """ε, `eps_clip` of the example."""
    reward_bias: Signed = -0.5
    """b, the example's."""
    reward_scaling: Positive = 10.0
    """s, the example's."""
    eps: Positive = 1e-5
    """δ of both normalisations."""

    def aim(self) -> Aim:
        """All mass on the best completions."""
        return Aim("best", credit="group_std", span="token_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute advantages [B, T], normalised within groups and then over all valid tokens."""
        scaled = self.reward_scaling * (batch.reward + self.reward_bias)
        a = group_normalised(scaled, batch.group_size, self.eps).unsqueeze(1).expand_as(batch.mask)
        count = batch.mask.sum()
        centred = masked(a - masked(a, batch.mask).sum() / count, batch.mask)
        deviation = ((centred**2).sum() / (count - 1).clamp(min=1)).sqrt()
        return batch.with_advantage(torch.where(a.any(), centred / (deviation + self.eps), 0.0))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        return Loss(mean_of_tokens(surrogate.term, batch.mask, batch.tokens), surrogate.metrics)
