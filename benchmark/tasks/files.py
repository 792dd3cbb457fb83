"""Rows of a published data set, from a local file. Every complaint names the file, the line and what was found."""

from __future__ import annotations

import gzip
import importlib
import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmark.errors import ConfigurationError, MalformedRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["SUFFIXES", "RawRow", "json_rows", "read_rows", "shown", "text_column"]

RawRow = Mapping[str, Any]

SUFFIXES = (".jsonl.gz", ".jsonl", ".parquet")
"""In the order in which they are looked for."""


def read_rows(path: Path) -> Iterator[tuple[int, RawRow]]:
    r"""(number, row) pairs from 1; blank lines are passed over. Lines end at "\\n" only: U+2028 occurs inside texts.

    Raises `MalformedRow` for a line that is no JSON object and for a file that cannot be decoded.
    """
    if path.name.endswith(".parquet"):
        yield from _parquet_rows(path)
    elif path.name.endswith(".jsonl.gz"):
        with gzip.open(path, "rb") as stream:
            yield from json_rows(path, stream)
    elif path.name.endswith(".jsonl"):
        with path.open("rb") as stream:
            yield from json_rows(path, stream)
    else:
        raise ConfigurationError(f"{path}: unknown kind of file; readable are {', '.join(SUFFIXES)}")


def text_column(row: RawRow, names: tuple[str, ...], where: str) -> str:
    """The text under the first of `names` that the row has; `MalformedRow`, opened by `where`, if there is none."""
    for name in names:
        if name in row:
            value = row[name]
            if not isinstance(value, str) or not value.strip():
                raise MalformedRow(f"{where}: column '{name}' must be text and not empty, found {shown(value)}")
            return value
    wanted = " or ".join(f"'{name}'" for name in names)
    raise MalformedRow(f"{where}: no column {wanted}; the columns are {', '.join(sorted(row)) or 'none'}")


def json_rows(path: Path | str, stream: Iterable[bytes]) -> Iterator[tuple[int, RawRow]]:
    r"""`read_rows` of an open binary file, called `path` in messages; lines end at "\\n" alone, as binary ones do."""
    number = 0
    try:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            row = json.loads(line.decode("utf-8"))
            if not isinstance(row, dict):
                raise MalformedRow(f"{path}:{number}: a line must be one JSON object, found {shown(row)}")
            yield number, row
    except (ValueError, RecursionError) as error:  # json.JSONDecodeError, UnicodeDecodeError; nested too deeply
        raise MalformedRow(f"{path}:{number}: not a line of JSON in UTF-8 ({error})") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MalformedRow(f"{path}:{number + 1}: the compressed file is damaged or cut off ({error})") from error


def _parquet_rows(path: Path) -> Iterator[tuple[int, RawRow]]:
    """Rows of a parquet file, through pyarrow, which comes with `datasets`."""
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ConfigurationError(
            f"{path}: reading parquet needs pyarrow; install it with 'pip install pyarrow', or give a .jsonl file"
        ) from error
    arrow: Any = importlib.import_module("pyarrow")
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except arrow.ArrowInvalid as error:
        raise MalformedRow(f"{path}:1: not a parquet file ({error})") from error
    yield from enumerate(rows, start=1)


def shown(value: object) -> str:
    """A value for a message: its type and the start of it."""
    text = repr(value)
    return f"{type(value).__name__} {text[:40]}{'…' if len(text) > 40 else ''}"
