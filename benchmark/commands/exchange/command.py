"""The commands `bakeoff export` and `bakeoff import`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands.options import DataOption, Results, say

__all__ = ["export", "import_"]


class ExportTarget(StrEnum):
    """What a suite can be exported to."""

    LM_EVAL = "lm-eval"
    PARQUET = "parquet"
    MLFLOW = "mlflow"
    TRACKIO = "trackio"
    WANDB = "wandb"
    INSPECT_AI = "inspect-ai"
    MODEL_CARD = "model-card"


class FormatOption(StrEnum):
    """Whose files completions are read from."""

    AUTO = "auto"
    LM_EVAL = "lm-eval"
    INSPECT_AI = "inspect-ai"
    TRL = "trl"
    VERL = "verl"
    OPENRLHF = "openrlhf"
    NEMO_RL = "nemo-rl"
    PRIME_RL = "prime-rl"


FormatChoice = Annotated[FormatOption, typer.Option("--format", help="Who wrote the files; auto looks at the fields.")]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        help="Read any JSON lines, CSV or Parquet: question=COLUMN,response=COLUMN and, where there are any, gold=, "
        "score=, id=, method=, step=."
    ),
]
GreedyOption = Annotated[
    bool | None,
    typer.Option("--greedy/--sampled", help="How the completions were decoded, if the files are silent."),
]
ForeignFiles = Annotated[
    list[Path],
    typer.Argument(help="Files of one trained policy: .jsonl, .json, .csv, .parquet, .eval, plain or .gz."),
]
MethodOption = Annotated[
    str, typer.Option("--as", help="Name of a row that the suite declares with 'imported = true'.")
]
SuiteOption = Annotated[
    str, typer.Option(help="Name of a suite that comes with the package, or the path of your own .toml.")
]
HistoryOption = Annotated[
    Path | None,
    typer.Option(help="Learning curve: trainer_state.json, or a tracker's history as CSV or JSON lines."),
]
PartialOption = Annotated[
    bool,
    typer.Option("--partial", help="Leave out rows that match no problem of the exam, instead of refusing the file."),
]


def export(
    suite: Annotated[str, typer.Argument(help="A suite that has results.")],
    *,
    to: Annotated[
        ExportTarget,
        typer.Option(
            help="Files of lm-evaluation-harness or inspect_ai, tidy tables, a local tracker, or a model card section."
        ),
    ],
    results: Results = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Folder to write; default exports/<suite>/<to>.")] = None,
) -> None:
    """Write a suite's results in the format of another program. Nothing is sent over the network."""
    from benchmark.commands.exchange.inspect_ai import to_inspect_ai
    from benchmark.commands.exchange.lm_eval import to_lm_eval
    from benchmark.commands.exchange.model_card import to_model_card
    from benchmark.commands.exchange.parquet import to_parquet
    from benchmark.commands.exchange.trackers import to_tracker
    from benchmark.comparison.evidence import gather

    folder = out or Path("exports") / suite / to.value
    evidence = gather(results, suite)
    writers = {
        ExportTarget.LM_EVAL: to_lm_eval,
        ExportTarget.INSPECT_AI: to_inspect_ai,
        ExportTarget.PARQUET: to_parquet,
        ExportTarget.MODEL_CARD: to_model_card,
    }
    written = writers[to](evidence, folder) if to in writers else to_tracker(evidence, folder, to.value)
    say(f"{len(evidence.records)} jobs of '{suite}': {len(written)} paths under {folder}")


def import_(
    files: ForeignFiles,
    *,
    method: MethodOption,
    suite: SuiteOption,
    task: Annotated[str, typer.Option(help="A task of the suite.")],
    seed: Annotated[int, typer.Option(help="A seed of the suite.")],
    kind: FormatChoice = FormatOption.AUTO,
    columns: ColumnsOption = None,
    greedy: GreedyOption = None,
    seconds: Annotated[float | None, typer.Option(help="Seconds that the training took.")] = None,
    completions: Annotated[int | None, typer.Option(help="Completions that the training sampled.")] = None,
    history: HistoryOption = None,
    results: Results = Path("results"),
    partial: PartialOption = False,
    data: DataOption = None,
) -> None:
    """Grade completions of a policy trained elsewhere and add them to a suite's table, marked as imported."""
    sys.path.insert(0, str(Path.cwd()))
    from benchmark.commands.exchange.imports import ImportRequest, import_files
    from benchmark.commands.exchange.readers.registry import Asked, columns_from
    from benchmark.commands.exchange.training import Told
    from benchmark.suite.load import load_suite, suite_path
    from benchmark.suite.registry import resolve

    reading = Asked(kind.value, columns_from(columns), greedy)
    asked = ImportRequest(method, task, seed, reading, Told(seconds, completions, history), partial)
    record, left_out = import_files(files, load_suite(suite_path(suite), resolve), asked, results, data)
    say(
        f"{record.job.id}: {_sizes(record.metrics)}; {left_out} rows left out. "
        f"The table: bakeoff report {record.job.suite}"
    )


def _sizes(metrics: Mapping[str, float | None]) -> str:
    """`8 problems × 4 samples, accuracy 50.0%`, or `8 problems, greedy accuracy 50.0%`."""
    problems, samples = metrics["problems"] or 0, metrics["samples"] or 0
    accuracy, greedy = metrics["accuracy"], metrics["greedy_accuracy"]
    if accuracy is None:
        return f"{problems:.0f} problems, one greedy completion each, greedy accuracy {greedy or 0.0:.1%}"
    return f"{problems:.0f} problems × {samples:.0f} samples, accuracy {accuracy:.1%}"
