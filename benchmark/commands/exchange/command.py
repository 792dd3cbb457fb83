"""The commands `bakeoff export` and `bakeoff import`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["export", "import_"]

ResultsFolder = Annotated[Path, typer.Option(help="Folder in which records are kept.")]


class ExportTarget(StrEnum):
    """What a suite can be exported to."""

    LM_EVAL = "lm-eval"
    PARQUET = "parquet"
    MLFLOW = "mlflow"
    TRACKIO = "trackio"
    WANDB = "wandb"


class Format(StrEnum):
    """What completions can be imported from."""

    LM_EVAL = "lm-eval"
    TRL = "trl"


def export(
    suite: Annotated[str, typer.Argument(help="A suite that has results.")],
    *,
    to: Annotated[ExportTarget, typer.Option(help="Files of lm-evaluation-harness, tidy tables, or a local tracker.")],
    results: ResultsFolder = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Folder to write; default exports/<suite>/<to>.")] = None,
) -> None:
    """Write a suite's results in the format of another program. Nothing is sent over the network."""
    from benchmark.commands.exchange.lm_eval import to_lm_eval
    from benchmark.commands.exchange.parquet import to_parquet
    from benchmark.commands.exchange.trackers import to_tracker
    from benchmark.comparison.evidence import gather

    folder = out or Path("exports") / suite / to.value
    evidence = gather(results, suite)
    if to is ExportTarget.LM_EVAL:
        written = to_lm_eval(evidence, folder)
    elif to is ExportTarget.PARQUET:
        written = to_parquet(evidence, folder)
    else:
        written = to_tracker(evidence, folder, to.value)
    console = Console(highlight=False)
    console.print(
        f"{len(evidence.records)} jobs of '{suite}': {len(written)} paths under {folder}", markup=False, soft_wrap=True
    )


def import_(
    files: Annotated[list[Path], typer.Argument(help="Files of one trained policy: .jsonl, .jsonl.gz, .parquet.")],
    *,
    method: Annotated[str, typer.Option("--as", help="Name of a row that the suite declares with 'imported = true'.")],
    suite: Annotated[
        str, typer.Option(help="Name of a suite that comes with the package, or the path of your own .toml.")
    ],
    task: Annotated[str, typer.Option(help="A task of the suite.")],
    seed: Annotated[int, typer.Option(help="A seed of the suite.")],
    kind: Annotated[Format, typer.Option("--format", help="Program that wrote the files.")],
    results: ResultsFolder = Path("results"),
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Leave out rows that match no problem of the exam, instead of refusing the file."
        ),
    ] = False,
    data: Annotated[
        Path | None, typer.Option(envvar="BAKEOFF_DATA", help="Folder with data sets, instead of the Hub.")
    ] = None,
) -> None:
    """Grade completions of a policy trained elsewhere and add them to a suite's table, marked as imported."""
    sys.path.insert(0, str(Path.cwd()))
    from benchmark.commands.exchange.imports import ImportRequest, import_files
    from benchmark.suite.load import load_suite, suite_path
    from benchmark.suite.registry import resolve

    asked = ImportRequest(method, task, seed, kind.value, partial)
    record, left_out = import_files(files, load_suite(suite_path(suite), resolve), asked, results, data)
    sizes = f"{record.metrics['problems']:.0f} problems × {record.metrics['samples']:.0f} samples"
    console = Console(highlight=False)
    console.print(
        f"{record.job.id}: {sizes}, accuracy {record.metrics['accuracy']:.1%}; {left_out} rows left out. "
        f"The table: bakeoff report {record.job.suite}",
        markup=False,
        soft_wrap=True,
    )
