"""GFlowNet by sub-trajectory balance in which every prefix may end: its flow follows from the probability of stopping.

Objective    a_t = log R(s_t⊤) − log π_θ(⊤|s_t) − Σ_{u≤t} log π_θ(y_u|s_{u−1}),   t = 0 … content tokens
             L = Σ_i Σ_{j<k} λ^{k−j−1}·(a_j − a_k)² / Σ_i Σ_{j<k} λ^{k−j−1}
             log R(s_t⊤) = r(s_t)/τ + a·(Σ_{u≤t} log π_ref + log π_ref(⊤|s_t)),  ⊤ = end of sequence
Source       arXiv:2310.04363 (modified SubTB); GFNOrg/gfn-lm-tuning `modified_subtb_loss`
Differences  at the length limit the end is forced: log π(⊤|s) := 0 there, for both policies, where the released code
             uses the unforced value and leaves its minimiser open. Every prefix is graded as if it had been ended; with
             verified answers almost all earn 0. `stride` grades every so many tokens, and the completion itself.
Degenerates  an untrained probability of stopping (1e-8 in mid-sentence) makes the first losses of the order of
             thousands. With start and end as the only anchors it is trajectory balance with log Z = log R(s_0⊤) − log
             π(⊤|s_0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._flow import GFlowNet, pair_weights, tempered
from algorithms._pieces import masked
from algorithms._ranges import Count, Fraction

__all__ = ["PrefixSubTrajectoryBalance", "prefix_balance"]


@dataclass(frozen=True, slots=True)
class PrefixSubTrajectoryBalance(GFlowNet):
    """Balance between every two prefixes, with flows computed from the probability of stopping."""

    paper: ClassVar[str] = "arXiv:2310.04363, modified SubTB"
    lam: Fraction = 1.0
    """λ, as in the released code."""
    stride: Count = 1
    """Tokens between two prefixes that are graded."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, the probability of stopping, and the reward of every prefix."""
        return frozenset({"reference", "end_logp", "prefix_rewards"})

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute the total weight of each completion's pairs."""
        return batch.weighted(pair_weights(self._graded(batch), self.lam).sum((1, 2)))

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.prefix_reward is not None
        assert batch.ref_logp is not None
        assert batch.ref_end_logp is not None
        assert now.end_logp is not None
        ref = stopped(batch.ref_logp, batch.ref_end_logp, batch)
        log_r = tempered(batch.prefix_reward, self.tau, self.floor) + self.ref_power * ref
        a = log_r - stopped(now.logp, now.end_logp, batch)
        return Loss(prefix_balance(a, self._graded(batch), self.lam, batch.total_weight), {})

    def _graded(self, batch: Rollouts) -> Tensor:
        """[B, T+1] mask of the prefixes that are anchors: every `stride`-th one, and the last content token."""
        last = batch.mask.sum(1, keepdim=True) - batch.terminated.to(batch.mask.dtype).unsqueeze(1)
        t = torch.arange(batch.mask.shape[1] + 1, device=batch.mask.device)
        return ((t <= last) & ((t % self.stride == 0) | (t == last))).to(batch.mask.dtype)


def stopped(logp: Tensor, end_logp: Tensor, batch: Rollouts) -> Tensor:
    """[B, T+1] log-probability of stopping after each prefix, Σ_{u≤t} log π + log π(⊤|s_t); 0 for ⊤ at the limit."""
    zero = logp.new_zeros(len(logp), 1)
    return torch.cat((zero, masked(logp, batch.mask).cumsum(1)), 1) + torch.cat((masked(end_logp, batch.mask), zero), 1)


def prefix_balance(a: Tensor, graded: Tensor, lam: float, total_weight: float) -> Tensor:
    """Weighted sum of squared differences over all pairs of anchors [B, T+1], divided by the step's total weight."""
    a = masked(a, graded)
    return (pair_weights(graded, lam) * (a.unsqueeze(2) - a.unsqueeze(1)) ** 2).sum() / total_weight
