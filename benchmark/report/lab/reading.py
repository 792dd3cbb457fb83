"""What the report of a suite of worlds reads: estimates of records, learning curves, and verdicts over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from benchmark.comparison.evidence import Evidence
from benchmark.contract import Comparison, Direction, Estimate, StepLog
from benchmark.lab.metrics import LAB_METRICS
from benchmark.stats import Scores, compare_all, estimate, from_seeds

__all__ = ["SPEED", "Curve", "LabReading"]

SPEED = "mean_total_variation"
"""Mean over training of the total variation, every trajectory alike: lower is faster, and it is always defined."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Total variation along training, at the probes that all seeds have."""

    trajectories: tuple[int, ...]
    mean: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]


class LabReading:
    """Evidence of a suite of worlds, with what its tables and figures ask more than once."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.steps: Mapping[tuple[str, str], Mapping[int, tuple[StepLog, ...]]] = {
            (method, task): {
                record.job.seed: evidence.steps(record)
                for record in evidence.cell(method, task)
                if record.status == "done"
            }
            for method in evidence.methods
            for task in evidence.suite.tasks
        }
        self.compare = cache(self._compare)

    def scores(self, method: str, task: str, metric: str) -> Scores | None:
        """One value for each finished seed; `None` without any."""
        if metric == SPEED:
            known_steps = self.steps[method, task]
            found = from_seeds({seed: _area(steps) for seed, steps in known_steps.items() if len(steps) > 1})
        else:
            known = self.evidence.scores.get((method, task, metric))
            found = known if known is not None else from_seeds({})
        return found if found.seeds else None

    def estimate(self, method: str, task: str, metric: str) -> Estimate:
        """Mean over seeds with its interval."""
        return estimate(self.scores(method, task, metric), planned=len(self.evidence.suite.seeds))

    def _compare(
        self, metric: str, task: str, methods: tuple[str, ...], centre: str
    ) -> Mapping[tuple[str, str], Comparison]:
        """All pairs; those with `centre` share one half of the level, the others the other half."""
        direction: Direction = "lower" if metric == SPEED else LAB_METRICS[metric].direction
        known = {method: self.scores(method, task, metric) for method in methods}
        return compare_all(metric, task, known, direction, len(self.evidence.suite.seeds), centre)

    def curve(self, method: str, task: str) -> Curve | None:
        """Over the finished seeds; `None` for a method that was not trained or has none."""
        by_seed = [_probes(steps) for steps in self.steps[method, task].values() if len(steps) > 1]
        if not by_seed:
            return None
        common = sorted(set.intersection(*(set(each) for each in by_seed)))
        columns = [[each[at] for each in by_seed] for at in common]
        return Curve(
            tuple(common),
            tuple(math.fsum(column) / len(column) for column in columns),
            tuple(map(min, columns)),
            tuple(map(max, columns)),
        )


def _probes(steps: Sequence[StepLog]) -> dict[int, float]:
    return {step.completions: step.metrics["total_variation"] for step in steps if "total_variation" in step.metrics}


def _area(steps: Sequence[StepLog]) -> float:
    """Trapezoids between probes, divided by all trajectories."""
    points = sorted(_probes(steps).items())
    whole = sum((b - a) * (y + z) / 2 for (a, y), (b, z) in pairwise(points))
    return whole / (points[-1][0] - points[0][0])
