"""The command `bakeoff diversity`."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from benchmark.commands.diversity.measure import Measured
    from benchmark.commands.diversity.tables import Resampling

__all__ = ["diversity"]


class ReadingOption(StrEnum):
    """How equations are read."""

    PUBLISHED = "published"
    WIDE = "wide"


HowToRead = Annotated[
    ReadingOption,
    typer.Option(
        help="'published' reproduces published GSM8K figures: a text with <<a+b=c>> is read from those alone, "
        "2(3+4) is not a product, 3,000 and 3000 are two answers. 'wide', which suites use, reads more."
    ),
]
UseJudge = Annotated[
    bool,
    typer.Option(
        "--judge",
        help="Also ask a language model: sends problems and solutions to BAKEOFF_JUDGE_URL (an OpenAI-compatible "
        "endpoint), with BAKEOFF_JUDGE_KEY and BAKEOFF_JUDGE_MODEL. One call per problem with at least 10 samples.",
    ),
]
JudgeCache = Annotated[
    Path, typer.Option(help="Folder in which the judge's replies are cached.", envvar="BAKEOFF_JUDGE_CACHE")
]


def diversity(
    file: Annotated[Path, typer.Argument(help="JSON lines (.jsonl, .jsonl.gz), .parquet, or '-' for standard input.")],
    *,
    reading: HowToRead = ReadingOption.PUBLISHED,
    csv: Annotated[Path | None, typer.Option(help="Write all columns of every problem to this file.")] = None,
    resamples: Annotated[
        int, typer.Option(min=100, help="Number of resamples of the problems, for the intervals.")
    ] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    judge: UseJudge = False,
    judge_cache: JudgeCache = Path("~/.cache/rl-bakeoff/judge"),
) -> None:
    """Measure how different the correct solutions in a file are; one JSON object per line.

    The fields are problem, completion and correct:

    problem: id or text (or problem_id, question, prompt, group). completion: text (or response, solution, output, text,
    prediction). correct: true or false (or is_correct, expected). Optional: answer, the final answer this completion
    gives (or extracted_answer, final_answer; else it is extracted); method, one column each (or model, algorithm).
    """
    from benchmark.commands.diversity.llm_judge import Judge, endpoint_from
    from benchmark.commands.diversity.measure import csv_of, measure_file
    from benchmark.commands.diversity.tables import Resampling
    from benchmark.store.atomic import write

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    asked = Judge(endpoint_from(os.environ), judge_cache.expanduser()) if judge else None
    with console.status("reading") as status:
        measured = measure_file(
            file, reading.value, asked, lambda done, of: status.update(f"{done:,} of {of:,} problems")
        )
    if csv is not None:
        write(csv, csv_of(measured).encode(errors="backslashreplace"))
    _show(console, measured, Resampling(resamples, seed))


def _show(console: Console, measured: Measured, resampling: Resampling) -> None:
    """Every table, then the notes on how to read them."""
    from benchmark.commands.diversity.tables import grids, notes

    for grid in grids(measured, resampling):
        console.print(escape(grid.title), style="bold", soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        for place, column in enumerate(grid.header):
            table.add_column(escape(column), justify="right" if place else "left")
        for row in grid.rows:
            table.add_row(*map(escape, row))
        console.print(table, "")
    for line in notes(measured, resampling):
        console.print(line, markup=False, soft_wrap=True)
