"""`bakeoff regrade`: keep beside the records of a suite what its report needs, from the completions that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmark.contract import ExamProblems
from benchmark.exam.regrade import cross_grading
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import SAMPLES, read_outcomes
from benchmark.store.records import job_folder, read_records
from benchmark.tasks import digest, load_task

if TYPE_CHECKING:
    from benchmark.contract import Record

__all__ = ["Regraded", "regrade_suite"]


class Regraded(NamedTuple):
    """What became of a suite's jobs."""

    jobs: int
    """Finished jobs whose cross-grading was written."""
    left_out: dict[str, str]
    """Job id → why it has none."""


def regrade_suite(results: Path, suite: str, data: Path | None = None) -> Regraded:
    """Grade the kept completions of every finished job again and keep the problems of generated tasks.

    Raises `BadRecord` for a suite that is not there or cannot be read, `DataUnavailable` where a task's data is.
    """
    done = [record for record in read_records(results, suite) if record.status == "done"]
    jobs, left_out = 0, dict[str, str]()
    for name in dict.fromkeys(record.job.task for record in done):
        records = [record for record in done if record.job.task == name]
        kept = [record for record in records if (job_folder(results, record.job) / SAMPLES).exists()]
        left_out |= {record.job.id: "its completions are not kept" for record in records if record not in kept}
        if not kept:
            continue
        task = load_task(name, records[0].job.own_tasks)
        splits = [task.load(split, data) for split in ("train", "validation", "test")]
        problems = ExamProblems(digest(problem for split in splits for problem in split), tuple(splits[-1]))
        for record in kept:
            if _digest(record) == problems.task_digest:
                folder = job_folder(results, record.job)
                write_cross_grading(folder, cross_grading(read_outcomes(folder), problems.problems))
                jobs += 1
            else:
                left_out[record.job.id] = "it sat other problems than this version of the task has"
        if task.generated and jobs:
            write_problems(results, suite, name, problems)
    return Regraded(jobs, left_out)


def _digest(record: Record) -> str:
    return record.provenance.task_digest if record.provenance else ""
