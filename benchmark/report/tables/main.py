"""The tables of results: what was found, never under which conditions (those are `conditions`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmark.comparison.table import DASH, MARK, SPACE, Table, code, plain, words
from benchmark.exam.facts import CORRECT
from benchmark.report.metrics import ACCURACY, D2, SECONDS, ShownMetric, per_solved
from benchmark.report.tables.timing import marks

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.report.reading import ReportData

__all__ = [
    "FORMATS",
    "MEMORY_WORDS",
    "full_table",
    "imported_note",
    "main_metrics",
    "memory_kinds",
    "named",
    "near_zero",
    "result_table",
]

FORMATS = {"grade_school": "GSM8K format", "competition": "MATH format"}
"""Tasks whose problems this repository generates, and the format they are written in."""

MOST_COLUMNS = 8
"""Methods beyond which the table of all measurements has a row for each, and no longer a column."""

FEW = 0.02
"""Below this accuracy a percentage hides how few completions it stands for."""

MEMORY_WORDS = {"allocated": "allocated on the GPU", "rss": "resident set"}


def main_metrics(reading: ReportData) -> tuple[ShownMetric, ...]:
    """The columns of the main table: accuracy, diversity, and what training cost."""
    kinds = memory_kinds(reading.evidence)
    labels = {kind: f"peak MiB ({MEMORY_WORDS[kind]})" if len(kinds) > 1 else "peak MiB" for kind in kinds}
    memory = tuple(ShownMetric(labels[kind], f"training_peak_{kind}_bytes", "bytes") for kind in kinds)
    return (ACCURACY, per_solved(reading.evidence.suite.exam.samples), D2, SECONDS, *memory)


def result_table(reading: ReportData, task: str) -> Table:
    """A row for each method: its key numbers on one task, and the letters of its groups where they are shown."""
    metrics, groups, footnotes = main_metrics(reading), reading.standings[task].letters, marks(reading)
    rows = []
    for method in reading.evidence.methods:
        cells = [reading.cell(method, task, metric) for metric in metrics]
        mark = footnotes.get((method, task), "")
        cells[3] += f"{SPACE}{mark}" if mark and any(one.isdigit() for one in cells[3]) else ""
        rows.append((named(reading.evidence, method), *cells, *([groups.get(method, DASH)] if groups else [])))
    header = ("method", *(metric.label for metric in metrics), *(["group"] if groups else []))
    return Table(header, tuple(rows))


def full_table(reading: ReportData, task: str) -> Table:
    """Everything measured on one task for every method; a metric that nobody has is left out."""
    samples, once = reading.evidence.suite.exam.samples, _is_pass_at_1(reading, task)
    solved = per_solved(samples)
    wanted = [
        ShownMetric("greedy accuracy", "greedy_accuracy", "percent"),
        ShownMetric(f"accuracy (avg@{samples}{', pass@1' if once else ''})", "accuracy", "percent"),
        *(ShownMetric(f"pass@{k}", f"pass@{k}", "percent") for k in _budgets(reading, "pass") if k > once),
        *(ShownMetric(f"maj@{k}", f"maj@{k}", "percent") for k in _budgets(reading, "maj")[-1:]),
        *(ShownMetric(f"strategies@{k}", f"strategies@{k}", "count") for k in _budgets(reading, "strategies")[-1:]),
        ShownMetric(f"strategies per solved problem at {samples}", solved.name, solved.kind),
        ShownMetric(f"effective strategies{SPACE}(D2)", D2.name, D2.kind),
        ShownMetric(f"strategies among {CORRECT} correct completions", f"richness@{CORRECT}", "count"),
        *(
            ShownMetric(f"strategies@{k}, finer key", f"step_strategies@{k}", "count")
            for k in _budgets(reading, "step_strategies")
        ),
        ShownMetric(f"effective strategies{SPACE}(D2), finer key", "effective_step_strategies", "count"),
        ShownMetric(f"distinct-2 of {CORRECT} correct completions", "distinct_2_correct", "count"),
        ShownMetric("correct completions with a readable strategy", "strategy_coverage", "percent"),
        ShownMetric("correct completions with a wrong step", "invalid_strategies", "percent"),
        ShownMetric("distinct answers", "distinct_answers", "count"),
        ShownMetric("answer entropy (nats)", "answer_entropy", "count"),
        ShownMetric("tokens per completion", "completion_tokens", "tokens"),
        ShownMetric("truncated", "truncated", "percent"),
        ShownMetric("without an answer", "no_answer", "percent"),
        ShownMetric("undecided by the grader", "undecided", "percent"),
        ShownMetric("grader errors", "error", "percent"),
    ]
    return _either_way(reading, task, [metric for metric in wanted if reading.has(metric, task)])


def near_zero(reading: ReportData) -> list[str]:
    """For each task, the methods with an accuracy near zero and the correct completions it stands for."""
    lines = []
    for task in reading.evidence.suite.tasks:
        found: dict[str, list[str]] = {}
        for method in reading.evidence.methods:
            mean = reading.estimate(method, task, ACCURACY).mean
            counted = _counted(reading.evidence, method, task)
            if mean is not None and mean < FEW and counted is not None:
                right, asked = counted
                found.setdefault(asked, []).append(f"{code(method)} {right:,}")
        lines += [f"on {code(task)}, correct of {asked}: {', '.join(counts)}" for asked, counts in found.items()]
    return lines


def memory_kinds(evidence: Evidence) -> tuple[str, ...]:
    """GPU memory where it was measured, and the resident set where it was not."""
    found = [kind for kind in MEMORY_WORDS if any(evidence.has(f"peak_{kind}_bytes", t) for t in evidence.suite.tasks)]
    ours = [record for record in evidence.done if record.imported is None]
    everywhere = all(any(key.startswith("allocated/") for key in record.peak_bytes) for record in ours)
    return tuple(kind for kind in found if not (kind == "rss" and "allocated" in found and everywhere))


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
        f"{MARK} Trained and sampled elsewhere, imported{judged}. Its starting weights, budget, settings, sampling, "
        "seconds, memory, token counts and truncation are not known; those cells are empty."
    )


def _either_way(reading: ReportData, task: str, metrics: list[ShownMetric]) -> Table:
    """A column per method, or a row per method where that many columns would not fit a page."""
    evidence = reading.evidence
    names = tuple(named(evidence, method) for method in evidence.methods)
    cells = [[reading.cell(method, task, metric) for metric in metrics] for method in evidence.methods]
    labels = tuple(metric.label for metric in metrics)
    if len(evidence.methods) > MOST_COLUMNS:
        return Table(("method", *labels), tuple((name, *row) for name, row in zip(names, cells, strict=True)))
    columns = zip(*cells, strict=True)
    return Table(("metric", *names), tuple((label, *row) for label, row in zip(labels, columns, strict=True)))


def _budgets(reading: ReportData, name: str) -> list[int]:
    """The k of every `name@k` in the table, smallest first."""
    metrics = map(str, reading.evidence.frame["metric"].unique())
    return sorted({int(each.split("@")[1]) for each in metrics if each.startswith(f"{name}@")})


def _is_pass_at_1(reading: ReportData, task: str) -> bool:
    """Whether pass@1 repeats the accuracy, as it does when no completion is left out of either."""
    first = ShownMetric("pass@1", "pass@1", "percent")
    pairs = [
        (reading.estimate(method, task, ACCURACY).mean, reading.estimate(method, task, first).mean)
        for method in reading.evidence.methods
    ]
    return all(one == other or (one and other and math.isclose(one, other)) for one, other in pairs)


def _counted(evidence: Evidence, method: str, task: str) -> tuple[int, str] | None:
    found = evidence.known(task, "accuracy").get(method)
    if found is None or found.samples is None:
        return None
    seeds, problems = found.top.shape
    asked = f"{seeds * problems * found.samples:,} completions ({problems:,} problems × {found.samples} samples"
    return round(found.top.sum() * found.samples), f"{asked} × {seeds} seed{'' if seeds == 1 else 's'})"
