"""Which records of a folder a comparison may use: those of the suite as it stands, whole, unchanged and alike.

A record that cannot be read, or that its own outcomes contradict, is named and left out; the others are compared. What
has another exam or another starting policy than the rest cannot be left out by a rule, so it is refused.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmark.comparison.estimates import answers
from benchmark.contract import ExamParts, Record, StepLog, Suite, cell_of
from benchmark.errors import BadRecord
from benchmark.exam.per_problem import from_columns
from benchmark.store.digests import refuse_changed
from benchmark.store.kept import read_cross_grading
from benchmark.store.outcomes import OUTCOMES, read_columns, refuse_cut_texts
from benchmark.store.records import UnreadableJob, job_folder, read_readable
from benchmark.store.steps import read_steps

__all__ = ["Admission", "admitted", "computed", "disagreement", "exam_of"]

CORE = ("problems", "samples", "accuracy", "greedy_accuracy")
"""Metrics that every record of an exam has where they are defined; later versions may know more than an old record."""
TOLERANCE = 1e-9
"""Of sums in another order."""
_SOURCE = re.compile(r"SHA-256 ([0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Admission:
    """The records of one folder, by what may be done with them."""

    records: tuple[Record, ...]
    """Those that answer the suite."""
    stale: tuple[Record, ...]
    """Those of a cell that the last run planned under another name: with another method, model or data."""
    strays: int
    """Number of those with other settings."""
    unreadable: tuple[UnreadableJob, ...]


def admitted(results: Path, suite: Suite) -> Admission:
    """Read the folder of a suite. Raises BadRecord where there is none, and for records that must not share a table."""
    found, bad = read_readable(results, suite.name)
    ours = [record for record in found if answers(record, suite)]
    planned = {cell_of(id_): id_ for id_ in suite.planned}
    stale = [one for one in ours if planned.get(cell_of(one.job.id), one.job.id) != one.job.id]
    current = [one for one in ours if one not in stale]
    whole = list[Record]()
    for record in current:
        try:
            _refuse_broken(results, record)
        except BadRecord as error:
            bad.append(UnreadableJob(record.job.id, str(error)))
        else:
            whole.append(record)
    twice = {cell for cell, count in Counter(cell_of(one.job.id) for one in whole).items() if count > 1}
    for record in whole:
        if cell_of(record.job.id) in twice:
            others = [one.job.id for one in whole if cell_of(one.job.id) == cell_of(record.job.id) and one != record]
            path = job_folder(results, record.job) / "record.json"
            bad.append(
                UnreadableJob(
                    record.job.id,
                    f"{path}: {', '.join(others)} answers the same cell: delete the folder of the wrong one.",
                )
            )
    records = tuple(one for one in whole if cell_of(one.job.id) not in twice)
    _refuse_unlike(results, records)
    _refuse_one_file(results, records)
    return Admission(records, tuple(stale), len(found) - len(ours), tuple(sorted(bad)))


# --- one record -----------------------------------------------------------------------------------------------------


def _refuse_broken(results: Path, record: Record) -> None:
    """Everything a report reads of one job, read once. Raises BadRecord with the file."""
    folder = job_folder(results, record.job)
    steps = read_steps(folder)
    if record.status != "done":
        return
    refuse_changed(folder, record)
    read_cross_grading(folder)
    if not record.files:
        refuse_cut_texts(folder)
    exam = exam_of(folder)
    if exam is None:
        _refuse_other_end(record, steps, folder)
        return
    if not exam.problems:
        raise BadRecord(f"{folder / OUTCOMES}: it holds no outcome, although the job is done. {_REMEDY}")
    said = disagreement(record, computed(exam))
    if said is not None:
        raise BadRecord(f"{folder / 'record.json'}: {said} {_REMEDY}")


def _refuse_other_end(record: Record, steps: Sequence[StepLog], folder: Path) -> None:
    """A job without an exam, on a world, has the metrics of its last step."""
    last = steps[-1].metrics if steps and record.job.exam.problems == 0 else {}
    for name, value in last.items():
        if name in record.metrics and record.metrics[name] != value:
            said = _number(record.metrics[name])
            raise BadRecord(
                f"{folder / 'record.json'}: '{name}' is {said}, but the last step has {_number(value)}. {_REMEDY}"
            )


_REMEDY = "One of the two was changed: restore the folder from version control, or delete it to run the job again."


def disagreement(record: Record, metrics: Mapping[str, float | None]) -> str | None:
    """The first metric of the record that is not what its outcomes give, as a sentence; `None` where all are."""
    for name, value in metrics.items():
        if name not in record.metrics:
            if name in CORE and value is not None:
                return f"'{name}' is not in its metrics, although {OUTCOMES} gives {value:g}."
            continue
        said = record.metrics[name]
        if (said is None) != (value is None) or (
            said is not None
            and value is not None
            and not math.isclose(said, value, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        ):
            return f"'{name}' is {_number(said)}, but {OUTCOMES} gives {_number(value)}."
    return None


def computed(exam: ExamParts) -> dict[str, float | None]:
    """Every metric of an exam that follows from its outcomes without their texts."""
    found: dict[str, float | None] = {"problems": float(len(exam.problems)), "samples": float(exam.samples)}
    for name, (top, bottom) in exam.parts.items():
        total = math.fsum(bottom)
        found[name] = math.fsum(top) / total if total else None
    return found


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.6g}"


def exam_of(folder: Path) -> ExamParts | None:
    """One job's exam; `None` where its outcomes were not kept. Raises BadRecord with the file."""
    path = folder / OUTCOMES
    if not path.exists():
        return None
    return _exam((folder, path.stat().st_mtime_ns, path.stat().st_size))


@lru_cache(maxsize=4096)
def _exam(state: tuple[Path, int, int]) -> ExamParts:
    """Read once for as long as the outcomes file keeps its time and size."""
    folder = state[0]
    columns = read_columns(folder)
    try:
        return from_columns(columns)
    except ValueError as error:  # a row that is missing or there twice
        raise BadRecord(f"{folder / OUTCOMES}: {error}. {_REMEDY}") from error


# --- records beside each other --------------------------------------------------------------------------------------


def _refuse_unlike(results: Path, records: Sequence[Record]) -> None:
    """No mean and no pair over different exams or starting weights: refused with both digests."""
    first: dict[tuple[str, str], tuple[str, Record]] = {}
    for record in records:
        for (what, task), digest in _must_agree(record).items():
            other_digest, other = first.setdefault((what, task), (digest, record))
            if digest != other_digest:
                here, there = (job_folder(results, one.job) for one in (record, other))
                raise BadRecord(
                    f"{here} and {there} have different {what} ({_short(digest)} and {_short(other_digest)}), so "
                    "they share no row and no pair of a table. Run the suite again, or delete the folders of one kind."
                )


def _must_agree(record: Record) -> dict[tuple[str, str], str]:
    """What all records of a task have in common, and of the starting weights all records of a suite."""
    made = record.provenance
    if made is None or record.status != "done":
        return {}
    task = record.job.task
    found = {("exam problems", task): made.task_digest, ("graders", task): made.grader}
    if record.imported is None:
        found |= {("prompts", task): made.prompt_digest, ("starting weights", ""): made.model_digest}
    identity = record.job.identity
    if identity is not None:
        found["training or transfer problems", task] = identity.task
        found["versions of this package", ""] = identity.version
    return found


def _refuse_one_file(results: Path, records: Sequence[Record]) -> None:
    """One file is one training run: imported as several seeds it would be runs that agree without any spread."""
    seen: dict[tuple[str, str, str], Record] = {}
    for record in records:
        for digest in _SOURCE.findall(record.imported or ""):
            other = seen.setdefault((record.job.algorithm.name, record.job.task, digest), record)
            if other is not record:
                here, there = (job_folder(results, one.job) for one in (record, other))
                raise BadRecord(
                    f"{here} and {there} are two seeds of one imported file (SHA-256 {digest}): every seed is a "
                    "training run of its own. Delete one of them, and import the file of another run."
                )


def _short(value: str) -> str:
    return value[:12] if re.fullmatch(r"[0-9a-f]{64}", value) else value
