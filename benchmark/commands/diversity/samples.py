"""Read sampled solutions: each row is one completion of one problem, graded already or graded here against its gold."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmark.commands.exchange.readers.files import raw_rows
from benchmark.commands.exchange.readers.registry import AUTO, Asked, known_format
from benchmark.commands.exchange.readers.registry import read_samples as read_rows
from benchmark.commands.exchange.readers.row import described as shown
from benchmark.commands.exchange.readers.row import gold_answer
from benchmark.errors import ConfigurationError, MalformedRow
from benchmark.grading import extract_answer, grade
from benchmark.tasks.files import json_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmark.commands.exchange.readers.row import ForeignRow, SampledRow

HALF = 0.5
"""A score above it is one of a correct completion; trainers reward with 1 and 0, or 1 and -1."""

__all__ = ["ALIASES", "Sample", "by_method", "read_files", "read_samples", "samples_of"]

ALIASES = {
    "problem": ("problem", "problem_id", "question", "prompt", "group"),
    "completion": ("completion", "response", "solution", "output", "text", "prediction"),
    "correct": ("correct", "is_correct", "expected"),
    "answer": ("answer", "extracted_answer", "final_answer"),
    "method": ("method", "model", "algorithm"),
}
"""What a field may be called; the first name that a line has is taken."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion."""

    problem: str
    """Its id or its text; equal ones are one problem."""
    completion: str
    correct: bool
    answer: str | None
    """The final answer this completion gives; `None` without one."""
    method: str = ""
    """Who wrote it; empty where the file does not say."""
    greedy: bool = False
    """Whether it was decoded greedily; such a one is no sample."""


def read_samples(path: Path, asked: Asked | None = None) -> list[Sample]:
    """All samples of a file of our own fields or another program's; `-` is standard input, as JSON lines.

    A row of another program (`exchange.readers`) that has a gold is graded here; without one its own score decides.
    Raises `MalformedRow` naming file, line and field, and `ConfigurationError` for a file that is not there or empty.
    """
    name, asked = str(path), asked or Asked()
    if name == "-":
        rows = json_rows("standard input", sys.stdin.buffer)
        return samples_of(((f"standard input:{number}", row) for number, row in rows), "standard input")
    if not path.is_file():
        raise ConfigurationError(f"{name} is not a file: name one with JSON lines, or '-' for standard input.")
    if asked.columns or asked.kind != AUTO or _is_foreign(path):
        return _checked((one for row in read_rows([path], asked) for one in _graded(row)), name)
    return samples_of(raw_rows(path), name)


def read_files(paths: Sequence[Path], asked: Asked | None = None) -> list[Sample]:
    """All samples of the files; of several, each is a method, named as its file where it has no field `method`."""
    if len(paths) == 1:
        return read_samples(paths[0], asked)
    found: list[Sample] = []
    names: set[str] = set()
    for path in paths:
        name = path.stem if path.stem not in names else str(path)
        if name in names:
            raise ConfigurationError(f"{path} is given twice.")
        names.add(name)
        found += [sample if sample.method else replace(sample, method=name) for sample in read_samples(path, asked)]
    return found


def samples_of(rows: Iterable[tuple[str, ForeignRow]], name: str) -> list[Sample]:
    """The rows, with their places, as samples; `name` is the file's, for messages."""
    return _checked(((where, _sample(row, where)) for where, row in rows), name)


def _checked(samples: Iterable[tuple[str, Sample]], name: str) -> list[Sample]:
    found: list[Sample] = []
    for where, sample in samples:
        if found and bool(sample.method) != bool(found[0].method):
            raise MalformedRow(
                f"{where}: field 'method' is {'there' if sample.method else 'missing'}, unlike in the lines "
                "before: give it in every line or in none"
            )
        found.append(sample)
    if not found:
        raise ConfigurationError(
            f"{name} holds no samples: one JSON object per line, with problem, completion, correct."
        )
    return found


def _is_foreign(path: Path) -> bool:
    """Whether the first row has the fields of another program and not ours."""
    _, row = next(raw_rows(path), ("", {}))
    return not any(name in row for name in ALIASES["correct"]) and known_format(row) is not None


def _graded(row: SampledRow) -> Iterator[tuple[str, Sample]]:
    """The completions of a row of another program, right where our grader says so, else where the score is above ½."""
    problem = row.id or (row.asked[0] if row.asked else "")
    if not problem:
        raise MalformedRow(f"{row.where}: the row has neither an id nor a text of the problem.")
    if row.gold is None and not row.scores:
        raise MalformedRow(
            f"{row.where}: neither a gold nor a score of each completion: name a column, --columns …,gold=COLUMN or "
            "score=COLUMN."
        )
    gold = None if row.gold is None else gold_answer(row.gold)
    for place, text in enumerate(row.completions):
        if gold is not None:
            verdict = grade(text, gold)
            correct, answer = verdict.kind == "correct", verdict.answer
        else:
            correct, answer = row.scores[place] > HALF, extract_answer(text)
        yield row.where, Sample(problem, text, correct, answer, row.method, greedy=bool(row.greedy))


def by_method(samples: Iterable[Sample]) -> dict[str, dict[str, list[Sample]]]:
    """Samples of each problem of each method, in the order of the file."""
    found: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        found.setdefault(sample.method, {}).setdefault(sample.problem, []).append(sample)
    return found


def _sample(row: ForeignRow, where: str) -> Sample:
    completion = _field(row, "completion", where)
    if not isinstance(completion, str):
        raise MalformedRow(f"{where}: field 'completion' must be text, found {shown(completion)}")
    given = next((name for name in ALIASES["answer"] if name in row), None)
    method = next((row[name] for name in ALIASES["method"] if name in row), "")
    return Sample(
        problem=_name(_field(row, "problem", where), "problem", where),
        completion=completion,
        correct=_truth(_field(row, "correct", where), where),
        answer=extract_answer(completion) if given is None else _answer(row[given], where),
        method=_name(method, "method", where) if method != "" else "",
        greedy=_truth(row["greedy"], where, "greedy") if "greedy" in row else False,
    )


def _field(row: ForeignRow, field: str, where: str) -> object:
    for name in ALIASES[field]:
        if name in row:
            return row[name]
    others, there = ", ".join(ALIASES[field][1:]), ", ".join(sorted(row)) or "none"
    raise MalformedRow(f"{where}: no field '{field}' (or {others}); the line has {there}")


def _name(value: object, field: str, where: str) -> str:
    if (isinstance(value, str) and value.strip()) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise MalformedRow(f"{where}: field '{field}' must be text or a whole number, found {shown(value)}")


def _truth(value: object, where: str, field: str = "correct") -> bool:
    if isinstance(value, str):  # as a CSV has it
        value = {"true": 1, "1": 1, "false": 0, "0": 0}.get(value.strip().lower(), value)
    if isinstance(value, bool | int | float) and value in {0, 1}:
        return bool(value)
    raise MalformedRow(f"{where}: field '{field}' must be true or false (or 1 or 0), found {shown(value)}")


def _answer(value: object, where: str) -> str | None:
    """The answer given; nothing at all, null and blanks are a missing one."""
    if value is None:
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip() or None
    raise MalformedRow(f"{where}: field 'answer' must be text, a number or null, found {shown(value)}")
