"""What every part of a report reads: each cell of the evidence asked for once, in the form in which it is shown.

An interval is shown only where it says something: it lies in the range of its metric and has a width. Seconds and
bytes show the range of the seeds instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from benchmark.comparison.estimates import by_seed
from benchmark.comparison.table import AWAITED, DASH, cell
from benchmark.contract import Estimate
from benchmark.report.tables.budgets import Curves, curves
from benchmark.report.tables.standing import Standing, standing
from benchmark.stats import within
from benchmark.stats.bounded import seed_range, share_interval

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Comparison
    from benchmark.report.metrics import ShownMetric

__all__ = ["ReportData"]


@dataclass(frozen=True)
class ReportData:
    """The evidence as it is shown. Made once for a report."""

    evidence: Evidence
    _cells: dict[tuple[str, str, str], Estimate] = field(default_factory=dict, repr=False)
    _pairs: dict[tuple[str, str, str, str], Comparison] = field(default_factory=dict, repr=False)

    @cached_property
    def curves(self) -> Curves:
        """The step logs of all finished jobs, read once."""
        return curves(self.evidence)

    @cached_property
    def standings(self) -> dict[str, Standing]:
        """Task → who is separated from the floor and from the best."""
        return {task: standing(self, task) for task in self.evidence.suite.tasks}

    @property
    def mixed(self) -> bool:
        """Whether seconds come from unlike machines or libraries, so that none may be compared."""
        return self._mixed

    @cached_property
    def _mixed(self) -> bool:
        return self.evidence.mixed

    def estimate(self, method: str, task: str, metric: ShownMetric) -> Estimate:
        """The number and its interval, as they are shown."""
        key = (method, task, metric.name)
        if key not in self._cells:
            self._cells[key] = self._shown(method, task, metric)
        return self._cells[key]

    def cell(self, method: str, task: str, metric: ShownMetric) -> str:
        """The same as a table's cell: without a number the reason, or a dash."""
        if self.evidence.awaits(method, task):
            return AWAITED
        if metric.kind == "seconds" and self.mixed:
            return DASH
        found = self.estimate(method, task, metric)
        return cell(found, metric.kind, self.evidence.cell(method, task) if found.mean is None else ())

    def has(self, metric: ShownMetric, task: str) -> bool:
        """Whether any method has a number for it."""
        return any(self.estimate(method, task, metric).mean is not None for method in self.evidence.methods)

    def seeds(self, method: str, task: str, metric: ShownMetric) -> dict[int, float | None]:
        """The number of each seed."""
        return by_seed(self.evidence.frame, method, task, metric.name)

    def compare(self, task: str, metric: ShownMetric, method: str, against: str) -> Comparison:
        """The verdict on a pair; the interval of a difference of shares lies within ±100 points."""
        key = (task, metric.name, method, against)
        if key not in self._pairs:
            found = self.evidence.compare(metric.name, task, method, against)
            widest = 1.0 if metric.kind == "percent" else math.inf
            low, high = within(found.difference.low, found.difference.high, -widest, widest)
            self._pairs[key] = replace(found, difference=replace(found.difference, low=low, high=high))
        return self._pairs[key]

    def _shown(self, method: str, task: str, metric: ShownMetric) -> Estimate:
        found = self.evidence.estimate(method, task, metric.name)
        if found.mean is None or (metric.kind == "seconds" and self.mixed):
            return replace(found, mean=None, low=None, high=None)
        if metric.kind in {"seconds", "bytes"}:
            return seed_range(list(self.seeds(method, task, metric).values()), found.planned)
        if metric.kind == "percent" and found.over == "seeds":
            return share_interval(list(self.seeds(method, task, metric).values()), found.planned)
        return found
