"""Learning curves against each currency, with intervals at the probes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from benchmark.report.figures.curves import curve
from benchmark.report.figures.drawing import panels
from benchmark.report.figures.looks import look
from benchmark.report.tables.budgets import CURRENCIES, amount, band

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.report.figures.labels import Ends
    from benchmark.report.reading import ReportData
    from benchmark.report.tables.budgets import Key

__all__ = ["learning"]


def learning(reading: ReportData, key: Key) -> Figure:
    """One panel per task."""
    return panels(reading, lambda axes, task: _panel(axes, reading, task, key))


def _panel(axes: Axes, reading: ReportData, task: str, key: Key) -> Ends:
    ends: Ends = {}
    here = reading.curves.of(task, key)
    planned = len(reading.evidence.suite.seeds)
    furthest = max((points[-1][0] for seeds in here.values() for points in seeds.values()), default=0.0)
    for method in sorted(here, key=lambda name: look(reading, name).labelled):  # the labelled ones on top
        known = band(here[method], planned)
        curve(axes, reading, method, known, ends, lambda x, place: x + 0.012 * furthest * place)
    axes.set_xlabel(f"{CURRENCIES[key]} spent" if key != "seconds" else CURRENCIES[key])
    axes.set_ylabel("accuracy on validation probes" if reading.curves.probed else "mean training reward")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=key != "seconds"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, key)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.margins(x=0.03)
    return ends


def _tick(value: float, key: Key) -> str:
    if key == "flops" and value > 0:
        return amount(float(f"{value:.3g}"), key).replace(".00", "").replace("0\u00a0×", "\u00a0×")
    return "0" if math.isclose(value, 0, abs_tol=1e-9) else f"{value:,.10g}"
