"""Where seconds and bytes went."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmark.contract import TRAINING_PHASES
from benchmark.report.document import Block, Figure, Paragraph, Section, TableBlock
from benchmark.report.figures.cost import memory, memory_table, phases
from benchmark.report.tables.conditions import counts_table, measured_phases, phases_table
from benchmark.report.tables.main import MEMORY_WORDS, memory_kinds

if TYPE_CHECKING:
    from benchmark.report.reading import ReportData

__all__ = ["cost"]


def cost(reading: ReportData) -> list[Section]:
    """Seconds by phase on both pages; memory by phase and what was spent on the HTML page."""
    if not reading.evidence.done:
        return []
    measured = measured_phases(reading.evidence)
    training = " + ".join(phase for phase in TRAINING_PHASES if phase in measured)
    seconds = f"Training time is {training}; the exam is not part of it. Mean over finished seeds."
    blocks: list[Block] = [
        Paragraph(seconds + (" Not shown for records of unlike machines or libraries." if reading.mixed else ""))
    ]
    alt = f"Stacked bars of seconds by phase ({', '.join(measured)}), one panel per task"
    blocks += [] if reading.mixed else [Figure("phases.svg", alt, partial(phases, reading))]
    blocks.append(TableBlock(phases_table(reading.evidence), html_only=True))
    parts = [Section("Cost", tuple(blocks))]
    for kind in memory_kinds(reading.evidence):
        words = MEMORY_WORDS[kind]
        drawn = Figure(
            f"memory_{kind}.svg", f"Peak memory by phase ({words}), one panel per task", partial(memory, reading, kind)
        )
        said = Paragraph(f"Peak of each phase in MiB, {words}: the highest of the finished seeds.")
        shown = (said, drawn, TableBlock(memory_table(reading.evidence, kind)))
        parts.append(Section(f"Memory by phase, {words}", shown, depth=3, html_only=True))
    return [*parts, Section("What was spent", (TableBlock(counts_table(reading)),), depth=3, html_only=True)]
