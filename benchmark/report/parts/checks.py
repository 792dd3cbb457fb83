"""What a reader must hold against the numbers: graders, unlike rows, training that went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import code
from benchmark.report.document import Block, Paragraph, Section, TableBlock
from benchmark.report.tables.graders import regrade
from benchmark.report.tables.health import differences_table, health_table
from benchmark.run.step_series import FEWEST

if TYPE_CHECKING:
    from benchmark.report.reading import ReportData

__all__ = ["fairness", "graders", "health"]


def graders(reading: ReportData) -> list[Section]:
    """Whether the ranking depends on the grader."""
    blocks: list[Block] = [Paragraph(_GRADERS)]
    for task in reading.evidence.suite.tasks:
        one = regrade(reading.evidence, task)
        blocks.append(Paragraph(" ".join(one.sentences)))
        blocks += [TableBlock(table, html_only=True) for table in (one.accuracies, one.graders) if table is not None]
        if one.examples is not None:
            blocks.append(
                TableBlock(one.examples, f"Disagreements on {code(task).replace('`', '')}: examples", html_only=True)
            )
    return [Section("Graders", tuple(blocks))]


_GRADERS = (
    "The same completions judged by the text rules of other graders (`benchmark/grading/rivals`); `bakeoff` is the "
    "verdict in the records. For a comparison with Math-Verify: `bakeoff grade FILE --graders bakeoff,math_verify`."
)


def fairness(reading: ReportData) -> list[Section]:
    """In what the rows differ apart from the method."""
    table = differences_table(reading.evidence)
    blocks = (
        (
            TableBlock(table),
            Paragraph("*Warn*: this may explain a difference between rows. *Note*: it is part of the method."),
        )
        if table.rows
        else (Paragraph("Nothing but the method."),)
    )
    return [Section("What differs between the rows", blocks)]


def health(reading: ReportData) -> list[Section]:
    """Known ways of going wrong, found in the step logs."""
    table = health_table(reading.evidence)
    steps = reading.evidence.suite.training.steps
    if table.rows:
        note = "Found in the step logs by the rules of `benchmark/run/doctor.py`. Several symptoms may have one cause."
        return [Section("Training health", (TableBlock(table), Paragraph(note)))]
    if not reading.evidence.trained:
        said = "Nothing was trained."
    elif steps < FEWEST:
        said = f"Not judged: {steps} batches show no trend."
    else:
        said = "The step logs show no known problem."
    return [Section("Training health", (Paragraph(said),))]
