"""One method's curve: its means joined by a line, its intervals as bars at the points themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.report.figures.drawing import series
from benchmark.report.figures.looks import highlighted, look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from benchmark.contract import Estimate
    from benchmark.report.figures.labels import Ends
    from benchmark.report.reading import ReportData

__all__ = ["curve"]

MOST_BARS = 5
"""Intervals on one curve; of more points every second, third, … one has its bar, the last always."""


def curve(
    axes: Axes,
    reading: ReportData,
    method: str,
    points: Sequence[tuple[float, Estimate]],
    ends: Ends,
    beside: Callable[[float, float], float],
) -> None:
    """Draws a method and notes where its label belongs. `beside(x, place)` moves a bar so that none hides another."""
    known = [(at, one) for at, one in points if one.mean is not None]
    if not known:
        return
    style, group = look(reading, method), series(reading, method)
    at, mean = [x for x, _ in known], [one.mean or 0.0 for _, one in known]
    (line,) = axes.plot(at, mean, color=style.colour, linestyle=style.line, linewidth=style.width)
    line.set_gid(group)
    if not style.labelled:
        return
    names = highlighted(reading)
    place = names.index(method) - (len(names) - 1) / 2
    step = -(-len(known) // MOST_BARS)
    for x, one in known[::-1][::step]:
        if x > 0 and one.low is not None and one.high is not None:  # at 0 all are the same policy
            bar = axes.vlines(beside(x, place), one.low, one.high, color=style.colour, linewidth=0.9, alpha=0.75)
            bar.set_gid(group)
    (dot,) = axes.plot(at[-1], mean[-1], color=style.colour, marker=style.marker, markersize=5)
    dot.set_gid(group)
    ends[method] = (at[-1], mean[-1], style.colour, group)
