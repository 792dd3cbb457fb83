"""Heat-maps of a tape comparison as SVG bytes: blue above 0, red below, white at 0, every number printed in its cell.

The same report draws the same bytes, whatever matplotlib settings the user has.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmark.commands.tape.compare import TapeReport

__all__ = ["figures", "shown_problems"]

_CELL = 0.4
"""Inches."""
_CHARACTER = 0.078
"""Inches, estimated, so that no font decides the layout."""
_MARKS = {True: "✓", False: "✗"}
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rl-bakeoff",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # one name in each of hundreds of labels, not ten
    "font.size": 9,
    "text.color": "#333333",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

Values = Sequence[Sequence[float | None]]


def figures(report: TapeReport) -> dict[str, bytes]:
    """File name → SVG."""
    methods = [effect.method for effect in report.effects]
    return {
        "cosine.svg": _square(report.cosine, methods),
        "correlation.svg": _square(report.correlation, methods),
        "pushes.svg": _pushes(report, methods),
    }


def shown_problems(report: TapeReport) -> list[int]:
    """Up to three problems that differ: fewest and most correct completions of those with both kinds, and one without.

    Where every group is mixed, the middle one takes the place of the last.
    """
    right = report.tape.reward.view(len(report.problems), -1).mean(1).tolist()
    mixed = sorted((share, index) for index, share in enumerate(right) if 0 < share < 1)
    even = [index for index, share in enumerate(right) if share in (0, 1)]
    middle = [mixed[len(mixed) // 2][1]] if mixed else []
    ends = [mixed[0][1], mixed[-1][1]] if mixed else []
    return list(dict.fromkeys(ends + (even[:1] or middle)))


def _square(values: Values, methods: Sequence[str]) -> bytes:
    def draw(axes: Axes) -> None:
        _cells(axes, values, 1.0, _hundredths)
        _ticks(axes, methods, methods)
        axes.tick_params(axis="x", rotation=90)

    longest = max(map(len, methods)) * _CHARACTER + 0.15
    return _drawn(draw, len(methods), len(methods), left=longest, top=longest)


def _pushes(report: TapeReport, methods: Sequence[str]) -> bytes:
    size = report.tape.header.group_size
    problems = shown_problems(report)
    rows = [problem * size + sample for problem in problems for sample in range(size)]
    values = [[effect.push[row] for row in rows] for effect in report.effects]
    scale = float(np.quantile(np.abs(values), 0.97)) or 1.0
    marks = [_MARKS[bool(reward == 1)] for reward in report.tape.reward[rows].tolist()]

    def draw(axes: Axes) -> None:
        _cells(axes, values, scale, _tenths)
        _ticks(axes, methods, [f"{mark}\n{index % size + 1}" for index, mark in enumerate(marks)])
        for place in range(len(problems)):
            if place:
                axes.axvline(place * size, color="white", linewidth=5)
            middle = (place + 0.5) * size
            axes.text(middle, -1.35, f"problem {'ABC'[place]}", ha="center", va="bottom", fontweight="bold")

    return _drawn(draw, len(methods), len(rows), left=max(map(len, methods)) * _CHARACTER + 0.15, top=0.75)


def _drawn(draw: Callable[[Axes], None], rows: int, columns: int, *, left: float, top: float) -> bytes:
    """One panel of cells with margins in inches, independent of the user's matplotlib settings."""
    width, height = left + columns * _CELL + 0.1, top + rows * _CELL * 0.75 + 0.1
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left / width, 0.1 / height, columns * _CELL / width, rows * _CELL * 0.75 / height))
        draw(axes)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _cells(axes: Axes, values: Values, scale: float, written: Callable[[float], str]) -> None:
    """Coloured from −scale to scale; an undefined cell is grey with a dash."""
    numbers = np.ma.masked_invalid([[np.nan if x is None else x for x in row] for row in values])
    palette = mpl.colormaps["RdBu"].with_extremes(bad="#eeeeee")
    axes.pcolormesh(numbers, cmap=palette, vmin=-scale, vmax=scale, edgecolors="white", linewidth=0.6)
    axes.invert_yaxis()
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            dark = value is not None and abs(value) > 0.6 * scale
            text = "–" if value is None else written(value)
            colour = "white" if dark else "#222222"
            axes.text(x + 0.5, y + 0.53, text, ha="center", va="center", fontsize=7, color=colour)


def _ticks(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.xaxis.tick_top()
    axes.set_xticks([x + 0.5 for x in range(len(columns))], columns)
    axes.set_yticks([y + 0.5 for y in range(len(rows))], rows)
    axes.tick_params(length=0, pad=3)
    axes.spines[:].set_visible(False)


def _hundredths(value: float) -> str:
    """`1` from 0.999 on, `.95`, `−.12`, `0`."""
    text = f"{min(abs(value), 0.99 if abs(value) < 0.999 else 1.0):.2f}"
    short = {"0.00": "0", "1.00": "1"}.get(text, text.lstrip("0"))
    return short if value >= 0 or short == "0" else f"−{short}"


def _tenths(value: float) -> str:
    """`+1.2`, `−0.3`, `0`."""
    text = f"{abs(value):.1f}"
    return "0" if text == "0.0" else f"{'+' if value > 0 else '−'}{text}"
