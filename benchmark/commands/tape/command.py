"""`bakeoff tape record` and `bakeoff tape compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from algorithms import CATALOGUE as ALGORITHMS
from benchmark.commands.options import DataOption, Reports, console, say
from benchmark.importing import add_folder

__all__ = ["tape"]

tape = typer.Typer(
    help="Record one batch of completions and compare the gradients and steps of several methods on it.",
    no_args_is_help=True,
)


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
    data: DataOption = None,
) -> None:
    """Store one batch of completions with tokens, log-probabilities, rewards, groups and the digest of the weights."""
    from benchmark.commands.tape.record import TapeRequest, record
    from benchmark.commands.tape.store import files_of, write_tape
    from benchmark.contract import Model

    source = Model(model, lora_rank=lora_rank, chat=chat)
    made = record(TapeRequest(task, prompts, group_size, seed, temperature, max_completion_tokens, source, data))
    write_tape(out, made)
    say(f"{len(made.reward)} completions, {int(made.reward.sum())} correct: {files_of(out)[0]}")


@tape.command("compare")
def tape_compare(
    recorded: Annotated[Path, typer.Argument(metavar="TAPE", help="Path of a tape written by 'bakeoff tape record'.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of methods, 'pkg.module:Class' or 'file.py:Class'; default: all.")
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
    data: DataOption = None,
) -> None:
    """Feed the same completions to several methods and compare their gradients and first steps."""
    add_folder(Path.cwd())
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
        table.add_row(*map(escape, (row[0].strip("`"), *row[1:])))
    console.print(table)
    for name, why in found.left_out.items():
        say(f"left out: {name} {why}")
    say(f"report: {path}")
