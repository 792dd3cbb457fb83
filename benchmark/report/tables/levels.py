"""Accuracy by level and by kind of problem, where this repository makes the problems and so knows them without data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from benchmark.comparison.table import DASH, Table, cell, code, plain
from benchmark.report.problems import asked
from benchmark.stats import interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import ExamParts

__all__ = ["By", "known_problems", "split_table"]

By = Literal["level", "kind"]
Labels = dict[str, dict[By, int | str]]
"""By problem id."""


def known_problems(evidence: Evidence, task: str) -> Labels:
    """The test problems, where they are known."""
    return {name: {"level": one.level, "kind": one.kind} for name, one in asked(evidence, task).items()}


def split_table(evidence: Evidence, task: str, problems: Labels, by: By) -> Table:
    """Accuracy of samples in each group of problems, mean and interval over seeds; n is problems."""
    group = {name: labels[by] for name, labels in problems.items()}
    right = {
        method: [_right(exam, group) for record in evidence.cell(method, task) if (exam := evidence.exam(record))]
        for method in evidence.methods
    }
    examined = next((tuple(shares) for seeds in right.values() for shares in seeds), ())
    sizes = Counter(group.values())
    rows = tuple(
        (
            code(method),
            *(
                cell(interval([shares[each] for shares in right[method]], len(evidence.suite.seeds)), "percent")
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


def _right(exam: ExamParts, group: Mapping[str, int | str]) -> dict[int | str, float]:
    """Share of correct samples in each group of one job's exam, groups in their order."""
    right, count = Counter[int | str](), Counter[int | str]()
    shares = exam.parts["accuracy"][0] if "accuracy" in exam.parts else ()
    for name, share in zip(exam.problems, shares, strict=False):
        if name in group:
            right[group[name]] += round(share * exam.samples)
            count[group[name]] += exam.samples
    return {each: right[each] / count[each] for each in sorted(count, key=lambda each: (str(type(each)), each))}
