"""Values of this package as JSON files: the same values give the same bytes, and nothing unknown is read silently."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from benchmark.errors import BadRecord
from benchmark.store.atomic import READ_ERRORS
from benchmark.store.outcomes import message_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import TypeAdapter

__all__ = ["SCHEMA_VERSION", "from_json", "to_json"]

SCHEMA_VERSION = 1
"""Schema of `record.json`; records with a newer schema are refused."""

T = TypeVar("T")


def to_json(adapter: TypeAdapter[T], value: T, path: Path) -> bytes:
    """Sorted and indented. Raises BadRecord with the path where a number is NaN or infinite."""
    plain = _encodable(adapter.dump_python(value, mode="json"))
    try:
        return (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except ValueError as error:
        raise BadRecord(f"{path} cannot be written: a number in it is NaN or infinite. JSON has neither.") from error


def _encodable(value: object) -> object:
    """The same with what UTF-8 cannot write shown as an escape: half a character in a failure's text, for example."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {name: _encodable(one) for name, one in value.items()}
    return [_encodable(one) for one in value] if isinstance(value, list) else value


def from_json(adapter: TypeAdapter[T], path: Path, remedy: str) -> T:
    """What the file holds. Raises BadRecord for a missing, malformed or newer file, and for an unknown key."""
    try:
        content = path.read_bytes()
        raw = json.loads(content)
        _refuse_newer(raw, path)
        value = adapter.validate_json(content, strict=True)
    except FileNotFoundError as error:
        raise BadRecord(f"{path}: no such file. {remedy}") from error
    except READ_ERRORS as error:
        raise BadRecord(f"{path}: {message_of(error)}. {remedy}") from error
    unknown = next(_unknown(raw, adapter.dump_python(value, mode="json")), None)
    if unknown is not None:
        raise BadRecord(f"{path}: unknown key '{unknown}'. {remedy}")
    return value


def _refuse_newer(raw: object, path: Path) -> None:
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise BadRecord(
            f"{path}: schema version {version}, but this package reads up to {SCHEMA_VERSION}. Install the newer one."
        )


def _unknown(raw: object, known: object, prefix: str = "") -> Iterator[str]:
    """Dotted names of unknown keys, which dataclasses would ignore silently."""
    if isinstance(raw, dict) and isinstance(known, dict):
        for key in raw:
            if key in known:
                yield from _unknown(raw[key], known[key], f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}"
    elif isinstance(raw, list) and isinstance(known, list):
        for index, (ours, theirs) in enumerate(zip(raw, known, strict=True)):
            yield from _unknown(ours, theirs, f"{prefix}{index}.")
