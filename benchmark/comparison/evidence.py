"""The data of a report: one suite, its records, and the table made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.comparison.admission import admitted, exam_of
from benchmark.comparison.estimates import Cells, Summary, cells, entropy_end, summary, tidy
from benchmark.contract import (
    FLOOR,
    NO_ESTIMATE,
    Comparison,
    CrossGrading,
    Estimate,
    ExamParts,
    Problem,
    Record,
    StepLog,
    Suite,
)
from benchmark.exam.definitions import direction
from benchmark.stats import Scores, compare_all
from benchmark.store.kept import CROSS_GRADING, problems_path, read_cross_grading, read_problems
from benchmark.store.outcomes import OUTCOMES
from benchmark.store.records import UnreadableJob, job_folder, read_suite
from benchmark.store.steps import read_steps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Evidence", "gather"]

_DIGESTED = ("record.json", OUTCOMES, "steps.csv", CROSS_GRADING)

_MOVING = ("torch", "transformers", "trl")
"""Libraries whose versions move last digits and seconds."""

COMPARED = ("accuracy", "effective_strategies")
"""Metrics with a verdict for every pair of methods."""

Pairs = Mapping[tuple[str, str], Comparison]
"""Every ordered pair of methods."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A suite with its results. `records` match the suite's settings; `strays` counts those that do not."""

    results: Path
    suite: Suite
    records: tuple[Record, ...]
    strays: int
    frame: pd.DataFrame
    exams: Mapping[tuple[str, str, int], ExamParts]
    """Exams of the finished jobs, by method, task and seed."""
    scores: Cells
    summary: Summary
    verdicts: Mapping[tuple[str, str], Pairs]
    """Verdicts by metric of `COMPARED` and task."""
    digest: str
    stale: tuple[Record, ...] = ()
    """Records of the suite's cells that the last run planned under another name; no number of them is used."""
    unreadable: tuple[UnreadableJob, ...] = ()
    """Jobs whose record or files cannot be read or contradict each other; no number of them is used."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the suite's order."""
        return tuple(algorithm.name for algorithm in self.suite.algorithms)

    @property
    def trained(self) -> tuple[str, ...]:
        """All methods except the floor."""
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
        found = {record.provenance.device for record in self.done if record.provenance and record.imported is None}
        return tuple(sorted(found))

    @property
    def differences(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """In which of device, machine and libraries finished records differ: what → value → methods.

        These move last digits and seconds, so that seconds compare only where there is none.
        """
        found: dict[str, dict[str, set[str]]] = {}
        for record in self.done:
            made = record.provenance
            if made is None or record.imported is not None:
                continue
            values = {"device": made.device, "machine": made.machine or "not recorded"}
            values |= {name: made.libraries.get(name, "not installed") for name in _MOVING}
            for what, value in values.items():
                found.setdefault(what, {}).setdefault(value, set()).add(record.job.algorithm.name)
        return {
            what: {value: tuple(name for name in self.methods if name in names) for value, names in sorted(by.items())}
            for what, by in found.items()
            if len(by) > 1
        }

    @property
    def mixed(self) -> bool:
        """Whether seconds come from unlike machines or libraries, so that none may be compared."""
        return bool(self.differences)

    @property
    def imported(self) -> tuple[str, ...]:
        """Methods that were trained and sampled elsewhere."""
        return tuple(algorithm.name for algorithm in self.suite.algorithms if algorithm.imported)

    def cell(self, method: str, task: str) -> tuple[Record, ...]:
        """Records of one method on one task, by seed."""
        found = [record for record in self.records if (record.job.algorithm.name, record.job.task) == (method, task)]
        return tuple(sorted(found, key=lambda record: record.job.seed))

    def awaits(self, method: str, task: str) -> bool:
        """Whether an imported method has no results yet on a task."""
        return method in self.imported and not self.cell(method, task)

    def estimate(self, method: str, task: str, metric: str) -> Estimate:
        """The estimate over seeds; undefined if no method has the metric."""
        return self.summary.get((method, task, metric), NO_ESTIMATE)

    def has(self, metric: str, task: str) -> bool:
        """Whether any method has a number for it."""
        return any(self.estimate(method, task, metric).mean is not None for method in self.methods)

    def known(self, task: str, metric: str) -> dict[str, Scores]:
        """The numbers behind the estimates of every method that has any."""
        found = {method: self.scores.get((method, task, metric)) for method in self.methods}
        return {method: scores for method, scores in found.items() if scores is not None and scores.seeds}

    def compare(self, metric: str, task: str, method: str, against: str) -> Comparison:
        """The verdict on two methods of the suite, among all its pairs. Raises `UnknownName` for no exam's metric."""
        pairs = self.verdicts.get((metric, task)) or _pairs(self.suite, self.scores, metric, task)
        return pairs[method, against]

    def steps(self, record: Record) -> tuple[StepLog, ...]:
        """The learning curve of one job."""
        return read_steps(job_folder(self.results, record.job))

    def cross_grading(self, record: Record) -> CrossGrading | None:
        """What other graders say of one job's completions, where it was kept."""
        return read_cross_grading(job_folder(self.results, record.job))

    def problems(self, task: str) -> dict[str, Problem]:
        """The test problems by id, where they were kept and are those that the finished records sat."""
        kept = read_problems(self.results, self.suite.name, task)
        sat = {one.provenance.task_digest for one in self.done if one.job.task == task and one.provenance}
        return {one.id: one for one in kept.problems} if kept is not None and sat == {kept.task_digest} else {}

    def exam(self, record: Record) -> ExamParts | None:
        """One job's exam, where its outcomes were kept."""
        return self.exams.get((record.job.algorithm.name, record.job.task, record.job.seed))


def gather(results: Path, suite: str) -> Evidence:
    """Read a suite's folder. One job that cannot be read is named in `unreadable`.

    Raises BadRecord when the folder or its `suite.json` is not there, and for records that must not share a table.
    """
    asked = read_suite(results, suite)
    found = admitted(results, asked)
    records = found.records
    frame = tidy(records, _entropies(results, records))
    exams = _exams(results, records)
    scores = cells(frame, asked, exams)
    return Evidence(
        results=results,
        suite=asked,
        records=records,
        strays=found.strays,
        stale=found.stale,
        unreadable=found.unreadable,
        frame=frame,
        exams=exams,
        scores=scores,
        summary=summary(scores, asked),
        verdicts={
            (metric, task): _pairs(asked, scores, metric, task)
            for metric in COMPARED
            for task in asked.tasks
            if any((one.name, task, metric) in scores for one in asked.algorithms)
        },
        digest=_digest(results, asked, records),
    )


def _pairs(suite: Suite, scores: Cells, metric: str, task: str) -> Pairs:
    known = {one.name: scores.get((one.name, task, metric)) for one in suite.algorithms}
    return compare_all(
        metric,
        task,
        {name: found if found is not None and found.seeds else None for name, found in known.items()},
        direction(metric),
        len(suite.seeds),
        FLOOR,
    )


def _exams(results: Path, records: tuple[Record, ...]) -> dict[tuple[str, str, int], ExamParts]:
    """The finished exams by algorithm, task and seed; a job whose outcomes are not there has none."""
    found = {
        (record.job.algorithm.name, record.job.task, record.job.seed): exam_of(job_folder(results, record.job))
        for record in records
        if record.status == "done"
    }
    return {key: exam for key, exam in found.items() if exam is not None}


def _entropies(results: Path, records: tuple[Record, ...]) -> dict[str, float]:
    """Entropy at the end of training, by job id, where it was logged."""
    found = {record.job.id: entropy_end(read_steps(job_folder(results, record.job))) for record in records}
    return {id_: entropy for id_, entropy in found.items() if entropy is not None}


def _digest(results: Path, suite: Suite, records: tuple[Record, ...]) -> str:
    """SHA-256 over the suite file and every file of every record used, 12 hexadecimal digits of it."""
    paths = [results / suite.name / "suite.json"]
    paths += [job_folder(results, record.job) / name for record in records for name in _DIGESTED]
    paths += [problems_path(results, suite.name, task) for task in suite.tasks]
    whole = hashlib.sha256()
    for path in paths:
        if path.exists():
            content = path.read_bytes()
            whole.update(f"{path.relative_to(results).as_posix()} {len(content)}\n".encode())
            whole.update(content)
    return whole.hexdigest()[:12]
