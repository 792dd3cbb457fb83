"""A suite's text: the TOML file, the suite it extends, and what the command line changes in it."""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import ConfigurationError, UnknownName
from benchmark.suite.values import shown

__all__ = ["SUITES", "Changes", "SuiteText", "read_text", "suite_path"]

SUITES = Path(__file__).parent / "builtin"
LONGEST_CHAIN = 8
"""Suites that may extend one another."""
LARGEST_FILE = 1_000_000
"""Bytes of a suite file."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a command line changes in a suite."""

    model: str | None = None
    settings: tuple[str, ...] = ()
    """`key.key=value`, the value as TOML writes it, or bare text."""
    only: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    limit: int | None = None
    name: str | None = None

    def apply(self, text: SuiteText) -> SuiteText:
        """The suite with the changes, under a name of its own: another question must not replace the suite's report."""
        table = copy.deepcopy(dict(text.table))
        if self.model is not None:
            _put(table, ["model", "source"], self.model)
        if self.limit is not None:
            _put(table, ["exam", "problems"], self.limit)
        if self.seeds:
            table["seeds"] = list(self.seeds)
        for setting in self.settings:
            _put(table, *_assignment(setting))
        if self.only:
            table["only"] = list(self.only)
        if table == text.table and self.name is None:
            return text
        digest = hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()[:6]
        return SuiteText(self.name or f"{text.name}-{digest}", text.where, table, text.folders)


@dataclass(frozen=True, slots=True)
class SuiteText:
    """A suite before it is checked."""

    name: str
    where: str
    """How messages call it."""
    table: Mapping[str, Any]
    folders: tuple[Path, ...] = field(default=())
    """Where its relative paths are looked up, in order."""


def suite_path(name: str, beside: Path | None = None) -> Path:
    """The file of a suite: a path to a `.toml`, or the name of one that comes with the package.

    `beside` is the folder of the suite that names it. Raises `ConfigurationError` for a path where no file is and
    `UnknownName` for a name.
    """
    written_as_path = name.endswith(".toml") or "/" in name or "\\" in name
    if written_as_path:
        path = (beside or Path()) / Path(name).expanduser()
        if path.is_dir():
            raise ConfigurationError(f"{path} is a folder: name the .toml file of the suite.")
        if not path.is_file():
            raise ConfigurationError(f"no such file: {path}. Give the path of a .toml file, or a name: {_known()}.")
        if path.suffix != ".toml":
            raise ConfigurationError(f"{path}: a suite is a TOML file whose name ends in '.toml'.")
        return path
    known = [file.stem for file in SUITES.glob("*.toml")]
    if name not in known:
        here = Path(f"{name}.toml")
        hint = f"There is a file {here} here: write 'bakeoff run {here}'." if _is_file(here) else ""
        raise UnknownName("suite", name, known, hint or "Your own is given as a path to a .toml file.")
    return SUITES / f"{name}.toml"


def read_text(path: Path) -> SuiteText:
    """The suite with everything it extends. Raises `ConfigurationError` for a file that is not TOML."""
    return _read(path, ())


def _read(path: Path, chain: tuple[Path, ...]) -> SuiteText:
    table = _toml(path)
    chain = (*chain, path.resolve())
    folders: tuple[Path, ...] = (path.parent, Path())
    if "extends" in table:
        base = table.pop("extends")
        if not isinstance(base, str) or not base:
            raise ConfigurationError(f"{path}: extends = {shown(base)}: expected the name or the path of one suite.")
        other = suite_path(base, path.parent)
        if other.resolve() in chain:
            raise ConfigurationError(f"{path}: extends = '{base}': the suites extend one another in a circle.")
        if len(chain) >= LONGEST_CHAIN:
            raise ConfigurationError(f"{path}: extends = '{base}': more than {LONGEST_CHAIN} suites in a row.")
        below = _read(other, chain)
        table = _merged(below.table, table)
        folders = tuple(dict.fromkeys((*folders, *below.folders)))
    return SuiteText(path.stem, str(path), table, folders)


def _toml(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        if len(content) > LARGEST_FILE:
            raise ConfigurationError(f"{path}: {len(content):,} bytes: a suite has at most {LARGEST_FILE:,}.")
        table = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}.") from error
    except RecursionError as error:
        raise ConfigurationError(f"{path}: nested too deeply for a suite: it needs three levels at most.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a TOML file: {error}") from error
    except ValueError as error:  # an integer of more digits than Python converts, a date that does not exist
        raise ConfigurationError(f"{path}: a value cannot be read: {error}.") from error
    _refuse_deep(str(path), table)
    return table


def _refuse_deep(where: str, table: Mapping[str, Any]) -> None:
    deepest = 6
    layer: list[object] = [table]
    for _ in range(deepest):
        layer = [child for one in layer for child in _children(one)]
        if not layer:
            return
    if any(isinstance(one, dict | list) for one in layer):
        raise ConfigurationError(f"{where}: nested more than {deepest} levels deep: a suite needs four at most.")


def _children(value: object) -> Iterator[object]:
    yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; every other value of `above` replaces that of `below`."""
    merged = dict(below)
    for key, value in above.items():
        # 'model = "NAME"' is short for its table
        mine, own = (_as_table(merged.get(key)), _as_table(value)) if key == "model" else (merged.get(key), value)
        merged[key] = _merged(mine, own) if isinstance(mine, dict) and isinstance(own, dict) else own
    return merged


def _as_table(model: object) -> object:
    return {"source": model} if isinstance(model, str) else model


def _assignment(text: str) -> tuple[list[str], object]:
    key, equals, value = text.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise ConfigurationError(f"--set {text!r}: write 'table.key=value', for example 'training.steps=8'.")
    try:
        return path, tomllib.loads(f"value = {value}\n")["value"]
    except (ValueError, RecursionError):
        return path, value.strip()  # text needs no quotes on a command line


def _put(table: dict[str, Any], path: Sequence[str], value: object) -> None:
    *parents, last = path
    for index, name in enumerate(parents):
        inner = table.setdefault(name, {})
        if name == "model" and not index:
            inner = table[name] = _as_table(inner)
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {'.'.join(path)}: '{name}' is {shown(inner)}, not a table.")
        table = inner
    table[last] = value


def _known() -> str:
    return ", ".join(sorted(file.stem for file in SUITES.glob("*.toml")))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or one with a null character
        return False
