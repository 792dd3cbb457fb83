"""Tables of `bakeoff grade`: scores, agreement, disagreements. Foreign text is never interpreted as markup."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from benchmark.commands.grade.scores import agreement, score
from benchmark.comparison.table import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.commands.grade.pairs import GradedPair
    from benchmark.commands.grade.scores import Score
    from benchmark.grading.rivals import Grader

__all__ = ["agreement_table", "disagreements_table", "scores_table"]

_DASH = "–"
_SCORE_COLUMNS = ("rows", "accuracy", "false accepts", "false rejects", "undecided", "errors", "rows/s")


def scores_table(rows: Sequence[GradedPair], graders: Sequence[Grader]) -> Table:
    """One line per grader over all rows, then per kind where rows have one. Accuracy: of the rows with `expected`."""
    table = _table(("grader", "kind"), _SCORE_COLUMNS)
    kinds = sorted({one.row.kind for one in rows} - {""})
    for place, each in enumerate(graders):
        table.add_row(each.name, "all", *_cells(score(rows, place)))
        for kind in kinds:
            table.add_row("", Text(visible(kind)), *_cells(score([one for one in rows if one.row.kind == kind], place)))
    return table


def agreement_table(rows: Sequence[GradedPair], graders: Sequence[Grader]) -> Table:
    """Every pair of graders on the same rows."""
    table = _table(("first", "second"), ("agree", "Cohen's κ", "only first accepts", "only second accepts"))
    for one in agreement(rows, graders):
        kappa = _DASH if one.kappa is None else f"{one.kappa:.3f}"
        counts = (str(one.first_only), str(one.second_only))
        table.add_row(one.first, one.second, f"{100 * one.share:.2f} %", kappa, *counts)
    return table


def disagreements_table(rows: Sequence[GradedPair], graders: Sequence[Grader], show: int) -> tuple[Table, int]:
    """The first `show` rows that some accept and others do not, and how many there are."""
    different = [one for one in rows if len(set(one.accepted)) > 1]
    table = _table(("id", "gold", *(each.name for each in graders)), ())
    for one in islice(different, show):
        cells = [f"{verdict.kind}: {_shown(verdict.answer)}" for verdict in one.verdicts]
        table.add_row(*map(Text, (visible(one.row.id), _shown(one.row.gold), *cells)))
    return table, len(different)


def _shown(answer: str | None) -> str:
    return _DASH if answer is None else visible(answer, 40)


def _cells(found: Score) -> tuple[str, ...]:
    speed = f"{found.rows / found.seconds:,.0f}" if found.seconds else _DASH
    known = (_DASH,) * 3
    if found.labelled:
        known = (f"{found.right / found.labelled:.4f}", str(found.false_accepts), str(found.false_rejects))
    return (str(found.rows), *known, str(found.undecided), str(found.errors), speed)


def _table(left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in left:
        table.add_column(column, overflow="fold")
    for column in right:
        table.add_column(column, justify="right")
    return table
