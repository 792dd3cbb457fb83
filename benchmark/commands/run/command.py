"""`bakeoff run`: plan, run what is missing, report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from benchmark.commands.options import (
    DataOption,
    Reports,
    Results,
    SuiteName,
    console,
    open_console,
    print_findings,
    say,
)
from benchmark.commands.run.folders import require_writable
from benchmark.commands.run.interrupted import told_when_interrupted
from benchmark.commands.run.others import say_unreadable
from benchmark.commands.run.summary import as_json, plan_as_json
from benchmark.errors import ConfigurationError
from benchmark.importing import add_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.contract import Record
    from benchmark.run.plan import Plan

__all__ = ["run"]

CHANGES = "Change the suite"
"""Panel of the options that make another suite of it."""


ModelOption = Annotated[
    str | None, typer.Option(rich_help_panel=CHANGES, help="Start from this model folder or Hub name instead.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        rich_help_panel=CHANGES,
        help="Change one key, as in training.steps=8; may be repeated.",
    ),
]
OnlyOption = Annotated[
    str | None, typer.Option(metavar="A,B", rich_help_panel=CHANGES, help="Run only these rows of the suite.")
]
SeedsOption = Annotated[
    str | None, typer.Option(metavar="0,1,2", rich_help_panel=CHANGES, help="Run these seeds instead.")
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=CHANGES, help="Examine the first N test problems only.")
]
NameOption = Annotated[
    str | None,
    typer.Option(rich_help_panel=CHANGES, help="Name of the changed suite; default: its name and a short digest."),
]
DeviceOption = Annotated[str, typer.Option(help="Device of the jobs: auto, cpu, cuda, cuda:1 or mps.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Number of jobs that run at once; default: one per core, or per GPU.")
]
ThreadsOption = Annotated[int, typer.Option(min=1, help="Number of processor threads per job.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="List what would be run, and stop.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Run finished jobs again.")]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the plan or the results as JSON on standard output, all else on standard error."
    ),
]


def run(
    suite: SuiteName = "pocket",
    *,
    model: ModelOption = None,
    set_: SetOption = None,
    only: OnlyOption = None,
    seeds: SeedsOption = None,
    limit: LimitOption = None,
    name: NameOption = None,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    data: DataOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    threads: ThreadsOption = 1,
    dry_run: DryRunOption = False,
    force: ForceOption = False,
    json_: JsonOption = False,
) -> None:
    """Train and examine every job of a suite that has no result yet, then write and print its report."""
    add_folder(Path.cwd())
    from benchmark.run.plan import make_plan
    from benchmark.suite.source import Changes

    changes = Changes(model, tuple(set_ or ()), _names(only), _numbers(seeds), limit, name)
    folder = results.resolve() if results.is_absolute() else results
    plan = make_plan(
        suite,
        results=folder,
        data=data,
        workers=workers,
        threads=threads,
        device=device,
        changes=changes,
        force=force,
    )
    out = open_console(stderr=True) if json_ else console
    _describe(plan, suite, out)
    if dry_run:
        _show_plan(plan, out, as_json_too=json_)
    else:
        _run(plan, reports, out, as_json_too=json_)


def _describe(plan: Plan, suite: str, out: Console) -> None:
    """What will be run, what is waited for, and what may be unfair about it."""
    from benchmark.run.devices import crowding

    say(plan.describe(), "bold", to=out)
    crowded = crowding(plan.workers, plan.threads) if plan.to_run else None
    if crowded:
        say(crowded, "yellow", to=out)
    for old in plan.stale:
        say(old.line, "yellow", to=out)
    for line in plan.awaiting(suite):
        say(line, to=out)
    print_findings(plan.findings, to=out)


def _run(plan: Plan, reports: Path, out: Console, *, as_json_too: bool) -> None:
    """Carry the plan out and report; an interrupt says how to go on."""
    from benchmark.run.plan import carry_out

    require_writable(plan.results, "--results")
    require_writable(reports, "--reports")
    with told_when_interrupted(plan, out):
        failed = carry_out(plan, out)
    _finish(plan, failed, reports, out, as_json_too=as_json_too)


def _finish(plan: Plan, failed: Sequence[Record], reports: Path, out: Console, *, as_json_too: bool) -> None:
    """Report, name what failed, exit code 1 where something did."""
    from benchmark.report import gather, terminal_table, write_report_of

    evidence = gather(plan.results, plan.suite.name)
    path = write_report_of(evidence, reports)
    out.print(terminal_table(evidence))
    bad = say_unreadable(evidence, to=out)
    for record in failed:
        say(f"{record.status}: {record.job.id}: {record.reason}", "red", to=out)
    say(f"with the completions, for a browser: {path.with_suffix('.html')}", to=out)
    say(f"report: {path}", to=out)
    if as_json_too:
        sys.stdout.write(json.dumps(as_json(plan, path), indent=1, ensure_ascii=False) + "\n")
    if failed or bad:
        raise typer.Exit(1)


def _show_plan(plan: Plan, out: Console, *, as_json_too: bool) -> None:
    if as_json_too:
        sys.stdout.write(json.dumps(plan_as_json(plan), indent=1, ensure_ascii=False) + "\n")
        return
    for job in plan.to_run:
        say(f"to run   {job.id}", to=out)
    for job, reason in plan.refused:
        say(f"refused  {job.id}: {reason}", to=out)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def _numbers(text: str | None) -> tuple[int, ...]:
    parts = _names(text)
    if not all(part.isdecimal() for part in parts) or (text is not None and not parts):
        raise ConfigurationError(f"--seeds {text!r}: expected whole numbers from 0 with commas between, such as 0,1,2.")
    return tuple(int(part) for part in parts)
