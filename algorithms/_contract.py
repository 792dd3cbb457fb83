"""Properties of a loss that the shared loop relies on; `bakeoff check` tests them for every method.

A rule takes a method and returns what is wrong, or `None`. Methods that bring another way of training have no loss to
try; what holds for them is in `benchmark.commands.exact_world.rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import torch
from torch import Tensor

from algorithms._on_policy import OnPolicy
from algorithms._random_batch import POISON, gradients, poisoned, random_batch, random_now
from benchmark.adapter import Adapter
from benchmark.errors import MethodFault

__all__ = [
    "LOSS_RULES",
    "accumulates",
    "broken_loss_rules",
    "ignores_padding",
    "is_pure",
    "leaves_the_batch_alone",
    "survives_equal_rewards",
]

CUTS = ([(0, 1), (1, 3)], [(group, 1) for group in range(4)])
"""Micro-batches of the four groups of a random batch."""


def is_pure(method: OnPolicy) -> str | None:
    """The same batch and the same weights give the same gradient."""
    batch = random_batch()
    leaves = random_now(batch)
    first, second = gradients(method, batch, leaves), gradients(method, batch, leaves)
    return None if _same(first, second, 0.0) else "the same inputs give another gradient the second time"


def leaves_the_batch_alone(method: OnPolicy) -> str | None:
    """`prepare` and `loss` make new tensors and write into none they were given."""
    batch, untouched = random_batch(), random_batch()
    gradients(method, batch, random_now(batch))
    changed = [
        item.name for item in fields(batch) if not _equal(getattr(batch, item.name), getattr(untouched, item.name))
    ]
    return f"'{changed[0]}' of the batch was written into: make a new tensor" if changed else None


def accumulates(method: OnPolicy) -> str | None:
    """Gradients of micro-batches add up to that of the whole batch."""
    batch = random_batch()
    leaves = random_now(batch)
    whole = gradients(method, batch, leaves)
    for cuts in CUTS:
        if not _same(whole, gradients(method, batch, leaves, cuts), 1e-9):
            return (
                f"the gradients of {len(cuts)} micro-batches do not add up to that of the whole batch: divide by the "
                "totals of the step, `batch.rows` and `batch.tokens`"
            )
    return None


def ignores_padding(method: OnPolicy) -> str | None:
    """What stands behind the last token of a row changes nothing and is given no gradient."""
    batch = random_batch()
    leaves, valid = random_now(batch), batch.mask.bool()
    spoilt = {
        name: torch.where(valid, leaf, POISON).detach() if leaf.shape == valid.shape else leaf
        for name, leaf in leaves.items()
    }
    one, two = gradients(method, batch, leaves), gradients(method, poisoned(batch, -POISON), spoilt)
    if not _same(one, two, 1e-9):
        return "padding moves the gradient: set it to 0 with `masked`, or use the means of `_pieces`"
    if "logp" in one and bool((one["logp"][~valid] != 0).any()):
        return "padding is given a gradient: set it to 0 with `masked`"
    return None


def survives_equal_rewards(method: OnPolicy) -> str | None:
    """All rewards 0, or all 1, give a finite gradient."""
    for reward in (0.0, 1.0):
        batch = random_batch()
        batch = replace(batch, reward=torch.full_like(batch.reward, reward))
        batch = replace(batch, prefix_reward=_ending_in(batch.reward, batch.prefix_reward))
        try:
            found = gradients(method, batch, random_now(batch)) if method.prepare(batch).tokens else {}
        except MethodFault as fault:
            return f"a batch whose rewards are all {reward:g}: {fault}"
        if not all(bool(torch.isfinite(gradient).all()) for gradient in found.values()):
            return f"a batch whose rewards are all {reward:g} gives a gradient that is not finite"
    return None


LOSS_RULES: tuple[Callable[[OnPolicy], str | None], ...] = (
    is_pure,
    leaves_the_batch_alone,
    accumulates,
    ignores_padding,
    survives_equal_rewards,
)


def broken_loss_rules(adapter: Adapter) -> tuple[str, ...]:
    """What is wrong with the loss of a method for the shared loop; nothing for any other."""
    if not isinstance(adapter, OnPolicy):
        return ()
    return tuple(reason for rule in LOSS_RULES if (reason := rule(adapter)) is not None)


def _same(one: dict[str, Tensor], other: dict[str, Tensor], tolerance: float) -> bool:
    return one.keys() == other.keys() and all(
        torch.allclose(gradient, other[name], rtol=tolerance, atol=tolerance) for name, gradient in one.items()
    )


def _equal(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(_equal(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def _ending_in(reward: Tensor, prefixes: Tensor | None) -> Tensor | None:
    return None if prefixes is None else torch.cat((prefixes[:, :-1], reward.unsqueeze(1)), 1)
