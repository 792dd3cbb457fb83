"""What a report needs beside records and outcomes ⇄ files.

    ROOT/<suite>/<job-id>/cross_grading.csv.gz    completions on which another grader differs from the examiner
    ROOT/<suite>/problems/<task>.jsonl.gz         test problems of a generated task: first their digest, then one a line

Both may be absent: results of before they were kept have none, and texts of published problems are never kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, cast, get_args

from pydantic import TypeAdapter

from benchmark.contract import CrossGrading, ExamProblems, Problem, VerdictKind, is_file_name
from benchmark.errors import BadRecord, excerpt
from benchmark.store.atomic import READ_ERRORS, from_csv, to_csv, unzipped, write, zipped
from benchmark.store.outcomes import message_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CROSS_GRADING",
    "problems_path",
    "read_cross_grading",
    "read_problems",
    "write_cross_grading",
    "write_problems",
]

CROSS_GRADING = "cross_grading.csv.gz"

_AGAIN = "Write it again with 'bakeoff regrade', or delete it to do without."
_KINDS = frozenset(get_args(VerdictKind))
_KEY = ("problem", "sample")


def write_cross_grading(folder: Path, found: CrossGrading) -> None:
    """Write `cross_grading.csv.gz`; a grader that agrees with the examiner has an empty cell."""
    rows = (
        (problem, str(sample), *(verdicts.get(name) for name in found.graders))
        for (problem, sample), verdicts in found.differing.items()
    )
    write(folder / CROSS_GRADING, zipped(to_csv((*_KEY, *found.graders), rows)))


def read_cross_grading(folder: Path) -> CrossGrading | None:
    """What other graders said of a job's completions; `None` where it is not kept. Raises BadRecord."""
    path = folder / CROSS_GRADING
    if not path.exists():
        return None
    try:
        header, *rows = from_csv(unzipped(path))
        graders = tuple(name for name in header[2:] if name)
        if tuple(header[:2]) != _KEY or len(graders) != len(header) - 2:
            raise ValueError("the columns are not problem, sample and one for each grader")
        return CrossGrading(graders, dict(_differing(graders, row) for row in rows))
    except READ_ERRORS as error:
        raise BadRecord(f"{path}: {message_of(error)}. {_AGAIN}") from error


def _differing(graders: tuple[str, ...], row: list[str | None]) -> tuple[tuple[str, int], dict[str, VerdictKind]]:
    problem, sample, *cells = row
    if problem is None or sample is None:
        raise ValueError("a row without a problem or a sample")
    verdicts = {name: kind for name, kind in zip(graders, cells, strict=True) if kind is not None}
    if not _KINDS.issuperset(verdicts.values()):
        raise ValueError(f"{problem}, sample {sample}: a verdict that is none of {', '.join(sorted(_KINDS))}")
    return (problem, int(sample)), cast("dict[str, VerdictKind]", verdicts)


def problems_path(root: Path, suite: str, task: str) -> Path:
    """Where the test problems of a task lie. Raises BadRecord for names that would lead out of `root`."""
    for name in (suite, task):
        if not is_file_name(name):
            raise BadRecord(f"{root}: {excerpt(name)!r} cannot name a suite or task, whose files would lie elsewhere.")
    return root / suite / "problems" / f"{task}.jsonl.gz"


def write_problems(root: Path, suite: str, task: str, kept: ExamProblems) -> None:
    """Write a task's test problems, without their solutions; nothing where the same ones lie there already."""
    path = problems_path(root, suite, task)
    lines = [json.dumps({"task_digest": kept.task_digest})]
    lines += [json.dumps(asdict(one) | {"solution": ""}, ensure_ascii=False) for one in kept.problems]
    content = zipped("".join(f"{line}\n" for line in lines))
    if not path.exists() or path.read_bytes() != content:
        write(path, content)


def read_problems(root: Path, suite: str, task: str) -> ExamProblems | None:
    """A task's test problems; `None` where they are not kept. Raises BadRecord."""
    path = problems_path(root, suite, task)
    if not path.exists():
        return None
    try:
        first, *rest = unzipped(path).splitlines()
        problems = tuple(_adapter().validate_json(line) for line in rest)
        return ExamProblems(str(json.loads(first)["task_digest"]), problems)
    except (*READ_ERRORS, LookupError, TypeError) as error:
        raise BadRecord(f"{path}: {message_of(error)}. {_AGAIN}") from error


@cache
def _adapter() -> TypeAdapter[Problem]:
    return TypeAdapter(Problem)
