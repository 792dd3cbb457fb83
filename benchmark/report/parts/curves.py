"""Sections on accuracy: learning curves, more samples, accuracy against diversity, levels and kinds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmark.comparison.table import SPACE, code
from benchmark.report.document import Block, Figure, Paragraph, Section, TableBlock
from benchmark.report.figures.learning import learning
from benchmark.report.figures.looks import others
from benchmark.report.figures.plane import drawable, plane
from benchmark.report.figures.samples import at_k, at_k_table, ks
from benchmark.report.metrics import D2, per_solved
from benchmark.report.tables.budgets import CURRENCIES, Key, equal_budget_table, leaders
from benchmark.report.tables.levels import known_problems, split_table

if TYPE_CHECKING:
    from benchmark.report.reading import ReportData

__all__ = ["BARS", "diversity", "learning_curves", "levels", "more_samples"]

BARS = "Vertical bars: 95 % intervals, drawn side by side."
SHORT: tuple[Key, ...] = ("completions", "seconds")
"""Currencies on the Markdown page; the HTML page has all."""


def learning_curves(reading: ReportData) -> list[Section]:
    """One figure and table for each currency of which the step logs speak."""
    found, evidence = reading.curves, reading.evidence
    if not found.currencies:
        return []
    what = (
        f"Accuracy on {evidence.suite.training.probe_problems} validation problems, two samples each; the test split "
        "is not used"
        if found.probed
        else "Mean reward of the training completions"
    )
    missing = [words for key, words in CURRENCIES.items() if key not in found.currencies]
    lines = [
        *(sentence for task in evidence.suite.tasks if (sentence := leaders(reading, task))),
        f"{what}. Line: mean over seeds. {BARS} {_TABLES}",
        *([f"These records do not know their {', '.join(missing)}."] if missing else []),
        *filter(None, [others(reading)]),
    ]
    parts = [Section("Learning curves", tuple(Paragraph(line) for line in lines))]
    return [*parts, *(_currency(reading, key) for key in found.currencies)]


def _currency(reading: ReportData, key: Key) -> Section:
    name = "learning.svg" if key == "completions" else f"learning_{key}.svg"
    alt = f"Learning curves against {CURRENCIES[key]}, one panel per task"
    blocks: list[Block] = [Paragraph(_FLOPS)] if key == "flops" else []
    blocks.append(Figure(name, alt, partial(learning, reading, key)))
    table = equal_budget_table(reading, key)
    blocks += [TableBlock(table)] if table.rows else []
    return Section(f"By {CURRENCIES[key]}", tuple(blocks), depth=3, html_only=key not in SHORT)


_TABLES = (
    "Tables: accuracy after this share of the smallest common final amount (given in the first row of each task), "
    "interpolated between probes and never extrapolated. “Highest” means at 100 %; “not separated”: the interval of "
    "the difference to the next method, paired by seed, includes 0. Tasks of which nothing was solved are left out."
)
_FLOPS = (
    "Model FLOPs of training by the formula of `benchmark/run/flops.py`: sampling, reference and critic passes, every "
    f"pass over a batch, prompts included, padding left out. “–”: the trainer of another library does not{SPACE}say."
)


def more_samples(reading: ReportData) -> list[Section]:
    """pass@k and strategies@k."""
    parts = []
    for family, words in _FAMILIES.items():
        if len(ks(reading, family)) > 1:
            title = f"{family}@k"
            figure = Figure(
                f"{family}_at_k.svg", f"{title} against k, one panel per task", partial(at_k, reading, family)
            )
            short = family == "pass"
            blocks = (Paragraph(words), figure, TableBlock(at_k_table(reading, family), html_only=True))
            parts.append(Section(title, blocks, depth=3, html_only=not short))
    if not parts:
        return []
    intro = (f"Line: mean over seeds. {BARS}", *filter(None, [others(reading)]))
    return [Section("More samples per problem", tuple(Paragraph(line) for line in intro)), *parts]


_FAMILIES = {
    "pass": "pass@k: the chance that at least one of k samples is correct (unbiased estimate).",
    "strategies": (
        "strategies@k: distinct correct strategies among k samples; a problem without a correct sample counts 0."
    ),
}


def diversity(reading: ReportData) -> list[Section]:
    """Accuracy against both measures of diversity. Their numbers are in the tables of results."""
    solved = per_solved(reading.evidence.suite.exam.samples)
    wanted = [
        ("accuracy_diversity.svg", D2, "effective strategies (D2)", False),
        (
            "accuracy_strategies.svg",
            solved,
            f"strategies per solved problem at {reading.evidence.suite.exam.samples}",
            True,
        ),
    ]
    figures = [
        Figure(file, f"Accuracy against {name}, one panel per task", partial(plane, reading, metric, name), html_only)
        for file, metric, name, html_only in wanted
        if drawable(reading, metric)
    ]
    if not figures:
        return []
    if all(one.html_only for one in figures):
        figures = [Figure(one.file, one.alt, one.draw) for one in figures]
    said = (_POINTS, *filter(None, [others(reading)]))
    return [Section("Accuracy against diversity", (*(Paragraph(line) for line in said), *figures))]


_POINTS = (
    "Higher is more variety among correct solutions, further right is more accurate. Small points are seeds, large "
    "ones their mean; bars: 95 % intervals. The numbers are in the tables under Results. *Effective strategies (D2)*: "
    "how many equally frequent strategies would coincide as often as the correct ones do, over problems with at least "
    "two correct samples; unlike strategies@k it does not grow with accuracy by itself."
)


def levels(reading: ReportData) -> list[Section]:
    """Accuracy in each level and kind of the generated problems, for the HTML page."""
    parts = []
    for task in reading.evidence.suite.tasks:
        problems = known_problems(reading.evidence, task)
        for by, title in (("level", "Levels"), ("kind", "Kinds")):
            if any(labels[by] for labels in problems.values()):  # type: ignore[index]
                table = split_table(reading, task, problems, by)  # type: ignore[arg-type]
                parts.append(Section(f"{title} of {code(task)}", (TableBlock(table),), depth=3, html_only=True))
    intro = Paragraph(
        "Accuracy of samples with 95 % intervals over seeds and problems; n is the number of test problems."
    )
    return [Section("Accuracy by level and kind", (intro,), html_only=True), *parts] if parts else []
