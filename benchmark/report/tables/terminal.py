"""The short table at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmark.comparison.table import AWAITED, DASH, MARK, number
from benchmark.contract import FLOOR
from benchmark.report.metrics import ACCURACY, SECONDS, ShownMetric, per_solved
from benchmark.report.reading import ReportData
from benchmark.report.tables.main import memory_kinds

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = ["terminal_table"]


def terminal_table(evidence: Evidence) -> Table:
    """One row per task and method: accuracy with interval, strategies, seconds and memory of training, verdict."""
    reading = ReportData(evidence)
    suite = evidence.suite.name
    kind = next(iter(memory_kinds(evidence)), "rss")
    title = f"{suite}: {len(evidence.done)} of {evidence.planned} jobs done"
    title += f", {len(evidence.stale)} stale" if evidence.stale else ""
    title += f", {len(evidence.unreadable)} unreadable" if evidence.unreadable else ""
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("method", no_wrap=True)
    table.add_column("accuracy", justify="right", no_wrap=True)
    table.add_column("strategies\nper solved", justify="right")
    table.add_column("training\nseconds", justify="right")
    table.add_column(f"peak MiB\n({'resident' if kind == 'rss' else kind})", justify="right")
    table.add_column(f"against\n{FLOOR}")
    for task in evidence.suite.tasks:
        table.add_row(f"[bold]{task}[/bold]")
        for method in evidence.methods:
            table.add_row(
                f"  {method}{f' {MARK}' if method in evidence.imported else ''}",
                *_numbers(reading, method, task, kind),
                _verdict(reading, method, task),
                end_section=method == evidence.methods[-1],
            )
    return table


def _numbers(reading: ReportData, method: str, task: str, kind: str) -> tuple[str, str, str, str]:
    evidence = reading.evidence
    if evidence.awaits(method, task):
        return AWAITED, DASH, DASH, DASH
    memory = ShownMetric("peak", f"training_peak_{kind}_bytes", "bytes")
    means = (_mean(reading, method, task, each) for each in (per_solved(evidence.suite.exam.samples), SECONDS, memory))
    return (reading.cell(method, task, ACCURACY), *means)  # type: ignore[return-value]


def _mean(reading: ReportData, method: str, task: str, metric: ShownMetric) -> str:
    mean = reading.estimate(method, task, metric).mean
    return DASH if mean is None else number(mean, metric.kind)


def _verdict(reading: ReportData, method: str, task: str) -> str:
    return reading.standings[task].floor.get(method, DASH)
