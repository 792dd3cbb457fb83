"""RL-T: RL-U's objective, lowered by a natural gradient step within a trust region.

Objective    min (1/B) Σ_i Σ_t ρ·A   subject to   (1/B) Σ_i Σ_t KL(P_old(·|s_t)‖P_F(·|s_t)) ≤ δ
             the KL over all actions of every visited state; critic and log Z as in `rl.py`
Source       arXiv:2408.05885, section 3.3 and appendix; TRPO arXiv:1502.05477. Steps by `algorithms/_trust_region.py`
Differences  one normaliser, trajectories, for the KL that shapes the step and the one that limits it; the released code
             divides the second by states. The KL's products are exact second derivatives.
Degenerates  δ → 0: RL-U along the natural gradient. No step where none of 20 halvings lowers the surrogate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from algorithms._batch import Loss
from algorithms._pieces import masked, mean_of_rows, sum_of_tokens
from algorithms._trust_region import HALVINGS, moved, natural_step
from benchmark.lab.methods.method import Backward, Method, View, text_loss

__all__ = ["TrustRegion", "trust_region_step"]


@dataclass(frozen=True, slots=True)
class TrustRegion(Method):
    """Policy gradients of the balance residual within a KL radius."""

    paper: ClassVar[str] = "arXiv:2408.05885, RL-T"
    on_policy: ClassVar[bool] = True
    backwards: ClassVar[tuple[Backward, ...]] = ("uniform", "max_likelihood", "policy_gradient", "guided")
    lam: float = 0.99
    """λ, the released code's."""
    radius: float = 0.01
    """δ, nats a trajectory."""

    @property
    def needs(self) -> frozenset[str]:
        """A critic and log Z."""
        return frozenset({"value_head", "log_z_head"})

    def loss(self, view: View) -> Loss:
        """RL-U's; of the policy's part only the gradient's direction is used."""
        text = text_loss("gflownet_pg", lam=self.lam)
        return text.loss(text.prepare(view.batch), view.now)


def trust_region_step(view: View, method: TrustRegion) -> dict[str, float]:
    """Move the policy once: a natural gradient step, halved until it lowers the surrogate within the radius."""
    networks, paths = view.networks, view.paths
    weights: list[Tensor] = list(networks.policy.parameters())
    batch = text_loss("gflownet_pg", lam=method.lam).prepare(view.batch)
    assert batch.advantage is not None
    advantage = batch.advantage
    with torch.no_grad():
        old = networks.log_forward(paths.states)

    def surrogate(log_forward: Tensor) -> Tensor:
        logp = log_forward.gather(-1, paths.actions.unsqueeze(-1)).squeeze(-1)
        ratio = masked(logp - batch.old_logp, paths.mask).exp()
        return mean_of_rows(sum_of_tokens(ratio * advantage, paths.mask), batch.rows)

    def kl(log_forward: Tensor) -> Tensor:
        return mean_of_rows(sum_of_tokens((old.exp() * (old - log_forward)).sum(-1), paths.mask), batch.rows)

    now = networks.log_forward(paths.states)
    gradient = [g.detach() for g in torch.autograd.grad(surrogate(now), weights, retain_graph=True)]
    slope = torch.autograd.grad(kl(now), weights, create_graph=True)

    def curvature(v: Sequence[Tensor]) -> Sequence[Tensor]:
        along = torch.stack([(a * b).sum() for a, b in zip(slope, v, strict=True)]).sum()
        return [h.detach() for h in torch.autograd.grad(along, weights, retain_graph=True)]

    step, before = natural_step(curvature, gradient, method.radius), float(surrogate(old))
    for halvings in range(HALVINGS):
        share = 0.5**halvings
        with moved(weights, [share * x for x in step]), torch.no_grad():
            tried = networks.log_forward(paths.states)
            good = float(surrogate(tried)) < before and float(kl(tried)) <= method.radius
        if good:
            with torch.no_grad():
                for weight, x in zip(weights, step, strict=True):
                    weight.add_(share * x)
            return {"trust/step_share": share}
    return {"trust/step_share": 0.0}
