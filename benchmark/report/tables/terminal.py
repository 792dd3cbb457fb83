"""The short table at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmark.comparison.table import AWAITED, DASH, MARK, Kind, cell, number
from benchmark.contract import FLOOR
from benchmark.report.tables.main import memory_kinds

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = ["terminal_table"]


def terminal_table(evidence: Evidence) -> Table:
    """One row per task and method: accuracy with interval, strategies, seconds and memory of training, verdict."""
    suite = evidence.suite.name
    kind = next(iter(memory_kinds(evidence)), "rss")
    title = f"{suite}: {len(evidence.done)} of {evidence.planned} jobs done"
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
                *_numbers(evidence, method, task, kind),
                _verdict(evidence, method, task),
                end_section=method == evidence.methods[-1],
            )
    return table


def _numbers(evidence: Evidence, method: str, task: str, kind: str) -> tuple[str, str, str, str]:
    if evidence.awaits(method, task):
        return AWAITED, DASH, DASH, DASH
    samples = evidence.suite.exam.samples
    accuracy = cell(evidence.estimate(method, task, "accuracy"), "percent", evidence.cell(method, task))
    return (
        accuracy,
        _mean(evidence, method, task, f"strategies_per_solved@{samples}", "count"),
        DASH if len(evidence.devices) > 1 else _mean(evidence, method, task, "training_seconds", "seconds"),
        _mean(evidence, method, task, f"training_peak_{kind}_bytes", "bytes"),
    )


def _mean(evidence: Evidence, method: str, task: str, metric: str, kind: Kind) -> str:
    mean = evidence.estimate(method, task, metric).mean
    return DASH if mean is None else number(mean, kind)


def _verdict(evidence: Evidence, method: str, task: str) -> str:
    if method == FLOOR or FLOOR not in evidence.methods:
        return DASH
    if evidence.estimate(method, task, "accuracy").mean is None:
        return DASH
    return evidence.compare("accuracy", task, method, FLOOR).decision
