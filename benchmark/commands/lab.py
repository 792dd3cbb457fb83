"""`bakeoff lab SUITE`: GFlowNets on worlds whose exact answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands.options import Reports, Results, console, say
from benchmark.commands.run.interrupted import told_when_interrupted
from benchmark.commands.run.others import say_unreadable

__all__ = ["lab"]


def lab(
    suite: Annotated[str, typer.Argument(help="Name of a suite of worlds, or the path of your own .toml.")] = "lab",
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    data: Annotated[
        Path | None, typer.Option(envvar="BAKEOFF_DATA", help="Folder with tfbind8.txt, for the world tfbind8.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Jobs at once; default one per processor.")] = None,
) -> None:
    """Train GFlowNets on worlds with known exact answers and report their distances to the target with intervals."""
    from benchmark.lab.plan import carry_out_lab, make_lab_plan
    from benchmark.report import gather, terminal_table, write_report_of

    plan = make_lab_plan(suite, results=results, data=data, workers=workers)
    say(plan.describe(), "bold")
    for old in plan.stale:
        say(old.line, "yellow")
    for job, reason in plan.refused:
        say(f"refused: {job.id}: {reason}", "dim")
    with told_when_interrupted(plan, console):
        failed = carry_out_lab(plan, console)
    evidence = gather(results, plan.suite.name)
    path = write_report_of(evidence, reports)
    console.print(terminal_table(evidence))
    bad = say_unreadable(evidence)
    for record in failed:
        say(f"{record.status}: {record.job.id}: {record.reason}", "red")
    say(f"report: {path}")
    if failed or bad:
        raise typer.Exit(1)
