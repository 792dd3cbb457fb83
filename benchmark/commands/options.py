"""What several commands have in common: their options, and how lines are printed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmark.contract import Finding
from benchmark.errors import ConfigurationError

__all__ = ["DataOption", "Reports", "Results", "SuiteName", "console", "open_console", "print_findings", "say"]

STYLES = {"refuse": "red", "warn": "yellow", "note": "dim"}


def open_console(*, stderr: bool = False) -> Console:
    """A terminal's own width, else 140 columns: a table in a log is not folded."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(highlight=False, stderr=stderr, width=None if stream.isatty() else 140)


console = open_console()


def suite_names(incomplete: str) -> list[str]:
    """For shell completion."""
    from benchmark.suite.source import SUITES  # noqa: PLC0415 - completion must not wait for pandas

    return sorted(file.stem for file in SUITES.glob(f"{incomplete}*.toml"))


SuiteName = Annotated[
    str,
    typer.Argument(
        help="Name of a suite that comes with the package, or the path of your own .toml.", autocompletion=suite_names
    ),
]
DataOption = Annotated[
    Path | None, typer.Option(envvar="BAKEOFF_DATA", help="Folder with data sets, instead of the Hub.")
]
Results = Annotated[Path, typer.Option(help="Folder in which records are kept.")]
Reports = Annotated[Path, typer.Option(help="Folder in which reports are written.")]


def say(text: str, style: str | None = None, *, to: Console = console) -> None:
    """Print text as text: a bracket in a path or a failure's message is no markup."""
    to.print(text, style=style, markup=False, emoji=False, soft_wrap=True)


def print_findings(findings: Sequence[Finding], *, to: Console = console) -> None:
    """One line for each finding; raises `ConfigurationError` where one of them refuses."""
    for one in findings:
        say(f"{one.severity:<6} {one.message} {one.advice}", STYLES[one.severity], to=to)
    if any(one.severity == "refuse" for one in findings):
        raise ConfigurationError("the rows cannot be compared: fix the lines marked 'refuse' above.")
