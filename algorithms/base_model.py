"""No training at all: the floor of every table.

Objective    none; the policy leaves as it came.
Source       –
Differences  none.
Degenerates  never; a row that moves here shows that the examination moved, not the policy.
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
    """The starting policy, examined."""

    paper: ClassVar[str] = "–"

    def aim(self) -> Aim:
        """To stay."""
        return Aim("start")

    def train(self, run: Run) -> Checkpoint:
        """Nothing to do."""
        del run
        return Checkpoint(steps=0)
