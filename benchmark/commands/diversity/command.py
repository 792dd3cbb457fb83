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

from benchmark.commands.exchange.command import ColumnsOption, FormatChoice, FormatOption, GreedyOption

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


SampleFiles = Annotated[
    list[Path],
    typer.Argument(
        help="JSON lines, CSV or Parquet, plain or .gz, or a file of another program; '-': standard input. Of several "
        "files, each is a method."
    ),
]
BaseOption = Annotated[
    str | None, typer.Option(help="The method whose pass@k the others are held against; default the first.")
]


def diversity(
    files: SampleFiles,
    *,
    reading: HowToRead = ReadingOption.PUBLISHED,
    csv: Annotated[Path | None, typer.Option(help="Write every column of every problem here.")] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Of the problems, for the intervals.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    judge: UseJudge = False,
    judge_cache: JudgeCache = Path("~/.cache/rl-bakeoff/judge"),
    kind: FormatChoice = FormatOption.AUTO,
    columns: ColumnsOption = None,
    greedy: GreedyOption = None,
    base: BaseOption = None,
) -> None:
    """Measure how different the correct solutions in a file are; one JSON object per line.

    The fields are problem, completion and correct:

    problem: id or text (or problem_id, question, prompt, group). completion: text (or response, solution, output, text,
    prediction). correct: true or false (or is_correct, expected). Optional: answer, the final answer this completion
    gives (or extracted_answer, final_answer; else it is extracted); method, one column each (or model, algorithm);
    greedy, true for a greedy completion. Files of the programs that 'import' reads are graded here against their gold.
    """
    from benchmark.commands.diversity.llm_judge import Judge, endpoint_from
    from benchmark.commands.diversity.measure import csv_of, measure_file
    from benchmark.commands.diversity.tables import Resampling
    from benchmark.commands.exchange.readers.registry import Asked, columns_from
    from benchmark.errors import UnknownName
    from benchmark.store.atomic import write

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    asked = Judge(endpoint_from(os.environ), judge_cache.expanduser()) if judge else None
    rows = Asked(kind.value, columns_from(columns), greedy)
    with console.status("reading") as status:
        measured = measure_file(
            files, reading.value, asked, lambda done, of: status.update(f"{done:,} of {of:,} problems"), rows
        )
    if base is not None and base not in measured.columns:
        raise UnknownName("method in the files", base, measured.columns)
    if csv is not None:
        write(csv, csv_of(measured).encode(errors="backslashreplace"))
    _show(console, measured, Resampling(resamples, seed), base)


def _show(console: Console, measured: Measured, resampling: Resampling, base: str | None) -> None:
    """Every table, then the notes on how to read them."""
    from benchmark.commands.diversity.tables import grids, notes

    for grid in grids(measured, resampling, base):
        console.print(escape(grid.title), style="bold", soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        for place, column in enumerate(grid.header):
            table.add_column(escape(column), justify="right" if place else "left")
        for row in grid.rows:
            table.add_row(*map(escape, row))
        console.print(table, "")
    for line in notes(measured, resampling):
        console.print(line, markup=False, soft_wrap=True)
