r"""Grade a file of pairs, one JSON object per line, with one or several graders, and count how often they agree.

| field | meaning |
| --- | --- |
| `gold`, else `answer` | the reference |
| `prediction`, else `completion` | the text to grade |
| `gold_form` | `solution`: the final answer is taken out of the gold first; `answer`: it is not |
| `expected` | whether it should be accepted, if known |
| `id`, `kind` | a name and a class of the row; the name defaults to the line number |

Without `gold_form` a gold is a solution if it has a line `#### x`, as the column `answer` of GSM8K does, or a `\boxed`,
as the column `solution` of MATH does.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmark.commands.exchange.readers.files import raw_rows
from benchmark.commands.exchange.readers.registry import AUTO, Asked, known_format, read_samples
from benchmark.commands.exchange.readers.row import gold_answer
from benchmark.contract import Verdict
from benchmark.errors import BakeoffError, ConfigurationError, MalformedRow
from benchmark.grading import extract_answer
from benchmark.grading.algebra import TooLarge
from benchmark.grading.answers import read as read_answer
from benchmark.grading.rivals import grader
from benchmark.grading.tokens import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmark.grading.rivals import Grader

__all__ = [
    "AnswerPair",
    "GradedPair",
    "grade_pairs",
    "graders_named",
    "read",
    "unreadable_golds",
    "write",
]

# What a grader that breaks on one row may raise; it costs that row and no other.
_FAILURES = (ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)


NAME = 48
"""Characters of a problem's text that stand for its id."""


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """One pair to grade."""

    id: str
    gold: str | None
    """The final answer; `None` if a worked solution has none."""
    prediction: str
    expected: bool | None
    kind: str


@dataclass(frozen=True, slots=True)
class GradedPair:
    """A row and the verdict of each grader, in the order requested."""

    row: AnswerPair
    verdicts: tuple[Verdict, ...]

    @property
    def accepted(self) -> tuple[bool, ...]:
        """Which graders call it correct."""
        return tuple(verdict.kind == "correct" for verdict in self.verdicts)


def graders_named(names: str) -> tuple[Grader, ...]:
    """The graders of a comma-separated list, each once. Raises `UnknownName`, and ConfigurationError for none."""
    found = tuple(grader(name) for name in dict.fromkeys(part.strip() for part in names.split(",")) if name)
    if not found:
        raise ConfigurationError("--graders is empty: write for example '--graders bakeoff,math_verify'.")
    return found


# --- reading -------------------------------------------------------------------------------------------------------


def read(source: str, *, without: Sequence[str] = (), asked: Asked | None = None) -> list[AnswerPair]:
    """All rows of a .jsonl or .jsonl.gz file, or of standard input (`-`), but those of the kinds in `without`.

    A file of another program (`exchange.readers`) gives a row for every completion; `expected` is then what the
    program's own scorer said of it. Raises MalformedRow with line and field, and ConfigurationError for a file that is
    not there or not readable.
    """
    asked = asked or Asked()
    if _is_foreign(source, asked):
        kept = [row for row in _completions(Path(source), asked) if row.kind not in without]
    else:
        kept = [row for row in _own(source) if row.kind not in without]
    if not kept:
        raise ConfigurationError(f"{source}: no rows to grade. Write one JSON object a line with gold and prediction.")
    return kept


def unreadable_golds(rows: Sequence[AnswerPair]) -> list[AnswerPair]:
    """The rows whose gold is missing, or nothing our grader can read: they are right only where texts are equal."""
    return [row for row in rows if row.gold is None or _is_unreadable(row.gold)]


def _is_unreadable(gold: str) -> bool:
    try:
        read_answer(gold)
    except Unreadable:
        return True
    except TooLarge:
        return False
    return False


def _is_foreign(source: str, asked: Asked) -> bool:
    """Whether the file is another program's: the options say so, or its first row has that program's fields."""
    if asked.columns or asked.kind != AUTO:
        return True
    if source == "-" or not Path(source).is_file():
        return False
    try:
        _, row = next(raw_rows(Path(source)), ("", {}))
    except BakeoffError:
        return False  # said below, with the fields of our own format
    return not {"gold", "prediction"} & row.keys() and known_format(row) is not None


def _completions(path: Path, asked: Asked) -> Iterator[AnswerPair]:
    """A pair for each completion, named `problem/number`."""
    counted: Counter[str] = Counter()
    for row in read_samples([path], asked):
        if row.gold is None:
            raise MalformedRow(f"{row.where}: no gold in this row: name its column, --columns …,gold=COLUMN.")
        problem = row.id or (row.asked[0] if row.asked else row.where)
        scores = row.scores or (None,) * len(row.completions)
        for text, own in zip(row.completions, scores, strict=True):
            expected = bool(own) if own in {0.0, 1.0} else None
            yield AnswerPair(f"{_short(problem)}/{counted[problem]}", _answer(row.gold, None), text, expected, "")
            counted[problem] += 1


def _short(problem: str) -> str:
    """A name that fits a table: an id, or the start of the problem's text."""
    line = " ".join(problem.split())
    return line if len(line) <= NAME else f"{line[:NAME]}…"


def _answer(gold: str, form: str | None) -> str | None:
    """The final answer of a gold: taken out of it where it is a worked solution."""
    if form == "answer":
        return gold
    return gold_answer(gold) if form is None else extract_answer(gold, require_marker=True)


def _own(source: str) -> list[AnswerPair]:
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{source}: no such file. Give a .jsonl or .jsonl.gz file, or '-'.") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: {error}. It has to be JSON lines in UTF-8, plain or gzip.") from error
    lines = text.removeprefix("\ufeff").split("\n")
    return [_row(line, number, f"{source}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _row(line: str, number: int, where: str) -> AnswerPair:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedRow(f"{where}: not JSON ({error}). Write one object per line.") from error
    if not isinstance(fields, dict):
        raise MalformedRow(f"{where}: not an object. Write {{'gold': …, 'prediction': …}}.")
    if "gold" in fields and "answer" in fields and not {"prediction", "completion"} & fields.keys():
        raise MalformedRow(f"{where}: field 'answer' may be either side beside 'gold'. Call it 'prediction'.")
    gold, prediction = _text(fields, ("gold", "answer"), where), _text(fields, ("prediction", "completion"), where)
    form = fields.get("gold_form")
    if form not in (None, "answer", "solution"):
        raise MalformedRow(f"{where}: field 'gold_form' is {form!r}; it is 'answer' or 'solution'.")
    expected = fields.get("expected")
    if expected is not None and not isinstance(expected, bool):
        raise MalformedRow(f"{where}: field 'expected' is {expected!r}; it is true or false, or left out.")
    kind = fields.get("kind", "")
    if not isinstance(kind, str):
        raise MalformedRow(f"{where}: field 'kind' is {kind!r}; it is text.")
    return AnswerPair(str(fields.get("id", number)), _answer(gold, form), prediction, expected, kind)


def _text(fields: dict[str, object], names: tuple[str, str], where: str) -> str:
    name = next((name for name in names if name in fields), None)
    if name is None:
        raise MalformedRow(f"{where}: no field '{names[0]}'. Every row has 'gold' and 'prediction'.")
    value = fields[name]
    if not isinstance(value, str):
        raise MalformedRow(f"{where}: field '{name}' is {str(value)[:40]}, not text. Write it in quotes.")
    return value


# --- grading -------------------------------------------------------------------------------------------------------


def grade_pairs(rows: Sequence[AnswerPair], graders: Sequence[Grader]) -> Iterator[GradedPair]:
    """Every row by every grader, in order; a grader that raises gives that row the verdict `error`."""
    for row in rows:
        yield GradedPair(row, tuple(_graded_by(each, row) for each in graders))


def _graded_by(one: Grader, row: AnswerPair) -> Verdict:
    if row.gold is None:
        return Verdict("error", None, "gold_without_answer")
    started = time.perf_counter()
    try:
        return one.grade(row.prediction, row.gold)
    except _FAILURES as error:
        return Verdict("error", None, type(error).__name__, time.perf_counter() - started)


def write(graded: GradedPair, graders: Sequence[Grader], out: IO[str]) -> None:
    """One JSON line per grader: id, grader, verdict, answer, route, seconds. ASCII only, so nothing in it acts."""
    for one, verdict in zip(graders, graded.verdicts, strict=True):
        fields = {
            "id": graded.row.id,
            "grader": one.name,
            "verdict": verdict.kind,
            "answer": verdict.answer,
            "route": verdict.route,
            "seconds": round(verdict.seconds, 6),
        }
        out.write(f"{json.dumps(fields)}\n")
