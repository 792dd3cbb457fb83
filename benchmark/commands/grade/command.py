"""The body of `bakeoff grade`: read, grade, write, count."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark.commands.grade.pairs import grade_pairs, graders_named, read, write
from benchmark.commands.grade.tables import agreement_table, disagreements_table, scores_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["grade_pairs_file"]


def grade_pairs_file(
    file: str, names: str, *, output: Path | None, show: int, without: Sequence[str], console: Console
) -> None:
    """Verdicts as they are made to `output`, or to standard output where one grader is asked; then the tables.

    One grader: its scores go to standard error. Several: scores, agreement and disagreements go to `console`.
    """
    graders = graders_named(names)
    rows = read(file, without=without)
    several = len(graders) > 1
    with contextlib.ExitStack() as stack:
        out = None if several else sys.stdout
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(output.open("w", encoding="utf-8", newline="\n"))
        graded = []
        for one in grade_pairs(rows, graders):
            graded.append(one)
            if out is not None:
                write(one, graders, out)
        if out is not None:
            out.flush()
    if not several:
        Console(stderr=True, highlight=False, width=console.width).print(scores_table(graded, graders))
        return
    console.print(scores_table(graded, graders))
    console.print(agreement_table(graded, graders))
    table, count = disagreements_table(graded, graders, show)
    console.print(f"rows on which they disagree: {count}{f', the first {show}' if count > show else ''}")
    if count and show:
        console.print(table)
