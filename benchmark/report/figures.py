"""Figures as SVG bytes: the same evidence draws the same bytes, whatever matplotlib settings the user has.

Text stays text, dates and versions are left out, the background is white on every page. A method has the same colour
and line in every figure: six colours that colour-blind readers can tell apart, each with its own dashes and marker.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from benchmark.contract import FLOOR
from benchmark.report.labels import WIDTH, Ends, beside, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes

    from benchmark.contract import Estimate
    from benchmark.report.evidence import Evidence

__all__ = ["figures", "learning_metric"]

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9")
_GREY = "#555555"
_WIDTH, _LEFT = 5.2, 0.62
"""Inches: of a panel with its margins, and of its left margin."""
_LINES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (6, 2, 1, 2, 1, 2)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rl-bakeoff",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#333333",
    "text.color": "#333333",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

Curve = list[tuple[int, float, float, float]]
"""Completions, mean, smallest, largest over seeds."""


def figures(evidence: Evidence) -> dict[str, bytes]:
    """File name → SVG, for every figure that has something to show."""
    drawn: dict[str, bytes] = {}
    curves = {task: _curves(evidence, task) for task in evidence.suite.tasks}
    if any(curves.values()):
        drawn["learning.svg"] = _drawn(
            evidence, lambda axes, task: _learning(axes, evidence, curves[task]), spread, _label_margin(evidence)
        )
    points = {task: _points(evidence, task) for task in evidence.suite.tasks}
    if any(points.values()):
        drawn["accuracy_diversity.svg"] = _drawn(
            evidence, lambda axes, task: _scatter(axes, evidence, points[task]), beside, 0.25
        )
    return drawn


def _label_margin(evidence: Evidence) -> float:
    """Inches beside a panel that the longest name needs."""
    return max(1.15, 0.2 + WIDTH * max(map(len, evidence.methods)) / 72)


def learning_metric(evidence: Evidence) -> str:
    """`probe/accuracy` where any job took probes, else `reward/mean`."""
    logged = {name for record in evidence.done for step in evidence.steps(record) for name in step.metrics}
    return "probe/accuracy" if "probe/accuracy" in logged else "reward/mean"


def _drawn(
    evidence: Evidence,
    panel: Callable[[Axes, str], Ends],
    place_labels: Callable[[Axes, Ends], None],
    margin: float,
) -> bytes:
    """One panel per task, two in a row, with `margin` inches for labels, under our own settings and nobody else's."""
    tasks = evidence.suite.tasks
    columns = min(2, len(tasks))
    width, height = _WIDTH * columns, max(3.4, 1.2 + 0.19 * len(evidence.methods)) * -(-len(tasks) // columns)
    around = _LEFT + margin
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height))
        ends: list[tuple[Axes, Ends]] = []
        for index, task in enumerate(tasks):
            axes = figure.add_subplot(-(-len(tasks) // columns), columns, index + 1)
            axes.set_title(task, loc="left", fontweight="bold")
            ends.append((axes, panel(axes, task)))
        figure.subplots_adjust(
            left=_LEFT / width,
            right=1 - margin / width,
            top=1 - 0.35 / height,
            bottom=0.5 / height,
            wspace=around / (_WIDTH - around),
            hspace=0.35,
        )
        for axes, found in ends:
            axes.autoscale_view()
            place_labels(axes, found)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


# --- learning curves -----------------------------------------------------------------------------------------------


def _curves(evidence: Evidence, task: str) -> dict[str, Curve]:
    metric = learning_metric(evidence)
    found = {method: _curve(evidence, method, task, metric) for method in evidence.methods}
    return {method: curve for method, curve in found.items() if curve}


def _curve(evidence: Evidence, method: str, task: str, metric: str) -> Curve:
    values: dict[int, list[float]] = {}
    for record in evidence.cell(method, task):
        if record.status == "done":
            for step in evidence.steps(record):
                if metric in step.metrics:
                    values.setdefault(step.completions, []).append(step.metrics[metric])
    return [(at, sum(seen) / len(seen), min(seen), max(seen)) for at, seen in sorted(values.items())]


def _learning(axes: Axes, evidence: Evidence, curves: Mapping[str, Curve]) -> Ends:
    probed = learning_metric(evidence) == "probe/accuracy"
    ends: Ends = {}
    for method, curve in curves.items():
        colour, line, marker = _look(evidence, method)
        at, mean, low, high = zip(*curve, strict=True)
        axes.fill_between(at, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(at, mean, color=colour, linestyle=line, linewidth=1.6)
        axes.plot(at[-1], mean[-1], color=colour, marker=marker, markersize=4)
        ends[method] = (at[-1], mean[-1], colour)
    axes.set_xlabel("completions spent")
    axes.set_ylabel("accuracy on validation probes" if probed else "mean training reward")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.margins(x=0.02)
    return ends


# --- accuracy against diversity ------------------------------------------------------------------------------------


def _points(evidence: Evidence, task: str) -> dict[str, tuple[Estimate, Estimate]]:
    found = {
        method: (evidence.estimate(method, task, "accuracy"), evidence.estimate(method, task, "effective_strategies"))
        for method in evidence.methods
    }
    return {method: pair for method, pair in found.items() if pair[0].mean is not None and pair[1].mean is not None}


def _scatter(axes: Axes, evidence: Evidence, points: Mapping[str, tuple[Estimate, Estimate]]) -> Ends:
    ends: Ends = {}
    for method, (accuracy, variety) in points.items():
        colour, _, marker = _look(evidence, method)
        x, y = accuracy.mean or 0.0, variety.mean or 0.0
        ends[method] = (x, y, colour)
        axes.errorbar(
            x,
            y,
            xerr=_arms(accuracy),
            yerr=_arms(variety),
            color=colour,
            marker=marker,
            markersize=5,
            elinewidth=0.9,
            capsize=0,
        )
    axes.set_xlabel("accuracy of samples")
    axes.set_ylabel("effective strategies (D2)")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.margins(0.12)
    return ends


def _arms(estimate: Estimate) -> list[list[float]] | None:
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return None
    return [[estimate.mean - estimate.low], [estimate.high - estimate.mean]]


# --- looks ---------------------------------------------------------------------------------------------------------


def _look(evidence: Evidence, method: str) -> tuple[str, Any, str]:
    """Colour, line and marker, so that grey print tells methods apart, too; the floor is grey."""
    if method == FLOOR:
        return _GREY, "-", "o"
    place = evidence.trained.index(method)
    turn = place // len(_COLOURS)
    return _COLOURS[place % len(_COLOURS)], _LINES[place % len(_LINES)], _MARKERS[(place + turn) % len(_MARKERS)]
