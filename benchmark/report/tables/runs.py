"""All tasks together, and how accuracy is spread over problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import DASH, SPACE, Kind, Table, code, number
from benchmark.contract import FLOOR
from benchmark.stats import across, profile

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = ["THRESHOLDS", "across_table", "profile_table"]

THRESHOLDS = (0.0, 0.25, 0.5, 0.75, 0.95)
"""Of a problem's samples that are correct."""


def across_table(evidence: Evidence) -> Table | None:
    """Interquartile mean of accuracy over all seeds and tasks, and the chance to beat the floor.

    Of methods that have an accuracy on every task; `None` with one task, and where the outcomes of some are missing.
    """
    tasks = {task: evidence.known(task, "accuracy") for task in evidence.suite.tasks}
    if len(tasks) < 2 or any(len({scores.problems for scores in known.values()}) > 1 for known in tasks.values()):
        return None
    rows = []
    for method, found in across(tasks, FLOOR).items():
        chance = DASH
        if found.improvement is not None and found.improvement_bounds is not None:
            chance = _bounded(number(found.improvement, "count"), found.improvement_bounds, "count")
        middle = _bounded(f"{number(found.iqm, 'percent')}{SPACE}%", found.iqm_bounds, "percent")
        rows.append((code(method), middle, chance))
    header = ("method", "accuracy, interquartile mean of runs", f"chance to beat a run of {code(FLOOR)}")
    return Table(header, tuple(rows)) if rows else None


def _bounded(text: str, bounds: tuple[float, float], kind: Kind) -> str:
    """With its interval, unless that has no width in the digits shown."""
    low, high = (number(bound, kind) for bound in bounds)
    return text if low == high else f"{text} [{low},{SPACE}{high}]"


def profile_table(evidence: Evidence, task: str) -> Table | None:
    """Share of problems, over all seeds, of which more than a threshold of the samples are correct."""
    known = evidence.known(task, "accuracy")
    rows = tuple(
        (code(method), *(f"{number(share, 'percent')}{SPACE}%" for share in profile(found.values, THRESHOLDS)))
        for method, found in known.items()
        if len(found.problems) > 1
    )
    header = ("correct more often than", *(f"{number(each, 'percent')}{SPACE}%" for each in THRESHOLDS))
    return Table(header, rows) if rows else None
