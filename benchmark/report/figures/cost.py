"""Where seconds and bytes went, phase by phase: bars of seconds, points of memory, and the table of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from benchmark.comparison.table import DASH, Table, code, number
from benchmark.contract import PHASES
from benchmark.report.figures.drawing import COLOURS, panels
from benchmark.report.figures.labels import WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Phase
    from benchmark.report.figures.labels import Ends

__all__ = ["memory", "memory_table", "phases"]

_HATCHES = dict(zip(PHASES, ("", "//", "", "\\\\", "", "||"), strict=True))
_HUES = dict(zip(PHASES, (COLOURS[5], COLOURS[0], COLOURS[3], COLOURS[1], COLOURS[2], COLOURS[4]), strict=True))
_MARKERS = dict(zip(PHASES, ("P", "o", "D", "s", "^", "v"), strict=True))


def phases(evidence: Evidence) -> bytes:
    """Stacked bars of mean seconds over finished seeds."""
    return _panels(evidence, lambda axes, task: _bars(axes, evidence, task))


def memory(evidence: Evidence, kind: str) -> bytes:
    """The highest peak of any finished seed in each phase, as points on a line per method."""
    return _panels(evidence, lambda axes, task: _dots(axes, evidence, task, kind))


def memory_table(evidence: Evidence, kind: str) -> Table:
    """The numbers of the figure, MiB."""
    rows = []
    for task in evidence.suite.tasks:
        for method in evidence.methods:
            peaks = [_peak(evidence, method, task, kind, phase) for phase in PHASES]
            rows.append((code(method), code(task), *(DASH if x is None else number(x, "bytes") for x in peaks)))
    return Table(("method", "task", *PHASES), tuple(rows), left=2)


def _panels(evidence: Evidence, panel: Callable[[Axes, str], Ends]) -> bytes:
    height = 1.3 + 0.22 * len(_methods(evidence))
    return panels(evidence, panel, None, height=height, left=_left(evidence), below=0.85)


def _methods(evidence: Evidence) -> list[str]:
    """Those with a finished job."""
    done = {record.job.algorithm.name for record in evidence.done}
    return [method for method in evidence.methods if method in done]


def _left(evidence: Evidence) -> float:
    """Inches that the longest name needs."""
    return 0.35 + WIDTH * max(map(len, _methods(evidence))) / 72


def _bars(axes: Axes, evidence: Evidence, task: str) -> Ends:
    left = [0.0] * len(_methods(evidence))
    for phase in PHASES:
        widths = [_seconds(evidence, method, task, phase) for method in _methods(evidence)]
        places = range(len(widths))
        axes.barh(places, widths, left=left, height=0.7, color=_HUES[phase], hatch=_HATCHES[phase], label=phase)
        left = [done + width for done, width in zip(left, widths, strict=True)]
    return _finished(axes, evidence, "seconds, mean over finished seeds")


def _dots(axes: Axes, evidence: Evidence, task: str, kind: str) -> Ends:
    for phase in PHASES:
        peaks = [_peak(evidence, method, task, kind, phase) for method in _methods(evidence)]
        known = [(peak / 2**20, place) for place, peak in enumerate(peaks) if peak is not None]
        if known:
            xs, places = zip(*known, strict=True)
            axes.scatter(xs, places, s=16, color=_HUES[phase], marker=_MARKERS[phase], label=phase)
    axes.set_xlim(left=0)
    return _finished(axes, evidence, "peak MiB, highest of the finished seeds")


def _finished(axes: Axes, evidence: Evidence, label: str) -> Ends:
    axes.set_yticks(range(len(_methods(evidence))), _methods(evidence))
    axes.set_ylim(len(_methods(evidence)) - 0.4, -0.6)
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(visible=False, axis="y")
    under = axes.transAxes + ScaledTranslation(0.1 - _left(evidence), -0.5, axes.figure.dpi_scale_trans)
    axes.legend(
        ncols=len(PHASES),
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=under,
        fontsize=8,
        handletextpad=0.4,
        columnspacing=0.9,
        borderaxespad=0,
    )
    return {}


def _seconds(evidence: Evidence, method: str, task: str, phase: Phase) -> float:
    done = [record for record in evidence.cell(method, task) if record.status == "done"]
    return sum(record.phase_seconds.get(phase, 0.0) for record in done) / len(done) if done else 0.0


def _peak(evidence: Evidence, method: str, task: str, kind: str, phase: Phase) -> float | None:
    key = f"{kind}/{phase}"
    found = [
        record.peak_bytes[key]
        for record in evidence.cell(method, task)
        if record.status == "done" and key in record.peak_bytes
    ]
    return float(max(found)) if found else None
