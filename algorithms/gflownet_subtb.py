"""GFlowNet by sub-trajectory balance: balance between every two prefixes, weighted by their distance.

Objective    L = (1/B) Σ_i [ Σ_{j<k} λ^{k−j−1}·(a_j − a_k)² / Σ_{j<k} λ^{k−j−1} ],   0 ≤ j < k ≤ n
             a_t = log F(s_t) − Σ_{u≤t} log π_θ(y_u|s_{u−1});   log F(s_n) := log R(y|x)
             log F(s_t) = f_φ(s_t) + a·Σ_{u≤t} log π_ref      (`ref_relative`)
Source       arXiv:2209.12782 (SubTB(λ)), normalised within a trajectory
Differences  flows relative to the reference and a head on detached states, as in `gflownet_db.py`.
Degenerates  λ → 0 is detailed balance with a mean per completion. λ → ∞ is trajectory balance with log Z = log F(s_0).
             With one-token completions it is both. A constant added to all a_t changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._flow import GFlowNet, anchors, balance_metrics, pair_weights, terminal
from algorithms._pieces import mean_of_rows
from algorithms._ranges import Fraction

__all__ = ["SubTrajectoryBalance"]


@dataclass(frozen=True, slots=True)
class SubTrajectoryBalance(GFlowNet):
    """Balance between every two prefixes of a completion, with a learned flow of every prefix."""

    paper: ClassVar[str] = "arXiv:2209.12782, SubTB(λ)"
    lam: Fraction = 1.0
    """λ; 1 weights all pairs equally, for completions of tens of tokens. torchgfn and niupuhua1234/GFN-PG have 0.9."""
    ref_relative: bool = True
    """Learn flows relative to the reference policy."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference and a flow for every prefix."""
        return frozenset({"reference", "flow_head"})

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert now.flow is not None
        steps, end = terminal(batch, now, self.tau, self.ref_power, self.floor, relative=self.ref_relative)
        a, exists = anchors(now.flow, steps, end, batch.mask)
        weight = pair_weights(exists, self.lam)  # [B, T+1, T+1]
        squares = (a.unsqueeze(2) - a.unsqueeze(1)) ** 2
        per_row = (weight * squares).sum((1, 2)) / weight.sum((1, 2))
        whole = a[:, 0] - a.gather(1, batch.mask.sum(1, keepdim=True).long()).squeeze(1)
        return Loss(mean_of_rows(per_row, batch.rows), balance_metrics(batch, whole, now.flow[:, 0]))
