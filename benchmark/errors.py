"""Every exception this project raises on purpose.

BakeoffError
├── ConfigurationError          something asked for cannot be: named before anything is loaded
│   ├── UnknownName             a name nobody knows, with the nearest ones
│   ├── MissingPackage          a library of an extra is not installed
│   └── DataUnavailable         a data set or model that is neither here nor reachable
├── MalformedRow                a data file's row, with file and line
├── BadRecord                   a result that cannot be read back
└── TrainingStopped             a running job ends early, with the status it is recorded under
    ├── BudgetSpent             an adapter asked for more completions than its share
    ├── Diverged                a number that had to be finite is not
    ├── MethodFault             a method's code does not keep the contract
    └── OffTape                 an adapter cannot learn from a tape's completions

Messages are written for the person at the terminal: which value is wrong, what would be right, what to do next.
They are caught in one place (`runner`), or in `cli` where they become one line and an exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BadRecord",
    "BakeoffError",
    "BudgetSpent",
    "ConfigurationError",
    "DataUnavailable",
    "Diverged",
    "MalformedRow",
    "MethodFault",
    "MissingPackage",
    "OffTape",
    "TrainingStopped",
    "UnknownName",
    "excerpt",
    "nearest",
]


class BakeoffError(Exception):
    """Base of all deliberate errors."""


class ConfigurationError(BakeoffError):
    """A suite, option or setting that cannot be run as written."""


class UnknownName(ConfigurationError):
    """`kind` named `name` does not exist; `known` are the ones that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(sorted(known))
        super().__init__(
            f"no {kind} named '{excerpt(name)}'{nearest(name, self.known)} Known: {', '.join(self.known)}."
            f"{hint and ' ' + hint}"
        )


class MissingPackage(ConfigurationError):
    """A library that is an extra of this package is not installed."""


class DataUnavailable(ConfigurationError):
    """Neither a local folder nor the Hub gave the data or the model."""


class MalformedRow(BakeoffError):
    """A row that is not what the data set's format says."""


class BadRecord(BakeoffError):
    """A file under `results/` that cannot be read as what it should be."""


class TrainingStopped(BakeoffError):
    """Ends a running job; recorded with its reason."""


class BudgetSpent(TrainingStopped):
    """More completions were asked for than the suite grants."""


class Diverged(TrainingStopped):
    """A loss, gradient or weight stopped being finite; `moved`: after a step had changed the weights."""

    def __init__(self, message: str, *, moved: bool = True) -> None:
        self.moved = moved
        super().__init__(message)


class MethodFault(TrainingStopped):
    """A mistake in a method's code, with the file and line of its author."""


class OffTape(TrainingStopped):
    """A method asked for something a tape does not hold, so it is left out of the comparison."""


def excerpt(text: str, longest: int = 100) -> str:
    """The text, or its start where it is too long for a message."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known name, swapped letters first, else a full stop."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    if not close:
        return "."
    best = max(close, key=lambda candidate: sorted(candidate) == sorted(name))
    return f"; did you mean '{best}'?"
