"""Finished batches of a running exam, on disk until the exam ends: an interrupted one samples only what is missing.

    <job folder>/checkpoints/exam/<seed>-<samples>-<temperature>-<first prompt>.json

A completion depends on its own prompt and random numbers alone, so an exam that was interrupted ends with the same
completions. Each file names the weights that wrote it; one of other weights is not used.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from benchmark.contract import Completion, Resumption
from benchmark.run.checkpoint import Pace
from benchmark.store.atomic import write

__all__ = ["ExamBatches"]


@dataclass(frozen=True, slots=True)
class _Batch:
    weights: str
    """SHA-256 over the examined weights."""
    completions: tuple[Completion, ...]


class ExamBatches:
    """The batches of one job's exams."""

    def __init__(self, folder: Path, weights: str, every_seconds: float, *, fresh: bool) -> None:
        """`fresh` begins anew: the training has just ended, so whatever lies there is nobody's exam."""
        self._folder, self._weights, self._pace = folder / "exam", weights, Pace(every_seconds)
        if fresh:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._again = self._folder.is_dir()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._waiting: dict[str, bytes] = {}
        self._used = 0

    @property
    def resumptions(self) -> tuple[Resumption, ...]:
        """This attempt, if it is not the first."""
        return (Resumption("examine", self._used),) if self._again else ()

    def get(self, batch: str) -> list[Completion] | None:
        """The completions of a finished batch; `None` for one that must be sampled.

        An exam that begins anew reads none: what lies there by now, a process that training left behind has written.
        """
        if not self._again:
            return None
        try:
            found = _batches().validate_json(self._path(batch).read_bytes(), strict=True)
        except (OSError, ValueError):
            return None
        if found.weights != self._weights:
            return None
        self._used += 1
        return list(found.completions)

    def put(self, batch: str, completions: Sequence[Completion]) -> None:
        """A batch has been sampled; it is written with the next ones when it is time."""
        self._waiting[batch] = _batches().dump_json(_Batch(self._weights, tuple(completions)))
        if not self._pace.due():
            return
        start = time.monotonic()
        for name, content in self._waiting.items():
            write(self._path(name), content)
        self._waiting.clear()
        self._pace.done(time.monotonic() - start)

    def _path(self, batch: str) -> Path:
        return self._folder / f"{batch}.json"


@cache
def _batches() -> TypeAdapter[_Batch]:
    return TypeAdapter(_Batch)
