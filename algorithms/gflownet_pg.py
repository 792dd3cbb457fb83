"""GFlowNet by policy gradients: the balance residual as a cost, minimised with a critic.

Objective    c_t = log π_old − a·log π_ref,  the last one + log Z(x) − r/τ          costs, constant
             A = GAE(c, V_old; 1, λ) − mean over all valid tokens
             L = (1/B) Σ_i Σ_t ρ·A  +  (1/B) Σ_i (Σ_t c_t)·log Z(x_i)  +  (1/B) Σ_i Σ_t (V − target)²
             with `clip` ε the first term is max(ρA, clamp(ρ, 1−ε, 1+ε)·A); with `trust_radius` δ it is lowered by
             a natural gradient step within KL(π_old‖π_θ) ≤ δ (RL-T)
Source       arXiv:2408.05885 (RL-U); niupuhua1234/GFN-PG `losses/trajectory_RL.py`
Differences  the reference's part is charged per token (`ref_relative`), which leaves every sum as it is and the critic
             smaller values. On a token tree every state has one parent, so a learned or guided backward policy (RL-B,
             RL-G) has nothing to choose and is this same method.
Degenerates  λ = 1, V ≡ 0, no centring: half of trajectory balance's gradient without the past costs, whose expectation
             is 0. All rewards equal: the costs are the KL to the reference. A wrong log Z has little effect here
             because the centring removes it. With a poor critic this is noisy REINFORCE.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._flow import GFlowNet, balance_metrics, terminal
from algorithms._on_policy import train_on_policy
from algorithms._pieces import gae, log_ratio, masked, mean_of_rows, mean_of_tokens, sum_of_tokens, token_rewards
from algorithms._ranges import Coefficient, Fraction, Positive
from algorithms._trust_region import trust_region_update
from benchmark.contract import Checkpoint, Run, Setting
from benchmark.contract.aim import Aim

__all__ = ["PolicyGradientGFlowNet"]


@dataclass(frozen=True, slots=True)
class PolicyGradientGFlowNet(GFlowNet):
    """Trajectory balance's objective with a critic's advantages."""

    paper: ClassVar[str] = "arXiv:2408.05885, RL-U"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"lam": 1.0}
    lam: Fraction = 0.99
    """λ, as in the released code."""
    clip: Coefficient | None = None
    """ε of a clipped ratio, for several passes; `None` is none."""
    trust_radius: Positive | None = None
    """δ of RL-T: natural gradient steps within KL(π_old‖π_θ) ≤ δ nats a completion, 0.01 in the released code."""
    ref_relative: bool = True
    """Distribute the reference's log-probability over the tokens instead of adding it at the end."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, a critic and log Z."""
        return frozenset({"reference", "value_head", "log_z_head"})

    def train(self, run: Run) -> Checkpoint:
        """Train in the shared loop, with Adam or within the trust region."""
        if self.trust_radius is None:
            return train_on_policy(run, self)
        update = partial(trust_region_update, radius=self.trust_radius, objective=self.policy_loss)
        return train_on_policy(run, self, update)

    @property
    def frozen_steps(self) -> int:
        """Within a trust region, Adam updates only the heads."""
        return 0 if self.trust_radius is None else sys.maxsize

    def aim(self) -> Aim | None:
        """The tempered reference, π_ref^a·e^{r/τ}/Z."""
        return Aim("tempered", self.tau, self.ref_power, credit="free_energy") if self.floor is None else None

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute centred advantages of the costs, and the critic's targets."""
        assert batch.old_value is not None
        cost = self._costs(batch)
        advantage = gae(cost, batch.old_value, batch.mask, 1.0, self.lam)
        target = gae(cost, batch.old_value, batch.mask, 1.0, 1.0) + masked(batch.old_value, batch.mask)
        centre = mean_of_tokens(advantage, batch.mask, batch.tokens)
        return replace(batch.with_advantage(masked(advantage - centre, batch.mask)), target=target)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.target is not None
        assert now.value is not None
        assert now.log_z is not None
        residual = sum_of_tokens(self._costs(batch), batch.mask)  # [B] log Z + Σ log π − log R
        policy = self.policy_loss(batch, now)
        partition = mean_of_rows(residual * (now.log_z - now.log_z.detach()).exp(), batch.rows)
        error = masked(batch.target - now.value, batch.mask)  # before the square, or padding reaches the gradient
        value = mean_of_rows(sum_of_tokens(error**2, batch.mask), batch.rows)
        parts = {"gfn/policy_loss": policy, "gfn/log_z_loss": partition, "value/loss": value}
        metrics = {name: part.detach() for name, part in parts.items()}
        return Loss(policy + partition + value, {**metrics, **balance_metrics(batch, residual, now.log_z)})

    def policy_loss(self, batch: Rollouts, now: Now) -> Tensor:
        """[] the first term: what the policy minimises, and what RL-T's line search looks at."""
        assert batch.advantage is not None
        ratio = log_ratio(now.logp, batch.old_logp, batch.mask).exp()
        term = ratio * batch.advantage
        if self.clip is not None:
            term = torch.maximum(term, ratio.clamp(1 - self.clip, 1 + self.clip) * batch.advantage)
        return mean_of_rows(sum_of_tokens(term, batch.mask), batch.rows)

    def _costs(self, batch: Rollouts) -> Tensor:
        """[B, T] costs c_t under the sampling policy."""
        assert batch.old_log_z is not None
        sampling = Now(batch.old_logp)
        steps, end = terminal(batch, sampling, self.tau, self.ref_power, self.floor, relative=self.ref_relative)
        return token_rewards(batch.old_log_z - end, -steps, batch.mask, 1.0)
