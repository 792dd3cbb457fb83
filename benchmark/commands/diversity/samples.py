"""Read sampled solutions from JSON lines: each line is one graded completion of one problem."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.errors import ConfigurationError, MalformedRow
from benchmark.grading import extract_answer
from benchmark.tasks.files import json_rows, read_rows, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmark.tasks.files import RawRow

__all__ = ["ALIASES", "Sample", "by_method", "read_samples", "samples_of"]

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


def read_samples(path: Path) -> list[Sample]:
    """All samples of a `.jsonl`, `.jsonl.gz` or `.parquet` file; `-` is standard input, as JSON lines.

    Raises `MalformedRow` naming file, line and field, and `ConfigurationError` for a file that is not there or empty.
    """
    name = str(path)
    if name == "-":
        return samples_of(json_rows("standard input", sys.stdin.buffer), "standard input")
    if not path.is_file():
        raise ConfigurationError(f"{name} is not a file: name one with JSON lines, or '-' for standard input.")
    return samples_of(read_rows(path), name)


def samples_of(rows: Iterable[tuple[int, RawRow]], name: str) -> list[Sample]:
    """The rows as samples; `name` is the file's, for messages."""
    found: list[Sample] = []
    for number, row in rows:
        sample = _sample(row, f"{name}:{number}")
        if found and bool(sample.method) != bool(found[0].method):
            raise MalformedRow(
                f"{name}:{number}: field 'method' is {'there' if sample.method else 'missing'}, unlike in the lines "
                "before: give it in every line or in none"
            )
        found.append(sample)
    if not found:
        raise ConfigurationError(
            f"{name} holds no samples: one JSON object per line, with problem, completion, correct."
        )
    return found


def by_method(samples: Iterable[Sample]) -> dict[str, dict[str, list[Sample]]]:
    """Samples of each problem of each method, in the order of the file."""
    found: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        found.setdefault(sample.method, {}).setdefault(sample.problem, []).append(sample)
    return found


def _sample(row: RawRow, where: str) -> Sample:
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
    )


def _field(row: RawRow, field: str, where: str) -> object:
    for name in ALIASES[field]:
        if name in row:
            return row[name]
    others, there = ", ".join(ALIASES[field][1:]), ", ".join(sorted(row)) or "none"
    raise MalformedRow(f"{where}: no field '{field}' (or {others}); the line has {there}")


def _name(value: object, field: str, where: str) -> str:
    if (isinstance(value, str) and value.strip()) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise MalformedRow(f"{where}: field '{field}' must be text or a whole number, found {shown(value)}")


def _truth(value: object, where: str) -> bool:
    if isinstance(value, bool | int | float) and value in {0, 1}:
        return bool(value)
    raise MalformedRow(f"{where}: field 'correct' must be true or false (or 1 or 0), found {shown(value)}")


def _answer(value: object, where: str) -> str | None:
    """The answer given; nothing at all, null and blanks are a missing one."""
    if value is None:
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip() or None
    raise MalformedRow(f"{where}: field 'answer' must be text, a number or null, found {shown(value)}")
