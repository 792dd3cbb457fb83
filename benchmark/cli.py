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
from rich.markup import escape
from rich.table import Table

from algorithms import CATALOGUE as ALGORITHMS
from benchmark.commands.diversity.command import diversity
from benchmark.commands.exchange.command import export, import_
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
tape = typer.Typer(
    help="Record one batch of completions and compare the gradients and steps of several methods on it.",
    no_args_is_help=True,
)
app.add_typer(tape, name="tape")
app.command()(diversity)
app.command()(export)
app.command("import")(import_)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
SuiteName = Annotated[
    str, typer.Argument(help="Name of a suite that comes with the package, or the path of your own .toml.")
]
Data = Annotated[Path | None, typer.Option(envvar="BAKEOFF_DATA", help="Folder with data sets, instead of the Hub.")]
Results = Annotated[Path, typer.Option(help="Folder in which records are kept.")]
Reports = Annotated[Path, typer.Option(help="Folder in which reports are written.")]


@app.command("list")
def list_() -> None:
    """List the algorithms, tasks and suites that come with the package."""
    from benchmark.suite.load import SUITES

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
    suite: SuiteName = "pocket",
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    data: Data = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of jobs that run at once; default one per processor core, or per GPU."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Number of processor threads per job.")] = 1,
) -> None:
    """Train and examine every job of a suite that has no result yet, then write and print its report."""
    sys.path.insert(0, str(Path.cwd()))  # an adapter of one's own is found where one stands
    from benchmark.run.plan import carry_out, make_plan

    plan = make_plan(suite, results=results, data=data, workers=workers, threads=threads)
    console.print(plan.describe(), style="bold")
    for line in plan.awaiting(suite):
        console.print(line, markup=False, soft_wrap=True)
    _print_findings(plan.findings)
    failed = carry_out(plan, console)
    path = _report(results, reports, plan.suite.name)
    for record in failed:
        console.print(f"{record.status}: {record.job.id}: {record.reason}", style="red", soft_wrap=True)
    console.print(f"with the completions, for a browser: {path.with_suffix('.html')}")
    console.print(f"report: {path}")
    if failed:
        raise typer.Exit(1)


@app.command()
def fairness(suite: SuiteName = "pocket", data: Data = None) -> None:
    """List what differs between a suite's rows apart from the method, and test problems found in training data."""
    sys.path.insert(0, str(Path.cwd()))
    from benchmark.suite.fairness import compare_rows, overlaps
    from benchmark.suite.load import load_suite, suite_path
    from benchmark.suite.registry import resolve

    asked = load_suite(suite_path(suite), resolve)
    _print_findings((*overlaps(asked.tasks, data), *compare_rows(asked)))


@app.command()
def report(
    suites: Annotated[list[str] | None, typer.Argument(help="Names of suites; default: all that have results.")] = None,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a report does not match its results.")
    ] = False,
) -> None:
    """Write the report of each suite from its records."""
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
            f"{reports / file} does not match {results}: run 'bakeoff report' and commit the changes.", style="red"
        )
    if stale:
        raise typer.Exit(1)
    if check:
        console.print(f"{', '.join(names)}: the reports match the results.")


@app.command()
def regrade(
    suites: Annotated[list[str], typer.Argument(help="Suites that have results.")],
    results: Results = Path("results"),
    data: Data = None,
) -> None:
    """Grade stored completions with the other graders' rules and keep the disagreements for the report."""
    from benchmark.commands.regrade import regrade_suite

    for name in suites:
        for line in regrade_suite(results, name, data).lines:
            console.print(f"{name}: {line}", soft_wrap=True)


@tape.command("record")
def tape_record(
    out: Annotated[Path, typer.Argument(help="Path of the tape; writes OUT.safetensors and OUT.json.")],
    *,
    task: Annotated[str, typer.Option(help="Task whose training problems are used.")] = "grade_school",
    prompts: Annotated[int, typer.Option(help="Number of problems.")] = 32,
    group_size: Annotated[int, typer.Option(help="Number of completions per problem.")] = 8,
    seed: int = 0,
    model: Annotated[str, typer.Option(help="'pocket', a local folder, or a name on the Hub.")] = "pocket",
    lora_rank: Annotated[int | None, typer.Option(min=1, help="Train LoRA adapters of this rank.")] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Apply the tokenizer's chat template to prompts.")] = False,
    max_completion_tokens: int = 80,
    temperature: float = 1.0,
    data: Data = None,
) -> None:
    """Store one batch of completions with tokens, log-probabilities, rewards, groups and the digest of the weights."""
    from benchmark.commands.tape.record import TapeRequest, record
    from benchmark.commands.tape.store import files_of, write_tape
    from benchmark.contract import Model

    source = Model(model, lora_rank=lora_rank, chat=chat)
    made = record(TapeRequest(task, prompts, group_size, seed, temperature, max_completion_tokens, source, data))
    write_tape(out, made)
    console.print(f"{len(made.reward)} completions, {int(made.reward.sum())} correct: {files_of(out)[0]}")


@tape.command("compare")
def tape_compare(
    recorded: Annotated[Path, typer.Argument(metavar="TAPE", help="Path of a tape written by 'bakeoff tape record'.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of methods, or 'package.module:Class'; default: all.")
    ] = None,
    reports: Reports = Path("reports"),
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate of the step; the default is the pocket suite's.")
    ] = 2e-4,
    head_steps: Annotated[
        int, typer.Option(min=0, help="Number of steps for which critics and flow heads are trained first.")
    ] = 0,
    micro_batch_groups: Annotated[
        int | None, typer.Option(min=1, help="Groups per backward pass; lower it to save memory.")
    ] = None,
    data: Data = None,
) -> None:
    """Feed the same completions to several methods and compare their gradients and first steps."""
    sys.path.insert(0, str(Path.cwd()))
    from benchmark.commands.tape.compare import StepSettings, compare
    from benchmark.commands.tape.page import effects_table, write_page
    from benchmark.suite.registry import resolve

    asked = StepSettings(learning_rate, head_steps, micro_batch_groups, data)
    found = compare(recorded, [resolve(name, {}) for name in names or ALGORITHMS], asked)
    path = write_page(found, reports)
    summary, table = effects_table(found), Table(box=None, pad_edge=False)
    for place, column in enumerate(summary.header):
        table.add_column(column, justify="right" if place else "left", no_wrap=not place)
    for row in summary.rows:
        table.add_row(row[0].strip("`"), *row[1:])
    console.print(table)
    for name, why in found.left_out.items():
        console.print(f"left out: {name} {why}", soft_wrap=True)
    console.print(f"report: {path}")


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="Names of methods, or package.module:Class.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Check every method of the catalogue.")] = False,
    network: Annotated[
        bool,
        typer.Option(
            "--network", help="Use a two-layer transformer instead of a table of logits: slower and less exact."
        ),
    ] = False,
    markdown: Annotated[Path | None, typer.Option(help="Also write the table to this file.")] = None,
) -> None:
    """Test methods against the rules for all, and against the exact answer in a world that can be listed."""
    sys.path.insert(0, str(Path.cwd()))  # an adapter of one's own is found where one stands
    if bool(names) == all_:
        raise ConfigurationError(
            "name one algorithm or more, or say --all: 'bakeoff check grpo', 'bakeoff check --all'."
        )
    import torch

    from benchmark.commands.exact_world.check import NETWORK, TABLE, check_all
    from benchmark.commands.exact_world.verdict import COLUMNS, cells, page

    torch.set_num_threads(1)  # the tensors are tiny
    settings = NETWORK if network else TABLE
    findings = []
    for finding in check_all(names, settings):
        findings.append(finding)
        mark = "[green]pass[/]" if finding.passed else "[red]fail[/]"
        console.print(f"{finding.method:24s} {mark} {finding.seconds:5.1f} s")
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(escape(column))
    for finding in findings:
        table.add_row(*map(escape, cells(finding)))
    console.print(table)
    if markdown is not None:
        command = " ".join(["bakeoff check", *(names or ["--all"]), *(["--network"] if network else [])])
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text(page(findings, command, settings.describe()), encoding="utf-8")
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)


@app.command("grade")
def grade_(
    file: Annotated[
        str,
        typer.Argument(help="JSON lines with the fields gold and prediction; may be .gz; '-' reads standard input."),
    ],
    graders: Annotated[
        str, typer.Option(help="One grader, or several separated by commas, to compare them.")
    ] = "bakeoff",
    output: Annotated[
        Path | None, typer.Option(help="Write the verdicts to this file, one JSON object per line.")
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="Number of disagreements to list.")] = 20,
    without: Annotated[list[str] | None, typer.Option(help="Leave out rows of this kind; may be repeated.")] = None,
) -> None:
    """Grade a file of answers. Prints the verdicts, or with several graders a table of how they agree."""
    from benchmark.commands.grade.command import grade_pairs_file

    grade_pairs_file(file, graders, output=output, show=show, without=without or [], console=console)


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


def _print_findings(findings: Sequence[Finding]) -> None:
    """One line for each finding; raises `ConfigurationError` where one of them refuses."""
    styles = {"refuse": "red", "warn": "yellow", "note": "dim"}
    for one in findings:
        line = f"{one.severity:<6} {one.message} {one.advice}"
        console.print(line, style=styles[one.severity], markup=False, soft_wrap=True)
    if any(one.severity == "refuse" for one in findings):
        raise ConfigurationError("the rows cannot be compared: fix the lines marked 'refuse' above.")


def _report(results: Path, reports: Path, suite: str) -> Path:
    from benchmark.report import gather, terminal_table, write_report_of

    evidence = gather(results, suite)
    path = write_report_of(evidence, reports)
    console.print(terminal_table(evidence))
    return path


def _first_line(module: str) -> str:
    """First line of a module's docstring, read without importing it: listing needs no torch."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(found.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
