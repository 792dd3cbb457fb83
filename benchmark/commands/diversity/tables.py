"""The measurements as tables of formatted cells and lines of notes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from benchmark.commands.diversity.columns import ProblemColumns, budgets
from benchmark.commands.diversity.rows import ROWS, MetricRow, rows_over
from benchmark.comparison.crossing import Crossing, crossing
from benchmark.comparison.table import DASH, Table
from benchmark.contract import NO_ESTIMATE, Estimate
from benchmark.exam.text_diversity import SELF_BLEU

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.commands.diversity.measure import Measured

__all__ = ["Resampling", "grids", "notes"]

_D2 = MetricRow("", "", "collision_expr")


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made."""

    resamples: int = 2_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    """Some of the problems."""

    name: str
    places: Sequence[int]
    everything: bool = False


def grids(measured: Measured, resampling: Resampling, base: str | None = None) -> list[Table]:
    """Budgets of each method; all rows over all, solved and all-correct problems; D2 of each pair of methods.

    With several methods also where the pass@k of each falls behind that of `base`, by default the first.

    One method has a column for each group of problems, several have a table for each group. A problem is solved where
    every method has a correct sample, and a row takes the problems that define it for every method.
    """
    found = [_budget_grid(measured, method, resampling) for method in measured.columns]
    groups = _groups(measured)
    if len(measured.columns) == 1:
        (method,) = measured.columns
        cells = [(group.name, method, group) for group in groups]
        return [*found, _row_grid(measured, _titled(method, "over problems"), cells, resampling)]
    for group in groups:
        cells = [(method, method, group) for method in measured.columns]
        found.append(_row_grid(measured, f"{group.name} problems", cells, resampling))
    return [*found, _pair_grid(measured, resampling), _crossing_grid(measured, resampling, base)]


def notes(measured: Measured, resampling: Resampling) -> list[str]:
    """How to read the numbers, and what was uneven."""
    bleu = (
        f"Self-BLEU is sacrebleu {measured.bleu}'s: {SELF_BLEU}."
        if measured.bleu
        else "Self-BLEU is left out: it needs sacrebleu (pip install -e '.[diversity]')."
    )
    return [
        f"Equations and answers: the reading '{measured.reading}' (see --help). {bleu}",
        f"[ ]: 95 % interval over {resampling.resamples:,} resamples of the problems, seed {resampling.seed}.",
        *(_titled(method, _by_correct(columns)) for method, columns in measured.columns.items()),
        "Rows of all samples, wrong ones included, rise as accuracy falls: they say nothing of a method's diversity.",
        *measured.remarks,
    ]


def _titled(method: str, text: str) -> str:
    return f"{method}: {text}" if method else text[0].upper() + text[1:]


def _by_correct(columns: Sequence[ProblemColumns]) -> str:
    """`problems with 0, 1, 2 correct samples: 3, 5, 2.`"""
    counts = Counter(int(one["correct"] or 0) for one in columns)
    shown = sorted(counts)
    return f"problems with {', '.join(map(str, shown))} correct samples: {', '.join(str(counts[c]) for c in shown)}."


def _groups(measured: Measured) -> list[_Group]:
    places = range(len(measured.problems))
    held = measured.columns.values()
    solved = [place for place in places if all(own[place]["correct"] for own in held)]
    full = [place for place in places if all(own[place]["correct"] == own[place]["samples"] for own in held)]
    return [
        _Group(f"all {len(places):,}", places, everything=True),
        _Group(f"solved {len(solved):,}", solved),
        _Group(f"all-correct {len(full):,}", full),
    ]


def _numbers(columns: Sequence[ProblemColumns], rows: Sequence[MetricRow], resampling: Resampling) -> list[Estimate]:
    return rows_over(columns, rows, resamples=resampling.resamples, seed=resampling.seed)


def _budget_grid(measured: Measured, method: str, resampling: Resampling) -> Table:
    ks, kinds = budgets(measured.n), ("pass", "expr", "steps")
    numbers = _numbers(
        measured.columns[method], [MetricRow("", f"{kind}@{k}") for k in ks for kind in kinds], resampling
    )
    rows = [(str(k), *map(_cell, numbers[3 * place : 3 * place + 3])) for place, k in enumerate(ks)]
    header = ("k", "pass@k", "strategies@k, expr", "strategies@k, steps")
    title = _titled(method, f"among k samples, all {len(measured.problems):,} problems")
    return Table(header, tuple(rows), title=title)


def _row_grid(
    measured: Measured, title: str, cells: Sequence[tuple[str, str, _Group]], resampling: Resampling
) -> Table:
    """`cells`: header, method and problems of each column. A row that is a dash everywhere is left out."""
    found: list[list[Estimate]] = []
    for _, method, group in cells:
        numbers = _numbers([_shared(measured, method, place) for place in group.places], ROWS, resampling)
        blank = NO_ESTIMATE
        found.append(
            [
                blank if group.everything and row.correct_only else number
                for row, number in zip(ROWS, numbers, strict=True)
            ]
        )
    rows = [
        (row.label.format(n=measured.n), *map(_cell, numbers))
        for row, *numbers in zip(ROWS, *found, strict=True)
        if any(number.mean is not None for number in numbers)
    ]
    return Table(("", *(header for header, _, _ in cells)), tuple(rows), title=title)


def _shared(measured: Measured, method: str, place: int) -> ProblemColumns:
    """What every method defines on a problem, so that a row's columns are over the same problems."""
    others = [own[place] for own in measured.columns.values()]
    own = measured.columns[method][place]
    return {name: value for name, value in own.items() if all(other.get(name) is not None for other in others)}


def _pair_grid(measured: Measured, resampling: Resampling) -> Table:
    """D2 of two methods over the problems in which both have two correct samples with a strategy."""
    rows = []
    for one, other in combinations(measured.columns, 2):
        sides = measured.columns[one], measured.columns[other]
        kept = [
            place
            for place in range(len(measured.problems))
            if all(own[place]["collision_expr"] is not None for own in sides)
        ]
        numbers = [_numbers([own[place] for place in kept], [_D2], resampling)[0] for own in sides]
        rows.append((f"{one} / {other}", f"{len(kept):,}", *map(_cell, numbers)))
    title = "D2, expr, over the problems in which both methods have two correct samples"
    return Table(("methods", "problems", "first", "second"), tuple(rows), title=title)


def _crossing_grid(measured: Measured, resampling: Resampling, base: str | None) -> Table:
    """pass@k against the base: at k = 1, at the largest, and where the base catches up (arXiv 2504.13837)."""
    first = base or next(iter(measured.columns))
    ks = budgets(measured.n)
    rows = []
    for method in measured.columns:
        if method == first:
            continue
        found = crossing(
            _solved(measured, method),
            _solved(measured, first),
            ks,
            resamples=resampling.resamples,
            seed=resampling.seed,
        )
        lead = f"{found.ours[0] - found.base[0]:+.6f}", f"{found.ours[-1] - found.base[-1]:+.6f}"
        rows.append(
            (method, *lead, _point(found, found.at), f"[{_point(found, found.low)}, {_point(found, found.high)}]")
        )
    title = f"pass@k against {first}, all {len(measured.problems):,} problems"
    return Table(
        ("", "lead at k = 1", f"lead at k = {ks[-1]}", f"k at which {first} catches up", "95 %"),
        tuple(rows),
        title=title,
    )


def _solved(measured: Measured, method: str) -> dict[str, list[tuple[int, int]]]:
    return {
        problem: [(int(columns["samples"] or 0), int(columns["correct"] or 0))]
        for problem, columns in zip(measured.problems, measured.columns[method], strict=True)
    }


def _point(found: Crossing, at: float | None) -> str:
    return f"above {found.ks[-1]}" if at is None else f"{at:.1f}"


def _cell(number: Estimate) -> str:
    if number.mean is None:
        return DASH
    if number.low is None or number.high is None:
        return f"{number.mean:.6f}"
    return f"{number.mean:.6f} [{number.low:.3f}, {number.high:.3f}]"
