"""`bakeoff fairness` and `bakeoff report`: a suite's question before, its records after a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from benchmark.commands.options import DataOption, Reports, Results, SuiteName, console, print_findings, say
from benchmark.errors import ConfigurationError
from benchmark.importing import add_folder

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = ["fairness", "regrade", "report", "say_unreadable", "verify"]


def fairness(suite: SuiteName = "pocket", data: DataOption = None) -> None:
    """List what differs between a suite's rows apart from the method, and test problems found in training data."""
    add_folder(Path.cwd())
    from benchmark.suite.fairness import compare_rows, overlaps
    from benchmark.suite.load import load_suite, suite_path
    from benchmark.suite.registry import resolve

    asked = load_suite(suite_path(suite), resolve)
    print_findings((*overlaps(asked.tasks, data, asked.own_tasks), *compare_rows(asked)))


def report(
    suites: Annotated[list[str] | None, typer.Argument(help="Names of suites; default: all that have results.")] = None,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a report does not match its results.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write the figures as PDF.")] = False,
    readme: Annotated[
        Path | None,
        typer.Option(
            help="Also replace the block between the marks '<!-- table -->' of this file by the suite's table."
        ),
    ] = None,
) -> None:
    """Write the report of each suite from its records."""
    from benchmark.report import gather, terminal_table, write_figures_as_pdf, write_report_of
    from benchmark.report.readme import put_into

    names = suites or sorted(folder.parent.name for folder in results.glob("*/suite.json"))
    if not names:
        raise ConfigurationError(f"no results under '{results}': run a suite first, for example 'bakeoff run pocket'.")
    if readme is not None and (len(names) != 1 or check):
        raise ConfigurationError("'--readme' takes the table of one suite: 'bakeoff report pocket --readme README.md'.")
    if check:
        _check_reports(results, reports, names)
        return
    bad = 0
    for name in names:
        evidence = gather(results, name)
        path = write_report_of(evidence, reports)
        if pdf:
            write_figures_as_pdf(evidence, reports)
        if readme is not None:
            put_into(readme, evidence)
        console.print(terminal_table(evidence))
        bad += say_unreadable(evidence)
        say(f"report: {path}")
    if bad:
        raise typer.Exit(1)


def _check_reports(results: Path, reports: Path, names: Sequence[str]) -> None:
    """Names every file that is not what the results say, and exits with 1 where there is one."""
    from benchmark.report import check_report, gather
    from benchmark.report.versions import drawn_elsewhere

    stale = [file for name in names for file in check_report(results, reports, name)]
    bad = sum(say_unreadable(gather(results, name)) for name in names)
    for file in stale:
        say(f"{reports / file} does not match {results}: run 'bakeoff report' and commit the changes.", "red")
    other = drawn_elsewhere(reports, names)
    if other:
        say(f"Figures were not compared: they belong to matplotlib {other}, which is not installed here.")
    if stale or bad:
        raise typer.Exit(1)
    say(f"{', '.join(names)}: reports are what the results say.")


def say_unreadable(evidence: Evidence, *, to: Console = console) -> int:
    """One line for each job that cannot be read; returns how many there are."""
    for one in evidence.unreadable:
        say(f"unreadable: {one.job}: {one.reason}", "red", to=to)
    return len(evidence.unreadable)


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of results, or of one suite in it.")] = Path("results"),
) -> None:
    """Hold every record of a folder against the files beside it: digests, names, and metrics computed again."""
    from benchmark.commands.run.verify import verify_folder

    found = verify_folder(folder)
    for line in found.faults:
        say(line, "red")
    say(found.line)
    if found.faults:
        raise typer.Exit(1)


def regrade(
    suites: Annotated[list[str], typer.Argument(help="Suites that have results.")],
    results: Results = Path("results"),
    data: DataOption = None,
) -> None:
    """Grade stored completions with the other graders' rules and keep the disagreements for the report."""
    from benchmark.commands.regrade import regrade_suite

    for name in suites:
        found = regrade_suite(results, name, data)
        say(f"{name}: the completions of {found.jobs} jobs are graded again.")
        for job, reason in found.left_out.items():
            say(f"left out: {job}: {reason}.")
