"""What all figures share: SVG bytes that depend on the evidence alone, one look per method, panels with label room.

Text stays text, dates and versions are left out. The ground is transparent and the ink a middle grey, so that a figure
reads on a white and on a dark page. Colours are Okabe and Ito's (2008), which colour-blind readers can tell apart;
line, marker and label say the same again for readers in grey.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmark.comparison.table import code, words
from benchmark.contract import FLOOR
from benchmark.report.figures.labels import WIDTH, Ends, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from benchmark.comparison.evidence import Evidence

__all__ = ["COLOURS", "GREY", "Look", "highlighted", "look", "panels", "rule", "saved"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY, INK = "#777777", "#777777"
LABELLED = 8
"""Methods up to which every one has its colour and label."""
BEST = 5
"""Trained methods with colour and label where there are more."""
_WIDTH, _LEFT, _BOTTOM, _TOP = 5.2, 0.62, 0.5, 0.35
"""Inches: of a panel with its margins, and of the margins."""
_LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (3, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rl-bakeoff",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
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
    "grid.color": INK,
    "grid.alpha": 0.22,
    "grid.linewidth": 0.6,
    "hatch.color": "white",
    "hatch.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a method is drawn in every figure."""

    colour: str
    line: Any
    marker: str
    width: float
    """Of its line, in points."""
    labelled: bool


def highlighted(evidence: Evidence) -> tuple[str, ...]:
    """The methods with a colour and a label: all, or of many the floor and those with the best mean exam accuracy."""
    if len(evidence.methods) <= LABELLED:
        return evidence.methods
    means = {method: _over_tasks(evidence, method) for method in evidence.trained}
    best = sorted(means, key=lambda method: (-means[method], method))[:BEST]
    return tuple(method for method in evidence.methods if method in best or method == FLOOR)


def rule(evidence: Evidence) -> str:
    """The sentence that says which methods are labelled; empty where all are."""
    if len(evidence.methods) <= LABELLED:
        return ""
    named = words(code(method) for method in highlighted(evidence))
    return (
        f"Labelled: {named}, the floor and the {BEST} trained methods with the highest accuracy in the exam, averaged "
        f"over tasks; the other {len(evidence.methods) - len(highlighted(evidence))} are thin grey and in the table."
    )


def look(evidence: Evidence, method: str) -> Look:
    """The floor is grey; a method that is not highlighted is thin and grey."""
    shown = highlighted(evidence)
    if method not in shown:
        return Look(GREY, "-", ".", 0.5, labelled=False)
    if method == FLOOR:
        return Look(GREY, "-", "o", 1.6, labelled=True)
    place = [each for each in shown if each != FLOOR].index(method)
    return Look(COLOURS[place % len(COLOURS)], _LINES[place % len(_LINES)], _MARKERS[place % len(_MARKERS)], 1.6, True)


def panels(
    evidence: Evidence,
    panel: Callable[[Axes, str], Ends],
    place_labels: Callable[[Axes, Ends], None] | None = spread,
    *,
    height: float | None = None,
    below: float = _BOTTOM,
    left: float = _LEFT,
) -> bytes:
    """One panel per task, two in a row, under our own settings and nobody else's. Lengths in inches."""
    tasks = evidence.suite.tasks
    columns = min(2, len(tasks))
    rows = -(-len(tasks) // columns)
    names = highlighted(evidence)
    right = max(1.15, 0.2 + WIDTH * max(map(len, names)) / 72) if place_labels is spread else 0.25
    one = height or max(3.2, 1.2 + 0.19 * len(names))
    width, whole = _WIDTH * columns, one * rows
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
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
        return saved(figure)


def saved(figure: Figure) -> bytes:
    """SVG without date and version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _over_tasks(evidence: Evidence, method: str) -> float:
    means = [evidence.estimate(method, task, "accuracy").mean for task in evidence.suite.tasks]
    known = [mean for mean in means if mean is not None]
    return sum(known) / len(known) if known else -1.0
