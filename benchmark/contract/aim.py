"""What a method converges to, declared by the method itself, so that the exact world can check it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Aim", "AimTarget", "Credit", "Span"]

AimTarget = Literal[
    "best",  # all probability on the completions of the highest reward, in any proportion
    "tempered",  # π_ref^a·e^{r/τ}/Z
    "length_tempered",  # FlowRL's π_ref·e^{|y|(r/τ − log Z)}
    "loss_kl",  # reward against a KL term inside the loss, which charges a token for the visited state only
    "correct",  # π_ref restricted to completions of reward 1 or more
    "start",  # the starting policy, unchanged
    "nothing",  # no distribution; such a method must stay away from the tempered one
]
"""The distribution over completions at which a loss is minimal."""

Credit = Literal[
    "reward",  # the reward less its group's mean
    "group_std",  # the same, divided by the group's standard deviation
    "batch_whitened",  # reward less KL penalty, normalised over the whole batch
    "free_energy",  # r + τ·(a·log π_ref − log π), centred
    "kept",  # 1 for a reward of at least 1, else 0
]
"""What multiplies a completion's log-probability in the loss, in expectation."""

Span = Literal[
    "sum",  # over the tokens of a completion
    "row_mean",  # over the tokens of a completion, divided by their number
    "token_mean",  # over all tokens of the batch, divided by their number
]
"""How the tokens of a completion are added up."""


@dataclass(frozen=True, slots=True)
class Aim:
    """The distribution over completions that minimises an adapter's loss, and the exact direction of its first step."""

    target: AimTarget
    temperature: float = 0.0
    """τ of `tempered` and `length_tempered`, or β of a KL in the reward or in the loss, in units of reward per nat."""
    ref_power: float = 1.0
    """a of `tempered`."""
    corrected_kl: bool = False
    """`loss_kl` with k3 multiplied by the ratio (gradient of the reverse KL) instead of plain k3."""
    credit: Credit | None = None
    """`None`: the gradient has no closed form, and the first step is not compared."""
    span: Span = "sum"
