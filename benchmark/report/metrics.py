"""The metrics that the main table, the verdicts and the figures share: their names and how they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.comparison.table import Kind

__all__ = ["ACCURACY", "D2", "SECONDS", "ShownMetric", "per_solved"]


@dataclass(frozen=True, slots=True)
class ShownMetric:
    """A metric, what a table calls it, and how it is written."""

    label: str
    name: str
    kind: Kind


ACCURACY = ShownMetric("accuracy", "accuracy", "percent")
D2 = ShownMetric("D2", "effective_strategies", "count")
SECONDS = ShownMetric("training seconds", "training_seconds", "seconds")


def per_solved(samples: int) -> ShownMetric:
    """Distinct correct strategies of a solved problem among so many samples."""
    return ShownMetric(f"strategies at {samples}", f"strategies_per_solved@{samples}", "count")
