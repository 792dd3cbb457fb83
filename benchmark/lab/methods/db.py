"""Detailed balance.

Objective    δ_t = log F(s_{t−1}) + log P_F(s_t|s_{t−1}) − log F(s_t) − log P_B(s_{t−1}|s_t),  last one: F(s_n) := R(x)
             L = Σ_{i,t} δ² / Σ_{i,t} 1
Source       arXiv:2111.09266, def. 18; mean over transitions as torchgfn. The class of texts
             `algorithms/gflownet_db.py` with P_B as its reference
Differences  none; niupuhua1234/GFN-PG sums over a trajectory's transitions (`reduction`).
Degenerates  trajectories of one action: trajectory balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from algorithms._batch import Loss
from benchmark.lab.methods.method import Method, View, text_loss

__all__ = ["GraphDetailedBalance"]


@dataclass(frozen=True, slots=True)
class GraphDetailedBalance(Method):
    """Every action in balance with the learned flows of the states around it."""

    paper: ClassVar[str] = "arXiv:2111.09266, def. 18"
    reduction: Literal["transition_mean", "trajectory_sum"] = "transition_mean"
    """Mean over transitions as torchgfn, or sum over a trajectory's as niupuhua1234/GFN-PG."""

    @property
    def needs(self) -> frozenset[str]:
        """State flows."""
        return frozenset({"flow_head"})

    def loss(self, view: View) -> Loss:
        """The objective above."""
        return text_loss("gflownet_db", reduction=self.reduction).loss(view.batch, view.now)
