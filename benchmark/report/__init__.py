"""Results → a report that anyone can make again.

`REPORTS/<suite>.md` for repositories, `.html` with the completions for a browser, the main table as `.csv` and `.tex`,
and `REPORTS/<suite>/*.svg`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.evidence import gather
from benchmark.report.html.disagreements import Disagreements
from benchmark.report.html.page import html
from benchmark.report.html.payload import packed, unpacked
from benchmark.report.lab import is_lab, lab_files, lab_table
from benchmark.report.markdown import markdown
from benchmark.report.sections import sections
from benchmark.report.tables import terminal
from benchmark.report.tables.export import csv, tex
from benchmark.store.atomic import write

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from benchmark.comparison.evidence import Evidence

__all__ = ["check_report", "gather", "terminal_table", "write_report", "write_report_of"]


def write_report(results: Path, reports: Path, suite: str, disagreements: Disagreements | None = None) -> Path:
    """Write the report of a suite and return the path of its Markdown.

    The same results give the same bytes. Raises BadRecord when a result cannot be read.
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


def check_report(results: Path, reports: Path, suite: str, disagreements: Disagreements | None = None) -> list[str]:
    """Names, below `reports`, of the files that are missing or not byte for byte what the results give.

    Of a page's completions the bytes before compression are compared: zlib's differ between its versions.
    """
    files = _files(gather(results, suite), disagreements)
    return [name for name, content in files.items() if not _is(reports / name, content)]


def _files(evidence: Evidence, disagreements: Disagreements | None) -> dict[str, bytes]:
    if is_lab(evidence.suite):
        return lab_files(evidence)
    suite = evidence.suite.name
    parts = sections(evidence)
    text = markdown(evidence, parts)
    drawn = {part.figure: part.svg for part in parts if part.figure}
    return {
        f"{suite}.md": text.encode(),
        f"{suite}.html": html(evidence, text, drawn, packed(evidence, disagreements)).encode(),
        f"{suite}.csv": csv(evidence).encode(),
        f"{suite}.tex": tex(evidence).encode(),
        **{f"{suite}/{name}": content for name, content in drawn.items()},
    }


def _is(path: Path, content: bytes) -> bool:
    return path.exists() and unpacked(path.read_bytes()) == unpacked(content)
