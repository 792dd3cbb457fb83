"""The tables of results: what was found, never under which conditions (those are `conditions`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmark.comparison.table import AWAITED, DASH, MARK, SPACE, Kind, Table, cell, code, plain, words
from benchmark.contract import Estimate
from benchmark.exam.facts import CORRECT
from benchmark.report.tables.verdicts import tied

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = [
    "FORMATS",
    "MEMORY_WORDS",
    "documents_table",
    "full_table",
    "imported_note",
    "main_rows",
    "main_table",
    "memory_kinds",
    "named",
    "near_zero",
    "shown",
]

FORMATS = {"grade_school": "GSM8K format", "competition": "MATH format"}
"""Tasks whose problems this repository generates, and the format they are written in."""

MOST_COLUMNS = 8
"""Methods beyond which a table has a row for each, and no longer a column."""

NEAR_ZERO = 0.02
"""Below this accuracy a percentage hides how few completions it stands for."""

MEMORY_WORDS = {"allocated": "allocated on the GPU", "rss": "resident set"}


@dataclass(frozen=True, slots=True)
class _Row:
    """What one row of a table shows."""

    label: str
    metric: str
    kind: Kind
    task: str
    groups: bool = False
    """Letters of the groups of equals, in place of the numbers."""


def main_table(evidence: Evidence) -> Table:
    """The documents' rows for every method: time, memory, accuracy, diversity."""
    return _table(evidence, main_rows(evidence))


def main_rows(evidence: Evidence) -> list[_Row]:
    """Which rows the main table has."""
    suite, samples = evidence.suite, evidence.suite.exam.samples
    rows = [
        _Row(f"training{SPACE}time{SPACE}(s), {code(task)}", "training_seconds", "seconds", task)
        for task in suite.tasks
    ]
    for kind in memory_kinds(evidence):
        label = f"peak{SPACE}memory in{SPACE}training (MiB,{SPACE}{MEMORY_WORDS[kind]})"
        rows += [_Row(f"{label}, {code(task)}", f"training_peak_{kind}_bytes", "bytes", task) for task in suite.tasks]
    rows += [_Row(_accuracy_label(task), "accuracy", "percent", task) for task in suite.tasks]
    rows += _groups(evidence, "accuracy", "accuracy", "percent")
    for label, metric in (
        (f"strategies per{SPACE}solved{SPACE}problem at{SPACE}{samples}", f"strategies_per_solved@{samples}"),
        (f"effective strategies{SPACE}(D2)", "effective_strategies"),
    ):
        rows += [_Row(f"{label}, {code(task)}", metric, "count", task) for task in suite.tasks]
    return rows + _groups(evidence, "D2", "effective_strategies", "count")


def _groups(evidence: Evidence, label: str, metric: str, kind: Kind) -> list[_Row]:
    tasks = [task for task in evidence.suite.tasks if len(tied(evidence, metric, task)) > 1]
    return [_Row(f"tied{SPACE}in{SPACE}{label}, {code(task)}", metric, kind, task, groups=True) for task in tasks]


def full_table(evidence: Evidence, task: str) -> Table:
    """Everything measured on one task for every method; a metric that nobody has is left out."""
    samples, once = evidence.suite.exam.samples, _is_pass_at_1(evidence, task)
    wanted: list[tuple[str, str, Kind]] = [
        ("greedy accuracy", "greedy_accuracy", "percent"),
        (f"accuracy (avg@{samples}{', pass@1' if once else ''})", "accuracy", "percent"),
        *((f"pass@{k}", f"pass@{k}", "percent") for k in _budgets(evidence, "pass") if k > once),
        *((f"maj@{k}", f"maj@{k}", "percent") for k in _budgets(evidence, "maj")[-1:]),
        *((f"strategies@{k}", f"strategies@{k}", "count") for k in _budgets(evidence, "strategies")[-1:]),
        (f"strategies per{SPACE}solved{SPACE}problem at{SPACE}{samples}", f"strategies_per_solved@{samples}", "count"),
        (f"effective strategies{SPACE}(D2)", "effective_strategies", "count"),
        (f"strategies among {CORRECT} correct completions", f"richness@{CORRECT}", "count"),
        *(
            (f"strategies@{k}, finer key", f"step_strategies@{k}", "count")
            for k in _budgets(evidence, "step_strategies")
        ),
        (f"effective strategies{SPACE}(D2), finer key", "effective_step_strategies", "count"),
        (f"distinct-2 of {CORRECT} correct completions", "distinct_2_correct", "count"),
        ("correct completions with a readable strategy", "strategy_coverage", "percent"),
        ("correct completions with a wrong step", "invalid_strategies", "percent"),
        ("distinct answers", "distinct_answers", "count"),
        ("answer entropy (nats)", "answer_entropy", "count"),
        ("tokens per completion", "completion_tokens", "tokens"),
        ("truncated", "truncated", "percent"),
        ("without an answer", "no_answer", "percent"),
        ("undecided by the grader", "undecided", "percent"),
        ("grader errors", "error", "percent"),
    ]
    return _table(evidence, [_Row(*each, task) for each in wanted if evidence.has(each[1], task)])


def near_zero(evidence: Evidence) -> list[str]:
    """For each task, the methods with an accuracy near zero and the correct completions it stands for."""
    lines = []
    for task in evidence.suite.tasks:
        found: dict[str, list[str]] = {}
        for method in evidence.methods:
            mean = evidence.estimate(method, task, "accuracy").mean
            counted = _counted(evidence, method, task)
            if mean is not None and mean < NEAR_ZERO and counted is not None:
                right, asked = counted
                found.setdefault(asked, []).append(f"{code(method)} {right:,}")
        lines += [f"on {code(task)}, correct of {asked}: {', '.join(counts)}" for asked, counts in found.items()]
    return lines


def documents_table() -> Table:
    """The figures of the documents this project started from, as quoted."""
    return Table(
        ("quoted, not measured here", "GFlowNets", "GRPO"),
        (
            ("training time", "412 s", "5253 s"),
            ("peak memory", "3.2 GB", "4.8 GB"),
            ("accuracy, GSM8K", "0.00", "0.12"),
            ("accuracy, MATH", "0.00", "0.09"),
        ),
    )


def memory_kinds(evidence: Evidence) -> tuple[str, ...]:
    """GPU memory where it was measured, and the resident set where it was not."""
    found = [kind for kind in MEMORY_WORDS if any(evidence.has(f"peak_{kind}_bytes", t) for t in evidence.suite.tasks)]
    ours = [record for record in evidence.done if record.imported is None]
    everywhere = all(any(key.startswith("allocated/") for key in record.peak_bytes) for record in ours)
    return tuple(kind for kind in found if not (kind == "rss" and "allocated" in found and everywhere))


def _table(evidence: Evidence, rows: list[_Row]) -> Table:
    """A column per method, or a row per method where that many columns would not fit a page."""
    if len(evidence.methods) > MOST_COLUMNS:
        return Table(
            ("", *(row.label for row in rows)),
            tuple(
                (named(evidence, method), *(_cell(evidence, method, row) for row in rows))
                for method in evidence.methods
            ),
        )
    return Table(
        ("", *(named(evidence, method) for method in evidence.methods)),
        tuple((row.label, *(_cell(evidence, method, row) for method in evidence.methods)) for row in rows),
    )


def named(evidence: Evidence, method: str) -> str:
    """A method's name, marked when its numbers were imported."""
    return f"{code(method)}{SPACE}{MARK}" if method in evidence.imported else code(method)


def imported_note(evidence: Evidence) -> str:
    """What the mark means: where the completions came from, and what is unknown of them. Nothing without a mark."""
    if not evidence.imported:
        return ""
    sources = [f"{code(one.job.id)} from {plain(one.imported)}" for one in evidence.done if one.imported]
    graders = {one.provenance.grader for one in evidence.done if one.imported and one.provenance}
    judged = f", graded here by {plain(words(sorted(graders)))}: {'; '.join(sources)}" if sources else ""
    return (
        f"{MARK} Trained and sampled elsewhere, imported{judged}. Not known of it: starting weights, budget, settings, "
        "how it was sampled, seconds, memory, counts, FLOPs, tokens and truncation; such cells stay empty."
    )


def _cell(evidence: Evidence, method: str, row: _Row) -> str:
    if evidence.awaits(method, row.task):
        return AWAITED
    if row.groups and (group := tied(evidence, row.metric, row.task).get(method)):
        return group
    if row.kind == "seconds" and len(evidence.devices) > 1:
        return DASH
    return cell(shown(evidence, method, row), row.kind, evidence.cell(method, row.task))


def shown(evidence: Evidence, method: str, row: _Row) -> Estimate:
    """What a row says of a method: nothing in seconds where machines are mixed."""
    found = evidence.estimate(method, row.task, row.metric)
    if row.kind == "seconds" and len(evidence.devices) > 1:
        return replace(found, mean=None, low=None, high=None)
    return found


def _accuracy_label(task: str) -> str:
    return f"{code(task)} accuracy" + (f" ({FORMATS[task].replace(' ', SPACE)})" if task in FORMATS else "")


def _budgets(evidence: Evidence, name: str) -> list[int]:
    """The k of every `name@k` in the table, smallest first."""
    found = {
        str(metric).split("@")[1] for metric in evidence.frame["metric"].unique() if str(metric).startswith(f"{name}@")
    }
    return sorted(int(k) for k in found)


def _is_pass_at_1(evidence: Evidence, task: str) -> bool:
    """Whether pass@1 repeats the accuracy, as it does when no completion is left out of either."""
    pairs = [
        (evidence.estimate(m, task, "accuracy").mean, evidence.estimate(m, task, "pass@1").mean)
        for m in evidence.methods
    ]
    return all(one == other or (one and other and math.isclose(one, other)) for one, other in pairs)


def _counted(evidence: Evidence, method: str, task: str) -> tuple[int, str] | None:
    found = evidence.known(task, "accuracy").get(method)
    if found is None or found.samples is None:
        return None
    seeds, problems = found.top.shape
    asked = f"{seeds * problems * found.samples:,} completions ({problems:,} problems × {found.samples} samples"
    return round(found.top.sum() * found.samples), f"{asked} × {seeds} seed{'' if seeds == 1 else 's'})"
