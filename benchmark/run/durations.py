"""How long jobs take, learned from those that ended: a row that trains nothing says nothing of one that does."""

from __future__ import annotations

from statistics import fmean

from benchmark.contract import FLOOR, Job, Record

__all__ = ["Durations", "trains"]


def trains(job: Job) -> bool:
    """Whether the row changes the policy, as far as its name says; every row but the floor does."""
    return job.algorithm.name != FLOOR


class Durations:
    """Seconds of ended jobs by row and task."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], list[float]] = {}
        self._trained: dict[bool, list[float]] = {True: [], False: []}

    def add(self, record: Record) -> None:
        """A job that ended; only a complete one tells how long the next takes."""
        if record.status != "done" or not record.wall_seconds or record.job.algorithm.imported:
            return
        key = record.job.algorithm.name, record.job.task
        self._seconds.setdefault(key, []).append(record.wall_seconds)
        self._trained[trains(record.job)].append(record.wall_seconds)

    def of(self, job: Job) -> float | None:
        """Mean of the same row and task, else of the rows that train as this one does; `None` without any."""
        known = self._seconds.get((job.algorithm.name, job.task)) or self._trained[trains(job)]
        return fmean(known) if known else None
