"""What a method converges to, said by the method itself, so that the exact world can hold it to its word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Aim", "Credit", "Span"]

Credit = Literal["reward", "group_std", "batch_whitened", "free_energy", "kept"]
Span = Literal["sum", "row_mean", "token_mean"]


@dataclass(frozen=True, slots=True)
class Aim:
    """The distribution over completions that an adapter's loss is minimal at, and its first step's exact direction.

    `best`: all mass on completions of the highest reward. `tempered`: π_ref^a·e^{r/τ}/Z. `length_tempered`: FlowRL's
    π_ref·e^{|y|(r/τ − log Z)}. `loss_kl`: reward against a KL term inside the loss, which charges a token for the
    visited state only. `correct`: π_ref restricted to reward ≥ 1. `start`: the policy as it was. `nothing`: no
    distribution at all; such a method must *not* come near the tempered one.
    """

    target: Literal["best", "tempered", "length_tempered", "loss_kl", "correct", "start", "nothing"]
    temperature: float = 0.0
    """τ of `tempered` and `length_tempered`, β of a KL in the reward or the loss: nats per unit of reward, inverse."""
    ref_power: float = 1.0
    """a of `tempered`."""
    corrected_kl: bool = False
    """`loss_kl` with k3 multiplied by the ratio (gradient of the reverse KL) instead of plain k3."""
    credit: Credit | None = None
    """What a completion's log-probability is pushed by on average: the reward (centred); the reward over its group's
    deviation; over the batch's; `free_energy` τ-free r + β·(a·log π_ref − log π); 1 for rewards of at least 1.
    `None`: no closed form, the step is not judged."""
    span: Span = "sum"
    """How tokens of a completion are added up: sum, mean over the row, mean over all tokens of the batch."""
