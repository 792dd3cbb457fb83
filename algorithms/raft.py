"""RAFT: rejection sampling and fine-tuning on one's own correct completions.

Objective    L = −Σ_{i,t} keep_i·log π_θ / Σ_{i,t} keep_i
             keep_i = 1[r_i ≥ threshold], or the first best of each group if it reaches the threshold
Source       arXiv:2304.06767, algorithm 1
Differences  online: each batch makes one step. `expert_iteration.py` collects first and fine-tunes afterwards.
Degenerates  this is the policy gradient with A = 1[correct], no baseline and a token mean. There are only positive
             examples: entropy and pass@k fall, and prompts that are never solved never contribute. If nothing is kept,
             no step is taken, which is counted. With fixed completions of another policy it is supervised fine-tuning.
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
    """Maximum likelihood on correct completions."""

    paper: ClassVar[str] = "arXiv:2304.06767, algorithm 1"
    threshold: Signed = 1.0
    """Smallest reward for which a completion is kept; 1 is correct."""
    selection: Selection = "all"
    """Keep every such completion, or the first best of each prompt as the paper does."""

    def aim(self) -> Aim:
        """All mass on the best completions, the limit of repeated conditioning on success."""
        return Aim("best", credit="kept" if self.selection == "all" else None, span="token_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Keep the selected rows."""
        return batch.kept(selected(batch.reward, batch.group_size, self.threshold, self.selection))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        return Loss(-mean_of_tokens(now.logp, batch.learned, batch.tokens), {})


def selected(reward: Tensor, group: int, threshold: float, selection: Selection) -> Tensor:
    """[B] 1 for rows to keep, 0 for the others."""
    good = reward >= threshold
    if selection == "best_of_n":
        best = reward.view(-1, group).argmax(1, keepdim=True)  # the first of equals
        first = torch.arange(group, device=reward.device) == best
        good = good & first.flatten()
    return good.to(reward.dtype)
