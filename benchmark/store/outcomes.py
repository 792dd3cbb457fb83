"""Reads and writes a job's graded completions: `outcomes.csv.gz`, one row each, and texts in `samples.jsonl.gz`.

A suite has millions of them, so rows are read as columns and become `Outcome` objects only when needed one by one.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, cast, get_args

from pydantic import TypeAdapter, ValidationError

from benchmark.contract import Outcome, OutcomeColumns, VerdictKind, is_file_name
from benchmark.errors import BadRecord, excerpt
from benchmark.store.atomic import READ_ERRORS, columns_from_csv, to_csv, unzipped, write, zipped

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "OUTCOMES",
    "RESTORE",
    "SAMPLES",
    "file_of",
    "message_of",
    "outcomes_of",
    "read_columns",
    "read_outcomes",
    "read_texts",
    "refuse_cut_texts",
    "write_outcomes",
]

OUTCOMES, SAMPLES = "outcomes.csv.gz", "samples.jsonl.gz"

_COLUMNS = tuple(field.name for field in fields(OutcomeColumns))
RESTORE = "Restore it from version control, or run the job again."
_TRUTH = {"true": True, "false": False}
_KINDS = frozenset(get_args(VerdictKind))


def file_of(kind: str, task: str | None) -> str:
    """`outcomes.csv.gz` of a job's own task, `outcomes-svamp.csv.gz` of a transfer task.

    Raises BadRecord for a name of a task that would lead out of the folder.
    """
    if task is None:
        return kind
    if not is_file_name(task):
        raise BadRecord(f"{excerpt(task)!r} cannot name a task, whose files would lie elsewhere: {RESTORE}")
    stem, dot, ending = kind.partition(".")
    return f"{stem}-{task}{dot}{ending}"


def write_outcomes(folder: Path, outcomes: Sequence[Outcome], *, texts: bool = True, task: str | None = None) -> None:
    """Write `outcomes.csv.gz`, and `samples.jsonl.gz` unless `texts` is off (it is then removed).

    `task` names a transfer task, whose files lie beside those of the job's own task.
    """
    write(folder / file_of(OUTCOMES, task), zipped(to_csv(_COLUMNS, map(_row, outcomes))))
    if not texts:
        (folder / file_of(SAMPLES, task)).unlink(missing_ok=True)
        return
    lines = [
        json.dumps({"problem": o.problem, "sample": o.sample, "text": o.text}, ensure_ascii=False) for o in outcomes
    ]
    write(folder / file_of(SAMPLES, task), zipped("".join(f"{line}\n" for line in lines)))


def read_columns(folder: Path, most: int | None = None, task: str | None = None) -> OutcomeColumns:
    """The outcomes of a job, or of its transfer task `task`, at most the first `most` of them, without their texts."""
    path = folder / file_of(OUTCOMES, task)
    try:
        found = columns_from_csv(unzipped(path), None if most is None else 1 + most)
        if tuple(column[0] for column in found) != _COLUMNS:
            raise ValueError(f"the columns are not {', '.join(_COLUMNS)}")
        return _checked([column[1:] for column in found])
    except READ_ERRORS as error:
        raise BadRecord(f"{path}: {message_of(error)}. {RESTORE}") from error


def read_outcomes(folder: Path, *, texts: bool = True, task: str | None = None) -> tuple[Outcome, ...]:
    """The outcomes of a job in the order they were written, with their texts where they are wanted and there."""
    found = read_columns(folder, task=task)
    if not texts or not (folder / file_of(SAMPLES, task)).exists():
        return outcomes_of(found)
    return outcomes_of(found, read_texts(folder, found, task))


def read_texts(folder: Path, wanted: OutcomeColumns, task: str | None = None) -> list[str]:
    """The completions of these outcomes, in their order; reads no further than the last of them.

    Raises BadRecord when one is missing.
    """
    path = folder / file_of(SAMPLES, task)
    names = {name: json.dumps(name, ensure_ascii=False) for name in set(wanted.problem)}
    rows = zip(wanted.problem, wanted.sample, strict=True)
    missing = {
        f'{{"problem": {names[problem]}, "sample": {sample}': place for place, (problem, sample) in enumerate(rows)
    }
    found = [""] * len(missing)
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                if not missing:
                    break
                head, _, rest = line.partition(', "text": ')  # quotes in an id are escaped, so this is the key
                place = missing.pop(head, None)
                if place is not None:
                    found[place] = str(json.loads(rest[: rest.rindex("}")]))
        if missing:
            raise ValueError(f"no line begins with {next(iter(missing))}")
    except READ_ERRORS as error:
        raise BadRecord(
            f"{path}: does not fit {OUTCOMES}: {error}. Restore both, or delete it to read outcomes only."
        ) from error
    return found


def refuse_cut_texts(folder: Path) -> None:
    """Raise BadRecord where a job's texts are there and cannot be unpacked to their end."""
    path = folder / SAMPLES
    if path.exists():
        try:
            unzipped(path)
        except READ_ERRORS as error:
            raise BadRecord(f"{path}: {error}. Restore it, or delete it to read outcomes only.") from error


def outcomes_of(found: OutcomeColumns, texts: Iterable[str] = ()) -> tuple[Outcome, ...]:
    """Row by row, with empty texts unless there is one for each."""
    return tuple(map(Outcome, *found.fields, texts or repeat("")))


def message_of(error: Exception) -> str:
    """The message of a read error; the first one if there are several."""
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'the file'}: {problem['msg']}"


def _checked(found: list[list[str | None]]) -> OutcomeColumns:
    """Cells converted to the type of their column. Raises ValueError at the first that cannot be converted."""
    problem, sample, verdict, answer, route, tokens, truncated, strategy = found
    if None not in problem and None not in route and _KINDS.issuperset(verdict):
        with suppress(ValueError, KeyError, TypeError):
            return OutcomeColumns(
                problem=cast("list[str]", problem),
                sample=list(map(int, cast("list[str]", sample))),
                verdict=cast("list[VerdictKind]", verdict),
                answer=answer,
                route=cast("list[str]", route),
                tokens=[None if one is None else int(one) for one in tokens],
                truncated=[None if one is None else _TRUTH[one] for one in truncated],
                strategy=strategy,
            )
    _adapter().validate_python([dict(zip(_COLUMNS, row, strict=True)) for row in zip(*found, strict=True)])
    raise ValueError("a cell is not written as this package writes it")


def _row(o: Outcome) -> list[str | None]:
    tokens = None if o.tokens is None else str(o.tokens)
    truncated = None if o.truncated is None else str(o.truncated).lower()
    return [o.problem, str(o.sample), o.verdict, o.answer, o.route, tokens, truncated, o.strategy]


@cache
def _adapter() -> TypeAdapter[tuple[Outcome, ...]]:
    return TypeAdapter(tuple[Outcome, ...])
