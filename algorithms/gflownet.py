"""GFlowNet by trajectory balance, with a learned log Z(x) and a reward tempered over the reference.

Objective    δ_i = log Z_φ(x_i) + Σ_t log π_θ − log R_i              L = (1/B) Σ_i δ_i²
             log R(y|x) = r/τ + a·Σ_t log π_ref(y_t|s_{t−1})
             target: π*(y|x) ∝ π_ref(y|x)^a·e^{r/τ}                  sampled in proportion to reward, not its arg-max
Source       arXiv:2201.13259, eq. 14 (trajectory balance); on a token tree the backward policy is identically 1.
             Reward tempered over a reference: arXiv:2310.04363, section 3
Differences  R is never 0: a 0/1 reward would make log R = −∞ at the first wrong completion. A base accuracy p becomes
             p·e^{1/τ}/(p·e^{1/τ} + 1 − p) in the target. log Z is a head on the prompt's detached mean state, from 0.
Degenerates  a = 0 aims at all right strings alike, most of them gibberish. On-policy its policy
             gradient is 2·∇KL(π_θ‖π*) whatever log Z is: REINFORCE with the KL in the reward, log Z as baseline.
             All-equal groups still pull towards π_ref. A head that lags leaves mean δ far from 0 and pushes all
             completions of a prompt up or down together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import train_on_policy
from algorithms._pieces import mean_of_rows, sum_of_tokens
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Job, Run

__all__ = ["GFlowNet"]


@dataclass(frozen=True, slots=True)
class GFlowNet(Adapter):
    """Sample completions in proportion to π_ref·e^{r/τ}."""

    paper: ClassVar[str] = "arXiv:2201.13259, eq. 14"
    tau: float = 0.25
    """τ, reward temperature: lifts an accuracy of 0.37 to 0.97 in the target."""
    ref_power: float = 1.0
    """a in [0, 1]; 1 leaves right and wrong answers their relative weights inside their class."""
    learning_rate: float | None = None
    """Of the policy; `None` takes the suite's."""
    head_learning_rate: float = 1e-3
    """Of log Z."""
    passes: ClassVar[int] = 1
    needs: ClassVar[frozenset[Need]] = frozenset({"reference", "log_z_head"})

    def refuses(self, job: Job) -> str | None:
        """A temperature that no float can carry."""
        del job
        return (
            None if self.tau >= 1e-3 else f"tau = {self.tau} makes log R range over more than 1000; use at least 0.001"
        )

    def train(self, run: Run) -> Checkpoint:
        """In the shared loop."""
        return train_on_policy(run, self)

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Raw rewards are what the target is made of: nothing to prepare."""
        return batch

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.ref_logp is not None
        assert now.log_z is not None
        log_reward = batch.reward / self.tau + self.ref_power * sum_of_tokens(batch.ref_logp, batch.mask)  # [B]
        delta = now.log_z + sum_of_tokens(now.logp, batch.mask) - log_reward
        return Loss(
            mean_of_rows(delta**2, batch.rows),
            {
                "gfn/delta_mean": mean_of_rows(delta, batch.rows).detach(),
                "gfn/log_z_head": mean_of_rows(now.log_z, batch.rows).detach(),
            },
        )
