"""A file of answers from reading to tables: what `bakeoff grade` does."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark.commands.grade.pairs import grade_pairs, graders_named, read, unreadable_golds, write
from benchmark.commands.grade.tables import agreement_table, disagreements_table, scores_table
from benchmark.commands.options import say
from benchmark.comparison.table import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmark.commands.exchange.readers.registry import Asked
    from benchmark.commands.grade.pairs import AnswerPair, GradedPair
    from benchmark.grading.rivals import Grader

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
    graded = _graded(rows, graders, output, to_stdout=not several)
    if several:
        _compare(graded, graders, show, console)
    else:
        errors.print(scores_table(graded, graders))
    blind = unreadable_golds(rows)
    if blind:
        say(_about_golds(blind, len(rows)), to=errors)
    return len(blind) < len(rows)


def _graded(
    rows: Sequence[AnswerPair], graders: Sequence[Grader], output: Path | None, *, to_stdout: bool
) -> list[GradedPair]:
    """Every verdict, written as soon as it is made."""
    graded = []
    with contextlib.ExitStack() as stack:
        out = sys.stdout if to_stdout else None
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(output.open("w", encoding="utf-8", newline="\n"))
        for one in grade_pairs(rows, graders):
            graded.append(one)
            if out is not None:
                write(one, graders, out)
        if out is not None:
            out.flush()
    return graded


def _compare(graded: Sequence[GradedPair], graders: Sequence[Grader], show: int, console: Console) -> None:
    """Scores, agreement and the first `show` disagreements of several graders."""
    console.print(scores_table(graded, graders))
    console.print(agreement_table(graded, graders))
    table, count = disagreements_table(graded, graders, show)
    console.print(f"rows on which they disagree: {count}{f', the first {show}' if count > show else ''}")
    if count and show:
        console.print(table)


def _about_golds(blind: Sequence[AnswerPair], of: int) -> str:
    every = len(blind) == of
    return (
        f"{'None' if every else f'{len(blind):,}'} of the {of:,} golds {'can' if every else 'cannot'} be read as an "
        f"answer, the first in row {visible(blind[0].id)}: {visible(blind[0].gold or '(nothing)', 60)}. If they are "
        'worked solutions, write "gold_form": "solution" into the rows; if another column holds the reference, name it '
        "as 'gold'."
    )
