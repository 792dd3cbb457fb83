"""Copy me: a complete method in one file. This one is REINFORCE with the group's mean as baseline.

Objective    L = −(1/B) Σ_i Σ_t A_i·log π_θ(y_t | s_{t−1})          A_i = r_i − mean_g
Source       Williams 1992, doi:10.1007/BF00992696, with a baseline
Differences  the baseline contains the completion itself: the gradient is (G−1)/G times the leave-one-out one.
Degenerates  all rewards of a group equal: A = 0, nothing is learned from it.

To add yours: copy this file, write these four paragraphs, the fields and the loss, add one line to
`algorithms/__init__.py`, and run `bakeoff check yours` and `pytest tests/test_every_algorithm.py -k yours`. From
outside the repository write `class = "your_package.your_module:YourClass"` in a suite instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import OnPolicy
from algorithms._pieces import mean_of_rows, sum_of_tokens
from algorithms._ranges import Positive
from benchmark.contract.aim import Aim

__all__ = ["Template"]


@dataclass(frozen=True, slots=True)
class Template(OnPolicy):
    """One sentence: what this method does to a policy."""

    paper: ClassVar[str] = "doi:10.1007/BF00992696"
    scale: Positive = 1.0
    """Every field is a hyper-parameter and says where its default is from. Learning rate and passes are inherited."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the loop must provide: "reference", "value_head", "log_z_head", …; see `_batch.py`."""
        return frozenset()

    def aim(self) -> Aim:
        """What it converges to, so that `bakeoff check` can hold it to its word; leave out what has no closed form."""
        return Aim("best", credit="reward")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Once per batch, without gradient: what the loss multiplies with."""
        groups = batch.reward.view(-1, batch.group_size)
        return batch.with_advantage((groups - groups.mean(1, keepdim=True)).flatten())

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        u = self.scale * batch.advantage * now.logp  # [B, T]
        return Loss(-mean_of_rows(sum_of_tokens(u, batch.mask), batch.rows), {})
