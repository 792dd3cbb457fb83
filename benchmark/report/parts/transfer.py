"""How policies trained on one task do on the exams of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import AWAITED, DASH, Table, cell, code, words
from benchmark.comparison.transfer import exam_sizes, transfer_accuracy
from benchmark.contract import FLOOR
from benchmark.report.document import Block, Paragraph, Section, TableBlock
from benchmark.report.tables.main import named
from benchmark.report.tables.verdicts import difference

if TYPE_CHECKING:
    from benchmark.comparison.transfer import TransferAccuracy
    from benchmark.report.reading import ReportData

__all__ = ["transfer"]


def transfer(reading: ReportData) -> list[Section]:
    """A table per trained task: a row for each method, a column for each transfer exam; nothing without such exams."""
    suite = reading.evidence.suite
    accuracy = {exam: transfer_accuracy(reading.evidence, exam) for exam in suite.exam.transfer}
    blocks: list[Block] = []
    for task in suite.tasks:
        exams = [exam for exam in suite.exam.transfer if exam != task]
        if exams:
            blocks += [Paragraph(f"Trained on {code(task)}:"), TableBlock(_table(reading, task, exams, accuracy))]
            blocks.append(Paragraph(_caption(reading, task, exams)))
    return [Section("Transfer", (*blocks, Paragraph(_HOW)))] if blocks else []


_HOW = (
    "Nothing was trained on these problems. Samples, temperature, length limit, intervals and verdicts are as in the "
    "main table; verdicts are corrected for the number of pairs of each exam. The prompts are the suite’s with the "
    "sentence of the other task on how to answer; few-shot examples stay those of the trained task."
)


def _table(reading: ReportData, task: str, exams: list[str], accuracy: dict[str, TransferAccuracy]) -> Table:
    """Accuracy, and where there is a floor the difference to it, on each exam."""
    evidence = reading.evidence
    judged = FLOOR in evidence.methods and len(evidence.methods) > 1
    header, rows = ["method"], []
    for exam in exams:
        header += [f"accuracy on {code(exam)}", *([f"against {code(FLOOR)}"] if judged else [])]
    for method in evidence.methods:
        cells = [named(evidence, method)]
        for exam in exams:
            found = accuracy[exam].of(method, task)
            records = evidence.cell(method, task) if found.mean is None else ()
            cells.append(AWAITED if evidence.awaits(method, task) else cell(found, "percent", records))
            if judged:
                cells.append(_against(accuracy[exam], task, method))
        rows.append(tuple(cells))
    return Table(tuple(header), tuple(rows))


def _against(found: TransferAccuracy, task: str, method: str) -> str:
    """The verdict against the floor; a dash for the floor itself and where either has no number."""
    if method == FLOOR or None in (found.of(method, task).mean, found.of(FLOOR, task).mean):
        return DASH
    return difference(found.verdicts[task][method, FLOOR], "percent")


def _caption(reading: ReportData, task: str, exams: list[str]) -> str:
    sizes = {exam: exam_sizes(reading.evidence, exam, task) for exam in exams}
    said = [f"{code(exam)} {words((f'{size:,}' for size in found), 'or')}" for exam, found in sizes.items()]
    return f"Problems: {words(said)}."
