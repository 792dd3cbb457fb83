"""The exact optimum of a method: the distribution over leaves that its `Aim` names. All functions are pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.commands.exact_world.tree import World
from benchmark.contract.aim import Aim, Span

__all__ = ["TargetDistribution", "best", "correct", "length_tempered", "loss_kl", "target_of", "tempered"]

HALVINGS = 200


class TargetDistribution(NamedTuple):
    """A distribution over leaves."""

    p: Tensor
    """[Y]; for the best completions the uniform one over them."""
    log_z: float | None = None
    """Its log-normaliser, where a method may estimate it."""


def target_of(world: World, aim: Aim, group_size: int) -> TargetDistribution:
    """The distribution that `aim` names in this world; `nothing` gives the tempered one, which must not be reached."""
    kappa = (group_size - 1) / group_size  # the group's mean holds the sample itself
    if aim.target in ("tempered", "nothing"):
        return tempered(world, aim.temperature, aim.ref_power)
    if aim.target == "length_tempered":
        return length_tempered(world, aim.temperature)
    if aim.target == "loss_kl":
        return loss_kl(world, aim.temperature, kappa, corrected=aim.corrected_kl, span=aim.span)
    if aim.target == "correct":
        return correct(world)
    return best(world) if aim.target == "best" else TargetDistribution(world.log_p(world.reference).exp())


def tempered(world: World, tau: float, ref_power: float) -> TargetDistribution:
    """π_ref^a·e^{r/τ}/Z"""
    log_r = ref_power * world.log_p(world.reference) + world.rewards / tau
    return TargetDistribution(log_r.softmax(0), float(log_r.logsumexp(0)))


def length_tempered(world: World, temperature: float) -> TargetDistribution:
    """π_ref·e^{|y|(r/τ − c)}, c = log Z the root of Σ_y p(y) = 1."""
    ref, gain = world.log_p(world.reference), world.rewards / temperature

    def logp(c: float) -> Tensor:
        return ref + world.lengths * (gain - c)

    c = _root(lambda c: float(logp(c).logsumexp(0)), float(gain.min()), float(gain.max()))
    return TargetDistribution(logp(c).exp(), c)


def correct(world: World) -> TargetDistribution:
    """π_ref restricted to rewards of at least 1."""
    p = world.log_p(world.reference).exp() * (world.rewards >= 1)
    return TargetDistribution(p / p.sum())


def best(world: World) -> TargetDistribution:
    """All mass on the completions of the highest reward, in any proportion."""
    top = (world.rewards == world.rewards.max()).double()
    return TargetDistribution(top / top.sum())


def loss_kl(world: World, beta: float, kappa: float, *, corrected: bool, span: Span) -> TargetDistribution:
    """The stationary policy of reward and a k3 in the loss, where each token counts only the visited state's KL.

    `kappa` is the weight of the reward, (G−1)/G for a mean over the whole group. With row means every token weighs
    1/|y|, and the mean reward r̄ that is subtracted moves the optimum: it is the root of E_π[r] = r̄. A mean over all
    tokens weighs them alike, as the sum does.
    """

    def solved(mean: float) -> Tensor:
        share = 1 / world.lengths if span == "row_mean" else torch.ones_like(world.lengths)
        return _balanced(world, kappa * (world.rewards - mean) * share, share, beta, corrected=corrected)

    if span != "row_mean":
        return TargetDistribution(solved(0.0))
    low, high = float(world.rewards.min()), float(world.rewards.max())
    return TargetDistribution(
        solved(_root(lambda mean: float(solved(mean) @ world.rewards) - mean, low, high, halvings=50))
    )


def _balanced(world: World, gain: Tensor, share: Tensor, beta: float, *, corrected: bool) -> Tensor:
    """[Y] p(y) of the policy that is stationary at every state, from the leaves upwards; `gain`, `share` are [Y].

    With Q, w the expected gain and share behind an action: π ∝ π_ref·e^{(Q−λ)/(βw)} where k3 is corrected by the ratio,
    else π = βw·π_ref/(βw − Q + λ); λ makes it sum to 1.
    """
    value = torch.cat((torch.zeros(world.states, 2, dtype=gain.dtype), torch.stack((gain, share), 1)))  # [S+Y, 2]
    table = torch.zeros_like(world.reference)
    for state in reversed(range(world.states)):
        q, w = value[world.successor[state]].unbind(1)
        ref = world.reference[state].exp()

        def row(lam: float, q: Tensor = q, w: Tensor = beta * w, ref: Tensor = ref) -> Tensor:
            return ref * ((q - lam) / w).exp() if corrected else w * ref / (w - q + lam)

        low = float(q.min() if corrected else (q - beta * w * (1 - ref)).max())
        pi = row(_root(lambda lam, row=row: float(row(lam).sum()) - 1, low, float(q.max())))  # type: ignore[misc]
        table[state] = pi.log()
        value[state] = pi @ value[world.successor[state]]
    return world.log_p(table).exp()


def _root(falling: Callable[[float], float], low: float, high: float, halvings: int = HALVINGS) -> float:
    """Where a falling function is 0, by bisection."""
    for _ in range(halvings):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
