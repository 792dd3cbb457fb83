"""What the model read: one prompt of each task in full, as the suite's template renders it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmark.comparison.table import code
from benchmark.report.document import Block, Paragraph, Section, Verbatim

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.report.reading import ReportData

__all__ = ["prompts"]


def prompts(reading: ReportData) -> list[Section]:
    """One rendered prompt per task; nothing where no record holds one."""
    blocks = [block for task in reading.evidence.suite.tasks for block in _of(reading.evidence, task)]
    return [Section("Prompts", (Paragraph(_HOW), *blocks), depth=3)] if blocks else []


_HOW = (
    "The whole text that the model read for the first validation problem of each task, special tokens included. "
    "Characters that do not print are written as escapes."
)


def _of(evidence: Evidence, task: str) -> list[Block]:
    """The prompt of most records of a task, and a sentence where records differ."""
    found = Counter(
        record.provenance.rendered_prompt
        for record in evidence.records
        if record.job.task == task and record.provenance is not None and record.provenance.rendered_prompt is not None
    )
    if not found:
        return []
    text, times = found.most_common(1)[0]
    block = Verbatim(text, f"Prompt of {_tagged(task)}")
    if len(found) == 1:
        return [block]
    said = (
        f"The records of {code(task)} hold {len(found)} different prompts; shown is that of {times} of {found.total()}."
    )
    return [Paragraph(said), block]


def _tagged(task: str) -> str:
    """A name in the summary of a fold, which is no Markdown."""
    return f"<code>{task}</code>"
