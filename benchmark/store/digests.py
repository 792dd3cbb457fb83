"""SHA-256 of the files beside a record, kept in the record: a file that was changed afterwards is seen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from benchmark.errors import BadRecord
from benchmark.store.outcomes import OUTCOMES, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmark.contract import Record

__all__ = ["MAY_BE_ABSENT", "digests_of", "refuse_changed"]

_NAMES = ("outcomes*.csv.gz", "samples*.jsonl.gz", "steps.csv", "gallery.json")
"""Of a job's own task and of its transfer tasks; what `bakeoff regrade` writes later is not among them."""
MAY_BE_ABSENT = SAMPLES.partition(".")[0]
"""Texts may be left out where results are passed on."""


def digests_of(folder: Path) -> dict[str, str]:
    """File name → SHA-256 of the files of one job that hold what was measured."""
    return {path.name: _digest(path) for path in _files(folder)}


def refuse_changed(folder: Path, record: Record) -> None:
    """Raise BadRecord where a file beside a finished record is not the one that the job wrote, or is missing.

    A record without digests is one of before they were kept, which has no identity either; any other one was changed.
    """
    if not record.files:
        if record.job.identity is not None:
            raise BadRecord(f"{folder / 'record.json'}: the digests of its files were taken out. {_REMEDY}")
        return
    for name, expected in record.files.items():
        path = folder / name
        if not path.is_file():
            if name.startswith(MAY_BE_ABSENT):
                continue
            raise BadRecord(f"{path}: no such file, but the record holds its digest. {_REMEDY}")
        found = _digest(path)
        if found != expected:
            raise BadRecord(
                f"{path}: its SHA-256 is {found[:12]}…, that of the file that the job wrote {expected[:12]}…: it was "
                f"changed afterwards. {_REMEDY}"
            )
    added = next((path for path in _files(folder) if path.name not in record.files), None)
    if added is not None or OUTCOMES not in {*record.files, *_without_exam(record)}:
        what = f"{added}: the job did not write it" if added else f"{folder / OUTCOMES}: not among the files of the job"
        raise BadRecord(f"{what}. {_REMEDY}")


_REMEDY = "Restore the folder from version control, or delete it to run the job again."


def _without_exam(record: Record) -> tuple[str, ...]:
    """Worlds have no exam, so no outcomes either."""
    return (OUTCOMES,) if record.job.exam.problems == 0 else ()


def _files(folder: Path) -> Iterator[Path]:
    return (path for pattern in _NAMES for path in sorted(folder.glob(pattern)))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
