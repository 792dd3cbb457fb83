"""The report of a suite of worlds: evidence, statistics and tables of every other, with exact numbers for an exam."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table as TerminalTable

from benchmark.comparison.evidence import Evidence
from benchmark.lab.gallery import Gallery, read_gallery
from benchmark.lab.suite import is_lab
from benchmark.report.html.page import html
from benchmark.report.html.payload import packed
from benchmark.report.lab.figures import GROUPS, gallery_of_grids, gallery_of_parts, learning_curves
from benchmark.report.lab.reading import LabReading
from benchmark.report.lab.text import lab_markdown, result_table
from benchmark.store.records import job_folder

__all__ = ["is_lab", "lab_files", "lab_table"]


def lab_files(evidence: Evidence) -> dict[str, bytes]:
    """Every file of the report by its name below the folder of reports. The same results give the same bytes."""
    reading, suite = LabReading(evidence), evidence.suite.name
    drawn: dict[str, bytes] = {}
    alts: dict[str, str] = {}
    for name, methods in _groups(evidence).items():
        file = f"curves-{name}.svg"
        drawn[file] = learning_curves(reading, methods)
        alts[file] = f"Total variation against trajectories, one panel per world: {', '.join(methods)}"
    pictures = {task: _pictures(evidence, task) for task in evidence.suite.tasks}
    for task, found in pictures.items():
        if found:
            file = f"gallery-{task}.svg"
            grid = next(iter(found.values())).kind == "cells"
            drawn[file] = gallery_of_grids(found) if grid else gallery_of_parts(found)
            alts[file] = f"Learned distributions on {task} beside the target"
    text = lab_markdown(reading, alts)
    return {
        f"{suite}.md": text.encode(),
        f"{suite}.html": html(evidence, text, drawn, packed(evidence, None)).encode(),
        **{f"{suite}/{name}": content for name, content in drawn.items()},
    }


def lab_table(evidence: Evidence) -> TerminalTable:
    """The short table at the end of a run: every world and method, headline metrics."""
    reading = LabReading(evidence)
    table = TerminalTable(title=evidence.suite.name, box=SIMPLE_HEAD, pad_edge=False)
    for place, task in enumerate(reading.evidence.suite.tasks):
        found = result_table(reading, task)
        if not place:
            for index, name in enumerate(found.header):
                table.add_column(name, justify="right" if index else "left", no_wrap=not index)
        table.add_row(f"[bold]{task}[/bold]")
        for row in found.rows:
            table.add_row(row[0].strip("`"), *row[1:])
    return table


def _groups(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    """Methods that are drawn together: those of `GROUPS` that the suite has, and the others with the last."""
    known = {method for methods in GROUPS.values() for method in methods}
    others = tuple(method for method in evidence.trained if method not in known)
    found = {name: tuple(each for each in methods if each in evidence.trained) for name, methods in GROUPS.items()}
    last = next(reversed(found))
    found[last] = (*found[last], *others)
    return {name: methods for name, methods in found.items() if len(methods) > 1 or others}


def _pictures(evidence: Evidence, task: str) -> dict[str, Gallery]:
    found = {}
    for method in evidence.trained:
        for record in evidence.cell(method, task)[:1]:
            gallery = read_gallery(job_folder(evidence.results, record.job))
            if gallery is not None:
                found[method] = gallery
    return found
