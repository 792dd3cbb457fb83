"""Learning curves against each currency, with bands over seeds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from benchmark.report.figures.drawing import look, panels
from benchmark.report.tables.budgets import CURRENCIES, amount, band

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.comparison.evidence import Evidence
    from benchmark.report.figures.labels import Ends
    from benchmark.report.tables.budgets import Curves, Key

__all__ = ["learning"]


def learning(evidence: Evidence, found: Curves, key: Key) -> bytes:
    """One panel per task."""
    return panels(evidence, lambda axes, task: _panel(axes, evidence, found, task, key))


def _panel(axes: Axes, evidence: Evidence, found: Curves, task: str, key: Key) -> Ends:
    ends: Ends = {}
    here = found.of(task, key)
    for method in sorted(here, key=lambda name: look(evidence, name).labelled):  # the labelled ones on top
        style = look(evidence, method)
        at, mean, low, high = zip(*band(here[method]), strict=True)
        axes.plot(at, mean, color=style.colour, linestyle=style.line, linewidth=style.width)
        if style.labelled:
            axes.fill_between(at, low, high, color=style.colour, alpha=0.14, linewidth=0)
            axes.plot(at[-1], mean[-1], color=style.colour, marker=style.marker, markersize=4)
            ends[method] = (at[-1], mean[-1], style.colour)
    axes.set_xlabel(f"{CURRENCIES[key]} spent" if key != "seconds" else CURRENCIES[key])
    axes.set_ylabel("accuracy on validation probes" if found.probed else "mean training reward")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=key != "seconds"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, key)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.margins(x=0.02)
    return ends


def _tick(value: float, key: Key) -> str:
    if key == "flops" and value > 0:
        return amount(float(f"{value:.3g}"), key).replace(".00", "").replace("0\u00a0×", "\u00a0×")
    return "0" if math.isclose(value, 0, abs_tol=1e-9) else f"{value:,.10g}"
