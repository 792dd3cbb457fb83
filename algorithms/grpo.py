"""GRPO: group relative policy optimisation.

Objective    L = (1/B) Σ_i (1/n_i) Σ_t [ max(−ρA, −clamp(ρ, 1−ε, 1+ε)·A) + β·k3 ]
             A_i = (r_i − mean_g)/(std_g + δ)       the same for all tokens of a completion, constant
             ρ = π_θ/π_old per token                k3 = e^{−d} + d − 1,  d = log π_θ − log π_ref
Source       arXiv:2402.03300, eq. 3 and 4, section 4.1.2
Differences  β = 0 by default (the paper trains with 0.04): no reference is kept then. ε = 0.2, PPO's, where the paper
             gives none. std is unbiased with δ = 1e-5, as inclusionAI/AReaL computes it; the paper gives no δ.
Degenerates  all rewards of a group equal: A = 0 and the group teaches nothing. One optimiser pass: ρ = 1, the clip
             is inactive; the loss is then −mean A ≈ 0 whatever happens, only its gradient means anything. 1/n_i makes
             long wrong answers cheap per token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import train_on_policy
from algorithms._pieces import clipped_surrogate, group_normalised, k3, log_ratio, mean_of_row_means
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Job, Run

__all__ = ["GRPO"]


@dataclass(frozen=True, slots=True)
class GRPO(Adapter):
    """PPO's clipped objective with the critic replaced by the group's own mean and deviation."""

    paper: ClassVar[str] = "arXiv:2402.03300, eq. 3"
    clip: float = 0.2
    """ε; the paper gives no value, PPO's default."""
    kl_weight: float = 0.0
    """β; 0.04 in section 4.2."""
    advantage_eps: float = 1e-5
    """δ, as in inclusionAI/AReaL."""
    passes: int = 1
    """μ, section 4.2."""
    learning_rate: float | None = None
    """Of the policy; `None` takes the suite's."""
    head_learning_rate: ClassVar[float] = 0.0

    @property
    def needs(self) -> frozenset[Need]:
        """A reference only where the KL has weight."""
        return frozenset({"reference"} if self.kl_weight else ())

    def refuses(self, job: Job) -> str | None:
        """A group of one has no deviation."""
        return (
            None
            if job.training.group_size > 1
            else "GRPO needs group_size of at least 2: a group of one has no deviation"
        )

    def train(self, run: Run) -> Checkpoint:
        """In the shared loop."""
        return train_on_policy(run, self)

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Advantages [B, T], constant along a row."""
        advantage = group_normalised(batch.reward, batch.group_size, self.advantage_eps)
        return replace(batch, advantage=advantage.unsqueeze(1).expand_as(batch.mask))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        ratio = log_ratio(now.logp, batch.old_logp, batch.mask).exp()  # [B, T]
        u = clipped_surrogate(ratio, batch.advantage, self.clip, self.clip)
        if batch.ref_logp is not None:
            u = u + self.kl_weight * k3(now.logp, batch.ref_logp, batch.mask)
        return Loss(mean_of_row_means(u, batch.mask, batch.rows), {})
