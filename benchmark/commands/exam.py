"""`bakeoff exam`: examine a finished job's policy again, with more samples or other problems, without training it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmark.contract import FLOOR
from benchmark.errors import ConfigurationError
from benchmark.store.atomic import write
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import read_record

if TYPE_CHECKING:
    from benchmark.contract import Evaluation, Exam, Record
    from benchmark.model.policy import LanguagePolicy
    from benchmark.tasks import Task

__all__ = ["exam"]


def exam(
    record: Annotated[Path, typer.Argument(help="A job's folder, which holds record.json.")],
    *,
    samples: Annotated[int | None, typer.Option(min=1, help="Completions of each problem; default: its own.")] = None,
    problems: Annotated[int | None, typer.Option(min=1, help="Test problems, from the first.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.01, help="Sampling temperature.")] = None,
    max_completion_tokens: Annotated[int | None, typer.Option(min=1, help="Longer completions are cut.")] = None,
    data: Annotated[
        Path | None, typer.Option(envvar="BAKEOFF_DATA", help="Folder with data sets, instead of the Hub.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; default exams/<suite>/<job>.")] = None,
) -> None:
    """Examine a job's policy again without training it: needs weights kept by `keep`, or a base_model job."""
    found = read_record(record)
    asked = found.job.exam
    settings = replace(
        asked,
        samples=samples or asked.samples,
        problems=problems or asked.problems,
        temperature=temperature or asked.temperature,
        max_completion_tokens=max_completion_tokens or asked.max_completion_tokens,
    )
    folder = out or Path("exams") / found.job.suite / found.job.id
    evaluation, metrics = _examined(found, record, settings, data)
    write_outcomes(folder, evaluation.outcomes)
    content = {"job": found.job.id, "exam": asdict(settings), "metrics": dict(metrics)}
    write(folder / "exam.json", f"{json.dumps(content, indent=1, sort_keys=True)}\n".encode())
    table = Table(title=f"{found.job.id}: {settings.samples} samples of each problem", title_justify="left", box=None)
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in metrics.items():
        table.add_row(name, "–" if value is None else f"{value:.4g}")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"outcomes and completions: {folder}", markup=False, soft_wrap=True)


def _examined(
    record: Record, folder: Path, settings: Exam, data: Path | None
) -> tuple[Evaluation, dict[str, float | None]]:
    from benchmark.exam.examiner import evaluate
    from benchmark.exam.metrics import measure
    from benchmark.seeds import seed_of
    from benchmark.tasks import load_task

    job = record.job
    if record.status != "done" or record.imported is not None:
        raise ConfigurationError(f"{folder}: a job that did not end well here leaves no policy to examine.")
    task = load_task(job.task, job.own_tasks)
    policy = _policy(record, folder, task, data)
    problems = task.load("test", data)[: settings.problems]
    evaluation = evaluate(policy, settings, problems, seed_of(job.seed, job.task))
    return evaluation, dict(measure(evaluation.outcomes))


def _policy(record: Record, folder: Path, task: Task, data: Path | None) -> LanguagePolicy:
    """The trained policy of a job. Raises `ConfigurationError` where it cannot be had again."""
    from benchmark.model.keep import WEIGHTS, load_weights
    from benchmark.model.load import load_policy
    from benchmark.run.prompting import examples_of

    job, kept = record.job, folder / WEIGHTS
    if job.algorithm.name != FLOOR and not kept.is_dir():
        raise ConfigurationError(
            f'{folder}: its trained weights were not kept: write keep = "full" or "adapter" into the suite, delete '
            "this folder and run it again."
        )
    examples = examples_of(job.prompt, job.task, task.load("train", data))
    policy = load_policy(job.model, task.instruction, job.prompt, examples)
    digest = policy.digest()
    if record.provenance is not None and digest != record.provenance.model_digest:
        raise ConfigurationError(
            f"{folder}: the starting model has digest {digest[:12]} now, the job had "
            f"{record.provenance.model_digest[:12]}: give it the model it was trained from."
        )
    if kept.is_dir() and job.algorithm.name != FLOOR:
        load_weights(policy, kept)
    return policy
