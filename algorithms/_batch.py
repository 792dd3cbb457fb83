"""The tensors a loss works on. P prompts, G completions of each, B = P·G rows (prompt-major), T tokens."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from torch import Tensor

from benchmark.policy import Prompts

__all__ = ["Loss", "Need", "Now", "Rollouts"]

Need = Literal["reference", "value_head", "log_z_head", "deep_log_z_head"]


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
    """Rows of the whole step, of which this may be a part: what row means divide by."""
    tokens: float
    """Valid tokens of the whole step: what token means divide by."""
    ref_logp: Tensor | None = None
    """[B, T] log π_ref, for methods that need the reference."""
    old_value: Tensor | None = None
    """[B, T] critic before the update, for methods with a value head."""
    advantage: Tensor | None = None
    """[B, T], made by the method's `prepare`."""
    target: Tensor | None = None
    """[B, T] value targets, made by the method's `prepare`."""

    def part(self, first_group: int, groups: int) -> Rollouts:
        """Some whole groups, padded to their own longest completion; `rows` and `tokens` stay those of the step."""
        start, stop = first_group * self.group_size, (first_group + groups) * self.group_size
        longest = int(self.mask[start:stop].sum(1).max())
        chosen: dict[str, object] = {
            "prompts": Prompts(*(tensor[first_group : first_group + groups] for tensor in self.prompts))
        }
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                chosen[item.name] = value[start:stop, :longest] if value.dim() == 2 else value[start:stop]
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


@dataclass(frozen=True, slots=True)
class Loss:
    """What is minimised, and what is worth logging about it."""

    total: Tensor
    """[] with gradient; a micro-batch's share of the step's loss."""
    metrics: dict[str, Tensor]
    """Detached scalars; shares of the step's mean, so micro-batches add up."""
