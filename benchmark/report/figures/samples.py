"""What more samples of a problem find: pass@k and strategies@k."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from benchmark.comparison.table import Table, code
from benchmark.report.figures.curves import curve
from benchmark.report.figures.drawing import panels
from benchmark.report.figures.looks import look
from benchmark.report.metrics import ShownMetric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.comparison.table import Kind
    from benchmark.report.figures.labels import Ends
    from benchmark.report.reading import ReportData

__all__ = ["at_k", "at_k_table", "ks"]

KINDS: dict[str, Kind] = {"pass": "percent", "strategies": "count"}


def ks(reading: ReportData, family: str) -> list[int]:
    """The k of every `family@k` that was measured, smallest first."""
    names = {str(name) for name in reading.evidence.frame["metric"].unique()}
    return sorted(int(name.partition("@")[2]) for name in names if name.startswith(f"{family}@"))


def at_k(reading: ReportData, family: str) -> Figure:
    """One panel per task; k doubles from tick to tick."""
    return panels(reading, lambda axes, task: _panel(axes, reading, task, family))


def at_k_table(reading: ReportData, family: str) -> Table:
    """The numbers of the figure."""
    found = _metrics(reading, family)
    rows = tuple(
        (code(method), code(task), *(reading.cell(method, task, metric) for metric in found.values()))
        for task in reading.evidence.suite.tasks
        for method in reading.evidence.methods
    )
    return Table(("method", "task", *(metric.label for metric in found.values())), rows, left=2)


def _metrics(reading: ReportData, family: str) -> dict[int, ShownMetric]:
    return {k: ShownMetric(f"{family}@{k}", f"{family}@{k}", KINDS[family]) for k in ks(reading, family)}


def _panel(axes: Axes, reading: ReportData, task: str, family: str) -> Ends:
    ends: Ends = {}
    found = _metrics(reading, family)
    for method in sorted(reading.evidence.methods, key=lambda each: look(reading, each).labelled):
        points = [(float(k), reading.estimate(method, task, metric)) for k, metric in found.items()]
        curve(axes, reading, method, points, ends, lambda x, place: x * 2 ** (0.05 * place))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(found)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("k, samples per problem")
    axes.set_ylabel(f"{family}@k")
    if KINDS[family] == "percent":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ends
