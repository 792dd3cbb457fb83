"""What the training stage of a job hands to the examining stage, beside the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.contract.happened import MachineLoad, Phase, Resumption


@dataclass(frozen=True, slots=True)
class Trained:
    """Time, memory and counts of one finished training, as its own process measured them."""

    wall_seconds: float
    """Seconds from the start of the stage to the hand-over."""
    phase_seconds: Mapping[Phase, float]
    """Seconds per phase; they add up to `wall_seconds` within 5 %."""
    peak_bytes: Mapping[str, int]
    """Per phase and kind, named as in `Record`."""
    counts: Mapping[str, int]
    """Named as in `Record`."""
    model_digest: str
    """SHA-256 over the weights that training began with."""
    prompt_digest: str
    """SHA-256 over the format in which a problem became the model's input."""
    load: MachineLoad | None = None
    """What else the machine did."""
    declared: tuple[str, ...] = ()
    """Names in `counts` that a row's own program declared, and nobody measured."""
    earlier_seconds: float = 0.0
    """Part of `phase_seconds` that interrupted attempts had spent before their last checkpoint."""
    resumed: tuple[Resumption, ...] = ()
    """Attempts at this training after the first one."""

    def __post_init__(self) -> None:
        """Raises ValueError for a number that nothing can be measured to be: negative, infinite or NaN."""
        tables: tuple[Mapping[str, float], ...] = (self.phase_seconds, self.peak_bytes, self.counts)  # type: ignore[assignment]
        spent = (("wall_seconds", self.wall_seconds), ("earlier_seconds", self.earlier_seconds))
        for name, value in (*spent, *(item for table in tables for item in table.items())):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} = {value}: a measured number is finite and not negative")
