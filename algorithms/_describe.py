"""Metrics that every method logs about its rollouts, under the same names."""

from __future__ import annotations

import torch
from torch import Tensor

from algorithms._batch import Rollouts
from algorithms._pieces import masked, sum_of_tokens

__all__ = ["describe"]


def describe(batch: Rollouts) -> dict[str, float]:
    """Reward, group signal, lengths, entropy, KL to the reference and the critic's explained variance of one batch.

    Undefined values are left out, for example the mean length of correct completions when there are none.
    """
    groups = batch.reward.view(-1, batch.group_size)
    lengths, right = batch.mask.sum(1), batch.reward > 0
    metrics: dict[str, Tensor] = {
        "reward/mean": batch.reward.mean(),
        "reward/frac_groups_all_equal": (groups == groups[:, :1]).all(1).float().mean(),
        "reward/frac_groups_all_correct": (groups >= 1).all(1).float().mean(),
        "completion/length_mean": lengths.mean(),
        "completion/frac_truncated": 1 - batch.terminated.float().mean(),
        "policy/entropy": -masked(batch.old_logp, batch.mask).sum() / batch.mask.sum(),
    }
    if right.any():
        metrics["completion/length_correct"] = lengths[right].mean()
    if not right.all():
        metrics["completion/length_wrong"] = lengths[~right].mean()
    if batch.keep is not None:
        metrics["batch/frac_rows_kept"] = batch.keep.mean()
    if batch.ref_logp is not None:
        to_ref = sum_of_tokens(batch.old_logp - batch.ref_logp, batch.mask)
        metrics["policy/kl_ref_k1"] = to_ref.mean()
        if to_ref.std() > 0 and batch.reward.std() > 0:
            metrics["policy/reward_correlation"] = torch.corrcoef(torch.stack((to_ref, batch.reward)))[0, 1]
    if batch.greedy_reward is not None:
        metrics["reward/greedy_mean"] = batch.greedy_reward.mean()
    if batch.target is not None and batch.old_value is not None:
        error = (batch.target - batch.old_value)[batch.mask.bool()]
        variance = batch.target[batch.mask.bool()].var()
        if variance > 0:
            metrics["value/explained_variance"] = 1 - error.var() / variance
    return {name: float(value) for name, value in metrics.items()}
