"""Random rollouts in float64, ragged, with nonsense in the padding: what the rules of `_contract` try a loss on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from algorithms._batch import Now, Rollouts
from algorithms._checked import checked_batch, checked_loss
from benchmark.model.policy import Prompts

if TYPE_CHECKING:
    from algorithms._on_policy import OnPolicy

__all__ = ["POISON", "as_now", "gradients", "poisoned", "random_batch", "random_now"]

POISON = 1e4


def random_batch(seed: int = 0, *, groups: int = 4, group: int = 4, width: int = 5, graded: bool = False) -> Rollouts:
    """[groups · group] rows of 1 to `width` tokens with rewards 0 and 1, or anything between where `graded`."""
    generator = torch.Generator().manual_seed(seed)
    rows = groups * group

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    lengths = torch.randint(1, width + 1, (rows,), generator=generator)
    mask = (torch.arange(width) < lengths.unsqueeze(1)).double()
    reward = draw(rows) if graded else (draw(rows) < 0.5).double()
    prefix = torch.cat((torch.zeros(rows, width, dtype=torch.float64), reward.unsqueeze(1)), 1)
    return poisoned(
        Rollouts(
            group_size=group,
            prompts=Prompts(torch.zeros(groups, 1).long(), torch.ones(groups, 1).long()),
            ids=torch.zeros(rows, width).long(),
            mask=mask,
            terminated=lengths < width,
            reward=reward,
            old_logp=-draw(rows, width),
            ref_logp=-draw(rows, width),
            ref_end_logp=-draw(rows, width),
            prefix_reward=prefix,
            greedy_reward=(draw(groups) < 0.5).double().repeat_interleave(group),
            old_value=draw(rows, width),
            old_log_z=draw(groups).repeat_interleave(group),
            rows=rows,
            tokens=float(mask.sum()),
            limit=width,
        )
    )


def poisoned(batch: Rollouts, poison: float = POISON) -> Rollouts:
    """With nonsense behind the last token of every row."""
    valid = batch.mask.bool()

    def spoilt(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else torch.where(valid, tensor, poison)

    return replace(
        batch,
        old_logp=torch.where(valid, batch.old_logp, poison),
        ref_logp=spoilt(batch.ref_logp),
        ref_end_logp=spoilt(batch.ref_end_logp),
        old_value=spoilt(batch.old_value),
    )


def random_now(batch: Rollouts, seed: int = 1) -> dict[str, Tensor]:
    """Leaf tensors of what the current weights say; log Z one per group."""
    generator = torch.Generator().manual_seed(seed)
    rows, width = batch.mask.shape
    shapes = {"logp": (rows, width), "value": (rows, width), "flow": (rows, width + 1), "end_logp": (rows, width)}
    leaves = {
        name: -torch.rand(*shape, generator=generator, dtype=torch.float64)
        for name, shape in {**shapes, "log_z": (rows // batch.group_size,)}.items()
    }
    return {name: leaf.detach().requires_grad_() for name, leaf in leaves.items()}


def as_now(leaves: Mapping[str, Tensor], group: int, rows: slice = slice(None), width: int | None = None) -> Now:
    """The leaves of some rows as a loss reads them."""
    log_z = leaves["log_z"].repeat_interleave(group)[rows]
    width = leaves["logp"].shape[1] if width is None else width
    return Now(
        logp=leaves["logp"][rows, :width],
        value=leaves["value"][rows, :width],
        log_z=log_z,
        flow=leaves["flow"][rows, : width + 1],
        end_logp=leaves["end_logp"][rows, :width],
    )


def gradients(
    method: OnPolicy,
    batch: Rollouts,
    leaves: Mapping[str, Tensor],
    cuts: Sequence[tuple[int, int]] | None = None,
) -> dict[str, Tensor]:
    """Of the method's loss over the whole batch, or over its micro-batches `(first group, groups)`."""
    fresh = {name: leaf.detach().clone().requires_grad_() for name, leaf in leaves.items()}
    prepared = checked_batch(method.prepare(batch), type(method).prepare)
    for first, groups in cuts or [(0, len(batch.reward) // batch.group_size)]:
        part = prepared.part(first, groups) if cuts else prepared
        rows = slice(first * batch.group_size, (first + groups) * batch.group_size)
        now = as_now(fresh, batch.group_size, rows, part.mask.shape[1])
        checked_loss(method.loss(part, now), type(method).loss).total.backward()  # type: ignore[no-untyped-call]
    return {name: leaf.grad for name, leaf in fresh.items() if leaf.grad is not None}
