"""The command line: commands are put together here, and errors become one line and an exit code.

0: all done. 1: a job or a check failed. 2: the question was wrong. 130: interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from benchmark.commands.diversity.command import diversity
from benchmark.commands.exact_world.command import check
from benchmark.commands.exam import exam
from benchmark.commands.exchange.command import export, import_
from benchmark.commands.grade.command import grade
from benchmark.commands.lab import lab
from benchmark.commands.listing import list_
from benchmark.commands.run.command import run
from benchmark.commands.run.others import fairness, regrade, report, verify
from benchmark.commands.tape.command import tape
from benchmark.errors import BakeoffError
from benchmark.importing import missing_extra
from benchmark.store.provenance import package_version

__all__ = ["app", "main", "message_line"]

app = typer.Typer(
    help="Honest comparison of RL post-training algorithms for LLM math reasoning.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command("list")(list_)
app.command()(run)
app.command()(fairness)
app.command()(report)
app.command()(verify)
app.command()(regrade)
app.command()(check)
app.add_typer(tape, name="tape")
app.command()(diversity)
app.command()(exam)
app.command()(export)
app.command()(lab)
app.command("import")(import_)
app.command()(grade)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"bakeoff {package_version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and stop."),
    ] = False,
) -> None:
    del version  # its callback has printed it


def main() -> None:
    """Entry point of the `bakeoff` command."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # inherited by the jobs
    try:
        app()
    except BakeoffError as error:
        _end(str(error), 2)
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        _end(missing, 2)
    except OSError as error:  # a full or read-only disk, for example: what is written stays
        _end(f"{error}. Free space or name other folders; finished jobs keep their records.", 1)


def _end(message: str, code: int) -> None:
    print(f"bakeoff: {message_line(message)}", file=sys.stderr)
    sys.exit(code)


def message_line(message: str) -> str:
    """One printable line, whatever was quoted in it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(message.split()))
