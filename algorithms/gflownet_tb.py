"""GFlowNet by trajectory balance, with a learned log Z(x).

Objective    δ_i = log Z_φ(x_i) + Σ_t log π_θ − log R_i              L = (1/B) Σ_i δ_i²
             log R(y|x) = r/τ + a·Σ_t log π_ref
             target: π*(y|x) ∝ π_ref(y|x)^a·e^{r/τ}                  sampled in proportion to reward, not maximised
Source       arXiv:2201.13259 (trajectory balance); on a token tree the backward policy is identically 1.
             Reward tempered over a reference: arXiv:2310.04363
Differences  R is never 0: a 0/1 reward would make log R = −∞ at the first wrong completion. A base accuracy p becomes
             p·e^{1/τ}/(p·e^{1/τ} + 1 − p) in the target. log Z is a head on the prompt's detached mean state, from 0.
Degenerates  with a = 0 the target is uniform over all correct strings, most of them gibberish. On-policy the policy
             gradient is 2·∇KL(π_θ‖π*) whatever log Z is: REINFORCE with the KL in the reward and log Z as baseline.
             Groups of equal rewards still pull towards π_ref. A log Z head that lags leaves the mean δ far from 0 and
             moves all completions of a prompt up or down together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._flow import GFlowNet, balance_metrics, log_reward
from algorithms._pieces import mean_of_rows, sum_of_tokens
from benchmark.contract.aim import Aim

__all__ = ["TrajectoryBalance"]


@dataclass(frozen=True, slots=True)
class TrajectoryBalance(GFlowNet):
    """Trajectory balance of whole completions, with a learned log Z."""

    paper: ClassVar[str] = "arXiv:2201.13259, trajectory balance"

    @property
    def needs(self) -> frozenset[Need]:
        """The reference and log Z."""
        return frozenset({"reference", "log_z_head"})

    def aim(self) -> Aim | None:
        """The tempered reference; the expected gradient is that of the KL to it."""
        return Aim("tempered", self.tau, self.ref_power, credit="free_energy") if self.floor is None else None

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert now.log_z is not None
        gain = log_reward(batch, self.tau, self.ref_power, self.floor)  # [B]
        delta = now.log_z + sum_of_tokens(now.logp, batch.mask) - gain
        return Loss(mean_of_rows(delta**2, batch.rows), balance_metrics(batch, delta, now.log_z))
