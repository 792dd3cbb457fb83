"""Records → one tidy table → one estimate per method, task and metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.contract import TRAINING_PHASES, Estimate, Record, Suite
from benchmark.stats import interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["COLUMNS", "Summary", "answers", "by_seed", "summary", "tidy"]

COLUMNS = ("suite", "algorithm", "task", "seed", "status", "metric", "value")

Summary = dict[tuple[str, str, str], Estimate]
"""Keyed by algorithm, task, metric."""


def answers(record: Record, suite: Suite) -> bool:
    """Whether a record answers the suite as asked: same cell, same settings.

    A folder may also hold jobs from before a setting was changed; they are other questions.
    """
    job = record.job
    return (
        job.suite == suite.name
        and job.algorithm in suite.algorithms
        and job.task in suite.tasks
        and job.seed in suite.seeds
        and (job.model, job.training, job.exam) == (suite.model, suite.training, suite.exam)
    )


def tidy(records: Sequence[Record]) -> pd.DataFrame:
    """One row per job and metric, sorted by suite, task, algorithm, seed, metric.

    Columns: `suite`, `algorithm`, `task` (str), `seed` (int), `status` (str, as in the record), `metric` (str), `value`
    (float; missing where undefined). The metrics are those of the records and, made here:

    - `training_seconds`, `wall_seconds`, `evaluate_seconds`
    - `peak_<kind>_bytes`: largest over all phases; `rss` and `allocated` are always there, others if any job has them
    - `training_peak_<kind>_bytes`: the same over rollout, reward and update; missing where nothing was trained

    Every job has a row for every metric that any job has. In a job that is not `done` all values are missing.
    """
    numbers = [_numbers(record) for record in records]
    names = sorted(set().union(*numbers))
    rows = [
        (job.suite, job.algorithm.name, job.task, job.seed, record.status, name, _value(record, known.get(name)))
        for record, known in zip(records, numbers, strict=True)
        for job in [record.job]
        for name in names
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seed": "int64", "value": "float64"})
    return frame.sort_values(["suite", "task", "algorithm", "seed", "metric"], ignore_index=True)


def summary(frame: pd.DataFrame, suite: Suite) -> Summary:
    """The estimate over seeds of every algorithm and task of the suite and every metric of the table.

    A cell without any job is there too, with 0 seeds done.
    """
    seeds = len(suite.seeds)
    values: dict[tuple[str, str, str], list[float | None]] = {
        (algorithm.name, task, metric): []
        for algorithm in suite.algorithms
        for task in suite.tasks
        for metric in sorted(frame["metric"].unique())
    }
    for row in frame.itertuples(index=False):
        key = (str(row.algorithm), str(row.task), str(row.metric))
        if key in values:
            values[key].append(_defined(row.value))
    return {key: interval(known, planned=seeds) for key, known in values.items()}


def by_seed(frame: pd.DataFrame, algorithm: str, task: str, metric: str) -> dict[int, float | None]:
    """The values of one cell by seed, as `stats.compare` pairs them; `None` where undefined."""
    rows = frame[(frame["algorithm"] == algorithm) & (frame["task"] == task) & (frame["metric"] == metric)]
    return {int(seed): _defined(value) for seed, value in zip(rows["seed"], rows["value"], strict=True)}


def _numbers(record: Record) -> dict[str, float | None]:
    kinds = {"rss", "allocated"} | {key.split("/")[0] for key in record.peak_bytes}
    return {
        **record.metrics,
        "training_seconds": record.training_seconds,
        "wall_seconds": record.wall_seconds,
        "evaluate_seconds": record.phase_seconds.get("evaluate"),
        **{f"peak_{kind}_bytes": _peak(record.peak_bytes, kind) for kind in kinds},
        **{f"training_peak_{kind}_bytes": _peak(record.peak_bytes, kind, TRAINING_PHASES) for kind in kinds},
    }


def _peak(peaks: Mapping[str, int], kind: str, phases: Iterable[str] | None = None) -> float | None:
    wanted = None if phases is None else {f"{kind}/{phase}" for phase in phases}
    found = [peak for key, peak in peaks.items() if (key.startswith(f"{kind}/") if wanted is None else key in wanted)]
    return float(max(found)) if found else None


def _value(record: Record, value: float | None) -> float | None:
    return value if record.status == "done" else None


def _defined(value: object) -> float | None:
    return float(value) if isinstance(value, float) and not math.isnan(value) else None
