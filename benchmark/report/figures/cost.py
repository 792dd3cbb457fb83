"""Where seconds and bytes went, phase by phase: bars of seconds, points of memory, and the table of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from benchmark.comparison.table import DASH, Table, code, number
from benchmark.contract import PHASES
from benchmark.report.figures.drawing import RULE, panels
from benchmark.report.figures.labels import WIDTH
from benchmark.report.tables.conditions import measured_phases

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Phase
    from benchmark.report.figures.labels import Ends
    from benchmark.report.reading import ReportData

__all__ = ["TONES", "memory", "memory_table", "phases"]

_HATCHES = dict(zip(PHASES, ("", "//", "", "\\\\", "..", "", "||"), strict=True))
TONES = dict(zip(PHASES, ("#8d969d", "#4f6272", "#a37f45", "#1f2d3a", "#8a7f6a", "#6f93ad", "#6e5c3b"), strict=True))
"""Slate and sand, which no method has; each at least 3:1 against white."""
_MARKERS = dict(zip(PHASES, ("P", "o", "D", "s", "X", "^", "v"), strict=True))


def phases(reading: ReportData) -> Figure:
    """Stacked bars of mean seconds over finished seeds."""
    return _panels(reading, lambda axes, task: _bars(axes, reading.evidence, task))


def memory(reading: ReportData, kind: str) -> Figure:
    """The highest peak of any finished seed in each phase, as points on a line per method."""
    return _panels(reading, lambda axes, task: _dots(axes, reading.evidence, task, kind), each=0.36)


def memory_table(evidence: Evidence, kind: str) -> Table:
    """The numbers of the figure, MiB."""
    rows = []
    for task in evidence.suite.tasks:
        for method in evidence.methods:
            peaks = [_peak(evidence, method, task, kind, phase) for phase in measured_phases(evidence)]
            rows.append((code(method), code(task), *(DASH if x is None else number(x, "bytes") for x in peaks)))
    return Table(("method", "task", *measured_phases(evidence)), tuple(rows), left=2)


def _panels(reading: ReportData, panel: Callable[[Axes, str], Ends], each: float = 0.22) -> Figure:
    """`each` is the height of a method's row, in inches."""
    height = 1.3 + each * len(_methods(reading.evidence))
    return panels(reading, panel, None, height=height, left=_left(reading.evidence), below=0.85)


def _methods(evidence: Evidence) -> list[str]:
    """Those with a finished job."""
    done = {record.job.algorithm.name for record in evidence.done}
    return [method for method in evidence.methods if method in done]


def _left(evidence: Evidence) -> float:
    """Inches that the longest name needs."""
    return 0.35 + WIDTH * max(map(len, _methods(evidence))) / 72


def _bars(axes: Axes, evidence: Evidence, task: str) -> Ends:
    left = [0.0] * len(_methods(evidence))
    for phase in measured_phases(evidence):
        widths = [_seconds(evidence, method, task, phase) for method in _methods(evidence)]
        places = range(len(widths))
        axes.barh(places, widths, left=left, height=0.7, color=TONES[phase], hatch=_HATCHES[phase], label=phase)
        left = [done + width for done, width in zip(left, widths, strict=True)]
    return _finished(axes, evidence, "seconds, mean over finished seeds")


def _dots(axes: Axes, evidence: Evidence, task: str, kind: str) -> Ends:
    """Each phase has its own height in a method's row, so that equal peaks do not hide one another."""
    methods = _methods(evidence)
    used = [phase for phase in PHASES if any(_peak(evidence, one, task, kind, phase) for one in methods)]
    for order, phase in enumerate(used):
        lift = 0.7 * ((order + 0.5) / len(used) - 0.5)
        peaks = [_peak(evidence, method, task, kind, phase) for method in _methods(evidence)]
        known = [(peak / 2**20, place + lift) for place, peak in enumerate(peaks) if peak is not None]
        xs, places = zip(*known, strict=True)
        axes.scatter(xs, places, s=14, color=TONES[phase], marker=_MARKERS[phase], label=phase, linewidths=0)
    axes.set_xlim(left=0)
    for place in range(1, len(_methods(evidence))):
        axes.axhline(place - 0.5, color=RULE, linewidth=0.6)
    return _finished(axes, evidence, "peak MiB, highest of the finished seeds")


def _finished(axes: Axes, evidence: Evidence, label: str) -> Ends:
    axes.set_yticks(range(len(_methods(evidence))), _methods(evidence))
    axes.set_ylim(len(_methods(evidence)) - 0.4, -0.6)
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(visible=False, axis="y")
    under = axes.transAxes + ScaledTranslation(0.1 - _left(evidence), -0.5, axes.figure.dpi_scale_trans)
    if not measured_phases(evidence):  # only imported rows, whose seconds nobody has split
        return {}
    axes.legend(
        ncols=len(measured_phases(evidence)),
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=under,
        fontsize=8.5,
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
