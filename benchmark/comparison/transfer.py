"""Accuracy on the transfer exams: the metrics `transfer/<exam>/accuracy` of the records with their outcomes.

A transfer exam is estimated as a job's own exam is: from its parts per seed and problem where the outcomes are there
(`outcomes-<exam>.csv.gz`), else from one value per seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.comparison.estimates import Summary, by_seed, cells, summary
from benchmark.contract import FLOOR, NO_ESTIMATE, Estimate, ExamParts
from benchmark.exam.definitions import direction
from benchmark.exam.per_problem import from_columns
from benchmark.stats import compare_all
from benchmark.stats.bounded import share_interval
from benchmark.store.outcomes import OUTCOMES, file_of, read_columns
from benchmark.store.records import job_folder

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence, Pairs

__all__ = ["TransferAccuracy", "exam_sizes", "transfer_accuracy"]


@dataclass(frozen=True, slots=True)
class TransferAccuracy:
    """Accuracy on one transfer exam, of every method on every trained task."""

    summary: Summary
    """Keyed by method, trained task and `accuracy`."""
    verdicts: Mapping[str, Pairs]
    """Trained task → verdicts of all pairs, by the rules of the main table, corrected within this exam."""

    def of(self, method: str, task: str) -> Estimate:
        """The estimate of a method trained on `task`; undefined where it was not examined."""
        return self.summary.get((method, task, "accuracy"), NO_ESTIMATE)


def transfer_accuracy(evidence: Evidence, exam: str) -> TransferAccuracy:
    """The accuracy on one transfer exam.

    Raises `BadRecord` where outcomes cannot be read, or two jobs of a task sat exams with different problems.
    """
    frame = evidence.frame[evidence.frame["metric"] == f"transfer/{exam}/accuracy"].assign(metric="accuracy")
    scores = cells(frame, evidence.suite, _exams(evidence, exam))
    shown = {
        key: share_interval(list(by_seed(frame, *key).values()), one.planned) if one.over == "seeds" else one
        for key, one in summary(scores, evidence.suite).items()
    }
    verdicts = {}
    for task in evidence.suite.tasks:
        found = {method: scores.get((method, task, "accuracy")) for method in evidence.methods}
        known = {method: one if one is not None and one.seeds else None for method, one in found.items()}
        seeds = len(evidence.suite.seeds)
        verdicts[task] = compare_all("accuracy", task, known, direction("accuracy"), seeds, FLOOR)
    return TransferAccuracy(shown, verdicts)


def exam_sizes(evidence: Evidence, exam: str, task: str) -> list[int]:
    """How many problems of `exam` the policies trained on `task` answered; several numbers where records differ."""
    name = f"transfer/{exam}/problems"
    found = {record.metrics.get(name) for record in evidence.done if record.job.task == task}
    return sorted(int(size) for size in found if size is not None)


def _exams(evidence: Evidence, exam: str) -> dict[tuple[str, str, int], ExamParts]:
    found: dict[tuple[str, str, int], ExamParts] = {}
    for record in evidence.done:
        path = job_folder(evidence.results, record.job) / file_of(OUTCOMES, exam)
        if path.exists():
            state = path.stat()
            parts = _exam((path.parent, exam, state.st_mtime_ns, state.st_size))
            found[record.job.algorithm.name, record.job.task, record.job.seed] = parts
    return found


@lru_cache(maxsize=4096)
def _exam(state: tuple[Path, str, int, int]) -> ExamParts:
    """Read once for as long as the file keeps its time and size."""
    folder, exam, *_ = state
    return from_columns(read_columns(folder, task=exam))
