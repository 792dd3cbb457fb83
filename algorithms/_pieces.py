"""Tensor functions that several methods share. B rows, T tokens, G rows per group; masks are 1.0 at valid tokens.

Means divide by the totals of the whole optimiser step (`rows`, `tokens`), so the micro-batches of a step add up to the
same number as the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "gae",
    "k1",
    "k2",
    "k3",
    "log_ratio",
    "masked",
    "mean_of_row_means",
    "mean_of_rows",
    "mean_of_tokens",
    "returns",
    "sum_of_tokens",
    "token_rewards",
    "whiten",
]


def masked(x: Tensor, mask: Tensor) -> Tensor:
    """`x` with padding set to 0, even where it held NaN or infinity."""
    return torch.where(mask.bool(), x, torch.zeros_like(x))


def sum_of_tokens(x: Tensor, mask: Tensor) -> Tensor:
    """[B] Σ_t over valid tokens."""
    return masked(x, mask).sum(1)


def mean_of_tokens(x: Tensor, mask: Tensor, tokens: float) -> Tensor:
    """[] Σ over valid tokens, divided by the step's valid tokens."""
    return masked(x, mask).sum() / tokens


def mean_of_rows(x: Tensor, rows: int) -> Tensor:
    """[] Σ over rows [B], divided by the step's rows."""
    return x.sum() / rows


def mean_of_row_means(x: Tensor, mask: Tensor, rows: int) -> Tensor:
    """[] (1/rows) Σ_i (1/n_i) Σ_t; a row without tokens counts 0."""
    return mean_of_rows(sum_of_tokens(x, mask) / mask.sum(1).clamp(min=1), rows)


def log_ratio(logp: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """[B, T] log π_θ − log π_other on valid tokens, 0 on padding."""
    return masked(logp - other, mask)


def k1(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """[B, T] d = log π_θ − log π_ref: the k1 estimate of KL(π_θ‖π_ref), unbiased, of either sign."""
    return log_ratio(logp, ref_logp, mask)


def k2(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """[B, T] d²/2: its gradient d·∇log π_θ equals that of the reverse KL at the visited state."""
    return log_ratio(logp, ref_logp, mask) ** 2 / 2


def k3(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """[B, T] exp(−d) + d − 1 with d clamped to ±20: the k3 estimate of KL(π_θ‖π_ref), never negative."""
    d = log_ratio(logp, ref_logp, mask).clamp(-20, 20)
    return torch.exp(-d) + d - 1


def token_rewards(reward: Tensor, log_ratio_to_ref: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """[B, T] −kl_coef·(log π_old − log π_ref) on each token, plus the row's reward on its last valid one."""
    n = mask.sum(1, keepdim=True)
    last = (torch.arange(1, mask.shape[1] + 1, device=mask.device) == n).to(reward.dtype)
    return masked(-kl_coef * log_ratio_to_ref, mask) + last * reward.unsqueeze(1)


def returns(rewards: Tensor, mask: Tensor, gamma: float) -> Tensor:
    """[B, T] Σ_{u ≥ t} γ^{u−t}·R_u over valid tokens."""
    return gae(rewards, torch.zeros_like(rewards), mask, gamma, 1.0)


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """[B, T] generalised advantage estimates (arXiv:1506.02438, eq. 16).

    δ_t = R_t + γ·V_{t+1} − V_t and A_t = δ_t + γλ·A_{t+1}; behind the last valid token V and A are 0, also for
    completions cut at the length limit.
    """
    rewards, values = masked(rewards, mask), masked(values, mask)
    following = torch.cat((values[:, 1:], torch.zeros_like(values[:, :1])), 1)
    delta = rewards + gamma * following - values
    advantage = torch.zeros_like(delta)
    running = torch.zeros_like(delta[:, 0])
    for t in range(delta.shape[1] - 1, -1, -1):
        running = delta[:, t] + gamma * lam * running
        advantage[:, t] = running
    return masked(advantage, mask)


def whiten(x: Tensor, mask: Tensor) -> Tensor:
    """[B, T] (x − mean)/√(var + 1e-8) over all valid tokens, var unbiased; 0 on padding."""
    count = mask.sum()
    centred = masked(x - masked(x, mask).sum() / count, mask)
    variance = (centred**2).sum() / (count - 1).clamp(min=1)
    return centred * torch.rsqrt(variance + 1e-8)
