"""GFlowNet by detailed balance: each token balances the flows of the prefixes before and after it.

Objective    δ_t = log F(s_{t−1}) + log π_θ(y_t|s_{t−1}) − log F(s_t),  t = 1 … n;   log F(s_n) := log R(y|x)
             L = Σ_{i,t} δ² / Σ_{i,t} 1     or     (1/B) Σ_i Σ_t δ²
             log F(s_t) = f_φ(s_t) + a·Σ_{u≤t} log π_ref      (`ref_relative`)
Source       arXiv:2111.09266 (detailed balance loss), where F is learned; on a token tree the backward policy is
             identically 1
Differences  the flow is written relative to the reference, so the head learns log E_ref[e^{r/τ}|s] in [0, 1/τ] and not
             the likelihood of prefixes; the residuals are the same numbers. The head reads detached states, in log
             space. The gradient flows into both flows of a residual, as in the original.
Degenerates  with one-token completions this is trajectory balance. The reward enters only through the last token and
             propagates back by one transition per update; while it has not arrived, the last residual is large, the
             others are near 0 and the reward is flat. With log F = logsumexp of the logits it is flow matching,
             arXiv:2106.04399.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._flow import GFlowNet, anchors, balance_metrics, terminal
from algorithms._pieces import mean_of_rows, mean_of_tokens, sum_of_tokens

__all__ = ["DetailedBalance"]


@dataclass(frozen=True, slots=True)
class DetailedBalance(GFlowNet):
    """Detailed balance of each transition, with a learned flow of every prefix."""

    paper: ClassVar[str] = "arXiv:2111.09266, detailed balance"
    ref_relative: bool = True
    """Learn flows relative to the reference policy."""
    reduction: Literal["transition_mean", "trajectory_sum"] = "transition_mean"
    """Mean over transitions as in torchgfn, or sum over those of a completion as in niupuhua1234/GFN-PG."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference and a flow for every prefix."""
        return frozenset({"reference", "flow_head"})

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert now.flow is not None
        steps, end = terminal(batch, now, self.tau, self.ref_power, self.floor, relative=self.ref_relative)
        a, _ = anchors(now.flow, steps, end, batch.mask)
        delta = a[:, :-1] - a[:, 1:]  # [B, T]
        if self.reduction == "transition_mean":
            total = mean_of_tokens(delta**2, batch.mask, batch.tokens)
        else:
            total = mean_of_rows(sum_of_tokens(delta**2, batch.mask), batch.rows)
        last = (batch.mask.cumsum(1) == batch.mask.sum(1, keepdim=True)) * batch.mask
        metrics = balance_metrics(batch, sum_of_tokens(delta, batch.mask), now.flow[:, 0])
        metrics["gfn/terminal_square"] = mean_of_rows(sum_of_tokens(delta**2, last), batch.rows).detach()
        return Loss(total, metrics)
