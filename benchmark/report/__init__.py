"""Results → a report that anyone can make again: `REPORTS/<suite>.md` and `REPORTS/<suite>/*.svg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.files import write
from benchmark.report.evidence import gather
from benchmark.report.markdown import markdown
from benchmark.report.sections import sections
from benchmark.report.terminal import terminal_table

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_report", "terminal_table", "write_report"]


def write_report(results: Path, reports: Path, suite: str) -> Path:
    """Write the report of a suite and return the path of its Markdown.

    The same results give the same bytes. Raises BadRecord when a result cannot be read.
    """
    for name, content in _files(results, suite).items():
        write(reports / name, content)
    return reports / f"{suite}.md"


def check_report(results: Path, reports: Path, suite: str) -> list[str]:
    """Names, below `reports`, of the files that are missing or not byte for byte what the results give."""
    return [name for name, content in _files(results, suite).items() if not _is(reports / name, content)]


def _files(results: Path, suite: str) -> dict[str, bytes]:
    evidence = gather(results, suite)
    parts = sections(evidence)
    text = markdown(evidence, parts)
    return {f"{suite}.md": text.encode()} | {f"{suite}/{part.figure}": part.svg for part in parts if part.figure}


def _is(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content
