"""`bakeoff lab SUITE`: GFlowNets on worlds whose exact answers are known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["lab"]


def lab(
    suite: Annotated[str, typer.Argument(help="Name of a suite of worlds, or the path of your own .toml.")] = "lab",
    results: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results"),
    reports: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("reports"),
    data: Annotated[
        Path | None, typer.Option(envvar="BAKEOFF_DATA", help="Folder with tfbind8.txt, for the world tfbind8.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Jobs at once; default one per processor.")] = None,
) -> None:
    """Train GFlowNets on worlds whose exact answers are known: distances to the target, with intervals."""
    from benchmark.lab.plan import carry_out_lab, make_lab_plan
    from benchmark.report import gather, write_report_of
    from benchmark.report.lab import lab_table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    plan = make_lab_plan(suite, results=results, data=data, workers=workers)
    console.print(plan.describe(), style="bold")
    for job, reason in plan.refused:
        console.print(f"refused: {job.id}: {reason}", style="dim", soft_wrap=True, markup=False)
    failed = carry_out_lab(plan, console)
    evidence = gather(results, plan.suite.name)
    path = write_report_of(evidence, reports)
    console.print(lab_table(evidence))
    for record in failed:
        console.print(f"{record.status}: {record.job.id}: {record.reason}", style="red", soft_wrap=True, markup=False)
    console.print(f"report: {path}")
    if failed:
        raise typer.Exit(1)
