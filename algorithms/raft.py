"""RAFT: rejection sampling, imitate your own correct completions.

Objective    L = −Σ_{i,t} keep_i·log π_θ / Σ_{i,t} keep_i
             keep_i = 1[r_i ≥ threshold], or the first best of each group if it reaches the threshold
Source       arXiv:2304.06767, algorithm 1
Differences  online: each batch trains one step. `expert_iteration.py` collects first and fine-tunes then.
Degenerates  the policy gradient with A = 1[correct], no baseline and a token mean. Only positives: entropy and pass@k
             fall; prompts that are never solved never enter. Nothing kept: no step, and it is counted. Fixed
             completions of somebody else: supervised fine-tuning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from algorithms._batch import Loss, Now, Rollouts
from algorithms._on_policy import OnPolicy
from algorithms._pieces import mean_of_tokens
from algorithms._ranges import Signed
from benchmark.contract.aim import Aim

__all__ = ["RAFT", "selected"]

Selection = Literal["all", "best_of_n"]


@dataclass(frozen=True, slots=True)
class RAFT(OnPolicy):
    """Maximum likelihood on the completions that were right."""

    paper: ClassVar[str] = "arXiv:2304.06767, algorithm 1"
    threshold: Signed = 1.0
    """Reward from which a completion is kept; 1 is correct."""
    selection: Selection = "all"
    """Keep every such completion, or the first best of each prompt as the paper does."""

    def aim(self) -> Aim:
        """The best completions: repeated conditioning leaves nothing else."""
        return Aim("best", credit="kept" if self.selection == "all" else None, span="token_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Which rows are kept."""
        return batch.kept(selected(batch.reward, batch.group_size, self.threshold, self.selection))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        return Loss(-mean_of_tokens(now.logp, batch.learned, batch.tokens), {})


def selected(reward: Tensor, group: int, threshold: float, selection: Selection) -> Tensor:
    """[B] 1 for kept rows."""
    good = reward >= threshold
    if selection == "best_of_n":
        best = reward.view(-1, group).argmax(1, keepdim=True)  # the first of equals
        first = torch.arange(group, device=reward.device) == best
        good = good & first.flatten()
    return good.to(reward.dtype)
