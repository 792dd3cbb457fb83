"""The random rollouts on which `bakeoff check` tries losses, and the same as if sampled by the current weights."""

from __future__ import annotations

from dataclasses import replace

import torch

from algorithms._batch import Rollouts
from algorithms._random_batch import POISON, as_now, gradients, poisoned, random_batch, random_now

__all__ = ["POISON", "as_now", "gradients", "on_policy", "poisoned", "random_batch", "random_now"]


def on_policy(batch: Rollouts, leaves: dict[str, torch.Tensor]) -> Rollouts:
    """As if the current weights had sampled it."""
    return replace(batch, old_logp=leaves["logp"].detach().clone())
