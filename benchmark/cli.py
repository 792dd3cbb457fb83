"""The command line: parse, call one function, print, exit code.

0: all done. 1: a job or a check failed. 2: the question was wrong.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from algorithms import CATALOGUE as ALGORITHMS
from benchmark.contract import Finding
from benchmark.errors import BakeoffError, ConfigurationError
from benchmark.tasks import CATALOGUE as TASKS

__all__ = ["app", "main"]

app = typer.Typer(
    help="Honest comparison of RL post-training algorithms for LLM math reasoning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
Suite = Annotated[str, typer.Argument(help="Name of a suite, or the path of your own .toml.")]
Data = Annotated[Path | None, typer.Option(envvar="BAKEOFF_DATA", help="Folder with real data sets.")]
Results = Annotated[Path, typer.Option(help="Folder of the records.")]
Reports = Annotated[Path, typer.Option(help="Folder of the reports.")]


@app.command("list")
def list_() -> None:
    """Algorithms, tasks and suites that come with the package."""
    from benchmark.suite import SUITES

    table = Table(title="Algorithms", title_justify="left", box=None, pad_edge=False)
    for column in ("name", "class", "what it is"):
        table.add_column(column)
    for name, target in ALGORITHMS.items():
        table.add_row(name, target, _first_line(target.partition(":")[0]))
    console.print(table)
    console.print("\nTasks   ", ", ".join(TASKS))
    console.print("Suites  ", ", ".join(sorted(file.stem for file in SUITES.glob("*.toml"))))


@app.command()
def run(
    suite: Suite = "pocket",
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    data: Data = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Jobs at once; default one per processor, or per GPU.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads of each job.")] = 1,
) -> None:
    """Run the missing jobs of a suite, then write and print its report."""
    sys.path.insert(0, str(Path.cwd()))  # an adapter of one's own is found where one stands
    from benchmark.plan import carry_out, make_plan

    plan = make_plan(suite, results=results, data=data, workers=workers, threads=threads)
    console.print(plan.describe(), style="bold")
    _judge(plan.findings)
    failed = carry_out(plan, console)
    path = _report(results, reports, plan.suite.name)
    for record in failed:
        console.print(f"{record.status}: {record.job.id}: {record.reason}", style="red", soft_wrap=True)
    console.print(f"report: {path}")
    if failed:
        raise typer.Exit(1)


@app.command()
def fairness(suite: Suite = "pocket", data: Data = None) -> None:
    """What differs between a suite's rows apart from the method, and whether its exam leaks into training."""
    sys.path.insert(0, str(Path.cwd()))
    from benchmark.fairness import compare_rows, overlaps
    from benchmark.registry import resolve
    from benchmark.suite import load_suite, suite_path

    asked = load_suite(suite_path(suite), resolve)
    _judge((*overlaps(asked.tasks, data), *compare_rows(asked)))


@app.command()
def report(
    suites: Annotated[list[str] | None, typer.Argument(help="Suites; default all that have results.")] = None,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when a report is not what the results say.")
    ] = False,
) -> None:
    """Write the report of each suite again from its records."""
    from benchmark.report import check_report

    names = suites or sorted(folder.parent.name for folder in results.glob("*/suite.json"))
    if not names:
        raise ConfigurationError(f"no results under '{results}': run a suite first, for example 'bakeoff run pocket'.")
    stale = []
    for name in names:
        if check:
            stale += check_report(results, reports, name)
        else:
            console.print(f"report: {_report(results, reports, name)}")
    for file in stale:
        console.print(
            f"{reports / file} is not what {results} says: run 'bakeoff report' and commit what changes.", style="red"
        )
    if stale:
        raise typer.Exit(1)
    if check:
        console.print(f"{', '.join(names)}: reports are what the results say.")


def main() -> None:
    """Entry point of the `bakeoff` command."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except BakeoffError as error:
        print(f"bakeoff: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full or read-only disk, for example: what is written stays
        print(f"bakeoff: {error}. Finished jobs keep their records: run the same command again.", file=sys.stderr)
        sys.exit(1)


def _judge(findings: Sequence[Finding]) -> None:
    """One line for each finding; raises `ConfigurationError` where one of them refuses."""
    styles = {"refuse": "red", "warn": "yellow", "note": "dim"}
    for one in findings:
        line = f"{one.severity:<6} {one.what} {one.do}"
        console.print(line, style=styles[one.severity], markup=False, soft_wrap=True)
    if any(one.severity == "refuse" for one in findings):
        raise ConfigurationError("the rows cannot be compared: mend the lines marked 'refuse' above.")


def _report(results: Path, reports: Path, suite: str) -> Path:
    from benchmark.report import terminal_table, write_report

    path = write_report(results, reports, suite)
    console.print(terminal_table(results, suite))
    return path


def _first_line(module: str) -> str:
    """First line of a module's docstring, read without importing it: listing needs no torch."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(found.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
