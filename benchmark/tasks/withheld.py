"""Splits that no task of this process gives out, for as long as somebody else's code trains in it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from benchmark.errors import MethodFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.contract import Split

__all__ = ["refuse_asked", "refuse_withheld", "withheld"]

_asked: dict[Split, list[str]] = {}
"""Withheld splits, and the tasks of which they were asked for."""


@contextlib.contextmanager
def withheld(split: Split) -> Iterator[list[str]]:
    """Inside the block `Task.load` refuses the split; yields the names of the tasks that were asked for it.

    The names are there even where the caller caught what was raised.
    """
    _asked[split] = names = list[str]()
    try:
        yield names
    finally:
        del _asked[split]


def refuse_withheld(task: str, split: Split) -> None:
    """Raise `MethodFault` if the split is withheld."""
    if split in _asked:
        _asked[split].append(task)
        refuse_asked(_asked[split], split)


def refuse_asked(tasks: Sequence[str], split: Split) -> None:
    """Raise `MethodFault` if a withheld split was asked for, of any task."""
    if tasks:
        raise MethodFault(
            f"training asked for the {split} split of '{tasks[0]}': a method trains on the problems of run.batches() "
            "only."
        )
