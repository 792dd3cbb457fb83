"""A file of graded pairs: one JSON object a line → verdicts of one grader or more → how often they are right and agree.

| field | meaning |
| --- | --- |
| `gold`, else `answer` | the reference |
| `prediction`, else `completion` | the text to judge |
| `gold_form` | `answer` (default) or `solution`: then the final answer is taken out of the gold first |
| `expected` | whether it should be accepted, where somebody knows |
| `id`, `kind` | a name and a class of its own; the name defaults to the line number |
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmark.contract import Verdict
from benchmark.errors import ConfigurationError, MalformedRow
from benchmark.grading import extract_answer
from benchmark.grading.rivals import grader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.grading.rivals import Grader

__all__ = ["Agreement", "Judged", "Row", "Score", "agreement", "graders_named", "judge_rows", "read", "score", "write"]

# What a grader that breaks on one row may raise; it costs that row and no other.
_FAILURES = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Row:
    """One pair to judge."""

    id: str
    gold: str | None
    """The final answer alone; `None` where a worked solution has none."""
    prediction: str
    expected: bool | None
    kind: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and what each grader says of it, in the order they were asked for."""

    row: Row
    verdicts: tuple[Verdict, ...]

    @property
    def accepted(self) -> tuple[bool, ...]:
        """Which graders call it correct."""
        return tuple(verdict.kind == "correct" for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Score:
    """One grader on some rows. Right is accepted where expected and not accepted elsewhere."""

    rows: int
    labelled: int
    """Rows that say what is expected; the three counts below are of these."""
    right: int
    false_accepts: int
    false_rejects: int
    undecided: int
    errors: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two graders on the same rows: which accept. Cohen's kappa is `None` where chance alone explains everything."""

    first: str
    second: str
    share: float
    kappa: float | None
    first_only: int
    second_only: int


def graders_named(names: str) -> tuple[Grader, ...]:
    """The graders of a comma-separated list, each once. Raises `UnknownName`, and ConfigurationError for none."""
    found = tuple(grader(name) for name in dict.fromkeys(part.strip() for part in names.split(",")) if name)
    if not found:
        raise ConfigurationError("--graders is empty: write for example '--graders bakeoff,math_verify'.")
    return found


# --- reading -------------------------------------------------------------------------------------------------------


def read(source: str, *, without: Sequence[str] = ()) -> list[Row]:
    """All rows of a .jsonl or .jsonl.gz file, or of standard input (`-`), but those of the kinds in `without`.

    Raises MalformedRow with line and field, and ConfigurationError for a file that is not there or not readable.
    """
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{source}: no such file. Give a .jsonl or .jsonl.gz file, or '-'.") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: {error}. It has to be JSON lines in UTF-8, plain or gzip.") from error
    lines = text.removeprefix("\ufeff").split("\n")
    rows = [_row(line, number, f"{source}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    kept = [row for row in rows if row.kind not in without]
    if not kept:
        raise ConfigurationError(f"{source}: no rows to judge. Write one JSON object a line with gold and prediction.")
    return kept


def _row(line: str, number: int, where: str) -> Row:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedRow(f"{where}: not JSON ({error}). Write one object a line.") from error
    if not isinstance(fields, dict):
        raise MalformedRow(f"{where}: not an object. Write {{'gold': …, 'prediction': …}}.")
    if "gold" in fields and "answer" in fields and not {"prediction", "completion"} & fields.keys():
        raise MalformedRow(f"{where}: field 'answer' may be either side beside 'gold'. Call it 'prediction'.")
    gold, prediction = _text(fields, ("gold", "answer"), where), _text(fields, ("prediction", "completion"), where)
    form = fields.get("gold_form", "answer")
    if form not in ("answer", "solution"):
        raise MalformedRow(f"{where}: field 'gold_form' is {form!r}; it is 'answer' or 'solution'.")
    expected = fields.get("expected")
    if expected is not None and not isinstance(expected, bool):
        raise MalformedRow(f"{where}: field 'expected' is {expected!r}; it is true or false, or left out.")
    kind = fields.get("kind", "")
    if not isinstance(kind, str):
        raise MalformedRow(f"{where}: field 'kind' is {kind!r}; it is text.")
    wanted = extract_answer(gold, require_marker=True) if form == "solution" else gold
    return Row(str(fields.get("id", number)), wanted, prediction, expected, kind)


def _text(fields: dict[str, object], names: tuple[str, str], where: str) -> str:
    name = next((name for name in names if name in fields), None)
    if name is None:
        raise MalformedRow(f"{where}: no field '{names[0]}'. Every row has 'gold' and 'prediction'.")
    value = fields[name]
    if not isinstance(value, str):
        raise MalformedRow(f"{where}: field '{name}' is {str(value)[:40]}, not text. Write it in quotes.")
    return value


# --- judging -------------------------------------------------------------------------------------------------------


def judge_rows(rows: Sequence[Row], graders: Sequence[Grader]) -> Iterator[Judged]:
    """Every row by every grader, in order; a grader that raises gives that row the verdict `error`."""
    for row in rows:
        yield Judged(row, tuple(_judge(each, row) for each in graders))


def _judge(one: Grader, row: Row) -> Verdict:
    if row.gold is None:
        return Verdict("error", None, "gold_without_answer")
    started = time.perf_counter()
    try:
        return one.judge(row.prediction, row.gold)
    except _FAILURES as error:
        return Verdict("error", None, type(error).__name__, time.perf_counter() - started)


def write(judged: Judged, graders: Sequence[Grader], out: IO[str]) -> None:
    """One JSON line per grader: id, grader, verdict, answer, route, seconds. ASCII only, so nothing in it acts."""
    for one, verdict in zip(graders, judged.verdicts, strict=True):
        fields = {
            "id": judged.row.id,
            "grader": one.name,
            "verdict": verdict.kind,
            "answer": verdict.answer,
            "route": verdict.route,
            "seconds": round(verdict.seconds, 6),
        }
        out.write(f"{json.dumps(fields)}\n")


# --- counting ------------------------------------------------------------------------------------------------------


def score(rows: Sequence[Judged], place: int) -> Score:
    """The grader at `place` over these rows."""
    pairs = [(one.row.expected, one.accepted[place]) for one in rows if one.row.expected is not None]
    kinds = [one.verdicts[place].kind for one in rows]
    return Score(
        rows=len(rows),
        labelled=len(pairs),
        right=sum(expected == accepted for expected, accepted in pairs),
        false_accepts=pairs.count((False, True)),
        false_rejects=pairs.count((True, False)),
        undecided=kinds.count("undecided"),
        errors=kinds.count("error"),
        seconds=sum(one.verdicts[place].seconds for one in rows),
    )


def agreement(rows: Sequence[Judged], graders: Sequence[Grader]) -> list[Agreement]:
    """Every pair of graders: κ = (p − chance) / (1 − chance), p the share of rows on which both accept or neither."""
    found = []
    for (i, first), (j, second) in combinations(enumerate(graders), 2):
        pairs = [(one.accepted[i], one.accepted[j]) for one in rows]
        n, both = len(pairs), pairs.count((True, True))
        first_only, second_only = pairs.count((True, False)), pairs.count((False, True))
        share = (n - first_only - second_only) / n
        left, right = (both + first_only) / n, (both + second_only) / n
        chance = left * right + (1 - left) * (1 - right)
        kappa = None if chance == 1 else (share - chance) / (1 - chance)
        found.append(Agreement(first.name, second.name, share, kappa, first_only, second_only))
    return found
