"""How long jobs take, learned from those that ended: a row that trains nothing says nothing of one that does."""

from __future__ import annotations

from statistics import fmean

from algorithms import CATALOGUE
from benchmark.contract import FLOOR, Job, Record

__all__ = ["Durations", "trains"]


def trains(job: Job) -> bool:
    """Whether the row changes the policy; every row but the untrained policy does, whatever its name."""
    return job.algorithm.target != CATALOGUE[FLOOR]


class Durations:
    """Seconds of ended jobs by row and task."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], list[float]] = {}
        self._trained: dict[bool, list[float]] = {True: [], False: []}
        self._exams: dict[str, list[float]] = {}

    def add(self, record: Record) -> None:
        """A job that ended; only a complete one tells how long the next takes."""
        if record.status != "done" or not record.wall_seconds or record.job.algorithm.imported:
            return
        job = record.job
        self._seconds.setdefault((job.algorithm.name, job.task), []).append(record.wall_seconds)
        self._trained[trains(job)].append(record.wall_seconds)
        if not trains(job):
            self._exams.setdefault(job.task, []).append(record.wall_seconds)

    def of(self, job: Job) -> float | None:
        """Mean of the same row and task, else of the rows that train as this one does; `None` without any."""
        known = self._seconds.get((job.algorithm.name, job.task)) or self._trained[trains(job)]
        return fmean(known) if known else None

    def exam(self, task: str) -> float | None:
        """What loading and the exam take, from rows that train nothing: on the task, else on any."""
        known = self._exams.get(task) or [seconds for found in self._exams.values() for seconds in found]
        return fmean(known) if known else None
