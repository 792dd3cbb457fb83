"""No training: the baseline of every table.

Objective    none; the policy is not changed.
Source       –
Differences  none.
Degenerates  never. If this row changes between two runs, the exam changed and not the policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Run
from benchmark.contract.aim import Aim

__all__ = ["BaseModel"]


@dataclass(frozen=True, slots=True)
class BaseModel(Adapter):
    """The starting policy, examined without training."""

    paper: ClassVar[str] = "–"

    def aim(self) -> Aim:
        """The starting distribution."""
        return Aim("start")

    def train(self, run: Run) -> Checkpoint:
        """Return without training."""
        del run
        return Checkpoint(steps=0)
