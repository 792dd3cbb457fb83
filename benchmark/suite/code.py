"""Digest of a method's source: its class, and everything it imports that an edit could change.

Imports are read from the syntax tree, those inside functions among them; nothing is run for it. What counts is source
outside the standard library and the installed packages, and the class's own package wherever it lies. The package
`benchmark` does not count, its version does; data files and modules imported by a computed name are not seen.
"""

from __future__ import annotations

import ast
import hashlib
import shlex
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType

from benchmark.contract import PROGRAM, Algorithm
from benchmark.importing import is_path, named_object
from benchmark.suite.programs import is_file

__all__ = ["algorithm_digest", "method_digest", "method_files", "program_files"]

INDEX = "algorithms"
"""The list of our methods: a new entry in it changes none of the others."""
HARNESS = "benchmark"
NUMBERS = "benchmark.lab"
"""The part of `benchmark` that holds methods of its own."""


def algorithm_digest(algorithm: Algorithm) -> str:
    """SHA-256 over the source of a row: of its class, or of the program that its command starts."""
    if algorithm.target == PROGRAM:
        return _digest(program_files(str(algorithm.settings.get("command", ""))))
    return method_digest(algorithm.target)


def program_files(command: str) -> dict[str, Path]:
    """The files named in a command, and the modules beside a Python file among them that it imports, by their paths."""
    waiting = [path.resolve() for word in shlex.split(command) if is_file(path := Path(word))]
    found: dict[str, Path] = {}
    while waiting:
        path = waiting.pop()
        if path in found.values():
            continue
        found[f"{path.parent.name}/{path.name}" if path.name == "__init__.py" else path.name] = path
        for level, module, names in _import_statements(path, path.stat().st_mtime_ns) if path.suffix == ".py" else ():
            folder = path.parents[max(level - 1, 0)]
            for full in (module, *(f"{module}.{name}".strip(".") for name in names)):
                parts = full.split(".") if full else []
                for count in range(1, len(parts) + 1):
                    place = folder.joinpath(*parts[:count])
                    files = (place.with_suffix(".py"), place / "__init__.py")
                    waiting += [file.resolve() for file in files if file.is_file()]
    return found


def method_digest(target: str) -> str:
    """SHA-256 over the source files of the class at `package.module:Class` or `file.py:Class`.

    Line ends do not count, comments do. Raises `ConfigurationError` where there is no such class.
    """
    return _digest(method_files(target))


def _digest(files: Mapping[str, Path]) -> str:
    total = hashlib.sha256()
    for label, path in sorted(files.items()):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        total.update(f"{label} {hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def method_files(target: str) -> dict[str, Path]:
    """The files that count, by the name of their module; one that was named by its path goes by its file name."""
    cls = named_object(target, "package.module:Class")
    written = target.rpartition(":")[0]
    starts = [one.__module__ for one in cls.__mro__] if isinstance(cls, type) else []
    starts += [] if is_path(written) else [written]
    home = starts[0] if starts else written
    found: dict[str, Path] = {}
    waiting = list(dict.fromkeys(starts))
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or not _counts(name, path, home):
            continue
        found[_label(name, path)] = path
        if path.suffix == ".py":
            for other in _imported(name, path):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
    return found


def _label(name: str, path: Path) -> str:
    """The module's name, or the name of a file whose module is named after its path."""
    return path.name if name.rpartition("_")[0] == path.stem else name


def _counts(name: str, path: Path, home: str) -> bool:
    if name == INDEX:
        return False
    if name.partition(".")[0] == HARNESS:
        return home.startswith(f"{NUMBERS}.") and name.startswith(f"{NUMBERS}.")
    return name.partition(".")[0] == home.partition(".")[0] or not any(map(path.is_relative_to, _installed()))


@cache
def _installed() -> tuple[Path, ...]:
    """Folders of the standard library and of installed packages."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [*(sysconfig.get_path(name) for name in names), *site.getsitepackages(), site.getusersitepackages()]
    return tuple(dict.fromkeys(Path(folder).resolve() for folder in folders))


def _file_of(name: str) -> Path | None:
    """Where a module lies, found as an import would find it, without importing it; `None` where it has no file."""
    loaded = sys.modules.get(name)
    if isinstance(loaded, ModuleType):
        file = vars(loaded).get("__file__")
        return Path(file).resolve() if isinstance(file, str) else None
    places = None
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        full = ".".join(parts[:count])
        found = (finder.find_spec(full, places) for finder in sys.meta_path)
        spec = next((one for one in found if one is not None), None)
        if spec is None:
            return None
        places = spec.submodule_search_locations
        if count < len(parts) and places is None:
            return None
    return Path(spec.origin).resolve() if spec is not None and spec.has_location and spec.origin else None


def _imported(name: str, path: Path) -> Iterator[str]:
    """Absolute names of all modules that one may import, the packages around them included."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for level, module, names in _import_statements(path, path.stat().st_mtime_ns):
        around = package.split(".")[: len(package.split(".")) - level + 1] if level else []
        base = ".".join([*around, module] if module else around)
        for full in (base, *(f"{base}.{each}" for each in names)):
            parts = full.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1) if all(parts))


@lru_cache(maxsize=4096)
def _import_statements(path: Path, changed: int) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """Of one file in the state of its time stamp: level, module and names of each; none of a file that is no Python."""
    del changed
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # a module of other Python versions, never imported here
        return ()
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            found.append((node.level, node.module or "", names))
        elif isinstance(node, ast.Call) and _is_import_module(node):
            found.append((0, str(node.args[0].value), ()))  # type: ignore[attr-defined]
    return tuple(found)


def _is_import_module(node: ast.Call) -> bool:
    """`importlib.import_module("name")` and `__import__("name")` with the name written out."""
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    literal = bool(node.args) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    return name in {"import_module", "__import__"} and literal
