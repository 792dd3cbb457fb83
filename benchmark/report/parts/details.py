"""Everything else: all measurements, conditions, failures, published figures, files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.comparison.table import Table, code
from benchmark.report.document import Block, BulletList, Figure, Paragraph, Section, TableBlock
from benchmark.report.tables.conditions import conditions_table, failures_table, methods_table
from benchmark.report.tables.main import full_table
from benchmark.report.tables.runs import profile_table
from benchmark.report.tables.verdicts import greedy_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.report.reading import ReportData

__all__ = ["conditions", "failures", "files", "measurements", "published"]


def measurements(reading: ReportData) -> list[Section]:
    """Every metric, accuracy over problems, greedy answers: for the HTML page."""
    tasks = reading.evidence.suite.tasks
    parts = [_deep(f"All measurements on {code(task)}", TableBlock(full_table(reading, task))) for task in tasks]
    profiles = [(task, found) for task in tasks if (found := profile_table(reading.evidence, task))]
    for task, table in profiles:
        parts.append(_deep(f"Accuracy over the problems of {code(task)}", TableBlock(table), Paragraph(_PROFILE)))
    greedies = [(task, found) for task in tasks if (found := greedy_table(reading, task))]
    for task, table in greedies:
        parts.append(_deep(f"Greedy answers on {code(task)}", TableBlock(table), Paragraph(_GREEDY)))
    return [Section("All measurements", (), html_only=True), *parts]


def _deep(title: str, *blocks: Block) -> Section:
    return Section(title, blocks, depth=3, html_only=True)


_PROFILE = "Share of problems, over all seeds, of which more than that share of the samples are correct."
_GREEDY = (
    "Problems that only one of the two methods solves, with McNemar’s exact p. “One vote per problem” is a sign test "
    "of each problem’s wins minus losses over the seeds. It generalises to new problems, not to new seeds, and is not "
    "corrected for the number of pairs."
)


def conditions(reading: ReportData) -> list[Section]:
    """What all methods share, and each method’s settings."""
    return [
        Section("Conditions", (TableBlock(conditions_table(reading.evidence)),)),
        Section("Hyper-parameters", (TableBlock(methods_table(reading.evidence), "Settings of each method"),), depth=3),
    ]


def failures(reading: ReportData) -> list[Section]:
    """Jobs without a result; nothing where all have one."""
    table = failures_table(reading.evidence)
    return [Section("Jobs without a result", (TableBlock(table),))] if table.rows else []


def published(_reading: ReportData) -> list[Section]:
    """Figures that others report, with their sources: for the HTML page."""
    table = Table(
        ("source", "what was measured", "figure"),
        (
            (f"[GFlowNets-vs-GRPO]({_GFLOWNETS})", "GRPO, accuracy on GSM8K and on MATH", "0.12, 0.09"),
            (f"[GFlowNets-vs-GRPO]({_GFLOWNETS})", "GFlowNets, accuracy on GSM8K and on MATH", "0.00, 0.00"),
            (f"[GFlowNets-vs-GRPO]({_GFLOWNETS})", "training time, GRPO and GFlowNets", "5253 s, 412 s"),
            (f"[GFlowNets-vs-GRPO]({_GFLOWNETS})", "peak memory, GRPO and GFlowNets", "4.8 GB, 3.2 GB"),
        ),
        left=3,
    )
    return [Section("Figures published elsewhere", (Paragraph(_PUBLISHED), TableBlock(table)), html_only=True)]


_GFLOWNETS = "https://github.com/theFulminatedHuman/GFlowNets-vs-GRPO-in-LLM-Math-Tasks"
_PUBLISHED = (
    "Quoted for orientation; model, data and machine differ from those of this report, so the numbers cannot be "
    "compared with it. The saved notebook of the source (`GDPO_vs_GRPO.ipynb`) shows an error in every GFlowNet batch. "
    "FlowRL’s own results are in [arXiv 2509.15207](https://arxiv.org/abs/2509.15207)."
)


def files(reading: ReportData, drawn: Sequence[Figure]) -> list[Section]:
    """Where the same numbers lie for other programs, and the commands that make this page again."""
    name = reading.evidence.suite.name
    source = _records(reading.evidence.results)
    here = (
        f"[page with every completion, heat map and all tables]({name}.html) (download and open it), "
        f"[CSV with every seed]({name}.csv), [LaTeX]({name}.tex)"
    )
    figures = ", ".join(f"[{one.file.removesuffix('.svg')}]({name}/{one.file})" for one in drawn)
    items = [
        f"This report: {here}.",
        f"Inputs: [suite]({source}/{name}/suite.json), [records]({source}/{name}).",
        (
            f"To reproduce: `bakeoff run {name}` trains what has no record and writes this page; "
            f"`bakeoff report {name}` makes it again from the records, with `--pdf` the figures as PDF, too."
        ),
    ]
    items += [f"Figures: {figures}."] if figures else []
    return [Section("Files and reproduction", (BulletList(tuple(items)),))]


def _records(results: Path) -> str:
    """The results folder as seen from the reports': beside it, or both in folders of one name below the two."""
    parts = results.parts
    tail = parts[len(parts) - parts[::-1].index("results") :] if "results" in parts else ()
    first = "results" if "results" in parts else results.name
    return "/".join((*[".."] * (1 + len(tail)), first, *tail))
