"""DAPO: GRPO with a higher upper clip, dynamic sampling, a token mean and a soft length limit.

Objective    L = Σ_{kept i,t} max(−ρA, −clamp(ρ, 1−ε_low, 1+ε_high)·A) / Σ_{kept i,t} 1
             A_i = (r'_i − mean_g)/(std_g + δ),  r' = r + p(n_i)
             kept: groups whose rewards r are not all equal
             p(n) = 0 up to L_max − L_c, then (L_max − L_c − n)/L_c, which reaches −1 at the limit
Source       arXiv:2503.14476, eq. 8 to 13
Differences  dynamic sampling leaves uninformative groups out instead of drawing further prompts, so that every method
             spends the same completions; the denominator counts kept tokens only. A batch without a kept group makes no
             step and is counted. L_c is a quarter of the limit; the paper has 4,096 of 20,480.
Degenerates  with nothing to filter, equal clips and L_c = 0 this is GRPO with a token mean. Late in training few groups
             are kept and steps get noisy. The filter reads unshaped rewards, because shaping makes equal rewards
             differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from algorithms._batch import Loss, Now, Rollouts
from algorithms._normalise import group_normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import mean_of_tokens
from algorithms._ranges import Coefficient, Fraction, Positive
from algorithms._surrogate import token_surrogate
from benchmark.contract import Setting
from benchmark.contract.aim import Aim

__all__ = ["DAPO", "informative", "soft_overlong_penalty"]


@dataclass(frozen=True, slots=True)
class DAPO(OnPolicy):
    """GRPO with a decoupled clip, dynamic sampling and a soft length limit."""

    paper: ClassVar[str] = "arXiv:2503.14476, eq. 8"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"overlong_share": 0.0}
    smallest_group: ClassVar[int] = 2
    clip_low: Coefficient = 0.2
    """ε_low, section 4.1."""
    clip_high: Coefficient = 0.28
    """ε_high, section 4.1."""
    overlong_share: Fraction = 0.25
    """L_c as a share of the length limit; 0 switches the soft limit off. The paper has 0.2."""
    dynamic_sampling: bool = True
    """Leave out groups whose rewards are all equal."""
    advantage_eps: Positive = 1e-4
    """δ, TRL's; the paper gives none."""

    def aim(self) -> Aim | None:
        """All mass on the best completions. Shaping changes the direction of a step; filtering only scales it."""
        return Aim("best", credit=None if self.overlong_share else "group_std", span="token_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute advantages from shaped rewards and drop the rows of uninformative groups."""
        shaped = batch.reward + soft_overlong_penalty(batch.mask.sum(1), batch.limit, self.overlong_share * batch.limit)
        prepared = batch.with_advantage(group_normalised(shaped, batch.group_size, self.advantage_eps))
        return prepared.kept(informative(batch.reward, batch.group_size)) if self.dynamic_sampling else prepared

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip_low, self.clip_high)
        return Loss(mean_of_tokens(surrogate.term, batch.learned, batch.tokens), surrogate.metrics)


def soft_overlong_penalty(lengths: Tensor, limit: float, cache: float) -> Tensor:
    """[B] p(n) in [−1, 0] (eq. 13); 0 without a cache."""
    return ((limit - cache - lengths) / cache).clamp(-1, 0) if cache > 0 else lengths * 0.0


def informative(reward: Tensor, group: int) -> Tensor:
    """[B] 1 for rows of groups whose rewards differ."""
    r = reward.view(-1, group)
    return (r != r[:, :1]).any(1).repeat_interleave(group).to(reward.dtype)
