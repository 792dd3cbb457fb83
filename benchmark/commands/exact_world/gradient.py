"""The exact expectation of a method's first gradient, by enumeration."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.commands.exact_world.tree import World
from benchmark.contract.aim import Aim

__all__ = ["GradientAgreement", "agreement", "exact_gradient", "off_reference_logits"]


class GradientAgreement(NamedTuple):
    """A measured gradient beside the exact one, up to a positive scale."""

    error: float
    """‖ĝ − s·g‖/‖s·g‖ with the best s > 0; infinite if ĝ points the other way."""
    cosine: float


def off_reference_logits(world: World) -> Tensor:
    """[S, V] logits away from the reference, so that a KL to it has a gradient."""
    states, actions = world.reference.shape
    i, a = torch.arange(states, dtype=torch.float64).unsqueeze(1), torch.arange(actions, dtype=torch.float64)
    return world.reference + 0.7 * torch.cos(2.9 * i + 1.3 * a)


def exact_gradient(world: World, logits: Tensor, aim: Aim, group_size: int) -> Tensor:
    """[S, V] ∇ of −Σ_y p(y)·w(y)·Σ_t c_t(y)·log π(y_t|s_{t−1}), p, c and w constant, at `logits` [S, V].

    w is 1/|y| where `aim.span` is the row mean, else 1: a mean over all tokens weighs them alike.
    """
    table = logits.detach().double().clone().requires_grad_()
    steps = world.step_logp(table)
    weight = 1 / world.lengths if aim.span == "row_mean" else torch.ones_like(world.lengths)
    credit = _credit(world, steps.detach(), aim, group_size)
    loss = -(steps.detach().sum(1).exp() * weight * (credit * steps).sum(1)).sum()
    return torch.autograd.grad(loss, table)[0]


def agreement(measured: Tensor, exact: Tensor) -> GradientAgreement:
    """How far two gradients differ in direction."""
    measured = measured.double()
    cosine = float((measured * exact).sum() / (measured.norm() * exact.norm()).clamp(min=1e-30))
    scale = float((measured * exact).sum() / (exact**2).sum())
    error = float((measured - scale * exact).norm() / (scale * exact).norm()) if scale > 0 else math.inf
    return GradientAgreement(error, cosine)


def _credit(world: World, steps: Tensor, aim: Aim, group_size: int) -> Tensor:
    """[Y, T] c_t(y): the factor of each token's log-probability, in expectation over the rest of the batch."""
    p, r = steps.sum(1).exp(), world.rewards
    if aim.credit == "kept":
        return (r >= 1).double().unsqueeze(1).expand_as(steps)
    to_ref = steps - aim.ref_power * world.step_logp(world.reference)
    if aim.credit in ("free_energy", "batch_whitened"):  # the KL of earlier tokens has expectation 0 given the state
        gain = r - aim.temperature * to_ref.sum(1)
        return (gain - p @ gain).unsqueeze(1).expand_as(steps)
    kappa = (group_size - 1) / group_size  # the group's mean holds the sample itself
    gain = kappa * (r - p @ r) if aim.credit == "reward" else _group_normalised(r, p, group_size)
    if aim.target != "loss_kl":
        return gain.unsqueeze(1).expand_as(steps)
    pull = to_ref if aim.corrected_kl else 1 - torch.exp(-to_ref)  # gradients of k3·ρ and of k3
    return gain.unsqueeze(1) - aim.temperature * pull


def _group_normalised(rewards: Tensor, p: Tensor, group_size: int) -> Tensor:
    """[Y] E[(r − mean_g)/std_g] over the other G−1 members of the group, drawn from `p`; 0 where all are equal."""
    values = sorted(set(rewards.tolist()))
    share = {value: float(p[rewards == value].sum()) for value in values}
    expected = dict.fromkeys(values, 0.0)
    for others in itertools.combinations_with_replacement(values, group_size - 1):
        counts = Counter(others)
        ways = math.factorial(group_size - 1) / math.prod(map(math.factorial, counts.values()))
        chance = ways * math.prod(share[value] ** count for value, count in counts.items())
        for own in values:
            group = torch.tensor([own, *others], dtype=torch.float64)
            if len({own, *others}) > 1:
                expected[own] += chance * float((own - group.mean()) / group.std())
    return torch.tensor([expected[value] for value in rewards.tolist()], dtype=torch.float64)
