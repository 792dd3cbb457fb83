"""Direct labels that do not lie on one another. Text sizes are estimated, so no font decides where a label goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

__all__ = ["WIDTH", "Ends", "beside", "spread"]

Ends = dict[str, tuple[float, float, str]]
"""Label → x, y in data units, colour of its leader line; the text has the ink's, which reads on any page."""

SIZE = 8.0
"""Font size, points."""
LINE = 1.25 * SIZE
WIDTH = 0.58 * SIZE
"""Estimated height and width of one character."""

Box = tuple[float, float, float, float]


def spread(axes: Axes, ends: Ends) -> None:
    """Labels in the right margin, each at the height of its line's end, moved apart where they would touch."""
    to_points = _to_points(axes)
    _, bottom, right, top = _frame(axes)
    order = sorted(ends, key=lambda name: (to_points(*ends[name][:2])[1], name))
    heights = _apart([to_points(*ends[name][:2])[1] for name in order], bottom, top)
    for name, height in zip(order, heights, strict=True):
        x, y, colour = ends[name]
        here = to_points(x, y)
        offset = (right + 10 - here[0], height - here[1])
        _annotate(axes, name, (x, y), offset, colour, leader=True)


def _apart(wanted: list[float], bottom: float, top: float) -> list[float]:
    """The heights, each at least one line above the last, kept inside the frame as far as they fit."""
    heights: list[float] = []
    for height in wanted:
        heights.append(max(height, heights[-1] + LINE) if heights else max(height, bottom))
    ceiling = top
    for index in range(len(heights) - 1, -1, -1):
        heights[index] = min(heights[index], ceiling)
        ceiling = heights[index] - LINE
    return heights


def beside(axes: Axes, ends: Ends) -> None:
    """Labels around their points: the nearest place that hides no other label, point or error bar."""
    to_points = _to_points(axes)
    frame = _frame(axes)
    spots = {name: to_points(x, y) for name, (x, y, _) in ends.items()}
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots.values()]
    taken += [
        (*to_points(*segment.min(axis=0)), *to_points(*segment.max(axis=0)))
        for bars in axes.collections
        if isinstance(bars, LineCollection)
        for segment in map(np.asarray, bars.get_segments())
    ]
    taken = [(left - 1, bottom - 1, right + 1, top + 1) for left, bottom, right, top in taken]
    for name, (x, y, colour) in ends.items():
        offset, box = min(
            (_candidate(name, spots[name], radius, turn) for radius in (9, 16, 26, 38) for turn in range(12)),
            key=lambda found: _cost(found, taken, frame),
        )
        taken.append(box)
        _annotate(axes, name, (x, y), offset, colour, leader=math.hypot(*offset) > 12)


def _candidate(name: str, spot: tuple[float, float], radius: float, turn: int) -> tuple[tuple[float, float], Box]:
    """A place for the label's left centre and the box it would fill."""
    angle = math.pi * (0.25 + turn / 6)
    width = WIDTH * len(name)
    dx, dy = radius * math.cos(angle), radius * math.sin(angle)
    left = dx if math.cos(angle) > 0.1 else dx - width if math.cos(angle) < -0.1 else dx - width / 2
    x, y = spot[0] + left, spot[1] + dy
    return (left, dy), (x, y - LINE / 2, x + width, y + LINE / 2)


def _cost(found: tuple[tuple[float, float], Box], taken: list[Box], frame: Box) -> float:
    """Overlap and leaving the frame in square points, twice, and the distance to the point."""
    offset, box = found
    hidden = sum(_overlap(box, other) for other in taken)
    outside = (box[2] - box[0]) * (box[3] - box[1]) - _overlap(box, frame)
    nearest = max(0.0, -offset[0] - (box[2] - box[0]), offset[0])
    return 2 * hidden + 2 * outside + math.hypot(nearest, offset[1])


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def _annotate(
    axes: Axes, name: str, at: tuple[float, float], offset: tuple[float, float], colour: str, *, leader: bool
) -> None:
    axes.annotate(
        name,
        at,
        xytext=offset,
        textcoords="offset points",
        fontsize=SIZE,
        verticalalignment="center",
        annotation_clip=False,
        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6, "shrinkB": 3}
        if leader
        else None,
    )


def _leader(name: str, across: float, colour: str) -> dict[str, Any]:
    """A thin line from the point to the nearest end of its label."""
    end = 0.0 if across > 0 else 1.0 if across < -WIDTH * len(name) else 0.5
    look = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.7}
    return {**look, "relpos": (end, 0.5), "shrinkA": 1, "shrinkB": 3}


def _to_points(axes: Axes) -> Callable[[float, float], tuple[float, float]]:
    """Data coordinates → points from the figure's lower left corner."""
    scale = 72 / axes.figure.dpi

    def convert(x: float, y: float) -> tuple[float, float]:
        across, up = axes.transData.transform((x, y))
        return float(across) * scale, float(up) * scale

    return convert


def _frame(axes: Axes) -> Box:
    """Left, bottom, right and top of the panel, in points."""
    scale = 72 / axes.figure.dpi
    left, bottom, right, top = axes.bbox.extents
    return float(left) * scale, float(bottom) * scale, float(right) * scale, float(top) * scale
