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
    "terminal_flow",  # with flow_head: also the head's own opinion of the finished completion
    "end_logp",  # log π(end of sequence | s_t) of every prefix
    "prefix_rewards",  # the reward of stopping at every prefix
    "greedy",  # one greedy completion of each prompt, paid from the group
]


@dataclass(frozen=True, slots=True)
class Rollouts:
    """One batch of completions with everything that stays constant while it is learned from. Padding is undefined."""

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
    """Rows of the optimiser step, of which this may be a part: what row means divide by."""
    tokens: float
    """Valid tokens of kept rows in the optimiser step: what token means divide by; 0 is nothing to learn."""
    limit: int = 0
    """L_max, tokens at which a completion is cut."""
    ref_logp: Tensor | None = None
    """[B, T] log π_ref."""
    ref_end_logp: Tensor | None = None
    """[B, T] log π_ref(end | s_t), column t for s_t."""
    prefix_reward: Tensor | None = None
    """[B, T+1] reward of stopping after t tokens; the last valid column is `reward`."""
    greedy_reward: Tensor | None = None
    """[B] reward of the prompt's greedy completion."""
    old_value: Tensor | None = None
    """[B, T] critic before the update."""
    old_log_z: Tensor | None = None
    """[B] log Z head before the update."""
    advantage: Tensor | None = None
    """[B, T], made by the method's `prepare`."""
    target: Tensor | None = None
    """[B, T] value targets, made by the method's `prepare`."""
    keep: Tensor | None = None
    """[B] 1.0 for rows that are learned from, made by the method's `prepare`; `None` keeps all."""
    weight: Tensor | None = None
    """[B] what each row adds to `total_weight`, made by the method's `prepare`."""
    total_weight: float = 0.0
    """Weight of the optimiser step: what weighted means divide by."""

    def with_advantage(self, advantage: Tensor) -> Rollouts:
        """The batch with an advantage per row [B], the same for all its tokens, or per token [B, T]."""
        per_token = advantage.unsqueeze(1).expand_as(self.mask) if advantage.dim() == 1 else advantage
        return replace(self, advantage=per_token)

    def kept(self, keep: Tensor) -> Rollouts:
        """The batch that learns from rows with `keep` [B] = 1 only; token means then count their tokens only."""
        return replace(self, keep=keep, tokens=float((self.mask.sum(1) * keep).sum()))

    def weighted(self, weight: Tensor) -> Rollouts:
        """The batch whose weighted means divide by Σ `weight` [B]."""
        return replace(self, weight=weight, total_weight=float(weight.sum()))

    @property
    def learned(self) -> Tensor:
        """[B, T] the mask of what is learned from: valid tokens of kept rows."""
        return self.mask if self.keep is None else self.mask * self.keep.unsqueeze(1)

    def steps(self, count: int) -> Iterator[Rollouts]:
        """The batch in `count` optimiser steps of whole groups, with own totals. Raises `ValueError` for a rest."""
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
        """Some whole groups, padded to their own longest completion; the totals stay those of the step."""
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
    """What the current weights say of a batch; carries gradient."""

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
    """What is minimised, and what is worth logging about it."""

    total: Tensor
    """[] with gradient; a micro-batch's share of the step's loss."""
    metrics: dict[str, Tensor]
    """Detached scalars; shares of the step's mean, so micro-batches add up, or maxima where the name ends in `_max`."""
