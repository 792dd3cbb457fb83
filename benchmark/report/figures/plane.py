"""Accuracy against diversity: seeds as small points, their mean with its interval as a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import PercentFormatter

from benchmark.comparison.estimates import by_seed
from benchmark.report.figures.drawing import look, panels
from benchmark.report.figures.labels import beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Estimate
    from benchmark.report.figures.labels import Ends

__all__ = ["drawable", "plane"]


def drawable(evidence: Evidence, metric: str) -> bool:
    """Whether any method has both numbers on any task."""
    return any(_pair(evidence, method, task, metric) for method in evidence.methods for task in evidence.suite.tasks)


def plane(evidence: Evidence, metric: str, name: str) -> bytes:
    """One panel per task; `name` is what the metric is called on its axis."""
    return panels(evidence, lambda axes, task: _panel(axes, evidence, task, metric, name), beside, left=0.7)


def _pair(evidence: Evidence, method: str, task: str, metric: str) -> tuple[Estimate, Estimate] | None:
    accuracy, variety = evidence.estimate(method, task, "accuracy"), evidence.estimate(method, task, metric)
    return None if accuracy.mean is None or variety.mean is None else (accuracy, variety)


def _panel(axes: Axes, evidence: Evidence, task: str, metric: str, name: str) -> Ends:
    ends: Ends = {}
    for method in evidence.methods:
        pair = _pair(evidence, method, task, metric)
        if pair is None:
            continue
        style, (accuracy, variety) = look(evidence, method), pair
        right, varied = (by_seed(evidence.frame, method, task, each) for each in ("accuracy", metric))
        seeds = [(x, y) for seed, x in right.items() if x is not None and (y := varied.get(seed)) is not None]
        xs, ys = zip(*seeds, strict=True)
        axes.scatter(xs, ys, s=7, color=style.colour, marker=style.marker, alpha=0.55, linewidths=0)
        x, y = accuracy.mean or 0.0, variety.mean or 0.0
        if not style.labelled:
            axes.scatter(x, y, s=12, color=style.colour, linewidths=0)
        else:
            ends[method] = (x, y, style.colour)
            arms = {"xerr": _arms(accuracy), "yerr": _arms(variety)}
            axes.errorbar(x, y, **arms, color=style.colour, marker=style.marker, markersize=5, elinewidth=0.9)  # type: ignore[arg-type]
    axes.set_xlabel("accuracy of samples")
    axes.set_ylabel(name)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.margins(0.12)
    return ends


def _arms(estimate: Estimate) -> list[list[float]] | None:
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return None
    return [[estimate.mean - estimate.low], [estimate.high - estimate.mean]]
