"""Accuracy against diversity: seeds as small points, their mean with its interval as a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import PercentFormatter

from benchmark.report.figures.drawing import panels, series
from benchmark.report.figures.labels import beside
from benchmark.report.figures.looks import look
from benchmark.report.metrics import ACCURACY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.contract import Estimate
    from benchmark.report.figures.labels import Ends
    from benchmark.report.metrics import ShownMetric
    from benchmark.report.reading import ReportData

__all__ = ["drawable", "plane"]


def drawable(reading: ReportData, metric: ShownMetric) -> bool:
    """Whether any method has both numbers on any task."""
    cells = ((method, task) for method in reading.evidence.methods for task in reading.evidence.suite.tasks)
    return any(_pair(reading, method, task, metric) for method, task in cells)


def plane(reading: ReportData, metric: ShownMetric, name: str) -> Figure:
    """One panel per task; `name` is what the metric is called on its axis."""
    return panels(reading, lambda axes, task: _panel(axes, reading, task, metric, name), beside, height=3.6)


def _pair(reading: ReportData, method: str, task: str, metric: ShownMetric) -> tuple[Estimate, Estimate] | None:
    accuracy, variety = reading.estimate(method, task, ACCURACY), reading.estimate(method, task, metric)
    return None if accuracy.mean is None or variety.mean is None else (accuracy, variety)


def _panel(axes: Axes, reading: ReportData, task: str, metric: ShownMetric, name: str) -> Ends:
    ends: Ends = {}
    for method in sorted(reading.evidence.methods, key=lambda each: look(reading, each).labelled):
        pair = _pair(reading, method, task, metric)
        if pair is None:
            continue
        style, (accuracy, variety), group = look(reading, method), pair, series(reading, method)
        right, varied = (reading.seeds(method, task, each) for each in (ACCURACY, metric))
        seeds = [(x, y) for seed, x in right.items() if x is not None and (y := varied.get(seed)) is not None]
        x, y = accuracy.mean or 0.0, variety.mean or 0.0
        if not style.labelled:
            axes.scatter(x, y, s=12, color=style.colour, alpha=0.6, linewidths=0, gid=group)
            continue
        xs, ys = zip(*seeds, strict=True)
        axes.scatter(xs, ys, s=9, color=style.colour, marker=style.marker, alpha=0.5, linewidths=0, gid=group)
        ends[method] = (x, y, style.colour, group)
        if accuracy.low is not None and accuracy.high is not None:
            axes.hlines(y, accuracy.low, accuracy.high, color=style.colour, linewidth=0.9).set_gid(group)
        if variety.low is not None and variety.high is not None:
            axes.vlines(x, variety.low, variety.high, color=style.colour, linewidth=0.9).set_gid(group)
        axes.plot(x, y, color=style.colour, marker=style.marker, markersize=6, linestyle="", gid=group)
    axes.set_xlabel("accuracy of samples")
    axes.set_ylabel(name)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.margins(0.14)
    return ends
