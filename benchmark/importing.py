"""Python objects a user names: `package.module:Name` or `path/to/file.py:Name`, and the errors of the code behind them.

Whatever such code raises becomes one `ConfigurationError` that names the user's own file and line.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import BakeoffError, ConfigurationError, MissingPackage, excerpt, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType, TracebackType

__all__ = ["add_folder", "foreign_code", "is_imported", "is_path", "line_of", "locate", "missing_extra", "named_object"]

TRAIN = frozenset({"accelerate", "datasets", "peft", "safetensors", "tokenizers", "torch", "transformers", "trl"})
"""Packages of the extra `train`; the project is not on PyPI, so the extra is installed from the clone."""
_OURS = tuple(str(Path(__file__).resolve().parents[1] / name) for name in ("benchmark", "algorithms"))


def add_folder(folder: Path) -> None:
    """Make the modules of a folder importable, after everything that is installed.

    Last on the path, because many research repositories have a folder `benchmark` or `algorithms` of their own: put
    first, it would hide ours, also from the processes that run the jobs.
    """
    text = str(folder.resolve())
    if text not in sys.path:
        sys.path.append(text)


def is_path(module: str) -> bool:
    """Whether the part before the colon is a file, not a dotted module name."""
    return module.endswith(".py") or "/" in module or "\\" in module


def locate(target: str, folders: tuple[Path, ...]) -> str:
    """A target whose file was found in one of `folders`, tried in order; a dotted target is returned as it is.

    The path in it is relative to the current folder where that contains the file, so that it reads the same in every
    clone. Raises `ConfigurationError` for a file that is in none of them.
    """
    module, colon, name = target.rpartition(":")
    if not colon or not is_path(module):
        return target
    if "\0" in module:
        raise ConfigurationError(f"'{excerpt(target)}' names no file: a path holds no null character.")
    tried = list(dict.fromkeys((folder / Path(module).expanduser()).resolve() for folder in folders))
    found = next((path for path in tried if _is_file(path)), None)
    if found is None:
        raise ConfigurationError(
            f"no such file for '{excerpt(target)}': looked for {excerpt(' and '.join(map(str, tried)), 400)}. "
            "Write 'path/to/file.py:Name'."
        )
    here = Path.cwd().resolve()
    shown = found.relative_to(here) if found.is_relative_to(here) else found
    return f"{shown.as_posix()}:{name}"


def named_object(target: str, what: str) -> object:
    """The object at `package.module:Name` or `file.py:Name`; `what` is the form that messages recommend.

    Raises `ConfigurationError` for a target of another form, a module that is not there or cannot be imported, and a
    name that the module does not have.
    """
    module_name, separator, name = target.rpartition(":")
    if not separator or not module_name or not name.isidentifier():
        raise ConfigurationError(f"'{excerpt(target)}' is not a class: write '{what}'.")
    if is_path(module_name):
        module = _from_file(Path(module_name).expanduser().resolve(), target)
    else:
        module = _from_path(module_name, target, what)
    names = vars(module)
    if name not in names:
        where = module_name if is_path(module_name) else f"module '{module_name}'"
        public = [known for known in names if not known.startswith("_")]
        raise ConfigurationError(f"{where} has no '{name}'{nearest(name, public)}")
    return names[name]


def is_imported(target: str) -> bool:
    """Whether the module of a target has been imported in this process."""
    module = target.rpartition(":")[0]
    return (_name_of(Path(module).expanduser().resolve()) if is_path(module) else module) in sys.modules


def _name_of(path: Path) -> str:
    """Under which the module of a file is known: two files called `mine.py` are two modules."""
    return f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than file systems have
        return False


def _from_path(module_name: str, target: str, what: str) -> ModuleType:
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigurationError(
            f"'{excerpt(target)}' is not a class: write '{what}' with the module's full dotted name."
        )
    with foreign_code(f"importing '{module_name}'"):
        try:
            return importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if module_name == missing or module_name.startswith(missing + "."):
                hint = ""
                if missing.partition(".")[0] in {"benchmark", "algorithms"}:
                    hint = f" The package '{missing.partition('.')[0]}' is bakeoff's own; name a file of yours by path."
                raise ConfigurationError(
                    f"no module '{excerpt(missing)}' for '{excerpt(target)}': start bakeoff in the folder that holds "
                    f"it, install it, or write its path, 'path/to/file.py:Name'.{hint}"
                ) from error
            raise


def _from_file(path: Path, target: str) -> ModuleType:
    """The module of one file, under a name made of its path."""
    if not path.is_file():
        raise ConfigurationError(f"no such file for '{target}': {path}. Write 'path/to/file.py:Name'.")
    name = _name_of(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"'{target}': {path} is not a Python file: its name must end in '.py'.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and type hints look their module up there
    add_folder(path.parent)  # what lies beside the file can be imported by it
    try:
        with foreign_code(f"importing '{path.name}'"):
            spec.loader.exec_module(module)
    except ConfigurationError:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def foreign_code(doing: str, file: str | None = None) -> Iterator[None]:
    """Run code of a user; whatever it raises becomes a `ConfigurationError` with the place in the user's code.

    `file` is the user's file where it is known; else the innermost file outside this package and the libraries counts.
    Deliberate errors pass as they are.
    """
    try:
        yield
    except BakeoffError:
        raise
    except (Exception, SystemExit) as error:
        missing = missing_extra(error)
        if missing is not None:
            raise MissingPackage(missing) from error
        kind = "SystemExit" if isinstance(error, SystemExit) else type(error).__name__
        place = line_of(error, file)
        raise ConfigurationError(f"{f'{place}: ' if place else ''}{kind} while {doing}: {_words(error)}") from error


def missing_extra(error: BaseException) -> str | None:
    """The sentence for a package of the extra `train` that is not installed; `None` for every other error."""
    if not isinstance(error, ModuleNotFoundError) or (error.name or "").partition(".")[0] not in TRAIN:
        return None
    return f"this needs the package '{error.name}', which is not installed: pip install -e '.[train]'"


def line_of(error: BaseException, file: str | None = None) -> str | None:
    """`mine.py:12`, the innermost place of a traceback in `file`, or in anybody's code but ours and the libraries'."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}:{error.lineno}"
    places = [
        f"{Path(name).name}:{line}"
        for name, line in _frames(error.__traceback__)
        if (name == file if file is not None else _is_users(name))
    ]
    return places[-1] if places else None


def _frames(trace: TracebackType | None) -> list[tuple[str, int | None]]:
    return [(frame.filename, frame.lineno) for frame in traceback.extract_tb(trace)]


def _is_users(name: str) -> bool:
    return not name.startswith((*_OURS, sys.prefix, sys.base_prefix, "<frozen"))


def _words(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(text.split()) or "no message"
