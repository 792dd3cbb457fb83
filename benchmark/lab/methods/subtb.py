"""Sub-trajectory balance, SubTB(λ).

Objective    L = (1/B) Σ_i [ Σ_{j<k} λ^{k−j−1}·(a_j − a_k)² / Σ_{j<k} λ^{k−j−1} ]
             a_t = log F(s_t) − Σ_{u≤t} (log P_F − log P_B);   log F(s_n) := log R(x)
Source       arXiv:2209.12782, eq. 12, normalised within a trajectory ("geometric_within" of torchgfn); the class of
             texts `algorithms/gflownet_subtb.py` with P_B as its reference
Differences  none.
Degenerates  λ → 0: detailed balance; λ → ∞: trajectory balance with log Z = log F(s_0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss
from benchmark.lab.methods.method import Method, View, text_loss

__all__ = ["GraphSubTrajectoryBalance"]


@dataclass(frozen=True, slots=True)
class GraphSubTrajectoryBalance(Method):
    """All stretches of a trajectory in balance."""

    paper: ClassVar[str] = "arXiv:2209.12782, eq. 12"
    lam: float = 0.9
    """λ; torchgfn's and niupuhua1234/GFN-PG's."""

    @property
    def needs(self) -> frozenset[str]:
        """State flows."""
        return frozenset({"flow_head"})

    def loss(self, view: View) -> Loss:
        """The objective above."""
        return text_loss("gflownet_subtb", lam=self.lam).loss(view.batch, view.now)
