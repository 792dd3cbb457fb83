"""`bakeoff check`: methods in a world whose completions can all be listed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from benchmark.commands.options import console, say
from benchmark.errors import ConfigurationError
from benchmark.importing import add_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.commands.exact_world.verdict import CheckResult

__all__ = ["check"]


def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of methods, package.module:Class, or file.py:Class.")
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Check every method of the catalogue.")] = False,
    network: Annotated[
        bool,
        typer.Option("--network", help="Use a two-layer transformer instead of a table of logits: slower, less exact."),
    ] = False,
    markdown: Annotated[Path | None, typer.Option(help="Also write the table to this file.")] = None,
) -> None:
    """Test methods against the rules for all, and against the exact answer in a world that can be listed."""
    add_folder(Path.cwd())
    if bool(names) == all_:
        raise ConfigurationError(
            "name one algorithm or more, or say --all: 'bakeoff check grpo', 'bakeoff check --all'."
        )
    import torch

    from benchmark.commands.exact_world.check import NETWORK, TABLE, check_all
    from benchmark.commands.exact_world.verdict import page

    torch.set_num_threads(1)  # the tensors are tiny
    settings = NETWORK if network else TABLE
    findings = []
    for finding in check_all(names, settings):
        findings.append(finding)
        mark, style = ("pass", "green") if finding.passed else ("fail", "red")
        say(f"{finding.method:24s} {mark:9s} {finding.seconds:5.1f} s", style)
        for reason in finding.reasons:
            say(f"    {reason}", "yellow")
    console.print(_table(findings))
    if markdown is not None:
        command = " ".join(["bakeoff check", *(names or ["--all"]), *(["--network"] if network else [])])
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text(page(findings, command, settings.describe()), encoding="utf-8")
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)


def _table(findings: Sequence[CheckResult]) -> Table:
    from benchmark.commands.exact_world.verdict import COLUMNS, cells

    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(escape(column))
    for finding in findings:
        table.add_row(*map(escape, cells(finding)))
    return table
