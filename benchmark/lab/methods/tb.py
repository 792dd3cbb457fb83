"""Trajectory balance.

Objective    δ = log Z + Σ_t log P_F(s_t|s_{t−1}) − log R(x) − Σ_t log P_B(s_{t−1}|s_t)         L = (1/B) Σ δ²
Source       arXiv:2201.13259, eq. 14; the class of texts `algorithms/gflownet_tb.py` with P_B as its reference
Differences  none.
Degenerates  on-policy with a fixed P_B its policy gradient is 2·∇KL(P_F‖P_B·R/Z), whatever log Z is. On a tree
             log P_B = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss
from benchmark.lab.methods.method import Method, View, text_loss

__all__ = ["GraphTrajectoryBalance"]


@dataclass(frozen=True, slots=True)
class GraphTrajectoryBalance(Method):
    """Whole trajectories in balance with a learned log Z."""

    paper: ClassVar[str] = "arXiv:2201.13259, eq. 14"

    @property
    def needs(self) -> frozenset[str]:
        """Log Z."""
        return frozenset({"log_z_head"})

    def loss(self, view: View) -> Loss:
        """The objective above."""
        return text_loss("gflownet_tb").loss(view.batch, view.now)
