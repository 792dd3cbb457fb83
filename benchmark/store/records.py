"""Reads and writes records: one folder per job, written atomically and validated when read.

    ROOT/<suite>/suite.json                    the suite with every default written out
    ROOT/<suite>/<job-id>/record.json          the record
    ROOT/<suite>/<job-id>/outcomes.csv.gz      one row per completion of the exam, without its text
    ROOT/<suite>/<job-id>/samples.jsonl.gz     the texts; may be absent
    ROOT/<suite>/<job-id>/steps.csv            the learning curve
    ROOT/<suite>/<job-id>/cross_grading.csv.gz, ROOT/<suite>/problems/: see `benchmark.store.kept`

The same values give the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pydantic import TypeAdapter

from benchmark.contract import (
    Job,
    Record,
    Suite,
    cell_prefix,
    collision,
    is_file_name,
    job_id,
    name_fault,
)
from benchmark.errors import BadRecord, ConfigurationError, excerpt
from benchmark.store.atomic import write
from benchmark.store.json_file import SCHEMA_VERSION, from_json, to_json
from benchmark.store.kept import CROSS_GRADING, problems_path
from benchmark.store.outcomes import OUTCOMES, RESTORE, SAMPLES, file_of
from benchmark.store.provenance import numbers_version
from benchmark.store.steps import STEPS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "SCHEMA_VERSION",
    "UnreadableJob",
    "adopt",
    "forget",
    "has_record",
    "is_done",
    "job_folder",
    "read_readable",
    "read_record",
    "read_records",
    "read_suite",
    "record_stamp",
    "write_record",
    "write_suite",
]

_RESTORE_RECORD = "Restore it from version control, or delete its folder to run the job again."
RECORD, SUITE = "record.json", "suite.json"

# --- records -------------------------------------------------------------------------------------------------------


def job_folder(root: Path, job: Job) -> Path:
    """The folder of one job. Raises BadRecord for names that would lead out of `root`."""
    for name in (job.suite, job.id):
        if not is_file_name(name):
            raise BadRecord(f"{root}: {excerpt(name)!r} cannot name a folder of results: {RESTORE}")
    return root / job.suite / job.id


def write_record(root: Path, record: Record) -> Path:
    """Write `record.json` and return its folder. Call it last: a job counts as finished when this file exists.

    Raises BadRecord when a number in it is NaN or infinite, since JSON knows neither.
    """
    folder = job_folder(root, record.job)
    write(folder / RECORD, to_json(_adapter_of_records(), record, folder / RECORD))
    return folder


def read_record(folder: Path) -> Record:
    """The record of one job folder.

    Raises BadRecord when it is missing, malformed, holds an unknown key, comes from a newer version of this package, or
    lies in the folder of another job.
    """
    path = folder / RECORD
    record = from_json(_adapter_of_records(), path, _RESTORE_RECORD)
    if record.job.id != folder.name:
        raise BadRecord(f"{path}: is the record of job '{record.job.id}'. Move it to a folder of that name.")
    _refuse_other_job(record, path)
    _refuse_impossible(record, path)
    return record


def _refuse_other_job(record: Record, path: Path) -> None:
    """A job's name follows from its settings; the digest in it is that of this version's rules."""
    job = record.job
    ours = job.identity is not None and job.identity.version == numbers_version()
    expected = job_id(job) if ours else f"{cell_prefix(job)}-{job.id.rpartition('-')[2]}"
    if job.id != expected:
        raise BadRecord(
            f"{path}: its settings are those of job '{expected}', not of '{job.id}': one was changed afterwards. "
            f"{_RESTORE_RECORD}"
        )


def _refuse_impossible(record: Record, path: Path) -> None:
    """Nothing that was measured or counted is negative, infinite or NaN."""
    found: dict[str, float] = {f"phase_seconds.{name}": value for name, value in record.phase_seconds.items()}
    found |= {f"peak_bytes.{name}": value for name, value in record.peak_bytes.items()}
    found |= {f"counts.{name}": value for name, value in record.counts.items()}
    found |= {} if record.wall_seconds is None else {"wall_seconds": record.wall_seconds}
    for name, value in found.items():
        if not (math.isfinite(value) and value >= 0):
            raise BadRecord(f"{path}: {name} = {value}: a finite number from 0 was expected. {_RESTORE_RECORD}")
    for name, metric in record.metrics.items():
        if metric is not None and not math.isfinite(metric):
            raise BadRecord(f"{path}: metrics.{name} = {metric}: a finite number was expected. {_RESTORE_RECORD}")


def read_records(root: Path, suite: str) -> list[Record]:
    """All records of a suite, sorted by job id. One that cannot be read raises BadRecord with its path."""
    folder = root / suite
    if not folder.is_dir():
        raise BadRecord(f"{folder}: no such folder. Run the suite '{suite}' first.")
    return [read_record(path.parent) for path in sorted(folder.glob(f"*/{RECORD}"))]


class UnreadableJob(NamedTuple):
    """A record that is not used, with the reason; the others of its suite are."""

    job: str
    """Name of its folder."""
    reason: str
    """One sentence that begins with the file."""


def read_readable(root: Path, suite: str) -> tuple[list[Record], list[UnreadableJob]]:
    """All records of a suite, sorted by job id, and those that cannot be read. Raises BadRecord for no such folder."""
    folder = root / suite
    if not folder.is_dir():
        raise BadRecord(f"{folder}: no such folder. Run the suite '{suite}' first.")
    found, bad = list[Record](), list[UnreadableJob]()
    for path in sorted(folder.glob(f"*/{RECORD}")):
        try:
            found.append(read_record(path.parent))
        except BadRecord as error:
            bad.append(UnreadableJob(path.parent.name, str(error)))
    return found, bad


def is_done(root: Path, job: Job) -> bool:
    """Whether the job is finished: it has a record of it, of this schema version, with the status `done`.

    A record with another identity is one of another job, whatever its name.

    Raises BadRecord for a record that cannot be read, so that results are never overwritten silently.
    """
    folder = job_folder(root, job)
    if not (folder / RECORD).exists():
        return False
    record = read_record(folder)
    return record.status == "done" and record.schema_version == SCHEMA_VERSION and record.job.identity == job.identity


def has_record(root: Path, job: Job) -> bool:
    """Whether the job has left a record, of any status."""
    return (job_folder(root, job) / RECORD).exists()


def record_stamp(root: Path, job: Job) -> tuple[int, int, int] | None:
    """What tells one record of a job from a later one: each is a file of its own. `None` without a record."""
    try:
        found = (job_folder(root, job) / RECORD).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def forget(root: Path, job: Job) -> None:
    """Take the record of a job away, so that nothing of an earlier run can be read as the result of the next."""
    (job_folder(root, job) / RECORD).unlink(missing_ok=True)


def adopt(root: Path, job: Job) -> bool:
    """Copy the result of the same job from another suite under `root`; returns whether there was one.

    A job's id covers everything that can change its numbers, so equal ids mean equal runs.
    """
    for folder in sorted(root.glob(f"*/{job.id}")):
        if folder.parent.name == job.suite or not (folder / RECORD).exists():
            continue
        if is_done(root, replace(job, suite=folder.parent.name)):
            transfer = [file_of(kind, task) for task in job.exam.transfer for kind in (OUTCOMES, SAMPLES)]
            for name in (OUTCOMES, SAMPLES, STEPS, CROSS_GRADING, *transfer):
                if (folder / name).exists():
                    write(job_folder(root, job) / name, (folder / name).read_bytes())
            problems = problems_path(root, folder.parent.name, job.task)
            if problems.exists():
                write(problems_path(root, job.suite, job.task), problems.read_bytes())
            write_record(root, replace(read_record(folder), job=job))
            return True
    return False


def write_suite(root: Path, suite: Suite) -> Path:
    """Write `suite.json` beside the results and return its path.

    Raises ConfigurationError where the folder of another suite differs from its own in case only: on many file systems
    these are one folder.
    """
    others = [path.parent.name for path in root.glob(f"*/{SUITE}") if path.parent.name != suite.name]
    same = next((name for name in others if collision((name, suite.name))), None)
    if same is not None:
        raise ConfigurationError(
            f"{root} has results of a suite '{same}', whose name differs from '{suite.name}' in case only: give one of "
            "them another name, as with '--name'."
        )
    path = root / suite.name / SUITE
    write(path, to_json(_adapter_of_suites(), suite, path))
    return path


def read_suite(root: Path, suite: str) -> Suite:
    """Read `suite.json`. Raises BadRecord if it is missing, unreadable, or names another suite than its folder."""
    path = root / suite / SUITE
    found = from_json(_adapter_of_suites(), path, f"Run the suite '{suite}' once to write it.")
    if found.name != suite or name_fault(suite) is not None:
        raise BadRecord(f"{path} is of the suite {found.name!r}: a suite has the name of its folder. {RESTORE}")
    for name in (*found.tasks, *found.exam.transfer, *(one.name for one in found.algorithms)):
        if not is_file_name(name):
            raise BadRecord(f"{path}: {excerpt(name)!r} cannot name a row or a task. {RESTORE}")
    return found


@cache
def _adapter_of_records() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


@cache
def _adapter_of_suites() -> TypeAdapter[Suite]:
    return TypeAdapter(Suite)
