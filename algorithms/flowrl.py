"""FlowRL: flow-balanced reward matching.

Objective    δ_i = log Z_φ(x_i) + (1/n_i) Σ_t log π_θ − β·r̂_i − (1/n_i) Σ_t log π_ref
             L = (1/B) Σ_i w_i·δ_i²
             r̂_i = (r_i − mean_g)/(std_g + 1e-6)      w_i = clamp(exp(Σ_t log π_θ/π_old), 1−ε, 1+ε), constant
Source       arXiv:2509.15207, eq. 6; code Xuekai-Zhu/FlowRL (its release computes the clipped weight and then uses the
             unclipped one; here as in the paper)
Differences  β = 3 for the pocket policy; the paper uses 15 on completions of thousands of tokens. log Z reads the mean
             over *all* prompt tokens (the release drops the last), without dropout, its last layer starts at zero, and
             it has its own learning rate. Its gradient reaches the policy, as in the release.
Degenerates  one pass over fresh samples: w = 1. All-equal groups have r̂ = 0 and pull the policy to the reference. r̂ has
             group mean 0, so log Z stays near 0 while the policy stays near the reference. One-token completions with
             raw rewards: trajectory balance with τ = 1/β.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import train_on_policy
from algorithms._pieces import group_normalised, log_ratio, mean_of_rows, sum_of_tokens
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Job, Run

__all__ = ["FlowRL"]


@dataclass(frozen=True, slots=True)
class FlowRL(Adapter):
    """Trajectory balance with length-normalised log-probabilities and group-normalised rewards."""

    paper: ClassVar[str] = "arXiv:2509.15207, eq. 6"
    beta: float = 3.0
    """β, reward scale; 15 in the paper."""
    clip: float = 0.2
    """ε of the importance weight, the released scripts' default."""
    passes: int = 1
    """μ, one in the released scripts."""
    learning_rate: float | None = None
    """Of the policy; `None` takes the suite's."""
    head_learning_rate: float = 1e-3
    """Of log Z."""
    needs: ClassVar[frozenset[Need]] = frozenset({"reference", "deep_log_z_head"})

    def refuses(self, job: Job) -> str | None:
        """A group of one has no deviation."""
        return (
            None
            if job.training.group_size > 1
            else "FlowRL needs group_size of at least 2: a group of one has no deviation"
        )

    def train(self, run: Run) -> Checkpoint:
        """In the shared loop."""
        return train_on_policy(run, self)

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Group-normalised rewards r̂ as `advantage` [B, T], constant along a row."""
        normalised = group_normalised(batch.reward, batch.group_size, 1e-6)
        return replace(batch, advantage=normalised.unsqueeze(1).expand_as(batch.mask))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        assert batch.ref_logp is not None
        assert now.log_z is not None
        n = batch.mask.sum(1).clamp(min=1)  # [B]
        to_ref = sum_of_tokens(now.logp - batch.ref_logp, batch.mask) / n
        delta = now.log_z + to_ref - self.beta * batch.advantage[:, 0]
        ratio = sum_of_tokens(log_ratio(now.logp, batch.old_logp, batch.mask), batch.mask).exp()
        weight = ratio.clamp(1 - self.clip, 1 + self.clip).detach()
        return Loss(
            mean_of_rows(weight * delta**2, batch.rows),
            {
                "flowrl/delta_mean": mean_of_rows(delta, batch.rows).detach(),
                "flowrl/log_z": mean_of_rows(now.log_z, batch.rows).detach(),
                "flowrl/weight_mean": mean_of_rows(weight, batch.rows).detach(),
            },
        )
