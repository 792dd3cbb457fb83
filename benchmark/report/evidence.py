"""Everything a report may say: one suite, the records that answer it, and the table made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.aggregate import Summary, answers, by_seed, summary, tidy
from benchmark.contract import FLOOR, Comparison, Estimate, Outcome, Record, StepLog, Suite
from benchmark.records import job_folder, read_outcomes, read_records, read_steps, read_suite
from benchmark.stats import Direction, compare

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["Evidence", "gather"]

_NOTHING = Estimate(mean=None, low=None, high=None, done=0, planned=0)
_DIGESTED = ("record.json", "outcomes.csv.gz", "steps.csv")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A suite with its answers. `records` are those made under the suite's settings; `strays` counts the others."""

    results: Path
    suite: Suite
    records: tuple[Record, ...]
    strays: int
    frame: pd.DataFrame
    summary: Summary
    digest: str

    @property
    def methods(self) -> tuple[str, ...]:
        """In the suite's order."""
        return tuple(algorithm.name for algorithm in self.suite.algorithms)

    @property
    def trained(self) -> tuple[str, ...]:
        """All methods but the floor."""
        return tuple(method for method in self.methods if method != FLOOR)

    @property
    def done(self) -> tuple[Record, ...]:
        """Records of jobs that finished."""
        return tuple(record for record in self.records if record.status == "done")

    @property
    def planned(self) -> int:
        """Jobs the suite asks for."""
        return len(self.suite.algorithms) * len(self.suite.tasks) * len(self.suite.seeds)

    @property
    def devices(self) -> tuple[str, ...]:
        """The kinds of machine that made finished records; seconds compare only within one."""
        return tuple(sorted({record.provenance.device for record in self.done if record.provenance}))

    def cell(self, method: str, task: str) -> tuple[Record, ...]:
        """Records of one method on one task, by seed."""
        found = [record for record in self.records if (record.job.algorithm.name, record.job.task) == (method, task)]
        return tuple(sorted(found, key=lambda record: record.job.seed))

    def estimate(self, method: str, task: str, metric: str) -> Estimate:
        """The estimate over seeds; undefined for a metric that nobody has."""
        return self.summary.get((method, task, metric), _NOTHING)

    def has(self, metric: str, task: str) -> bool:
        """Whether any method has a number for it."""
        return any(self.estimate(method, task, metric).mean is not None for method in self.methods)

    def compare(self, metric: str, task: str, method: str, against: str, direction: Direction = "higher") -> Comparison:
        """Two methods of the suite, paired by seed."""
        ours, theirs = (by_seed(self.frame, name, task, metric) for name in (method, against))
        return compare(metric, task, method, against, ours, theirs, direction)

    def steps(self, record: Record) -> tuple[StepLog, ...]:
        """The learning curve of one job."""
        return read_steps(job_folder(self.results, record.job))

    def outcomes(self, record: Record) -> tuple[Outcome, ...]:
        """The judged completions of one job."""
        return read_outcomes(job_folder(self.results, record.job))


def gather(results: Path, suite: str) -> Evidence:
    """Read a suite's folder. Raises BadRecord when it is not there or holds a file that cannot be read."""
    asked = read_suite(results, suite)
    found = read_records(results, suite)
    records = tuple(record for record in found if answers(record, asked))
    frame = tidy(records)
    return Evidence(
        results=results,
        suite=asked,
        records=records,
        strays=len(found) - len(records),
        frame=frame,
        summary=summary(frame, asked),
        digest=_digest(results, asked, records),
    )


def _digest(results: Path, suite: Suite, records: tuple[Record, ...]) -> str:
    """SHA-256 over the suite file and every file of every record used, 12 hexadecimal digits of it."""
    paths = [results / suite.name / "suite.json"]
    paths += [job_folder(results, record.job) / name for record in records for name in _DIGESTED]
    whole = hashlib.sha256()
    for path in paths:
        if path.exists():
            content = path.read_bytes()
            whole.update(f"{path.relative_to(results).as_posix()} {len(content)}\n".encode())
            whole.update(content)
    return whole.hexdigest()[:12]
