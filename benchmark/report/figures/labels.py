"""Direct labels that do not lie on one another. Text sizes are estimated, so no font decides where a label goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection, PathCollection

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

__all__ = ["WIDTH", "Ends", "beside", "spread"]

Ends = dict[str, tuple[float, float, str, str]]
"""Label → x, y in data units, colour of the label and its leader line, and the id of the method they belong to."""

SIZE = 9.0
"""Font size, points."""
LINE = 1.25 * SIZE
WIDTH = 0.58 * SIZE
"""Estimated height and width of one character."""

LabelBox = tuple[float, float, float, float]
"""Left, bottom, right and top."""
Spot = tuple[float, float]


def spread(axes: Axes, ends: Ends) -> None:
    """Labels in the right margin, each at the height of its line's end, moved apart where they would touch."""
    to_points = _to_points(axes)
    _, bottom, right, top = _frame(axes)
    order = sorted(ends, key=lambda name: (to_points(*ends[name][:2])[1], name))
    heights = _apart([to_points(*ends[name][:2])[1] for name in order], bottom, top)
    for name, height in zip(order, heights, strict=True):
        here = to_points(*ends[name][:2])
        offset = (right + 14 - here[0], height - here[1])
        _annotate(axes, name, ends[name], offset, leader=True)


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
    spots = {name: to_points(x, y) for name, (x, y, *_) in ends.items()}
    taken: list[LabelBox] = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots.values()]
    taken += [_grown((*to_points(*low), *to_points(*high)), 1.5) for low, high in _bars(axes)]
    taken += [_grown((*spot, *spot), 2.5) for spot in (to_points(x, y) for x, y in _dots(axes))]
    for name, end in ends.items():
        offset, box = min(
            (_candidate(name, spots[name], radius, turn) for radius in _RADII for turn in range(_TURNS)),
            key=lambda found: _cost(found, taken, frame),
        )
        taken.append(box)
        _annotate(axes, name, end, offset, leader=math.hypot(*offset) > 14)


_RADII = (10, 16, 24, 34, 46, 60)
_TURNS = 16


def _bars(axes: Axes) -> list[tuple[Spot, Spot]]:
    """Both ends of every error bar, in data units."""
    segments = [
        np.asarray(segment) for bars in axes.collections if isinstance(bars, LineCollection)
        for segment in bars.get_segments()
    ]  # fmt: skip
    return [(tuple(segment.min(axis=0)), tuple(segment.max(axis=0))) for segment in segments]


def _dots(axes: Axes) -> list[Spot]:
    """Every small point, in data units."""
    clouds = [np.asarray(one.get_offsets()) for one in axes.collections if isinstance(one, PathCollection)]
    return [(float(x), float(y)) for cloud in clouds for x, y in cloud]


def _grown(box: LabelBox, by: float) -> LabelBox:
    left, bottom, right, top = box
    return left - by, bottom - by, right + by, top + by


def _candidate(name: str, spot: Spot, radius: float, turn: int) -> tuple[Spot, LabelBox]:
    """A place for the label's left centre and the box it would fill."""
    angle = 2 * math.pi * (turn + 0.5) / _TURNS
    width = WIDTH * len(name)
    dx, dy = radius * math.cos(angle), radius * math.sin(angle)
    left = dx if math.cos(angle) > 0.1 else dx - width if math.cos(angle) < -0.1 else dx - width / 2
    x, y = spot[0] + left, spot[1] + dy
    return (left, dy), (x, y - LINE / 2, x + width, y + LINE / 2)


def _cost(found: tuple[Spot, LabelBox], taken: list[LabelBox], frame: LabelBox) -> float:
    """Overlap and leaving the frame in square points, each thing hidden as far as 30 points, and the distance."""
    offset, box = found
    hidden = [area for other in taken if (area := _overlap(box, other)) > 0]
    outside = (box[2] - box[0]) * (box[3] - box[1]) - _overlap(box, frame)
    nearest = max(0.0, -offset[0] - (box[2] - box[0]), offset[0])
    return sum(hidden) + 30 * len(hidden) + 4 * outside + math.hypot(nearest, offset[1])


def _overlap(one: LabelBox, other: LabelBox) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def _annotate(axes: Axes, name: str, end: tuple[float, float, str, str], offset: Spot, *, leader: bool) -> None:
    x, y, colour, group = end
    label = axes.annotate(
        name,
        (x, y),
        xytext=offset,
        textcoords="offset points",
        fontsize=SIZE,
        color=colour,
        verticalalignment="center",
        annotation_clip=False,
        arrowprops=_leader(name, offset[0], colour) if leader else None,
    )
    for drawn in (label, label.arrow_patch):
        if drawn is not None:
            drawn.set_gid(group)


def _leader(name: str, across: float, colour: str) -> dict[str, Any]:
    """A thin line from the point to the nearest end of its label."""
    end = 0.0 if across > 0 else 1.0 if across < -WIDTH * len(name) else 0.5
    look = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "alpha": 0.8}
    return {**look, "relpos": (end, 0.5), "shrinkA": 0, "shrinkB": 4}


def _to_points(axes: Axes) -> Callable[[float, float], tuple[float, float]]:
    """Data coordinates → points from the figure's lower left corner."""
    scale = 72 / axes.figure.dpi

    def convert(x: float, y: float) -> tuple[float, float]:
        across, up = axes.transData.transform((x, y))
        return float(across) * scale, float(up) * scale

    return convert


def _frame(axes: Axes) -> LabelBox:
    """Left, bottom, right and top of the panel, in points."""
    scale = 72 / axes.figure.dpi
    left, bottom, right, top = axes.bbox.extents
    return float(left) * scale, float(bottom) * scale, float(right) * scale, float(top) * scale
