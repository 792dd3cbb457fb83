"""A file of answers from reading to tables: what `bakeoff grade` does."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark.commands.grade.pairs import grade_pairs, graders_named, read, unreadable_golds, write
from benchmark.commands.grade.tables import agreement_table, disagreements_table, scores_table
from benchmark.comparison.table import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmark.commands.exchange.readers import Asked

__all__ = ["grade_pairs_file"]


def grade_pairs_file(
    file: str,
    names: str,
    *,
    output: Path | None,
    show: int,
    without: Sequence[str],
    console: Console,
    asked: Asked | None = None,
) -> bool:
    """Verdicts as they are made to `output`, or to standard output where one grader is asked; then the tables.

    One grader: its scores go to standard error. Several: scores, agreement and disagreements go to `console`. Returns
    whether any gold can be read.
    """
    graders = graders_named(names)
    rows = read(file, without=without, asked=asked)
    several = len(graders) > 1
    errors = Console(stderr=True, highlight=False, width=console.width)
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
        errors.print(scores_table(graded, graders))
    else:
        console.print(scores_table(graded, graders))
        console.print(agreement_table(graded, graders))
        table, count = disagreements_table(graded, graders, show)
        console.print(f"rows on which they disagree: {count}{f', the first {show}' if count > show else ''}")
        if count and show:
            console.print(table)
    blind = unreadable_golds(rows)
    if blind:
        every = len(blind) == len(rows)
        errors.print(
            f"{'None' if every else f'{len(blind):,}'} of the {len(rows):,} golds {'can' if every else 'cannot'} be "
            f"read as an answer, the first in row {visible(blind[0].id)}: {visible(blind[0].gold or '(nothing)', 60)}. "
            'If they are worked solutions, write "gold_form": "solution" into the rows; if another column holds the '
            "reference, name it as 'gold'.",
            markup=False,
            soft_wrap=True,
        )
    return len(blind) < len(rows)
