"""The published TFBind8 table, where a user has it: a measured value for each of the 65,536 sequences of 8 bases.

The table comes with no licence to pass it on, so this repository holds none of it. A text file with one line per
sequence is read: tab, comma or space between columns, a header, 8-mers in the first column, and a column called
`E-score` (the array's own name for it), `score` or `y`. Of each pair of reverse complements one line is enough.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from benchmark.errors import DataUnavailable, MalformedRow
from benchmark.stats.scores import FloatArray

__all__ = ["FILE", "read_tfbind8"]

FILE = "tfbind8.txt"
BASES = "ACGT"
COLUMNS = ("E-score", "score", "y")
_COMPLEMENT = str.maketrans(BASES, BASES[::-1])


def read_tfbind8(folder: Path | None) -> FloatArray:
    """(65536,) values in the order AAAAAAAA, AAAAAAAC, …, scaled to 0 … 1.

    Raises `DataUnavailable` without the file, `MalformedRow` for a line that is not as described or a sequence without
    a value.
    """
    path = (folder or Path()) / FILE
    if folder is None or not path.is_file():
        raise DataUnavailable(
            f"the world tfbind8 reads '{FILE}' from the folder given with --data; put the published table there."
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    header = re.split(r"[\t, ]+", lines[0].strip()) if lines else []
    column = next((header.index(name) for name in COLUMNS if name in header), None)
    if column is None:
        raise MalformedRow(f"{path}:1: expected a column called {', '.join(COLUMNS)}; found {', '.join(header)}.")
    found = np.full(len(BASES) ** 8, np.nan)
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            for index, value in _read(path, number, re.split(r"[\t, ]+", line.strip()), column):
                found[index] = value
    missing = int(np.isnan(found).sum())
    if missing:
        raise MalformedRow(f"{path}: {missing} of {len(found)} sequences have no value; the table is not complete.")
    return np.asarray((found - found.min()) / (found.max() - found.min()))


def _read(path: Path, number: int, cells: list[str], column: int) -> list[tuple[int, float]]:
    try:
        value = float(cells[column])
    except (IndexError, ValueError) as error:
        raise MalformedRow(f"{path}:{number}: no number in column {column + 1}.") from error
    if not re.fullmatch(f"[{BASES}]{{8}}", cells[0]) or not np.isfinite(value):
        raise MalformedRow(f"{path}:{number}: expected 8 letters of {BASES} and a finite number.")
    both = {cells[0], cells[0].translate(_COMPLEMENT)[::-1]}
    return [(int("".join(str(BASES.index(base)) for base in text), 4), value) for text in both]
