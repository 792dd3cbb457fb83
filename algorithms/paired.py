"""Paired preferences: online DPO, the pairwise method that some texts call "GRPO".

Objective    M = Σ_t (log π_θ − log π_ref)(y_1) − Σ_t (log π_θ − log π_ref)(y_2)      neighbours of a group are a pair
             L = −(1/N) Σ_pairs [ q·log σ(βM) + (1 − q)·log σ(−βM) ]
             q = 1 where r_1 > r_2, 0 where r_1 < r_2;  ties: left out, or q = ½, or q = 1 ("first wins")
             with `labels = "bradley_terry"` q = σ(r_1 − r_2), ties included
Source       arXiv:2402.04792, with the loss of arXiv:2305.18290, eq. 7
Differences  N counts all pairs, ties included, so the step does not grow when ties are common. TRL lets the first of a
             tie win, a push of random direction. The group's G completions make G/2 pairs, so the method sees the
             same prompts and completions as every other; sums over tokens, not means. Bradley–Terry labels enter by
             their expectation, not by drawing.
Degenerates  π = π_ref: log 2 for every pair that is not a tie. All rewards of a pair equal: nothing. Hard labels have
             no finite optimum: margins grow, and both log-probabilities may fall, until training stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import OnPolicy
from algorithms._pieces import mean_of_rows, sum_of_tokens
from algorithms._ranges import Positive
from benchmark.contract import Job, Setting
from benchmark.contract.aim import Aim

__all__ = ["Paired"]


@dataclass(frozen=True, slots=True)
class Paired(OnPolicy):
    """Prefer the better of two completions."""

    paper: ClassVar[str] = "arXiv:2305.18290, eq. 7, online"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"labels": "bradley_terry", "beta": 0.5}
    smallest_group: ClassVar[int] = 2
    beta: Positive = 0.1
    """β, the default of arXiv:2305.18290."""
    ties: Literal["drop", "soft", "first_wins"] = "drop"
    """What two equal rewards teach: nothing, an even chance, or (as in TRL) that the first was better."""
    count: Literal["all", "informative"] = "all"
    """N: all pairs of the step, or those that are learned from."""
    labels: Literal["hard", "bradley_terry"] = "hard"
    """The better one wins always, or with probability σ(r_1 − r_2)."""

    @property
    def needs(self) -> frozenset[Need]:
        """The KL is implicit in the reference."""
        return frozenset({"reference"})

    def refuses(self, job: Job) -> str | None:
        """An odd group leaves one completion without a partner."""
        size = job.training.group_size
        return f"needs an even group_size to form pairs, not {size}" if size % 2 else OnPolicy.refuses(self, job)

    def aim(self) -> Aim:
        """Bradley–Terry labels have a finite optimum; hard ones drive all mass to the best."""
        return Aim("tempered", self.beta) if self.labels == "bradley_terry" else Aim("best")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """How likely each row is preferred to its partner, as `advantage`; rows of dropped ties are not kept."""
        r = batch.reward.view(-1, 2)
        gap = r[:, 0] - r[:, 1]
        tie = gap == 0
        q = gap.sigmoid() if self.labels == "bradley_terry" else (gap > 0).to(r.dtype)
        if self.labels == "hard":
            q = torch.where(tie, 1.0 if self.ties == "first_wins" else 0.5, q)
        learned = ~tie | (self.ties != "drop") | (self.labels != "hard")
        keep = learned.to(r.dtype).repeat_interleave(2)
        weight = keep if self.count == "informative" else torch.ones_like(keep)
        return batch.with_advantage(torch.stack((q, 1 - q), 1).flatten()).kept(keep).weighted(weight / 2)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.ref_logp is not None
        assert batch.advantage is not None
        assert batch.keep is not None
        above: Tensor = sum_of_tokens(now.logp - batch.ref_logp, batch.mask).view(-1, 2)
        margin = self.beta * (above[:, 0] - above[:, 1])
        q, keep = batch.advantage[::2, 0], batch.keep[::2]
        terms = -keep * (q * logsigmoid(margin) + (1 - q) * logsigmoid(-margin))
        sign = torch.sign(batch.reward[::2] - batch.reward[1::2])
        metrics = {
            "paired/informative": mean_of_rows((2 * keep), batch.rows),
            "paired/margin": mean_of_rows(2 * keep * sign * margin.detach(), batch.rows),
            "paired/accuracy": mean_of_rows(2 * (sign * margin.detach() > 0).float(), batch.rows),
        }
        return Loss(terms.sum() / batch.total_weight, metrics)
