"""FlowRL: flow-balanced reward matching.

Objective    δ_i = log Z_φ(x_i) + (1/n_i) Σ_t log π_θ − β·r̂_i − (1/n_i) Σ_t log π_ref
             L = (1/B) Σ_i w_i·δ_i²,     r̂_i = (r_i − mean_g)/(std_g + 1e-6)
             w_i from W = exp(Σ_t (log π_θ − log π_old)), constant: clamp(W, 1−ε, 1+ε) in the paper; W in the
             released code, which computes the clamp and does not use it; min(W, 10) in verl's recipe; or 1
Source       arXiv:2509.15207; code Xuekai-Zhu/FlowRL (issues 13 to 15 on the weight) and
             verl-project/verl-recipe `flowrl`
Differences  β = 3 for the pocket policy; the paper uses 15 on completions of thousands of tokens. log Z reads the mean
             over *all* prompt tokens (the release drops the last), without dropout, its last layer starts at zero, and
             it has its own learning rate. Its gradient reaches the policy, as in the release.
Degenerates  one step over fresh samples: w = 1 in all four forms. All-equal groups have r̂ = 0 and pull the policy to
             the reference. r̂ has group mean 0, so log Z stays near 0 while the policy stays near the reference.
             One-token completions with raw rewards: trajectory balance with τ = 1/β; longer ones aim at π_ref·e^{|y|(βr
             − log Z)}, which favours long correct completions exponentially.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._flow import balance_metrics
from algorithms._normalise import group_normalised
from algorithms._on_policy import OnPolicy
from algorithms._pieces import log_ratio, mean_of_rows, sum_of_tokens
from algorithms._ranges import Coefficient, Positive
from benchmark.contract import Setting
from benchmark.contract.aim import Aim

__all__ = ["FlowRL", "importance_weight"]

Weight = Literal["paper", "released", "recipe", "none"]


@dataclass(frozen=True, slots=True)
class FlowRL(OnPolicy):
    """Trajectory balance with length-normalised log-probabilities and group-normalised rewards."""

    paper: ClassVar[str] = "arXiv:2509.15207"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"beta": 1.5, "normalise_rewards": False}
    smallest_group: ClassVar[int] = 2
    beta: Positive = 3.0
    """β, reward scale; 15 in the paper."""
    weight: Weight = "paper"
    """Which published importance weight to use; they differ from the second optimiser step over a batch on."""
    clip: Coefficient = 0.2
    """ε of the paper's weight, the released scripts' default."""
    weight_cap: Positive = 10.0
    """Cap of the recipe's weight, verl-project/verl pull request 4397."""
    normalise_rewards: bool = True
    """Normalise rewards within the group. Raw rewards make the target a fixed distribution, which can be tested."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference and the log Z head of the released code."""
        return frozenset({"reference", "deep_log_z_head"})

    def aim(self) -> Aim | None:
        """A fixed target with raw rewards; `None` with normalised rewards, whose target moves with the policy."""
        return None if self.normalise_rewards else Aim("length_tempered", 1 / self.beta)

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Store r̂ as `advantage` [B, T], constant along a row."""
        if not self.normalise_rewards:
            return batch.with_advantage(batch.reward)
        return batch.with_advantage(group_normalised(batch.reward, batch.group_size, 1e-6))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        assert batch.ref_logp is not None
        assert now.log_z is not None
        n = batch.mask.sum(1).clamp(min=1)  # [B]
        to_ref = sum_of_tokens(now.logp - batch.ref_logp, batch.mask) / n
        delta = now.log_z + to_ref - self.beta * batch.advantage[:, 0]
        ratio = sum_of_tokens(log_ratio(now.logp, batch.old_logp, batch.mask), batch.mask).exp().detach()
        w = importance_weight(ratio, self.weight, self.clip, self.weight_cap)
        metrics = {"flowrl/weight_mean": mean_of_rows(w, batch.rows), "flowrl/weight_max": w.max()}
        return Loss(mean_of_rows(w * delta**2, batch.rows), {**metrics, **balance_metrics(batch, delta, now.log_z)})


def importance_weight(ratio: Tensor, kind: Weight, clip: float, cap: float) -> Tensor:
    """[B] the factor of each squared residual, from the sequence's ratio W."""
    clamped = {"paper": (1 - clip, 1 + clip), "released": (None, None), "recipe": (None, cap), "none": (1.0, 1.0)}
    low, high = clamped[kind]
    return ratio if low is None and high is None else ratio.clamp(low, high)
