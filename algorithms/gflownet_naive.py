"""Negative control: detailed balance without the reward, as published. This loss cannot learn.

Objective    δ_t = f(s_{t−1}) + log π_θ(y_t|s_{t−1}) − f(s_t),  t = 1 … n;  f(s_n) is the network's own output
             or, with `variant = "log_inverse"`, f(s_{t−1}) + 2·log π_θ(y_t|s_{t−1}) − f(s_t)
             L = Σ_{i,t} δ² / Σ_{i,t} 1
Source       the listing behind the published "GFlowNet 0.00" on GSM8K (theFulminatedHuman/
             GFlowNets-vs-GRPO-in-LLM-Math-Tasks); its displayed F(s)π − F(s')π⁻¹ is the second variant
Differences  none in the loss; everything around it is the harness's. The correct loss is `gflownet_db.py`.
Degenerates  always. Why it cannot work: (1) the reward appears nowhere, and f(s_t) = f(s_0) + Σ log π gives loss 0 for
             *any* policy. (2) With f near 0 the gradient is 2·log π per sampled token: it raises unlikely tokens most,
             so entropy grows towards uniform text. (3) Uniform text stops with probability 1/V per token, so lengths
             become geometric. (4) 1/π is no backward policy; on a token tree that policy is 1. (5) The end has no flow
             of its own, and adding log 0 for a wrong answer would make it infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._flow import anchors
from algorithms._on_policy import OnPolicy
from algorithms._pieces import mean_of_tokens, sum_of_tokens
from benchmark.contract.aim import Aim

__all__ = ["NaiveGFlowNet"]


@dataclass(frozen=True, slots=True)
class NaiveGFlowNet(OnPolicy):
    """Detailed balance with a learned flow at every state, the last one included."""

    paper: ClassVar[str] = "arXiv:2111.09266 misread"
    variant: Literal["code", "log_inverse"] = "code"
    """The listing's residual, or the displayed formula's."""

    @property
    def needs(self) -> frozenset[Need]:
        """A flow for every state and for the finished completion."""
        return frozenset({"flow_head", "terminal_flow"})

    def aim(self) -> Aim:
        """No target: the method must stay away from the tempered distribution."""
        return Aim("nothing", 0.5)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above; the rewards are not read."""
        assert now.flow is not None
        end = now.flow.gather(1, batch.mask.sum(1, keepdim=True).long()).squeeze(1)
        steps = now.logp if self.variant == "code" else 2 * now.logp
        a, _ = anchors(now.flow, steps, end, batch.mask)
        delta = a[:, :-1] - a[:, 1:]
        metrics = {"gfn/delta_mean": sum_of_tokens(delta, batch.mask).sum().detach() / batch.rows}
        return Loss(mean_of_tokens(delta**2, batch.mask, batch.tokens), metrics)
