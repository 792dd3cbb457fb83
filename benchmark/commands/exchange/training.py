"""What is known of a training that happened elsewhere: its seconds, its completions, and its learning curve.

The curve comes from `trainer_state.json` of a Hugging Face trainer, or from a tracker's history: a table with one row a
step (W&B, trackio, TensorBoard as CSV, JSON lines or Parquet) or one row a value (MLflow: `key`, `value`, `step`,
`timestamp`). Only metrics with a name of ours are kept. Completions are spread evenly over the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from benchmark.commands.exchange.readers.files import raw_rows
from benchmark.commands.exchange.readers.row import ForeignRow, described, number
from benchmark.contract import StepLog
from benchmark.errors import ConfigurationError, MalformedRow

__all__ = ["NAMES", "Told", "TrainingCost", "read_training"]

NAMES: Mapping[str, str] = {
    "loss": "loss",
    "actor/pg_loss": "loss",
    "policy_loss": "loss",
    "grad_norm": "optim/grad_norm_policy",
    "actor/grad_norm": "optim/grad_norm_policy",
    "entropy": "policy/entropy",
    "actor/entropy": "policy/entropy",
    "actor/entropy_loss": "policy/entropy",
    "reward": "reward/mean",
    "critic/score/mean": "reward/mean",
    "reward/mean": "reward/mean",
    "policy/entropy": "policy/entropy",
    "optim/grad_norm_policy": "optim/grad_norm_policy",
}
"""What TRL, verl, OpenRLHF and prime-rl call a metric, with or without `train/` before it, and our name for it."""

_STEPS = ("_step", "step", "global_step", "train/global_step", "training/global_step")
_CLOCKS = ("_runtime", "Relative Time (Process)", "seconds")
"""Columns with the seconds since the start of a run."""
_BLANK = frozenset({"none", "", "nan"})
"""How an empty cell is written; a value that is not known at a step is left out."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the importer says."""

    seconds: float | None = None
    completions: int | None = None
    history: Path | None = None


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """What is known of the training; empty where nothing was told."""

    seconds: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[StepLog, ...] = ()


@dataclass(frozen=True, slots=True)
class _Point:
    """One step of a history."""

    step: int
    seconds: float | None
    metrics: Mapping[str, float]


def read_training(told: Told) -> TrainingCost:
    """Seconds, counts and curve. Raises `ConfigurationError` where a history lacks what places its steps."""
    if told.seconds is not None and told.seconds < 0:
        raise ConfigurationError(f"--seconds {told.seconds}: it must be 0 or more.")
    if told.completions is not None and told.completions < 1:
        raise ConfigurationError(f"--completions {told.completions}: it must be 1 or more.")
    counts = {} if told.completions is None else {"completions": told.completions}
    if told.history is None:
        return TrainingCost(told.seconds, counts)
    points, runtime = _points(told.history)
    clocks = [point.seconds for point in points if point.seconds is not None]
    seconds = next((one for one in (told.seconds, runtime, max(clocks, default=None)) if one is not None), None)
    if told.completions is None:
        raise ConfigurationError(
            f"{told.history} does not say how many completions the training took: add --completions N, all steps "
            "together."
        )
    if seconds is None:
        raise ConfigurationError(f"{told.history} does not say how long the training took: add --seconds.")
    return TrainingCost(seconds, counts, tuple(_logged(points, told.completions, seconds)))


def _logged(points: Sequence[_Point], completions: int, seconds: float) -> Iterator[StepLog]:
    """The points on our axes: completions, and seconds that were not logged, are spread evenly over the steps."""
    last = points[-1].step
    for point in points:
        share = point.step / last if last else 1.0
        spent = share * seconds if point.seconds is None else point.seconds
        yield StepLog(point.step, round(share * completions), spent, point.metrics)


def _points(path: Path) -> tuple[list[_Point], float | None]:
    """The steps of a history in order, and the trainer's own running time."""
    rows = list(raw_rows(path))
    runtime = None
    if len(rows) == 1 and isinstance(rows[0][1].get("log_history"), list):
        where, state = rows[0]
        entries: list[object] = list(state["log_history"])
        rows = [(f"{where}:log_history[{place}]", _entry(one, where)) for place, one in enumerate(entries)]
        given = [(where, row["train_runtime"]) for where, row in rows if "train_runtime" in row]
        runtime = number(given[-1][1], "train_runtime", given[-1][0]) if given else None
    if rows and {"key", "value", "step"} <= rows[0][1].keys():
        rows = _pivoted(rows)
    found: dict[int, _Point] = {}
    for where, row in rows:
        point = _point(row, where)
        if point is not None and point.metrics:
            before = found.get(point.step)
            metrics = {**(before.metrics if before else {}), **point.metrics}
            found[point.step] = _Point(point.step, point.seconds, metrics)
    points = [found[step] for step in sorted(found)]
    if not points:
        raise MalformedRow(
            f"{path}:1: no step with a metric that is known here ({', '.join(sorted(set(NAMES)))}) and a column of "
            f"steps ({', '.join(_STEPS)})."
        )
    if any(
        one.seconds is not None and two.seconds is not None and two.seconds < one.seconds
        for one, two in pairwise(points)
    ):
        raise MalformedRow(f"{path}:1: the seconds go back between two steps: give the history of one run.")
    return points, runtime


def _entry(value: object, where: str) -> ForeignRow:
    if not isinstance(value, Mapping):
        raise MalformedRow(f"{where}: 'log_history' must hold objects, found {described(value)}.")
    return value


def _point(row: ForeignRow, where: str) -> _Point | None:
    """The step of one row; `None` for a row without one."""
    given = _first(row, _STEPS)
    if given is None:
        return None
    step = number(given, "step", where)
    if step < 0 or step != int(step):
        raise MalformedRow(f"{where}: 'step' must be a whole number from 0, found {described(given)}.")
    clock = _first(row, _CLOCKS)
    metrics: dict[str, float] = {}
    for name, value in row.items():
        ours = NAMES.get(str(name).removeprefix("train/"))
        if ours is not None and str(value).lower() not in _BLANK:
            metrics.setdefault(ours, number(value, str(name), where))
    return _Point(int(step), None if clock is None else number(clock, "seconds", where), metrics)


def _first(row: ForeignRow, names: Sequence[str]) -> object:
    """The first value that is there; an empty cell of a table is none."""
    return next((row[name] for name in names if name in row and str(row[name]).lower() not in _BLANK), None)


def _pivoted(rows: Sequence[tuple[str, ForeignRow]]) -> list[tuple[str, ForeignRow]]:
    """One row a value, as MLflow keeps them, as one row a step; its `timestamp` is in milliseconds."""
    steps: dict[object, dict[str, object]] = {}
    places: dict[object, str] = {}
    clocks = [number(row["timestamp"], "timestamp", where) for where, row in rows if "timestamp" in row]
    for where, row in rows:
        own = steps.setdefault(row["step"], {"step": row["step"]})
        places.setdefault(row["step"], where)
        own[str(row["key"])] = row["value"]
        if "timestamp" in row:
            own["seconds"] = (number(row["timestamp"], "timestamp", where) - min(clocks)) / 1000
    return [(places[step], own) for step, own in steps.items()]
