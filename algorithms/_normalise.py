"""Advantages from rewards: which mean is subtracted and which standard deviation divides.

(group, group) is GRPO; (group, none) Dr. GRPO; (group, batch) Lite PPO, arXiv:2508.08221; leave-one-out RLOO;
(batch, batch) REINFORCE with one baseline. As in inclusionAI/AReaL
(`areal/utils/data.py`, class `Normalization`), the deviation is taken around the mean that was subtracted.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["LEVELS", "NormLevel", "group_normalised", "leave_one_out", "normalised"]

NormLevel = Literal["group", "batch", "none"]
LEVELS: tuple[NormLevel, ...] = ("group", "batch", "none")


def normalised(
    reward: Tensor,
    group: int,
    mean: NormLevel,
    std: NormLevel,
    *,
    eps: float,
    unbiased: bool = True,
    raw_std: bool = False,
) -> Tensor:
    """[B] (r − mean)/(std + eps), or r − mean if `std` is "none".

    A set of equal rewards gives exactly 0 unless `mean` is "none". A set of one has deviation 1 if `unbiased`.
    `raw_std` takes the deviation of the raw rewards around their own mean, as TRL does for the batch.
    Raises `ValueError` for a level that does not exist.
    """
    for level in (mean, std):
        if level not in LEVELS:
            raise ValueError(f"normalisation level '{level}' is none of {', '.join(LEVELS)}.")
    sets = {"group": (-1, group), "batch": (1, -1)}
    centred = reward
    if mean != "none":
        r = reward.view(sets[mean])
        equal = (r == r[:, :1]).all(1, keepdim=True)  # rounding must not turn equal rewards into a signal
        centred = torch.where(equal, 0.0, r - r.mean(1, keepdim=True)).flatten()
    if std == "none":
        return centred
    c = (reward if raw_std else centred).view(sets[std])
    c = c - c.mean(1, keepdim=True) if raw_std else c
    count = c.shape[1]
    if count == 1 and unbiased:
        return centred / (1 + eps)
    deviation = ((c**2).sum(1, keepdim=True) / (count - unbiased)).sqrt()
    return (centred.view(sets[std]) / (deviation + eps)).flatten()


def group_normalised(reward: Tensor, group: int, eps: float) -> Tensor:
    """[B] (r − mean_g)/(std_g + eps), std unbiased. Raises `ValueError` for a group of one, which has no deviation."""
    if group < 2:
        raise ValueError(f"group normalisation needs at least 2 completions of a prompt, not {group}")
    return normalised(reward, group, "group", "group", eps=eps)


def leave_one_out(reward: Tensor, group: int) -> Tensor:
    """[B] r_i − mean of the others of its group. Raises `ValueError` for a group of one, which has no others."""
    if group < 2:
        raise ValueError(f"leave-one-out needs at least 2 completions of a prompt, not {group}")
    return normalised(reward, group, "group", "none", eps=0.0) * (group / (group - 1))
