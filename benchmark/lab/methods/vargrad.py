"""Trajectory balance with log Z estimated from the batch: log variance, VarGrad.

Objective    L = (1/B) Σ_i (log Ẑ + Σ log P_F − log R − Σ log P_B)²
             log Ẑ = mean over the batch of (log R + Σ log P_B − Σ log P_F),  constant
Source       arXiv:2302.05446; the class of texts `algorithms/gflownet_vargrad.py` with P_B as its reference
Differences  none; the whole batch is one group, since a world has one log Z.
Degenerates  a batch of one trajectory has no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss
from benchmark.lab.methods.method import Method, View, text_loss

__all__ = ["GraphVarGrad"]


@dataclass(frozen=True, slots=True)
class GraphVarGrad(Method):
    """Whole trajectories in balance with one another."""

    paper: ClassVar[str] = "arXiv:2302.05446"

    def loss(self, view: View) -> Loss:
        """The objective above."""
        return text_loss("gflownet_vargrad").loss(view.batch, view.now)
