"""The learning curve of a job: `steps.csv` in its folder, one row for each step that was logged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmark.contract import StepLog
from benchmark.errors import BadRecord
from benchmark.store.atomic import READ_ERRORS, from_csv, to_csv, write
from benchmark.store.outcomes import RESTORE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["RESERVED_METRICS", "STEPS", "read_steps", "write_steps"]

STEPS = "steps.csv"
_STEP_COLUMNS = ("step", "completions", "seconds")
_SPENT_COLUMNS = ("tokens", "updates", "flops")
"""Columns that are absent from older logs and empty if unknown."""
RESERVED_METRICS = frozenset((*_STEP_COLUMNS, *_SPENT_COLUMNS))
"""Names that no metric of a step log may have."""


def write_steps(folder: Path, steps: Sequence[StepLog]) -> None:
    """Write `steps.csv`: step, completions, seconds, tokens, updates, flops, then every metric of any step, by name.

    Without steps there is no such file: an older one is removed. Raises BadRecord for a metric with the name of another
    column, which could not be read back.
    """
    if not steps:
        (folder / STEPS).unlink(missing_ok=True)
        return
    names = sorted({name for step in steps for name in step.metrics})
    taken = next((name for name in names if name in RESERVED_METRICS), None)
    if taken is not None:
        raise BadRecord(f"{folder / STEPS}: a metric is named '{taken}', as another column is. Name it otherwise.")
    rows = [
        [
            *(str(s.step), str(s.completions), _number(s.seconds)),
            *(None if spent is None else str(spent) for spent in (s.tokens, s.updates, s.flops)),
            *(_number(s.metrics.get(name)) for name in names),
        ]
        for s in steps
    ]
    write(folder / STEPS, to_csv((*_STEP_COLUMNS, *_SPENT_COLUMNS, *names), rows).encode())


def read_steps(folder: Path) -> tuple[StepLog, ...]:
    """The learning curve of a job; empty when it has no `steps.csv` (nothing was trained)."""
    path = folder / STEPS
    if not path.exists():
        return ()
    try:
        header, *rows = from_csv(path.read_bytes().decode())
        if tuple(header[:3]) != _STEP_COLUMNS:
            raise ValueError(f"the first columns are not {', '.join(_STEP_COLUMNS)}")
        if len(set(header)) != len(header):
            raise ValueError("two columns have the same name")
        return tuple(_step(header, row) for row in rows)
    except READ_ERRORS as error:
        raise BadRecord(f"{path}: {error}. {RESTORE}") from error


def _number(value: float | None) -> str | None:
    return None if value is None else repr(float(value))


def _step(header: Sequence[str | None], row: Sequence[str | None]) -> StepLog:
    cells = dict(zip(header, row, strict=True))
    step, completions, seconds = (cells.pop(name) or "" for name in _STEP_COLUMNS)
    spent = {name: int(cell) for name in _SPENT_COLUMNS if (cell := cells.pop(name, None)) is not None}
    metrics = {name: float(cell) for name, cell in cells.items() if name is not None and cell is not None}
    counted = {"step": int(step), "completions": int(completions), "seconds": float(seconds), **spent}
    for name, value in counted.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"step {step}: {name} = {value}: a finite number from 0 was expected")
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise ValueError(f"step {step}: {name} = {value}: a finite number was expected")
    return StepLog(step=int(step), completions=int(completions), seconds=float(seconds), metrics=metrics, **spent)
