"""What a command says and returns when a signal has ended its sweep."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from benchmark.commands.options import say

if TYPE_CHECKING:
    from rich.console import Console

    from benchmark.run.plan import Plan

__all__ = ["told_when_interrupted"]

INTERRUPTED = 130


@contextmanager
def told_when_interrupted(plan: Plan, out: Console) -> Iterator[None]:
    """An interrupt inside the block says how to go on and exits with 128 and the signal's number."""
    from benchmark.run.stopping import Stopped  # noqa: PLC0415 - with the sweep, when there is one

    try:
        yield
    except KeyboardInterrupt as stop:
        with contextlib.suppress(OSError):  # the terminal may be gone
            say(_how_to_go_on(plan), "yellow", to=out)
        raise typer.Exit(128 + stop.number if isinstance(stop, Stopped) else INTERRUPTED) from None


def _how_to_go_on(plan: Plan) -> str:
    ended = plan.ended()
    command = shlex.join(["bakeoff", *[word for word in sys.argv[1:] if word != "--force"]])
    return (
        f"interrupted: {ended} of {plan.total} jobs are done and keep their results, running ones were ended and "
        f"recorded as interrupted. Go on with the same command: {command}"
    )
