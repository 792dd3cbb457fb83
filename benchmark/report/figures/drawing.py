"""What all figures share: a style of our own, panels with room for labels, and bytes that depend on the evidence alone.

Text stays text and no date is written. The ground is white, so that every word has a contrast of at least 4.5:1 on any
page; the HTML page replaces ground and colours by its own.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmark.report.figures.labels import WIDTH, Ends, spread
from benchmark.report.figures.looks import highlighted

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from benchmark.report.reading import ReportData

__all__ = ["INK", "PAPER", "RULE", "panels", "rendered", "series", "set_style"]

INK, PAPER, RULE = "#444444", "#ffffff", "#d9d9d9"
_SERIES = re.compile(rb'<g id="(series-\d+)">')
_WIDTH, _LEFT, _BOTTOM, _TOP = 5.2, 0.76, 0.52, 0.36
"""Inches: of a panel with its margins, and of the margins."""
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rl-bakeoff",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "legend.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "hatch.color": PAPER,
    "hatch.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.frameon": False,
}


def panels(
    reading: ReportData,
    panel: Callable[[Axes, str], Ends],
    place_labels: Callable[[Axes, Ends], None] | None = spread,
    *,
    height: float | None = None,
    below: float = _BOTTOM,
    left: float = _LEFT,
) -> Figure:
    """One panel per task, two in a row, under our own settings and nobody else's. Lengths in inches."""
    tasks = reading.evidence.suite.tasks
    columns = min(2, len(tasks))
    rows = -(-len(tasks) // columns)
    names = highlighted(reading)
    right = max(1.2, 0.3 + WIDTH * max(map(len, names)) / 72) if place_labels is spread else 0.25
    one = height or max(3.2, 1.2 + 0.2 * len(names))
    width, whole = _WIDTH * columns, one * rows
    with mpl.rc_context():
        set_style()
        figure = Figure(figsize=(width, whole))
        ends: list[tuple[Axes, Ends]] = []
        for index, task in enumerate(tasks):
            axes = figure.add_subplot(rows, columns, index + 1)
            axes.set_title(task, loc="left", fontweight="bold")
            ends.append((axes, panel(axes, task)))
        figure.subplots_adjust(
            left=left / width,
            right=1 - right / width,
            top=1 - _TOP / whole,
            bottom=below / whole,
            wspace=(left + right) / (_WIDTH - left - right),
            hspace=(below + _TOP) / (one - below - _TOP),
        )
        for axes, found in ends:
            axes.autoscale_view()
            if place_labels is not None:
                place_labels(axes, found)
    return figure


def rendered(draw: Callable[[], Figure], kind: Literal["svg", "pdf"] = "svg") -> bytes:
    """A drawing as a file: without a date, with the version of matplotlib that made it."""
    figure = draw()
    buffer = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with mpl.rc_context():
        set_style()
        figure.savefig(buffer, format=kind, metadata={**metadata, "Creator": f"matplotlib {mpl.__version__}"})
    return _SERIES.sub(rb'<g class="\1">', buffer.getvalue())  # one method has many elements, and an id only one


def series(reading: ReportData, method: str) -> str:
    """The class of everything drawn for a method, by which the page shows and hides it."""
    return f"series-{reading.evidence.methods.index(method)}"


def set_style() -> None:
    """Our settings and nobody else's, until the surrounding `rc_context` ends."""
    mpl.rcdefaults()
    mpl.rcParams.update(_STYLE)
