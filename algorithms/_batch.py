"""The tensors a loss works on. P prompts, G completions of each, B = P·G rows (prompt-major), T tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal

from torch import Tensor

from benchmark.model.policy import Prompts

__all__ = ["Loss", "Need", "Now", "Rollouts"]

Need = Literal[
    "reference",  # log π_ref of every token
    "value_head",  # a critic on detached states
    "log_z_head",  # log Z(x) from the detached mean state of the prompt
    "deep_log_z_head",  # FlowRL's: deeper, and its gradient reaches the policy
    "flow_head",  # log F(s_t) of every prefix, detached
    "terminal_flow",  # with flow_head: also the head's own estimate for the finished completion
    "end_logp",  # log π(end of sequence | s_t) of every prefix
    "prefix_rewards",  # the reward of stopping at every prefix
    "greedy",  # one of the G completions is greedy; it counts against the budget
]


@dataclass(frozen=True, slots=True)
class Rollouts:
    """One batch of completions and everything that stays constant during its updates. Padding is undefined."""

    group_size: int
    """G"""
    prompts: Prompts
    """[P, L]"""
    ids: Tensor
    """[B, T] completion tokens, end-of-sequence included."""
    mask: Tensor
    """[B, T] 1.0 on valid tokens."""
    terminated: Tensor
    """[B] bool: ended by end-of-sequence, not by the length limit."""
    reward: Tensor
    """[B]"""
    old_logp: Tensor
    """[B, T] log π_old, as sampled."""
    rows: int
    """Number of rows in the whole optimiser step, the divisor of row means; this batch may be a part of that step."""
    tokens: float
    """Valid tokens of kept rows in the whole optimiser step, the divisor of token means; 0 means nothing to learn."""
    limit: int = 0
    """L_max, the number of tokens at which a completion is cut."""
    ref_logp: Tensor | None = None
    """[B, T] log π_ref."""
    ref_end_logp: Tensor | None = None
    """[B, T] log π_ref(end | s_t), column t for s_t."""
    prefix_reward: Tensor | None = None
    """[B, T+1] reward of stopping after t tokens; the last valid column is `reward`."""
    greedy_reward: Tensor | None = None
    """[B] reward of the prompt's greedy completion."""
    old_value: Tensor | None = None
    """[B, T] the critic's values before the update."""
    old_log_z: Tensor | None = None
    """[B] the log Z head's output before the update."""
    advantage: Tensor | None = None
    """[B, T] advantages, set by the method's `prepare`."""
    target: Tensor | None = None
    """[B, T] value targets, set by the method's `prepare`."""
    keep: Tensor | None = None
    """[B] 1.0 for rows to learn from, set by the method's `prepare`; `None` keeps all rows."""
    weight: Tensor | None = None
    """[B] each row's contribution to `total_weight`, set by the method's `prepare`."""
    total_weight: float = 0.0
    """Total weight of the optimiser step, the divisor of weighted means."""

    def with_advantage(self, advantage: Tensor) -> Rollouts:
        """A copy with the given advantages: one per row [B], used for all its tokens, or one per token [B, T]."""
        per_token = advantage.unsqueeze(1).expand_as(self.mask) if advantage.dim() == 1 else advantage
        return replace(self, advantage=per_token)

    def kept(self, keep: Tensor) -> Rollouts:
        """A copy that learns only from rows with `keep` [B] = 1; token means then count only their tokens."""
        return replace(self, keep=keep, tokens=float((self.mask.sum(1) * keep).sum()))

    def weighted(self, weight: Tensor) -> Rollouts:
        """A copy whose weighted means divide by Σ `weight` [B]."""
        return replace(self, weight=weight, total_weight=float(weight.sum()))

    @property
    def learned(self) -> Tensor:
        """[B, T] mask of the tokens to learn from: valid tokens of kept rows."""
        return self.mask if self.keep is None else self.mask * self.keep.unsqueeze(1)

    def steps(self, count: int) -> Iterator[Rollouts]:
        """Split into `count` optimiser steps of whole groups, each with its own totals.

        Raises `ValueError` if the number of groups is not divisible by `count`.
        """
        groups = len(self.reward) // self.group_size
        if groups % count:
            raise ValueError(f"{groups} groups do not divide into mini_batches = {count}; choose a divisor.")
        for first in range(0, groups, groups // count):
            part = self.part(first, groups // count)
            weight = 0.0 if part.weight is None else float(part.weight.sum())
            yield (
                replace(part, rows=len(part.reward), tokens=float(part.learned.sum()), total_weight=weight)
                if count > 1
                else self
            )

    def part(self, first_group: int, groups: int) -> Rollouts:
        """A run of whole groups, padded to their longest completion; divisors remain those of the whole step."""
        start, stop = first_group * self.group_size, (first_group + groups) * self.group_size
        spare = self.mask.shape[1] - int(self.mask[start:stop].sum(1).max())
        chosen: dict[str, object] = {
            "prompts": Prompts(*(tensor[first_group : first_group + groups] for tensor in self.prompts))
        }
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                rows = value[start:stop]
                chosen[item.name] = rows[:, : rows.shape[1] - spare] if rows.dim() == 2 else rows
        return replace(self, **chosen)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Now:
    """Outputs of the current weights on a batch, with gradient."""

    logp: Tensor
    """[B, T] log π_θ"""
    value: Tensor | None = None
    """[B, T] critic's V(s_{t-1}): the value of the state before the token."""
    log_z: Tensor | None = None
    """[B] log Z of each row's prompt."""
    flow: Tensor | None = None
    """[B, T] flow head at s_0 … s_{T-1}; [B, T+1] for methods that need the terminal flow."""
    end_logp: Tensor | None = None
    """[B, T] log π_θ(end | s_t), column t for s_t."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The value to minimise, and metrics to log with it."""

    total: Tensor
    """Scalar with gradient: this micro-batch's share of the step's loss."""
    metrics: dict[str, Tensor]
    """Detached scalars: shares of the step's mean, so that micro-batches add up, or maxima if named `…_max`."""
