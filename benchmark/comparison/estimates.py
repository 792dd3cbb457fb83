"""From records to a tidy table, and from the table to one estimate per method, task and metric.

A metric of the exam is estimated from its parts per seed and problem where the outcomes are there, every other number
from one value per seed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.contract import TRAINING_PHASES, Estimate, ExamParts, Record, StepLog, Suite
from benchmark.errors import BadRecord
from benchmark.exam.definitions import METRICS, metric_named
from benchmark.run.step_series import Chart
from benchmark.stats import Scores, estimate, from_seeds, scores_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["COLUMNS", "Cells", "Summary", "answers", "by_seed", "cells", "entropy_end", "summary", "tidy"]

COLUMNS = ("suite", "algorithm", "task", "seed", "status", "metric", "value")

Summary = dict[tuple[str, str, str], Estimate]
"""Keyed by algorithm, task, metric."""

Cells = dict[tuple[str, str, str], Scores]
"""The same keys; what an estimate is made of."""


def answers(record: Record, suite: Suite) -> bool:
    """Whether a record belongs to the suite in its current form: same cell, same settings.

    A folder may also hold jobs from before a setting was changed; these do not belong to it.
    """
    job = record.job
    return (
        job.suite == suite.name
        and job.algorithm in suite.algorithms
        and job.task in suite.tasks
        and job.seed in suite.seeds
        and (job.model, job.training, job.exam) == (suite.model, suite.training, suite.exam)
    )


def tidy(records: Sequence[Record], ends: Mapping[str, float] | None = None) -> pd.DataFrame:
    """One row per job and metric, sorted by suite, task, algorithm, seed, metric.

    Columns: `suite`, `algorithm`, `task` (str), `seed` (int), `status` (str, as in the record), `metric` (str), `value`
    (float; missing where undefined). The metrics are those of the records and, made here:

    - `training_seconds`, `wall_seconds`, `evaluate_seconds`
    - `peak_<kind>_bytes`: largest over all phases; `rss` and `allocated` are always there, others if any job has them
    - `training_peak_<kind>_bytes`: the same over rollout, reward and update; missing where nothing was trained
    - `entropy_end`: nats per token at the end of training, where `ends` (by job id, of `entropy_end`) are given

    Every job has a row for every metric that any job has. In a job that is not `done` all values are missing.
    """
    numbers = [_numbers(record) for record in records]
    for record, known in zip(records, numbers, strict=True):
        if ends:
            known["entropy_end"] = ends.get(record.job.id)
    names = sorted(set().union(*numbers))
    rows = [
        (job.suite, job.algorithm.name, job.task, job.seed, record.status, name, _value(record, known.get(name)))
        for record, known in zip(records, numbers, strict=True)
        for job in [record.job]
        for name in names
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seed": "int64", "value": "float64"})
    return frame.sort_values(["suite", "task", "algorithm", "seed", "metric"], ignore_index=True)


def entropy_end(steps: Sequence[StepLog]) -> float | None:
    """Policy entropy in nats per token, averaged over the last batches of a step log; `None` if it was not logged."""
    logged = Chart(tuple(steps), {}).get("policy/entropy")
    return None if logged is None else logged.late


def cells(frame: pd.DataFrame, suite: Suite, exams: Mapping[tuple[str, str, int], ExamParts]) -> Cells:
    """The scores of every algorithm and task of the suite and every metric of the table.

    `exams` are keyed by algorithm, task and seed. A cell in which a finished seed has no exam, and a number that is not
    of the exam, is known only per seed. A cell without any job is there too, without seeds. Raises `BadRecord`
    if two jobs of a task have exams with different problems or numbers of samples.
    """
    _refuse_unlike(exams)
    values: dict[tuple[str, str, str], dict[int, float | None]] = {
        (algorithm.name, task, metric): {}
        for algorithm in suite.algorithms
        for task in suite.tasks
        for metric in sorted(frame["metric"].unique())
    }
    for row in frame.itertuples(index=False):
        key = (str(row.algorithm), str(row.task), str(row.metric))
        if key in values:
            values[key][int(str(row.seed))] = _defined(row.value)
    return {key: _scores(*key, known, exams) for key, known in values.items()}


def summary(scores: Cells, suite: Suite) -> Summary:
    """The estimate of every cell over the suite's seeds."""
    return {key: estimate(known, planned=len(suite.seeds)) for key, known in scores.items()}


def _refuse_unlike(exams: Mapping[tuple[str, str, int], ExamParts]) -> None:
    """An exam of greedy completions alone has no samples, and may stand beside one that has them."""
    first: dict[str, tuple[str, ExamParts]] = {}
    for (algorithm, task, seed), exam in sorted(exams.items(), key=lambda one: not one[1].samples):
        name, other = first.setdefault(task, (f"{algorithm}-{task}-s{seed}", exam))
        if exam.problems != other.problems or (exam.samples and exam.samples != other.samples):
            raise BadRecord(
                f"{algorithm}-{task}-s{seed} has an exam of {len(exam.problems)} problems with {exam.samples} samples, "
                f"{name} one of {len(other.problems)} with {other.samples}, or of other problems; they cannot be "
                "compared. Delete the folder of the one made with older data and run the suite again."
            )


def _scores(
    algorithm: str,
    task: str,
    metric: str,
    values: Mapping[int, float | None],
    exams: Mapping[tuple[str, str, int], ExamParts],
) -> Scores:
    seeds = [seed for seed, value in values.items() if value is not None]
    found = [exams.get((algorithm, task, seed)) for seed in seeds]
    known = [exam for exam in found if exam is not None and metric in exam.parts]
    if not known or len(known) < len(seeds):
        least, most = _range(metric)
        return from_seeds(values, least=least, most=most)
    top, bottom = (np.stack([exam.parts[metric][side] for exam in known]) for side in (0, 1))
    samples = 1 if metric == "greedy_accuracy" else known[0].samples
    share = metric_named(metric).unit == "share"
    least, most = _range(metric)
    return scores_of(seeds, known[0].problems, top, bottom, samples=samples, share=share, least=least, most=most)


def _range(metric: str) -> tuple[float, float]:
    """Smallest and largest possible value; seconds and bytes, which are no metric of an exam, are never negative."""
    family, _, k = metric.partition("@")
    known = METRICS.get(f"{family}@k" if k else family)
    return (known.least, known.most(int(k or 0))) if known else (0.0, math.inf)


def by_seed(frame: pd.DataFrame, algorithm: str, task: str, metric: str) -> dict[int, float | None]:
    """The values of one cell by seed, `None` where undefined."""
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
