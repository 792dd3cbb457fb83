"""A file as rows: JSON lines, a JSON array, one JSON object, CSV, TSV, Parquet, or a zip of JSON, plain or gzip.

What a file is, is read from its first bytes; the ending only tells CSV and TSV from JSON. A byte order mark is skipped.
Every complaint names the file and the line.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import importlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.commands.exchange.readers.row import ForeignRow, described
from benchmark.errors import ConfigurationError, MalformedRow

__all__ = ["raw_rows"]

_GZIP, _PARQUET, _ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"
_ZSTANDARD = 93
"""The number of Zstandard among the methods of a zip."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, NotImplementedError)


def raw_rows(path: Path) -> Iterator[tuple[str, ForeignRow]]:
    """(`file:line`, object) of every row. Raises `MalformedRow`, and `ConfigurationError` for a file that is not there.

    The samples of an inspect_ai archive come as one row each, with the archive's header under `log`.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file.")
    content = path.read_bytes()
    if content.startswith(_PARQUET):
        yield from _parquet(path)
    elif content.startswith(_ZIP):
        yield from _archive(path, content)
    else:
        decoded = _decoded(path, _unzipped(path, content))
        endings = {ending.lower() for ending in path.suffixes}
        if endings & {".csv", ".tsv"}:
            yield from _csv(path, decoded, "\t" if ".tsv" in endings else ",")
        else:
            yield from _json(path, decoded)


def _unzipped(path: Path, content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except _DAMAGED as error:
        raise MalformedRow(f"{path}:1: the compressed file is damaged or cut off ({error}).") from error


def _decoded(path: Path, content: bytes) -> str:
    mark, encoding = next(((mark, name) for mark, name in _MARKS if content.startswith(mark)), (b"", "utf-8"))
    body = content[len(mark) :]
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise MalformedRow(f"{path}:{line}: not text in {encoding.upper()} ({error.reason}).") from error


# --- JSON ----------------------------------------------------------------------------------------------------------


def _json(path: Path, written: str) -> Iterator[tuple[str, ForeignRow]]:
    """Lines of objects; else the whole file as one array or object, as it is when the writer indents."""
    if written.lstrip()[:1] == "[" and (whole := _array(path, written)) is not None:
        yield from whole
        return
    lines = written.split("\n")
    if (one := _whole_object(lines, written)) is not None:
        yield f"{path}:1", one
        return
    for place, line in enumerate(lines, start=1):
        if line.strip():
            yield f"{path}:{place}", _object(_loaded(line, path, place), path, place)


def _whole_object(lines: list[str], written: str) -> ForeignRow | None:
    """The one object of a file that was written with line breaks in it; `None` for lines of JSON."""
    if not lines[0].lstrip().startswith("{") or len(lines) == 1:
        return None
    try:
        json.loads(lines[0])
    except RecursionError:
        return None
    except ValueError:
        try:
            found = json.loads(written)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None
    return None


def _array(path: Path, written: str) -> list[tuple[str, ForeignRow]] | None:
    """The entries of a JSON array with their number; `None` where every line is an array of its own."""
    try:
        entries = json.loads(written)
    except RecursionError as error:
        raise MalformedRow(f"{path}:1: not JSON that can be read: nested too deeply.") from error
    except ValueError as error:  # of JSON, or of a number with thousands of digits
        if "Extra data" in str(error):
            return None
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise MalformedRow(f"{path}:{line}: not a JSON array ({error}).") from error
    return [(f"{path}:{place}", _object(entry, path, place)) for place, entry in enumerate(entries, start=1)]


def _loaded(line: str, path: Path, place: int) -> object:
    try:
        return json.loads(line)
    except RecursionError as error:
        raise MalformedRow(f"{path}:{place}: not JSON that can be read: nested too deeply.") from error
    except ValueError as error:
        raise MalformedRow(f"{path}:{place}: not a line of JSON in UTF-8 ({error}).") from error


def _object(value: object, path: Path, place: int) -> ForeignRow:
    if not isinstance(value, dict):
        raise MalformedRow(f"{path}:{place}: a line must be one JSON object, found {described(value)}.")
    return value


# --- tables and archives -------------------------------------------------------------------------------------------


def _csv(path: Path, written: str, separator: str) -> Iterator[tuple[str, ForeignRow]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.DictReader(io.StringIO(written, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for row in reader:
            if None in row or None in row.values():
                raise MalformedRow(
                    f"{path}:{reader.line_num}: {'more' if None in row else 'fewer'} fields than the header's "
                    f"{len(reader.fieldnames or ())}: quote texts that hold a '{separator}' or a line break."
                )
            yield f"{path}:{line + 1}", row
            line = reader.line_num
    except csv.Error as error:
        raise MalformedRow(f"{path}:{reader.line_num}: not a row of CSV ({error}).") from error


def _parquet(path: Path) -> Iterator[tuple[str, ForeignRow]]:
    """Rows of a Parquet file, batch by batch; pyarrow comes with `datasets` and with the extra `parquet`."""
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
        arrow: Any = importlib.import_module("pyarrow")
    except ImportError as error:
        raise ConfigurationError(
            f"{path}: reading Parquet needs pyarrow: pip install -e '.[parquet]', or give a .jsonl file."
        ) from error
    place = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                place += 1
                yield f"{path}:{place}", row
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise MalformedRow(f"{path}:{place + 1}: not a Parquet file that can be read ({reason}).") from error


def _archive(path: Path, content: bytes) -> Iterator[tuple[str, ForeignRow]]:
    """The samples of an inspect_ai `.eval` file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            header = next((name for name in ("header.json", "_journal/start.json") if name in names), None)
            if header is None:
                raise MalformedRow(f"{path}:1: a zip without header.json, so no .eval file of inspect_ai.")
            log = _object(_loaded(_member(path, content, archive, header), path, 1), path, 1)
            for name in sorted(one for one in names if one.startswith("samples/") and one.endswith(".json")):
                where = f"{path}:{name}"
                sample = _object(_loaded(_member(path, content, archive, name), Path(where), 1), Path(where), 1)
                yield where, {**sample, "log": log}
    except UnicodeDecodeError as error:
        raise MalformedRow(f"{path}:1: not text in UTF-8 ({error.reason}).") from error
    except _DAMAGED as error:
        raise MalformedRow(
            f"{path}:1: the archive cannot be unpacked ({error}): write it again with "
            "'inspect log convert --to json --output-dir OUT FILE'."
        ) from error


def _member(path: Path, content: bytes, archive: zipfile.ZipFile, name: str) -> str:
    """One file of the archive. inspect_ai packs with Zstandard, which `zipfile` reads from Python 3.14 on."""
    entry = archive.getinfo(name)
    if entry.compress_type != _ZSTANDARD:
        return archive.read(entry).decode()
    try:
        arrow: Any = importlib.import_module("pyarrow")
    except ImportError as error:
        raise ConfigurationError(
            f"{path}: reading this archive needs pyarrow: pip install -e '.[parquet]', or write it again with "
            "'inspect log convert --to json --output-dir OUT FILE'."
        ) from error
    name_length, extra_length = struct.unpack_from("<HH", content, entry.header_offset + 26)
    start = entry.header_offset + 30 + name_length + extra_length
    try:
        packed = content[start : start + entry.compress_size]
        found: bytes = arrow.decompress(packed, decompressed_size=entry.file_size, codec="zstd", asbytes=True)
    except (arrow.ArrowException, OSError) as error:
        raise MalformedRow(f"{path}:{name}: damaged or cut off ({error}).") from error
    return found.decode()
