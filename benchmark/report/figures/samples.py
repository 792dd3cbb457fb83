"""What more samples of a problem find: pass@k and strategies@k."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from benchmark.comparison.table import Table, cell, code
from benchmark.report.figures.drawing import look, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.comparison.evidence import Evidence
    from benchmark.comparison.table import Kind
    from benchmark.report.figures.labels import Ends

__all__ = ["at_k", "at_k_table", "ks"]

NAMES: dict[str, tuple[str, Kind]] = {
    "pass": ("chance that one of k samples is correct", "percent"),
    "strategies": ("distinct correct strategies in k samples", "count"),
}


def ks(evidence: Evidence, family: str) -> list[int]:
    """The k of every `family@k` that was measured, smallest first."""
    names = {str(name) for name in evidence.frame["metric"].unique()}
    return sorted(int(name.partition("@")[2]) for name in names if name.startswith(f"{family}@"))


def at_k(evidence: Evidence, family: str) -> bytes:
    """One panel per task; k doubles from tick to tick."""
    return panels(evidence, lambda axes, task: _panel(axes, evidence, task, family))


def at_k_table(evidence: Evidence, family: str) -> Table:
    """The numbers of the figure."""
    _, kind = NAMES[family]
    rows = tuple(
        (
            code(method),
            code(task),
            *(
                cell(evidence.estimate(method, task, f"{family}@{k}"), kind, evidence.cell(method, task))
                for k in ks(evidence, family)
            ),
        )
        for task in evidence.suite.tasks
        for method in evidence.methods
    )
    return Table(("method", "task", *(f"{family}@{k}" for k in ks(evidence, family))), rows, left=2)


def _panel(axes: Axes, evidence: Evidence, task: str, family: str) -> Ends:
    ends: Ends = {}
    name, kind = NAMES[family]
    for method in sorted(evidence.methods, key=lambda each: look(evidence, each).labelled):
        style = look(evidence, method)
        found = [(k, evidence.estimate(method, task, f"{family}@{k}")) for k in ks(evidence, family)]
        known = [(k, one.mean, one.low, one.high) for k, one in found if one.mean is not None]
        if not known:
            continue
        at, mean = [k for k, *_ in known], [value for _, value, *_ in known]
        axes.plot(at, mean, color=style.colour, linestyle=style.line, linewidth=style.width)
        if style.labelled:
            low = [middle if edge is None else edge for _, middle, edge, _ in known]
            high = [middle if edge is None else edge for _, middle, _, edge in known]
            axes.fill_between(at, low, high, color=style.colour, alpha=0.14, linewidth=0)
            axes.plot(at[-1], mean[-1], color=style.colour, marker=style.marker, markersize=4)
            ends[method] = (at[-1], mean[-1], style.colour)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(ks(evidence, family)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("k, samples of a problem")
    axes.set_ylabel(name)
    if kind == "percent":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ends
