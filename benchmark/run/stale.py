"""Results that answer the same question with another method, other data or another model than there is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.contract import Job, cell_of
from benchmark.run.identity import differences, same_question
from benchmark.store.records import read_readable

__all__ = ["Stale", "stale_records"]


@dataclass(frozen=True, slots=True)
class Stale:
    """A finished job that counts no more, and why."""

    job: Job
    """As it was recorded."""
    changes: tuple[str, ...]

    @property
    def line(self) -> str:
        """`stale    grpo-math-s0-0123abcd: the method's code changed (… → …)`."""
        return f"stale    {self.job.id}: {'; '.join(self.changes)}"


def stale_records(results: Path, missing: Sequence[Job]) -> tuple[Stale, ...]:
    """The finished jobs of the same cells and settings as `missing` ones, whose identity is another one now.

    A record that cannot be read is none here: the report names it.
    """
    wanted = {cell_of(job.id): job for job in missing}
    suites = {job.suite for job in missing}
    records = [one for suite in suites if (results / suite).is_dir() for one in read_readable(results, suite)[0]]
    return tuple(
        Stale(record.job, differences(now.identity, record.job.identity))
        for record in records
        if record.status == "done"
        and (now := wanted.get(cell_of(record.job.id))) is not None
        and record.job.id != now.id
        and same_question(record.job, now)
    )
