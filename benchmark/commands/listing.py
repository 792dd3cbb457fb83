"""`bakeoff list`: what comes with the package. Loads no torch."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from rich.table import Table

from algorithms import CATALOGUE as ALGORITHMS
from benchmark.commands.options import console, say
from benchmark.tasks import CATALOGUE as TASKS

__all__ = ["list_"]


def list_() -> None:
    """List the algorithms, tasks and suites that come with the package."""
    from benchmark.suite.source import SUITES  # noqa: PLC0415 - beside the other late imports of commands

    table = Table(title="Algorithms", title_justify="left", box=None, pad_edge=False)
    for column in ("name", "class", "what it is"):
        table.add_column(column)
    for name, target in ALGORITHMS.items():
        table.add_row(name, target, _first_line(target.partition(":")[0]))
    console.print(table)
    say(f"\nTasks    {', '.join(TASKS)}")
    say(f"Suites   {', '.join(sorted(file.stem for file in SUITES.glob('*.toml')))}")


def _first_line(module: str) -> str:
    """First line of a module's docstring, read without importing it: listing needs no torch."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(found.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
