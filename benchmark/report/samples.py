"""What the sample browser shows: the judged completions of every finished job, thinned while they are read.

The rule, where all would be too many: the greedy completion and the first samples of each problem, one less at a time
down to `FEWEST_SAMPLES`; then the first problems of each exam, a tenth less at a time. It is the same for every job, so
that methods stay comparable.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from benchmark.contract import Outcome
from benchmark.errors import BadRecord
from benchmark.files import from_csv, unzipped
from benchmark.records import OUTCOMES, SAMPLES, job_folder
from benchmark.tasks import CATALOGUE, digest, load_task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmark.contract import Problem, Record
    from benchmark.report.evidence import Evidence

__all__ = ["Run", "Share", "exam_size", "narrowed", "questions", "read_runs", "thinned"]

MOST_ROWS = 400_000
"""Completions in one page."""
MOST_BYTES = 10_000_000
"""Of the packed completions in one page, which then opens in a second."""
FEWEST_SAMPLES = 4
"""Samples of a problem that are kept while problems can still be left out."""

_READ_ERRORS = (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error)


@dataclass(frozen=True, slots=True)
class Share:
    """How much of every exam is shown: its first `problems`, of each the greedy one and samples below `samples`."""

    problems: int
    samples: int

    @property
    def smaller(self) -> Share:
        """The next step of the rule."""
        if self.samples > FEWEST_SAMPLES or self.problems <= 1:
            return replace(self, samples=max(1, self.samples - 1))
        return replace(self, problems=self.problems * 9 // 10)


@dataclass(frozen=True, slots=True)
class Run:
    """One finished job as the browser shows it."""

    method: str
    task: str
    seed: int
    job: str
    outcomes: tuple[Outcome, ...]
    texts: bool
    """Whether the completions were kept; without them every `text` is empty."""


def exam_size(records: Sequence[Record]) -> Share:
    """The largest exam any of them sat, from their metrics alone."""
    problems = max((int(one.metrics.get("problems") or 0) for one in records), default=0)
    return Share(problems, max((int(one.metrics.get("samples") or 0) for one in records), default=0))


def narrowed(evidence: Evidence, rows: int = MOST_ROWS, size: int = MOST_BYTES) -> Share:
    """The largest share that fits, judged by the sizes of exams and files before any outcome is read.

    A file's compressed bytes are taken for its part of the page, and four characters of base64 for three of them.
    """
    share = exam_size(evidence.done)
    whole = sum(_rows(one, share) for one in evidence.done)
    stored = sum(_stored(job_folder(evidence.results, one.job)) for one in evidence.done) * 4 / 3
    while share != Share(1, 1):
        shown = sum(_rows(one, share) for one in evidence.done)
        if shown <= rows and (not whole or stored * shown / whole <= size):
            break
        share = share.smaller
    return share


def read_runs(evidence: Evidence, share: Share) -> Iterator[Run]:
    """The share of every finished job whose outcomes were kept, in the suite's order.

    Raises BadRecord for a file that cannot be read.
    """
    for task in evidence.suite.tasks:
        for method in evidence.methods:
            for record in evidence.cell(method, task):
                folder = job_folder(evidence.results, record.job)
                if record.status == "done" and (folder / OUTCOMES).exists():
                    outcomes, texts = _first(folder, share)
                    yield Run(method, task, record.job.seed, record.job.id, outcomes, texts)


def thinned(run: Run, share: Share) -> Run:
    """A smaller share of what was read."""
    return replace(run, outcomes=tuple(_within(run.outcomes, share)))


def questions(evidence: Evidence, task: str) -> dict[str, Problem]:
    """The problems of a task by id, where the repository generates them.

    Nothing for published data sets, whose texts are not passed on, nor when other problems would be made today than the
    records were examined on.
    """
    if task not in CATALOGUE or not load_task(task).generated:
        return {}
    training, validation, test = (load_task(task).load(split) for split in ("train", "validation", "test"))
    asked = {one.provenance.task_digest for one in evidence.done if one.job.task == task and one.provenance}
    return {one.id: one for one in test} if asked == {digest((*training, *validation, *test))} else {}


def _rows(record: Record, share: Share) -> int:
    problems, samples = (int(record.metrics.get(name) or 0) for name in ("problems", "samples"))
    return min(problems, share.problems) * (1 + min(samples, share.samples))


def _stored(folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in (OUTCOMES, SAMPLES) if (folder / name).exists())


def _within(outcomes: Iterable[Outcome], share: Share) -> Iterator[Outcome]:
    seen: set[str] = set()
    for outcome in takewhile(lambda one: _counted(seen, one.problem) <= share.problems, outcomes):
        if outcome.sample < share.samples:
            yield outcome


def _counted(seen: set[str], problem: str) -> int:
    seen.add(problem)
    return len(seen)


def _first(folder: Path, share: Share) -> tuple[tuple[Outcome, ...], bool]:
    """As `records.read_outcomes`, but it stops where the share ends: outcomes are written problem by problem."""
    path = folder / OUTCOMES
    try:
        lines = from_csv(unzipped(path))
        names = [str(name) for name in next(lines)]
        seen: set[str] = set()
        place, number = names.index("problem"), names.index("sample")
        shown = takewhile(lambda row: _counted(seen, str(row[place])) <= share.problems, lines)
        rows = [dict(zip(names, row, strict=True)) for row in shown if int(row[number] or 0) < share.samples]
        outcomes = _adapter().validate_python(rows)
    except (*_READ_ERRORS, StopIteration) as error:
        raise BadRecord(f"{path}: {error}. Restore it from version control, or run the job again.") from error
    return _texts(outcomes, folder / SAMPLES) if (folder / SAMPLES).exists() else (outcomes, False)


def _texts(outcomes: tuple[Outcome, ...], path: Path) -> tuple[tuple[Outcome, ...], bool]:
    missing, texts = {(one.problem, one.sample) for one in outcomes}, {}
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            for line in file:
                if not missing:
                    break
                row = json.loads(line)
                key = (row["problem"], row["sample"])
                if key in missing:
                    missing.remove(key)
                    texts[key] = str(row["text"])
        return tuple(replace(one, text=texts[one.problem, one.sample]) for one in outcomes), True
    except _READ_ERRORS as error:
        raise BadRecord(
            f"{path}: does not fit {OUTCOMES}: {error}. Restore both, or delete it to do without."
        ) from error


@cache
def _adapter() -> TypeAdapter[tuple[Outcome, ...]]:
    return TypeAdapter(tuple[Outcome, ...])
