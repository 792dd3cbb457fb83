"""Sub-EB: RL-U with a critic learned by balance over all stretches instead of regression.

Objective    policy and log Z as in `rl.py`, with V := −log E
             a_t = log E(s_t) − Σ_{u≤t} (log P_F − log P_B),  log E(s_n) := log R(x) − log Z,  P_F, P_B, log Z constant
             L_E = (1/B) Σ_i [ Σ_{j<k} λ^{k−j−1}·(a_j − a_k)² / Σ_{j<k} λ^{k−j−1} ]
Source       arXiv:2603.01047 (evaluation balance over partial episodes); niupuhua1234/Sub-EB
             `losses/trajectory_RLEval.py`
Differences  the gradient of log Z is the mean residual, as in `rl.py`; their code squares it, which doubles it.
Degenerates  the policy in balance: E is the state flow over Z and every residual 0, so V is exactly the remaining cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from algorithms._batch import Loss, Rollouts
from algorithms._flow import anchors, pair_weights
from algorithms._pieces import mean_of_rows
from benchmark.lab.methods.method import Backward, Method, View, text_loss

__all__ = ["SubEB", "evaluation_balance"]


def evaluation_balance(value: Tensor, batch: Rollouts, lam: float) -> Tensor:
    """[] L_E above; `value` [B, T] is V of the states before each action. Only V has a gradient."""
    assert batch.ref_logp is not None
    assert batch.old_log_z is not None
    steps = batch.old_logp - batch.ref_logp.detach()
    a, exists = anchors(-value, steps, batch.reward - batch.old_log_z, batch.mask)
    weight = pair_weights(exists, lam)
    squares = (a.unsqueeze(2) - a.unsqueeze(1)) ** 2
    return mean_of_rows((weight * squares).sum((1, 2)) / weight.sum((1, 2)), batch.rows)


@dataclass(frozen=True, slots=True)
class SubEB(Method):
    """Policy gradients with an evaluator in balance."""

    paper: ClassVar[str] = "arXiv:2603.01047"
    on_policy: ClassVar[bool] = True
    backwards: ClassVar[tuple[Backward, ...]] = ("uniform", "max_likelihood", "policy_gradient", "guided")
    lam: float = 0.99
    """λ of the advantages, the released code's."""
    balance_lam: float = 0.9
    """λ of the evaluation balance."""

    @property
    def needs(self) -> frozenset[str]:
        """A critic and log Z."""
        return frozenset({"value_head", "log_z_head"})

    def loss(self, view: View) -> Loss:
        """The objective above."""
        assert view.now.value is not None
        text = text_loss("gflownet_pg", lam=self.lam)
        batch = text.prepare(view.batch)
        found = text.loss(batch, replace(view.now, value=batch.target))  # its regression is then 0, value and gradient
        balance = evaluation_balance(view.now.value, batch, self.balance_lam)
        return Loss(found.total + balance, {**found.metrics, "value/loss": balance.detach()})
