"""Clipped importance-weighted objectives, per token and per sequence, and the metrics to log with them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from algorithms._batch import Now, Rollouts
from algorithms._pieces import k3, log_ratio, mean_of_tokens

__all__ = ["Surrogate", "clipped", "ratio_metrics", "token_surrogate"]


class Surrogate(NamedTuple):
    """A clipped objective before aggregation; it is to be minimised."""

    term: Tensor
    """[B, T]"""
    ratio: Tensor
    """[B, T] ρ = π_θ/π_old; 1 on padding."""
    metrics: dict[str, Tensor]


def clipped(ratio: Tensor, advantage: Tensor, low: float, high: float, dual: float | None = None) -> Tensor:
    """max(−ρA, −clamp(ρ, 1−low, 1+high)·A), to be minimised (arXiv:1707.06347, eq. 7).

    `dual` c > 1 bounds the term by −c·A where A < 0, however large the ratio is (arXiv:1912.09729).
    """
    term = torch.maximum(-ratio * advantage, -ratio.clamp(1 - low, 1 + high) * advantage)
    if dual is None:
        return term
    return torch.where(advantage < 0, torch.minimum(term, -dual * advantage), term)


def token_surrogate(batch: Rollouts, now: Now, low: float, high: float, dual: float | None = None) -> Surrogate:
    """The clipped term of every token, from the batch's advantages."""
    assert batch.advantage is not None
    ratio = log_ratio(now.logp, batch.old_logp, batch.mask).exp()  # [B, T]
    term = clipped(ratio, batch.advantage, low, high, dual)
    return Surrogate(term, ratio, ratio_metrics(batch, now, ratio, low, high))


def ratio_metrics(batch: Rollouts, now: Now, ratio: Tensor, low: float, high: float) -> dict[str, Tensor]:
    """Fraction of tokens whose gradient the clip zeroes, in total and above; largest ratio; KL(π_θ‖π_old) by k3."""
    assert batch.advantage is not None
    mask, a, r = batch.learned, batch.advantage, ratio.detach()
    above = mean_of_tokens(((r > 1 + high) & (a > 0)).float(), mask, batch.tokens)
    below = mean_of_tokens(((r < 1 - low) & (a < 0)).float(), mask, batch.tokens)
    return {
        "policy/clip_fraction": above + below,
        "policy/clip_fraction_high": above,
        "policy/ratio_max": torch.where(mask.bool(), r, 0.0).max(),
        "policy/kl_old_k3": mean_of_tokens(k3(now.logp.detach(), batch.old_logp, mask), mask, batch.tokens),
    }
