"""GSPO: group sequence policy optimisation, one ratio for a whole completion.

Objective    L = (1/B) Σ_i max(−s_i·A_i, −clamp(s_i, 1−ε_low, 1+ε_high)·A_i)
             s_i = exp((1/n_i) Σ_t (log π_θ − log π_old)),  differentiated;   A_i = (r_i − mean_g)/(std_g + δ)
Source       arXiv:2507.18071, eq. 5
Differences  four optimiser steps over each batch, as in the paper's section 5: with one, s = 1 and this *is* GRPO. ε is
             ten times the paper's 3e-4 and 4e-4, because at this learning rate the length-normalised ratio moves by
             1e-3 to 1e-2 in a step and nearly everything would be clipped.
Degenerates  with ratio 1, or completions of one token, this is GRPO. A clipped row loses its whole gradient: clip
             shares of 0.1 to 0.3 are normal; near 1 the method makes no progress.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Now, Rollouts
from algorithms._normalise import group_normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import log_ratio, mean_of_row_means, sum_of_tokens
from algorithms._ranges import Coefficient, Count, Positive
from algorithms._surrogate import clipped, ratio_metrics
from benchmark.contract.aim import Aim

__all__ = ["GSPO"]


@dataclass(frozen=True, slots=True)
class GSPO(OnPolicy):
    """GRPO with one importance ratio per sequence."""

    paper: ClassVar[str] = "arXiv:2507.18071, eq. 5"
    smallest_group: ClassVar[int] = 2
    mini_batches: Count = 4
    """Optimiser steps over each batch, section 5.1."""
    clip_low: Coefficient = 3e-3
    """ε_low; 3e-4 in the paper."""
    clip_high: Coefficient = 4e-3
    """ε_high; 4e-4 in the paper."""
    advantage_eps: Positive = 1e-4
    """δ, TRL's; the paper gives none."""

    def aim(self) -> Aim:
        """All mass on the best completions."""
        return Aim("best", credit="group_std", span="row_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute GRPO's advantages."""
        return batch.with_advantage(group_normalised(batch.reward, batch.group_size, self.advantage_eps))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        n = batch.mask.sum(1).clamp(min=1)
        s = (sum_of_tokens(log_ratio(now.logp, batch.old_logp, batch.mask), batch.mask) / n).exp()  # [B]
        ratio = s.unsqueeze(1).expand_as(batch.mask)
        term = clipped(ratio, batch.advantage, self.clip_low, self.clip_high)
        metrics = ratio_metrics(batch, now, ratio, self.clip_low, self.clip_high)
        return Loss(mean_of_row_means(term, batch.mask, batch.rows), metrics)
