"""The command `bakeoff grade`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmark.commands.exchange.command import ColumnsOption, FormatOption

__all__ = ["grade"]


def grade(
    file: Annotated[
        str,
        typer.Argument(
            help="JSON lines, plain or .gz ('-': standard input), or the file of another program. Fields: gold (or "
            "answer), the reference, a GSM8K solution with its '#### x' too; prediction (or completion), the text to "
            "grade. Optional: expected, true or false; gold_form, answer or solution; id; kind."
        ),
    ],
    graders: Annotated[str, typer.Option(help="One grader, or several to compare, separated by commas.")] = "bakeoff",
    output: Annotated[Path | None, typer.Option(help="Write the verdicts here, one JSON line each.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Disagreements to list.")] = 20,
    without: Annotated[list[str] | None, typer.Option(help="Leave out the rows of this kind; may be repeated.")] = None,
    kind: Annotated[FormatOption, typer.Option("--format", help="Who wrote the file; auto looks at the fields.")] = (
        FormatOption.AUTO
    ),
    columns: ColumnsOption = None,
) -> None:
    """Grade a file of answers. Verdicts go to standard output; with several graders, how they agree does.

    Exit code 1: no gold of the file can be read as an answer.
    """
    from benchmark.commands.exchange.readers.registry import Asked, columns_from
    from benchmark.commands.grade.file import grade_pairs_file

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    asked = Asked(kind.value, columns_from(columns))
    readable = grade_pairs_file(
        file, graders, output=output, show=show, without=without or [], console=console, asked=asked
    )
    if not readable:
        raise typer.Exit(1)
