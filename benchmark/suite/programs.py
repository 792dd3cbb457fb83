"""Rows that a program of anybody trains: `[algorithms.NAME] command = ["python", "train.py", "--model", "{model}", …]`.

The words are filled in and the program is run by `benchmark.run.program`; here they are read and checked.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.contract import PROGRAM, Algorithm, Training, name_fault
from benchmark.errors import ConfigurationError, UnknownName
from benchmark.suite.values import shown

__all__ = ["COMMAND", "FIELDS", "fill_in", "is_file", "located_words", "program_row"]

COMMAND = "command"
NEEDED = ("model", "seed", "out")
FILES = ("model", "data", "out", "train", "validation", "train_parquet", "validation_parquet")
FIELDS = (*FILES, "seed", "budget", *(field.name for field in dataclasses.fields(Training)))
"""What may stand in braces: paths, the seed, the budget of completions, and every key of `[training]`."""
_FIELD = re.compile(r"\{([a-z_]+)\}")


def program_row(name: str, settings: Mapping[str, object]) -> Algorithm:
    """The row. Its setting is the command as one line of a shell; the files named in it are part of a job's identity.

    Raises `ConfigurationError` for a command that is no list of words, that leaves out where the start lies, the seed
    or where the result is to go, or that has other keys beside it, and `UnknownName` for an unknown field in braces.
    """
    words = settings[COMMAND]
    if set(settings) != {COMMAND}:
        others = ", ".join(sorted(set(settings) - {COMMAND}))
        raise ConfigurationError(f"{name}: a row with a command has no other keys, found {others}: put them into it.")
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise ConfigurationError(
            f"{name}.command = {shown(words)}: expected a list of words, such as "
            '["python", "train.py", "--model", "{model}", "--seed", "{seed}", "--out", "{out}"].'
        )
    if any("\0" in word for word in words):
        raise ConfigurationError(f"{name}.command: a word holds a null character, which no program can be given.")
    used = {field for word in words for field in _FIELD.findall(word)}
    for field in sorted(used):
        if field not in FIELDS:
            raise UnknownName("field of a command", field, FIELDS, f"It stands in {name}.command.")
    missing = [f"{{{field}}}" for field in NEEDED if field not in used]
    if missing:
        raise ConfigurationError(
            f"{name}.command does not hold {' and '.join(missing)}: a program is told where the start lies, which seed "
            "to take and where its result is to go."
        )
    fault = name_fault(name)
    if fault is not None:
        raise ConfigurationError(f"{shown(name)} cannot name a row: {fault}.")
    return Algorithm(name, PROGRAM, {COMMAND: shlex.join(words)}, changed=(COMMAND,))


def located_words(words: object, folders: Sequence[Path]) -> object:
    """The words, with each that names a file only beside the suite written as a path to it."""
    if not isinstance(words, list):
        return words
    return [_located(word, folders) if isinstance(word, str) else word for word in words]


def fill_in(command: str, values: Mapping[str, object]) -> list[str]:
    """The words of a row's command with the fields in braces replaced."""
    return [_FIELD.sub(lambda found: str(values[found[1]]), word) for word in shlex.split(command)]


def _located(word: str, folders: Sequence[Path]) -> str:
    if "{" in word or is_file(Path(word)):
        return word
    found = next((folder / word for folder in folders if is_file(folder / word)), None)
    return word if found is None else found.as_posix()


def is_file(path: Path) -> bool:
    """Whether a word of a command names a file that is there."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or one with a null character
        return False
