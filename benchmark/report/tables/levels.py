"""Accuracy by level and by kind of problem, where this repository makes the problems and so knows them without data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmark.comparison.table import DASH, Table, cell, code, plain
from benchmark.report.metrics import ACCURACY
from benchmark.report.problems import asked
from benchmark.stats import estimate, interval, scores_of
from benchmark.stats.bounded import share_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Estimate
    from benchmark.report.reading import ReportData
    from benchmark.stats import Scores

__all__ = ["By", "known_problems", "split_table"]

By = Literal["level", "kind"]
Labels = dict[str, dict[By, int | str]]
"""By problem id."""


def known_problems(evidence: Evidence, task: str) -> Labels:
    """The test problems, where they are known."""
    return {name: {"level": one.level, "kind": one.kind} for name, one in asked(evidence, task).items()}


def split_table(reading: ReportData, task: str, problems: Labels, by: By) -> Table:
    """Accuracy of samples in each group of problems, mean and interval over seeds and its problems; n is problems."""
    evidence = reading.evidence
    group = {name: labels[by] for name, labels in problems.items()}
    known = evidence.known(task, ACCURACY.name)
    asked = {name for scores in known.values() for name in scores.problems} & set(group)
    sizes = Counter(group[name] for name in asked)
    groups = sorted(sizes, key=lambda each: (str(type(each)), each))
    rows = tuple(
        (
            code(method),
            *(
                cell(_of_group(known[method], group, each, len(evidence.suite.seeds)), "percent")
                if method in known
                else cell(interval([], 1), "percent", evidence.cell(method, task)) or DASH
                for each in groups
            ),
        )
        for method in evidence.methods
    )
    header = (f"{by} {each}" if by == "level" else plain(str(each)) for each in groups)
    return Table(("method", *header), (("n", *(f"{sizes[each]:,}" for each in groups)), *rows))


def _of_group(scores: Scores, group: Mapping[str, int | str], wanted: int | str, planned: int) -> Estimate:
    """The scores' own interval over the problems of one group alone; over seeds where that is one problem."""
    inside = np.array([group.get(name) == wanted for name in scores.problems])
    names = [name for name in scores.problems if group.get(name) == wanted]
    part = scores_of(
        scores.seeds, names, scores.top[:, inside], scores.bottom[:, inside], samples=scores.samples, share=True
    )
    return share_interval(list(part.rates), planned) if len(names) == 1 else estimate(part, planned)
