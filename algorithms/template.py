"""Copy me: a complete method in one file. This one is REINFORCE with the group's mean as baseline.

Objective    L = −(1/B) Σ_i Σ_t A_i·log π_θ(y_t | s_{t−1})          A_i = r_i − mean_g
Source       Williams 1992, doi:10.1007/BF00992696, with a baseline
Differences  the baseline contains the completion itself: the gradient is (G−1)/G times the leave-one-out one.
Degenerates  all rewards of a group equal: A = 0, nothing is learned from it.

To add yours: copy this file, write these four paragraphs, the fields and the loss, add one line to
`algorithms/__init__.py`, and run `pytest tests/test_every_algorithm.py -k yours`. From outside the repository write
`class = "your_package.your_module:YourClass"` in a suite instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import train_on_policy
from algorithms._pieces import mean_of_rows, sum_of_tokens
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Run

__all__ = ["Template"]


@dataclass(frozen=True, slots=True)
class Template(Adapter):
    """One sentence: what this method does to a policy."""

    paper: ClassVar[str] = "doi:10.1007/BF00992696"
    learning_rate: float | None = None
    """Of the policy; `None` takes the suite's. Every field is a hyper-parameter and says where its default is from."""
    passes: int = 1
    """μ, optimiser steps over a batch."""
    head_learning_rate: ClassVar[float] = 0.0
    """Of extra heads; this method has none."""
    needs: ClassVar[frozenset[Need]] = frozenset()
    """Any of "reference", "value_head", "log_z_head": the loop provides them."""

    def train(self, run: Run) -> Checkpoint:
        """In the shared loop; a method of another kind writes its own (see `sft.py`)."""
        return train_on_policy(run, self)

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Once per batch, without gradient: what the loss multiplies with."""
        groups = batch.reward.view(-1, batch.group_size)
        advantage = (groups - groups.mean(1, keepdim=True)).flatten()  # [B]
        return replace(batch, advantage=advantage.unsqueeze(1).expand_as(batch.mask))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        return Loss(-mean_of_rows(sum_of_tokens(batch.advantage * now.logp, batch.mask), batch.rows), {})
