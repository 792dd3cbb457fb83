"""Results → a report that anyone can make again.

`REPORTS/<suite>.md` for repositories, `.html` with the completions for a browser, the main table as `.csv` and `.tex`,
and `REPORTS/<suite>/*.svg`; the figures as PDF where they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.evidence import gather
from benchmark.report import document
from benchmark.report.figures import drawing
from benchmark.report.html.disagreements import Disagreements
from benchmark.report.html.page import html, without_figures
from benchmark.report.html.payload import packed, unpacked
from benchmark.report.lab import is_lab, lab_files, lab_table
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.report.tables import terminal
from benchmark.report.tables.export import csv, tex
from benchmark.report.versions import drawn_elsewhere
from benchmark.store.atomic import write

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from benchmark.comparison.evidence import Evidence

__all__ = ["check_report", "gather", "terminal_table", "write_figures_as_pdf", "write_report", "write_report_of"]


def write_report(results: Path, reports: Path, suite: str, disagreements: Disagreements | None = None) -> Path:
    """Write the report of a suite and return the path of its Markdown.

    The same results give the same bytes with the same version of matplotlib. Raises BadRecord when a result cannot be
    read.
    """
    return write_report_of(gather(results, suite), reports, disagreements)


def write_report_of(evidence: Evidence, reports: Path, disagreements: Disagreements | None = None) -> Path:
    """The same of what was read already."""
    for name, content in _files(evidence, disagreements).items():
        write(reports / name, content)
    return reports / f"{evidence.suite.name}.md"


def terminal_table(evidence: Evidence) -> Table:
    """The short table at the end of a run."""
    return lab_table(evidence) if is_lab(evidence.suite) else terminal.terminal_table(evidence)


def write_figures_as_pdf(evidence: Evidence, reports: Path) -> list[Path]:
    """Write every figure of the report as PDF beside its SVG; returns the paths."""
    paths = []
    for figure in document.figures(sections(ReportData(evidence))):
        path = (reports / evidence.suite.name / figure.file).with_suffix(".pdf")
        write(path, drawing.rendered(figure.draw, "pdf"))
        paths.append(path)
    return paths


def check_report(results: Path, reports: Path, suite: str, disagreements: Disagreements | None = None) -> list[str]:
    """Names, below `reports`, of the files that are missing or not byte for byte what the results give.

    Of a page's completions the bytes before compression are compared: zlib's differ between its versions. Figures are
    left out under another matplotlib than theirs (`versions.drawn_elsewhere`), whose SVG differs in every release.
    """
    files = _files(gather(results, suite), disagreements)
    skip = bool(drawn_elsewhere(reports, [suite]))
    return [name for name, content in files.items() if not _is(reports / name, content, skip=skip)]


def _files(evidence: Evidence, disagreements: Disagreements | None) -> dict[str, bytes]:
    if is_lab(evidence.suite):
        return lab_files(evidence)
    suite, reading = evidence.suite.name, ReportData(evidence)
    parts = sections(reading)
    short, whole = (document.markdown(suite, evidence.digest, parts, whole=whole) for whole in (False, True))
    drawn = {figure.file: drawing.rendered(figure.draw) for figure in document.figures(parts)}
    return {
        f"{suite}.md": short.encode(),
        f"{suite}.html": html(evidence, whole, drawn, packed(evidence, disagreements)).encode(),
        f"{suite}.csv": csv(reading).encode(),
        f"{suite}.tex": tex(reading).encode(),
        **{f"{suite}/{name}": content for name, content in drawn.items()},
    }


def _is(path: Path, content: bytes, *, skip: bool) -> bool:
    """Whether a file is there and the same; with `skip` its figures are not looked at."""
    if not path.exists() or (skip and path.suffix == ".svg"):
        return path.exists()
    ours, theirs = unpacked(content), unpacked(path.read_bytes())
    if skip and path.suffix == ".html":
        ours, theirs = without_figures(ours), without_figures(theirs)
    return ours == theirs
