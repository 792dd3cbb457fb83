"""Functions shared by the GFlowNet losses: log-reward, anchors along a completion, residuals and diagnostics.

On a token tree every state has one parent, so the backward policy is identically 1. With anchors
a_t = log F(s_t) − Σ_{u≤t} log π(y_u|s_{u−1}) the balance residual between the prefixes i and j is a_i − a_j. Detailed
balance uses neighbours, sub-trajectory balance all pairs, trajectory balance the two ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from algorithms._batch import Need, Now, Rollouts
from algorithms._on_policy import OnPolicy
from algorithms._pieces import masked, mean_of_rows, sum_of_tokens
from algorithms._ranges import Coefficient, Positive, Signed
from benchmark.contract import Job
from benchmark.contract.aim import Aim

__all__ = [
    "GFlowNet",
    "anchors",
    "balance_metrics",
    "group_log_z",
    "log_reward",
    "pair_weights",
    "tempered",
    "terminal",
]


def tempered(reward: Tensor, tau: float, floor: float | None) -> Tensor:
    """[B] r/τ, or log(max(r, floor))/τ: the odds depend on differences of r, or on ratios.

    For 0/1 rewards the two forms are one family.
    """
    return reward / tau if floor is None else reward.clamp(min=floor).log() / tau


def log_reward(batch: Rollouts, tau: float, ref_power: float, floor: float | None = None) -> Tensor:
    """[B] log R(y|x) = r/τ + a·Σ_t log π_ref; finite for every reward, so wrong completions keep some probability."""
    total = tempered(batch.reward, tau, floor)
    if ref_power:
        assert batch.ref_logp is not None
        total = total + ref_power * sum_of_tokens(batch.ref_logp, batch.mask)
    return total


def terminal(
    batch: Rollouts, now: Now, tau: float, ref_power: float, floor: float | None, *, relative: bool
) -> tuple[Tensor, Tensor]:
    """Step log-probabilities [B, T] and terminal log-flow [B] of a completion.

    `relative` writes log F(s_t) = f(s_t) + a·Σ_{u≤t} log π_ref, so that the head need not memorise the likelihood of
    prefixes. The steps become log π − a·log π_ref and the end r/τ; all residuals are unchanged.
    """
    if not relative or not ref_power:
        return now.logp, log_reward(batch, tau, ref_power, floor)
    assert batch.ref_logp is not None
    return now.logp - ref_power * batch.ref_logp, tempered(batch.reward, tau, floor)


def anchors(flow: Tensor, steps: Tensor, end: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Anchors a_0 … a_T [B, T+1] and a mask of those that exist [B, T+1].

    After the last token the flow is `end` instead of the head's output.

    `flow` [B, ≥T] at s_0, s_1, …; `steps` [B, T] log-probabilities; `end` [B]; `mask` [B, T].
    """
    rows, width = mask.shape
    n = mask.sum(1, keepdim=True)
    t = torch.arange(width + 1, device=mask.device)
    passed = torch.cat((steps.new_zeros(rows, 1), masked(steps, mask).cumsum(1)), 1)
    padded = torch.cat((flow[:, :width], flow.new_zeros(rows, 1)), 1)
    inner = torch.where(t < n, padded, torch.zeros_like(padded))
    a = torch.where(t == n, end.unsqueeze(1), inner) - passed
    exists = (t <= n).to(mask.dtype)
    return masked(a, exists), exists


def pair_weights(exists: Tensor, lam: float) -> Tensor:
    """[B, T+1, T+1] λ^{k−j−1} for pairs j < k of existing anchors, else 0."""
    t = torch.arange(exists.shape[1], device=exists.device)
    gap = t.unsqueeze(0) - t.unsqueeze(1)
    powers = float(lam) ** (gap - 1).clamp(min=0).to(exists.dtype)  # in the loss's own precision
    weight = torch.where(gap > 0, powers, torch.zeros_like(powers))
    return weight * exists.unsqueeze(1) * exists.unsqueeze(2)


def group_log_z(excess: Tensor, group: int) -> Tensor:
    """[B] the group's mean of log R − Σ log π, detached."""
    return excess.detach().view(-1, group).mean(1).repeat_interleave(group)


def balance_metrics(batch: Rollouts, delta: Tensor, log_z: Tensor) -> dict[str, Tensor]:
    """Metrics: residual of whole completions [B] and log Z [B], as means over the rows of the step."""
    return {
        "gfn/delta_mean": mean_of_rows(delta, batch.rows).detach(),
        "gfn/delta_abs_mean": mean_of_rows(delta.abs(), batch.rows).detach(),
        "gfn/log_z": mean_of_rows(log_z, batch.rows).detach(),
    }


@dataclass(frozen=True, slots=True)
class GFlowNet(OnPolicy):
    """Base of the GFlowNets: sample completions in proportion to R(y|x) = π_ref^a·e^{r/τ}.

    The methods differ in which balance condition they impose.
    """

    tau: Positive = 0.25
    """τ, reward temperature. The default raises an accuracy of 0.37 to 0.97 in the target."""
    ref_power: Coefficient = 1.0
    """a in [0, 1]; 1 leaves right and wrong answers their relative weights inside their class."""
    floor: Signed | None = None
    """ε of log(max(r, ε))/τ, for graded rewards whose ratios matter; `None` is r/τ."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference is half of the target."""
        return frozenset({"reference"})

    def refuses(self, job: Job) -> str | None:
        """A temperature that no float can carry, or a group too small."""
        if not (self.tau >= 1e-3 and math.isfinite(self.tau)):
            return f"tau = {self.tau} makes log R range over more than 1000; use at least 0.001"
        if not 0 <= self.ref_power <= 1:
            return f"ref_power = {self.ref_power}: expected a power of the reference from 0 to 1"
        return OnPolicy.refuses(self, job)

    def aim(self) -> Aim | None:
        """The tempered reference."""
        return Aim("tempered", self.tau, self.ref_power) if self.floor is None else None
