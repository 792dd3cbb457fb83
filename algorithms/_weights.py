"""Copies of a policy's weights, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["copies", "exchanged", "put_back"]


def copies(weights: Sequence[Tensor]) -> list[Tensor]:
    """Detached copies."""
    return [weight.detach().clone() for weight in weights]


@torch.no_grad()
def put_back(weights: Sequence[Tensor], kept: Sequence[Tensor]) -> None:
    """Restore the weights to the copies in `kept`."""
    for weight, old in zip(weights, kept, strict=True):
        weight.copy_(old)


@contextmanager
def exchanged(weights: Sequence[Tensor], others: Sequence[Tensor]) -> Iterator[None]:
    """Inside the block the weights have the values of `others`; afterwards their own again, bit for bit."""
    own = copies(weights)
    put_back(weights, others)
    try:
        yield
    finally:
        put_back(weights, own)
