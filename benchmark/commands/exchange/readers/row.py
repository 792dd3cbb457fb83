"""What every reader gives: one row of another program's file, with its fields checked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import MalformedRow
from benchmark.grading import extract_answer

__all__ = [
    "GOLDS",
    "ForeignRow",
    "LocatedRows",
    "SampledRow",
    "content",
    "described",
    "field",
    "gold_answer",
    "gold_in",
    "number",
    "said",
    "score_of",
    "text",
]

ForeignRow = Mapping[str, Any]
LocatedRows = Iterable[tuple[str, ForeignRow]]
"""Rows with `file:line`, for messages."""

GOLDS = ("answer", "gold", "ground_truth", "target", "solution", "label")
"""Columns in which data sets keep the reference, and trainers pass it on."""

SHOWN = 40
_SOLUTION = re.compile(r"^[ \t]*####[ \t]*\S|\\boxed|\\fbox", re.MULTILINE)
"""What only a worked solution has: GSM8K's last line, or a box."""


@dataclass(frozen=True, slots=True)
class SampledRow:
    """Completions of one problem by one policy."""

    where: str
    """`file:line`, for messages."""
    asked: tuple[str, ...]
    """Texts that are the problem or contain it, the most certain first."""
    completions: tuple[str, ...]
    """At least one."""
    id: str | None = None
    """The problem's id, where the row has one."""
    gold: str | None = None
    """The reference as the file writes it: an answer, or a worked solution that ends in one."""
    scores: tuple[float, ...] = ()
    """What the writer's own scorer gave each completion; empty where the file does not say."""
    greedy: bool | None = None
    """Whether the completions were decoded greedily; `None` where the file does not say."""
    several: bool = False
    """Whether the completions of one problem are spread over rows."""
    step: int | None = None
    """The training step of the policy; every step is another policy."""
    method: str = ""
    """Who answered, where the file has a column for it."""


def field(row: ForeignRow, name: str, kind: type | tuple[type, ...], where: str) -> Any:  # noqa: ANN401 - checked here
    """The value under `name`. Raises `MalformedRow` where it is missing or of another type; a truth is no number."""
    if name not in row:
        raise MalformedRow(f"{where}: no field '{name}'; the fields are {', '.join(map(str, row)) or 'none'}.")
    if not isinstance(row[name], kind) or isinstance(row[name], bool):
        wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise MalformedRow(f"{where}: '{name}' must be {wanted}, found {described(row[name])}.")
    return row[name]


def text(value: object, name: str, where: str) -> str:
    """The text itself. Raises `MalformedRow` where it is no text, or holds what UTF-8 cannot."""
    if not isinstance(value, str):
        raise MalformedRow(f"{where}: '{name}' must hold text, found {described(value)}.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise MalformedRow(
            f"{where}: '{name}' holds half a surrogate pair at {error.start}; UTF-8 has none."
        ) from error
    return value


def number(value: object, name: str, where: str) -> float:
    """A finite number. Raises `MalformedRow` for everything else, numbers beyond the range of a float included."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedRow(f"{where}: '{name}' must be a number, found {described(value)}.") from error
    if not math.isfinite(found):
        raise MalformedRow(f"{where}: '{name}' must be a finite number, found {described(value)}.")
    return found


def score_of(value: object) -> tuple[float, ...]:
    """A score of one completion: a finite number or a truth; empty for everything else."""
    if isinstance(value, bool | int | float):
        try:
            found = float(value)
        except OverflowError:
            return ()
        return (found,) if math.isfinite(found) else ()
    return ()


def said(value: object, name: str, role: str, where: str) -> str:
    """A text, or the last message of `role` in a conversation."""
    if isinstance(value, str):
        return text(value, name, where)
    if not isinstance(value, list | tuple):
        raise MalformedRow(f"{where}: '{name}' must be str or list, found {described(value)}.")
    for message in reversed(value):
        if isinstance(message, Mapping) and message.get("role") == role:
            return text(content(message.get("content")), name, where)
    raise MalformedRow(f"{where}: '{name}' has no message of the role '{role}', found {described(value)}.")


def content(value: object) -> object:
    """A message's text; one in parts is joined, and parts that are no text (reasoning, images) are left out."""
    if isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
        return "".join(part["text"] for part in value if isinstance(part.get("text"), str))
    return value


def gold_in(row: ForeignRow, names: Sequence[str] = GOLDS) -> str | None:
    """The reference under the first of `names` that holds text or a number."""
    for name in names:
        value = row.get(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return None


def gold_answer(gold: str) -> str:
    """The final answer of a reference: taken out of a worked solution, else the reference itself.

    A solution is told by its line `#### x`, as in GSM8K, or its box, as in MATH.
    """
    return (extract_answer(gold, require_marker=True) or gold) if _SOLUTION.search(gold) else gold


def described(value: object) -> str:
    """A value for a message: its type and the start of it. Never raises, however deep or long the value is."""
    try:
        written = repr(value)
    except (RecursionError, ValueError):  # nested too deeply; more digits than Python writes
        return type(value).__name__
    return f"{type(value).__name__} {written[:SHOWN]}{'…' if len(written) > SHOWN else ''}"
