"""What a reader came for: the finding, the numbers, the verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import code, words
from benchmark.contract import FLOOR, cell_of
from benchmark.report.document import Block, BulletList, Paragraph, Section, TableBlock
from benchmark.report.finding import finding
from benchmark.report.parts.left_out import differences_note, stale_note, unreadable_list
from benchmark.report.tables.conditions import caption, lead
from benchmark.report.tables.main import FORMATS, imported_note, near_zero, result_table
from benchmark.report.tables.runs import across_table
from benchmark.report.tables.timing import notes
from benchmark.report.tables.verdicts import JUDGED, MOST_WIDE, matrix, outlook, verdict_table

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.report.reading import ReportData

__all__ = ["across", "matrices", "opening", "results", "verdicts"]


def opening(reading: ReportData) -> list[Section]:
    """The finding, what was compared, and what the numbers are not."""
    evidence = reading.evidence
    said = [
        f"**{finding(reading)}**",
        lead(evidence),
        _generated(evidence),
        _missing(evidence),
        _strays(evidence.strays),
        stale_note(evidence),
    ]
    blocks: list[Block] = [Paragraph(each) for each in said if each]
    blocks += unreadable_list(evidence)
    return [Section(f"Comparison `{evidence.suite.name}`", tuple(blocks), depth=1)]


def results(reading: ReportData) -> list[Section]:
    """One table per task."""
    evidence = reading.evidence
    unlike = differences_note(evidence)
    parts = [Section("Results", (Paragraph(unlike),) if unlike else ())]
    for task in evidence.suite.tasks:
        title = code(task) + (f" ({FORMATS[task]})" if task in FORMATS else "")
        parts.append(Section(title, (TableBlock(result_table(reading, task)),), depth=3))
    said = [caption(reading), *notes(reading), imported_note(evidence)]
    low = near_zero(reading)
    said += [f"Accuracies near zero: {'; '.join(low)}."] if low else []
    last = parts.pop()
    return [*parts, Section(last.title, (*last.blocks, *(Paragraph(each) for each in said if each)), depth=3)]


def verdicts(reading: ReportData) -> list[Section]:
    """Who is better than the floor, who is separated from the best, and what more seeds would settle."""
    evidence = reading.evidence
    if not evidence.trained:
        return []
    blocks: list[Block] = []
    for task in evidence.suite.tasks:
        table = verdict_table(reading, task)
        if table is not None and table.rows:
            blocks += [Paragraph(f"On {code(task)}:"), TableBlock(table)]
    seeds = len(evidence.suite.seeds)
    found = [(task, reading.standings[task].outlook) for task in evidence.suite.tasks]
    said = [outlook(task, one, seeds) for task, one in found if one is not None]
    if not any(one.tested for one in reading.standings.values()):
        blocks.append(
            Paragraph("No pair of methods shares two seeds, so no difference is tested: every verdict is undecided.")
        )
    blocks += [BulletList(tuple(said))] if said else []
    return [Section("Verdicts", (*blocks, Paragraph(_HOW)))]


_HOW = (
    "Differences in points of accuracy and in effective strategies, paired by seed and problem, with the 95 % interval "
    "of the pair alone. *Better* and *worse*: p ≤ 0.05 after Holm’s correction over all pairs of the task and metric, "
    f"one half of the level for the pairs with {code(FLOOR)} and one for the others. *Undecided* does not mean equal. "
    "After the correction, a pair can stay undecided even if its own interval excludes 0. Method and coverage: "
    "`docs/statistics.md`."
)


def matrices(reading: ReportData) -> list[Section]:
    """Every pair of methods, for the HTML page."""
    signs = len(reading.evidence.methods) > MOST_WIDE
    key = "+ better, − worse, · undecided" if signs else "difference with its verdict"
    blocks: list[Block] = [Paragraph(f"The row’s method against the column’s: {key}.")]
    for task in reading.evidence.suite.tasks:
        for name, metric in JUDGED.items():
            table = matrix(reading, metric, task)
            if table is not None:
                blocks += [] if signs else [Paragraph(f"{name[0].upper()}{name[1:]}, {code(task)}:")]
                blocks.append(TableBlock(table, summary=f"{name}, {task}" if signs else ""))
    return [Section("All pairs", tuple(blocks), html_only=True)] if len(blocks) > 1 else []


def across(reading: ReportData) -> list[Section]:
    """All tasks in one number, for the HTML page; nothing where nothing was solved."""
    table = across_table(reading.evidence)
    solved = any(one.best for one in reading.standings.values())
    return (
        [Section("All tasks together", (TableBlock(table), Paragraph(_ACROSS)), html_only=True)]
        if table and solved
        else []
    )


_ACROSS = (
    "A run is one seed on one task. The interquartile mean drops the lowest and the highest quarter of the runs "
    "(Agarwal et al. 2021). Intervals are percentiles of the hierarchical bootstrap over problems and seeds; with "
    "three seeds they are too narrow where seeds differ more than problems."
)


def _generated(evidence: Evidence) -> str:
    ours = [task for task in evidence.suite.tasks if task in FORMATS]
    if not ours:
        return ""
    formats = words(FORMATS[task].split()[0] for task in ours)
    verb = "is" if len(ours) == 1 else "are"
    return (
        f"The problems of {words(map(code, ours))} {verb} generated by this repository in the format of {formats}. "
        f"They are much easier; the numbers are not scores on {formats}."
    )


def _missing(evidence: Evidence) -> str:
    lost = len({cell_of(one.job) for one in evidence.unreadable})
    done, absent = len(evidence.done), max(0, evidence.planned - len(evidence.records) - lost)
    if done == evidence.planned:
        return ""
    parts = [f"{len(evidence.records) - done} ended without a result"] if len(evidence.records) > done else []
    parts += [f"{lost} cannot be used, see below"] if lost else []
    parts += [f"{absent} have no record yet"] if absent else []
    return f"**{done} of {evidence.planned} jobs are done; {words(parts)}.**"


def _strays(count: int) -> str:
    if not count:
        return ""
    one = count == 1
    return (
        f"{count} more {'record' if one else 'records'} in the same folder {'was' if one else 'were'} made under other "
        f"settings than the suite’s and {'is' if one else 'are'} not used here."
    )
