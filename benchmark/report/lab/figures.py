"""Figures of a suite of worlds: distance along training, and the learned distributions beside their targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmark.contract import FLOOR
from benchmark.lab.gallery import Gallery
from benchmark.report.figures.drawing import rendered, set_style
from benchmark.report.figures.labels import Ends, spread
from benchmark.report.figures.looks import COLOURS
from benchmark.report.lab.reading import LabReading

__all__ = ["GROUPS", "gallery_of_grids", "gallery_of_parts", "learning_curves"]

GROUPS: Mapping[str, tuple[str, ...]] = {
    "objectives": ("tb", "vargrad", "db", "subtb", "fm", "soft_q"),
    "policy-gradients": ("tb", "rl_u", "rl_b", "rl_g", "rl_t", "sub_eb"),
    "backward-and-exploration": ("tb", "tb_learned", "tb_mle", "tb_eps", "tb_replay"),
}
"""File name → methods that are drawn together; those of a suite that are in no group are drawn with the last."""
_LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (3, 1)))
MOST_ROWS = 6
SHOWN = ("tb", "db", "fm", "rl_u", "rl_t", "sub_eb")


def learning_curves(reading: LabReading, methods: Sequence[str]) -> bytes:
    """One panel per world: mean over seeds of the exact total variation, smallest to largest as band; log scale."""
    tasks = reading.evidence.suite.tasks
    columns = min(2, len(tasks))
    rows = -(-len(tasks) // columns)
    with mpl.rc_context():
        set_style()
        figure = Figure(figsize=(5.4 * columns, 3.2 * rows))
        placed = []
        for index, task in enumerate(tasks):
            axes = figure.add_subplot(rows, columns, index + 1)
            axes.set_title(task, loc="left", fontweight="bold", fontsize=10)
            placed.append((axes, _panel(axes, reading, methods, task)))
        figure.subplots_adjust(left=0.08, right=0.88, top=0.93, bottom=0.1, wspace=0.5, hspace=0.35)
        for axes, ends in placed:
            if ends:
                spread(axes, ends)
        return rendered(lambda: figure)


def _panel(axes: Axes, reading: LabReading, methods: Sequence[str], task: str) -> Ends:
    ends: Ends = {}
    for place, method in enumerate(methods):
        curve = reading.curve(method, task)
        if curve is not None:
            colour = COLOURS[place % len(COLOURS)]
            at = curve.trajectories
            axes.plot(at, curve.mean, color=colour, linestyle=_LINES[place % len(_LINES)], linewidth=1.5)
            axes.fill_between(at, curve.least, curve.most, color=colour, alpha=0.14, linewidth=0)
            ends[method] = (float(at[-1]), curve.mean[-1], colour, f"series-{place}")
    axes.set_yscale("log")
    axes.set_xlabel("trajectories")
    axes.set_ylabel("total variation")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_minor_formatter(lambda value, _: f"{100 * value:g}%" if f"{value:.0e}"[0] in "25" else "")
    axes.tick_params(which="minor", labelsize=7)
    axes.grid(alpha=0.2)
    return ends


def gallery_of_grids(found: Mapping[str, Gallery]) -> bytes:
    """A row for each method, a column for each time and one for the target; of three axes or more the first two are
    shown and the others summed. Brightness is probability, one scale for all.
    """
    shown = _shown(found)
    steps = next(iter(found.values())).steps
    with mpl.rc_context():
        set_style()
        figure = Figure(figsize=(1.25 * (len(steps) + 1) + 0.9, 1.3 * len(shown) + 0.3))
        grids = {
            name: [_flat(row, found[name].shape) for row in (*found[name].rows, found[name].wanted)] for name in shown
        }
        top = max(float(picture[-1].max()) for picture in grids.values())
        for row, name in enumerate(shown):
            titles = [*(f"step {step:,}" for step in found[name].steps), "target"]
            for column, picture in enumerate(grids[name]):
                axes = figure.add_subplot(len(shown), len(steps) + 1, row * (len(steps) + 1) + column + 1)
                axes.imshow(picture, vmin=0, vmax=top, cmap="viridis", interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                if not row:
                    axes.set_title(titles[column], fontsize=8)
                if not column:
                    axes.set_ylabel(name, fontsize=8)
        figure.subplots_adjust(left=0.08, right=0.99, top=0.93, bottom=0.02, wspace=0.08, hspace=0.08)
        return rendered(lambda: figure)


def gallery_of_parts(found: Mapping[str, Gallery]) -> bytes:
    """Edges or objects as columns, the target and every method as rows: probabilities at the end of training."""
    names = next(iter(found.values())).names
    rows = [next(iter(found.values())).wanted, *(one.rows[-1] for one in found.values())]
    with mpl.rc_context():
        set_style()
        figure = Figure(figsize=(0.42 * len(names) + 1.4, 0.27 * len(rows) + 0.9))
        axes = figure.add_subplot()
        axes.imshow(np.array(rows), vmin=0, vmax=max(map(max, rows)), cmap="viridis", aspect="auto")
        axes.set_yticks(range(len(rows)), ["target", *found], fontsize=8)
        axes.set_xticks(range(len(names)), names, fontsize=7, rotation=60, ha="right", family="monospace")
        width, height = figure.get_size_inches()
        figure.subplots_adjust(left=1.0 / width, right=0.99, top=0.98, bottom=0.75 / height)
        return rendered(lambda: figure)


def _shown(found: Mapping[str, Gallery]) -> list[str]:
    """At most six methods: those of `SHOWN` first."""
    order = [name for name in SHOWN if name in found] + [name for name in found if name not in (*SHOWN, FLOOR)]
    return (order or list(found))[:MOST_ROWS]


def _flat(row: Sequence[float], shape: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    grid = np.array(row).reshape(shape)
    return np.asarray(grid.sum(axis=tuple(range(2, grid.ndim))) if grid.ndim > 2 else np.atleast_2d(grid))
