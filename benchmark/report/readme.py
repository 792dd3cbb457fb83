"""The README's table: one suite's key numbers in one table, a line of caption and the finding.

`bakeoff report SUITE --readme README.md` puts it between the marks `<!-- table -->` and `<!-- /table -->`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.comparison.table import Table, code, number, words
from benchmark.contract import FLOOR
from benchmark.errors import ConfigurationError
from benchmark.report.finding import finding
from benchmark.report.metrics import ACCURACY, D2, SECONDS, ShownMetric
from benchmark.report.reading import ReportData
from benchmark.report.tables.main import MEMORY_WORDS, memory_kinds, named

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = ["BEGIN", "END", "block", "put_into"]

BEGIN, END = "<!-- table -->", "<!-- /table -->"


def block(evidence: Evidence, date: str = "") -> str:
    """Methods as rows; for each task accuracy, D2, training seconds and peak memory. `date` is ISO."""
    reading = ReportData(evidence)
    said = " ".join(filter(None, [f"**Finding:** {finding(reading)}", _gains(reading)]))
    return "\n\n".join([str(_table(reading)), _caption(reading, date), said])


def put_into(readme: Path, evidence: Evidence, date: str | None = None) -> None:
    """Replace what lies between the marks. Without a date, it is that of the records' newest commit known to git.

    Raises `ConfigurationError` when the file has no marks.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ConfigurationError(
            f"{readme} has no place for the table: write '{BEGIN}' and '{END}' on lines of their own."
        )
    made = commit_date(evidence, readme.resolve().parent) if date is None else date
    readme.write_text(f"{before}{BEGIN}\n{block(evidence, made)}\n{END}{after}", encoding="utf-8")


def commit_date(evidence: Evidence, repository: Path) -> str:
    """The day of the newest commit that made a record, as git tells it; empty where git does not know it."""
    commits = sorted({one.provenance.commit for one in evidence.done if one.provenance and one.provenance.commit})
    command = ["git", "-C", str(repository), "show", "-s", "--format=%cs", *commits]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed words, hex digits
    except (OSError, subprocess.CalledProcessError):
        return ""
    return max(found.stdout.split(), default="") if commits else ""


def _table(reading: ReportData) -> Table:
    evidence = reading.evidence
    kind = next(iter(memory_kinds(evidence)), "rss")
    memory = ShownMetric("MiB", f"training_peak_{kind}_bytes", "bytes")
    columns = [(task, metric) for task in evidence.suite.tasks for metric in (ACCURACY, D2, SECONDS, memory)]
    titles = {ACCURACY: "accuracy", D2: "effective strategies", SECONDS: "seconds", memory: "MiB"}
    header = (
        "method",
        *(f"{code(task)}: {titles[metric]}" if metric == ACCURACY else titles[metric] for task, metric in columns),
    )
    rows = tuple(
        (named(evidence, method), *(_cell(reading, method, task, metric) for task, metric in columns))
        for method in evidence.methods
    )
    return Table(header, rows)


def _cell(reading: ReportData, method: str, task: str, metric: ShownMetric) -> str:
    """Accuracy and D2 as in the report; of the costs the mean alone, so that a row fits a page."""
    mean = reading.estimate(method, task, metric).mean
    if metric in {ACCURACY, D2} or mean is None:
        return reading.cell(method, task, metric)
    return f"{mean:,.1f}" if metric == SECONDS and mean else number(mean, metric.kind)


def _gains(reading: ReportData) -> str:
    """The span of the gains in accuracy over the floor, where every trained method has one by its verdict."""
    standings = reading.standings.values()
    if not all(one.floor and set(one.floor.values()) == {"better"} for one in standings):
        return ""
    gaps = [
        reading.compare(one.task, ACCURACY, method, FLOOR).difference.mean or 0.0
        for one in standings
        for method in one.floor
    ]
    return f"Training gains {100 * min(gaps):.0f} to {100 * max(gaps):.0f} points of accuracy."


def _caption(reading: ReportData, date: str) -> str:
    evidence = reading.evidence
    exam, seeds = evidence.suite.exam, len(evidence.suite.seeds)
    sizes = words({f"{one.metrics['problems']:.0f}" for one in evidence.done if one.metrics.get("problems")}, "or")
    memory = words(MEMORY_WORDS[kind] for kind in memory_kinds(evidence)[:1])
    report = f"reports/{evidence.suite.name}.md"
    made = ", ".join([*evidence.devices, *([date] if date else [])])
    return (
        f"Mean over {seeds} seed{'' if seeds == 1 else 's'} [95 % interval]; n = {sizes} test problems per task, "
        f"{exam.samples} samples each; training seconds and peak memory ({memory}); {made} "
        f"([every figure]({report}))."
    )
