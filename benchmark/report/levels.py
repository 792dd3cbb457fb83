"""Accuracy by level and by kind of problem, where this repository makes the problems and so knows them without data."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

import pandas as pd

from benchmark.errors import BadRecord
from benchmark.records import OUTCOMES, job_folder
from benchmark.report.cells import DASH, Table, cell, code, plain
from benchmark.stats import interval
from benchmark.tasks import digest, load_task

if TYPE_CHECKING:
    from benchmark.contract import Record
    from benchmark.report.evidence import Evidence

__all__ = ["By", "known_problems", "split_table"]

By = Literal["level", "kind"]
Labels = dict[str, dict[By, int | str]]
"""By problem id."""


def known_problems(evidence: Evidence, task: str) -> Labels:
    """The test problems; none of published tasks, and none where records were made of other problems than today's.

    Published tasks are left out even where their files are at hand: a report must not depend on the machine.
    """
    today, labels = _generated(task)
    made = {one.provenance.task_digest for one in evidence.done if one.job.task == task and one.provenance}
    return labels if made == {today} else {}


@cache
def _generated(task: str) -> tuple[str, Labels]:
    """Digest of a generated task, and the labels of its test problems."""
    source = load_task(task)
    if not source.generated:
        return "", {}
    splits = [source.load(split) for split in ("train", "validation", "test")]
    labels: Labels = {one.id: {"level": one.level, "kind": one.kind} for one in splits[2]}
    return digest(problem for split in splits for problem in split), labels


def split_table(evidence: Evidence, task: str, problems: Labels, by: By) -> Table:
    """Accuracy of samples in each group of problems, mean and interval over seeds; n is problems."""
    group = {name: labels[by] for name, labels in problems.items()}
    right = {
        method: [_right(evidence, record, group) for record in evidence.cell(method, task) if record.status == "done"]
        for method in evidence.methods
    }
    examined = next((shares.index for seeds in right.values() for shares in seeds), pd.Index([]))
    sizes = pd.Series(group).value_counts()
    rows = tuple(
        (
            code(method),
            *(
                cell(interval([float(shares[each]) for shares in right[method]], len(evidence.suite.seeds)), "percent")
                if right[method]
                else cell(interval([], 1), "percent", evidence.cell(method, task)) or DASH
                for each in examined
            ),
        )
        for method in evidence.methods
    )
    header = (f"{by} {each}" if by == "level" else plain(str(each)) for each in examined)
    counts = ("n", *(f"{sizes[each]:,}" for each in examined))
    return Table(("", *header), (counts, *rows))


def _right(evidence: Evidence, record: Record, group: dict[str, int | str]) -> pd.Series[float]:
    """Share of correct samples in each group of one job's exam."""
    path = job_folder(evidence.results, record.job) / OUTCOMES
    try:
        rows = pd.read_csv(path, usecols=["problem", "sample", "verdict"], keep_default_na=False, encoding="utf-8")
        rows = rows[rows["sample"] >= 0]
        right = (rows["verdict"] == "correct").astype(float)
        return right.groupby(rows["problem"].map(group)).mean().sort_index()
    except (OSError, EOFError, ValueError) as error:
        raise BadRecord(f"{path}: {error}. Restore it from version control, or run the job again.") from error
