"""Template for a method, complete in one file: REINFORCE with the group's mean reward as baseline.

Objective    L = −(1/B) Σ_i Σ_t A_i·log π_θ(y_t | s_{t−1})          A_i = r_i − mean_g
Source       Williams 1992, doi:10.1007/BF00992696, with a baseline
Differences  the baseline includes the completion itself, so the gradient is (G−1)/G times that of leave-one-out.
Degenerates  if all rewards of a group are equal, A = 0 and the group has no gradient.

To add a method, copy this file, write these four paragraphs, the fields and the loss, add one line to
`algorithms/__init__.py`, and run `bakeoff check yours` and `pytest tests/test_every_algorithm.py -k yours`. Outside the
repository, write `class = "your_package.your_module:YourClass"` in a suite instead. Guide: docs/adding-a-method.md.
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
    """Increase the log-probability of completions that earn more than their group's mean."""

    paper: ClassVar[str] = "doi:10.1007/BF00992696"
    scale: Positive = 1.0
    """Factor of the loss; 1 is Williams's. Every field is a hyper-parameter, documented with its default's source."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the loop must provide: "reference", "value_head", "log_z_head", …; see `Need` in `_batch.py`."""
        return frozenset()

    def aim(self) -> Aim:
        """The optimum that `bakeoff check` tests for; leave this method out if there is no closed form."""
        return Aim("best", credit="reward")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute the advantages, once per batch and without gradient."""
        groups = batch.reward.view(-1, batch.group_size)
        return batch.with_advantage((groups - groups.mean(1, keepdim=True)).flatten())

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective of the module's docstring."""
        assert batch.advantage is not None
        u = self.scale * batch.advantage * now.logp  # [B, T]
        return Loss(-mean_of_rows(sum_of_tokens(u, batch.mask), batch.rows), {})
