"""Rows of a data set from local files: JSON lines, JSON, CSV, Parquet and Arrow. Complaints name file and line."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from benchmark.errors import ConfigurationError, MalformedRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["LONGEST_ROW", "SUFFIXES", "RawRow", "json_rows", "read_rows", "shown", "text_column"]

RawRow = Mapping[str, Any]

SUFFIXES = (
    ".jsonl.gz",
    ".jsonl",
    ".json.gz",
    ".json",
    ".parquet",
    ".csv.gz",
    ".csv",
    ".tsv",
    ".arrow",
)
"""In the order in which they are looked for."""
LONGEST_ROW = 2**22
"""Bytes of one row, decompressed: published solutions stay below 10,000, a compressed file may hold anything."""
LARGEST_ARRAY = 2**28
"""Bytes of a JSON array, which is read as a whole."""


def read_rows(path: Path) -> Iterator[tuple[int, RawRow]]:
    r"""(number, row) pairs from 1; blank lines are passed over. Lines end at "\\n" only: U+2028 occurs inside texts.

    Raises `MalformedRow` for a row that cannot be read or is longer than `LONGEST_ROW`, `ConfigurationError` for
    another kind of file.
    """
    name = path.name.lower().removesuffix(".gz")
    readers = {".parquet": _parquet_rows, ".arrow": _arrow_rows}
    ending = name[name.rfind(".") :] if "." in name else ""
    if ending in readers and not path.name.lower().endswith(".gz"):
        yield from readers[ending](path)
    elif ending == ".jsonl":
        with _opened(path) as stream:
            yield from json_rows(path, stream)
    elif ending == ".json":
        yield from _json_file(path)
    elif ending in {".csv", ".tsv"}:
        yield from _csv_rows(path, "\t" if ending == ".tsv" else ",")
    else:
        raise ConfigurationError(f"{path}: unknown kind of file; readable are {', '.join(SUFFIXES)}")


def text_column(row: RawRow, names: tuple[str, ...], where: str) -> str:
    """The text under the first of `names` that the row has; `MalformedRow`, opened by `where`, if there is none."""
    for name in names:
        if name in row:
            value = row[name]
            if not isinstance(value, str) or not value.strip():
                raise MalformedRow(f"{where}: column '{name}' must be text and not empty, found {shown(value)}")
            return whole(value, f"{where}: column '{name}'")
    wanted = " or ".join(f"'{name}'" for name in names)
    raise MalformedRow(f"{where}: no column {wanted}; the columns are {', '.join(sorted(row)) or 'none'}")


def whole(text: str, where: str) -> str:
    """The text itself. Raises `MalformedRow` where half of a surrogate pair is in it, which UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedRow(
            f"{where} holds half of a character, {text[error.start]!r} at position {error.start}: write the row again "
            "as UTF-8."
        ) from error
    return text


def json_rows(path: Path | str, stream: IO[bytes] | Iterable[bytes]) -> Iterator[tuple[int, RawRow]]:
    r"""`read_rows` of an open binary file, called `path` in messages; lines end at "\\n" alone, as binary ones do."""
    number = 0
    try:
        for number, line in enumerate(_lines(stream), start=1):
            if len(line) > LONGEST_ROW:
                raise MalformedRow(
                    f"{path}:{number}: a row of more than {LONGEST_ROW:,} bytes: no problem is that long."
                )
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")  # some editors write a byte order mark
            if not text.strip():
                continue
            row = json.loads(text)
            if not isinstance(row, dict):
                raise MalformedRow(f"{path}:{number}: a line must be one JSON object, found {shown(row)}")
            yield number, row
    except (ValueError, RecursionError) as error:  # json.JSONDecodeError, UnicodeDecodeError; nested too deeply
        raise MalformedRow(f"{path}:{number}: not a line of JSON in UTF-8 ({error})") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MalformedRow(f"{path}:{number + 1}: the compressed file is damaged or cut off ({error})") from error


def _lines(stream: IO[bytes] | Iterable[bytes]) -> Iterator[bytes]:
    """Lines of at most one byte more than a row may have: a compressed file is never unpacked as a whole."""
    if not isinstance(stream, io.IOBase):
        yield from stream
        return
    while line := stream.readline(LONGEST_ROW + 1):
        yield line


def _text_lines(path: Path, stream: IO[str]) -> Iterator[str]:
    """Lines of a table, none of which is longer than a row may be: `csv` bounds a cell once it has read its line."""
    number = 0
    while line := stream.readline(LONGEST_ROW + 1):
        number += 1
        if len(line) > LONGEST_ROW:
            raise MalformedRow(f"{path}:{number}: a row of more than {LONGEST_ROW:,} bytes: no problem is that long.")
        yield line


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with cast("IO[bytes]", gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
        yield stream


def _json_file(path: Path) -> Iterator[tuple[int, RawRow]]:
    """A JSON array of objects, one object by column (as pandas writes), or JSON lines under the ending `.json`."""
    try:
        with _opened(path) as stream:
            content = stream.read(LARGEST_ARRAY + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MalformedRow(f"{path}:1: the compressed file is damaged or cut off ({error})") from error
    if len(content) > LARGEST_ARRAY:
        raise MalformedRow(f"{path}:1: more than {LARGEST_ARRAY:,} bytes in one JSON value: give it as JSON lines.")
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"["):
        with _opened(path) as stream:
            yield from json_rows(path, stream)
        return
    try:
        rows = json.loads(start)
    except (ValueError, RecursionError) as error:
        raise MalformedRow(f"{path}:1: not a JSON array in UTF-8 ({error})") from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise MalformedRow(f"{path}:{number}: an entry must be one JSON object, found {shown(row)}")
        yield number, row


def _csv_rows(path: Path, separator: str) -> Iterator[tuple[int, RawRow]]:
    """Rows of a table with a header line; numbers are those of the file's lines."""
    number = 1
    csv.field_size_limit(LONGEST_ROW)
    try:
        with _opened(path) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            reader = csv.DictReader(_text_lines(path, text), delimiter=separator, strict=True)
            for row in reader:
                number = reader.line_num
                if None in row or None in row.values():
                    raise MalformedRow(
                        f"{path}:{number}: {'more' if None in row else 'fewer'} fields than the header's "
                        f"{len(reader.fieldnames or ())}: quote texts that hold a '{separator}' or a line break."
                    )
                yield number, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise MalformedRow(f"{path}:{number}: not a row of CSV in UTF-8 ({error})") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MalformedRow(f"{path}:{number}: the compressed file is damaged or cut off ({error})") from error


def _parquet_rows(path: Path) -> Iterator[tuple[int, RawRow]]:
    """Rows of a parquet file, batch by batch."""
    parquet = _pyarrow(path, "pyarrow.parquet")
    arrow: Any = importlib.import_module("pyarrow")
    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                number += 1
                yield number, _bounded(row, path, number)
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        raise MalformedRow(f"{path}:{number + 1}: not a parquet file ({_first_line(error)})") from error


def _arrow_rows(path: Path) -> Iterator[tuple[int, RawRow]]:
    """Rows of an Arrow stream or file, which is what `datasets.save_to_disk` and its cache write."""
    arrow = _pyarrow(path, "pyarrow")
    number = 0
    try:
        with arrow.memory_map(str(path)) as source:
            try:
                batches: Any = arrow.ipc.open_stream(source)
            except arrow.ArrowInvalid:
                opened = arrow.ipc.open_file(source)
                batches = (opened.get_batch(index) for index in range(opened.num_record_batches))
            for batch in batches:
                for row in batch.to_pylist():
                    number += 1
                    yield number, _bounded(row, path, number)
    except (arrow.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise MalformedRow(f"{path}:{number + 1}: not an Arrow file ({_first_line(error)})") from error


def _bounded(row: dict[str, Any], path: Path, number: int) -> RawRow:
    if any(isinstance(value, str | bytes) and len(value) > LONGEST_ROW for value in row.values()):
        raise MalformedRow(f"{path}:{number}: a row of more than {LONGEST_ROW:,} bytes: no problem is that long.")
    return row


def _pyarrow(path: Path, module: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{path}: reading this file needs pyarrow; install it with 'pip install pyarrow', or give a .jsonl file"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def shown(value: object) -> str:
    """A value for a message: its type and the start of it."""
    text = repr(value)
    return f"{type(value).__name__} {text[:40]}{'…' if len(text) > 40 else ''}"
