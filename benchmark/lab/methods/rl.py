"""Policy gradients of the balance residual: RL-U, and with other backward policies RL-B and RL-G.

Objective    c_t = log P_F − log P_B,  the last one + log Z − log R(x)                                costs, constant
             A = GAE(c, V; 1, λ) − mean over all actions
             L = (1/B) Σ_i Σ_t ρ·A + (1/B) Σ_i (Σ_t c_t)·log Z + (1/B) Σ_i Σ_t (V − target)²
             RL-U: `backward` uniform.  RL-B: `policy_gradient`.  RL-G: `guided` (`methods/backward.py`)
Source       arXiv:2408.05885, eq. 8 and 9, algorithm 1; the class of texts `algorithms/gflownet_pg.py` with P_B as its
             reference
Differences  none; log R is not clipped at −12.
Degenerates  λ = 1, V ≡ 0, no centring: half of trajectory balance's gradient without the past costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss
from benchmark.lab.methods.method import Backward, Method, View, text_loss

__all__ = ["PolicyGradient"]


@dataclass(frozen=True, slots=True)
class PolicyGradient(Method):
    """Trajectory balance's objective with a critic's advantages."""

    paper: ClassVar[str] = "arXiv:2408.05885, algorithm 1"
    on_policy: ClassVar[bool] = True
    backwards: ClassVar[tuple[Backward, ...]] = ("uniform", "max_likelihood", "policy_gradient", "guided")
    lam: float = 0.99
    """λ, the released code's."""

    @property
    def needs(self) -> frozenset[str]:
        """A critic and log Z."""
        return frozenset({"value_head", "log_z_head"})

    def loss(self, view: View) -> Loss:
        """The objective above."""
        text = text_loss("gflownet_pg", lam=self.lam)
        return text.loss(text.prepare(view.batch), view.now)
