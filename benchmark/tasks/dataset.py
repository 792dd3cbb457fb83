"""A published data set as a task: where its files are looked for, how rows become problems, how the splits are made."""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.contract import Problem, Split
from benchmark.errors import DataUnavailable, MalformedRow
from benchmark.model.hub import hub_unavailable_reason
from benchmark.tasks.files import SUFFIXES, RawRow, read_rows, text_column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DatasetTask", "Mirror", "Source", "held_out"]

PublishedSplit = Literal["train", "test"]

VALIDATION_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Mirror:
    """One copy of a published split on the Hub."""

    repo: str
    configs: tuple[str | None, ...] = (None,)
    """Read one after the other; several where a set is published in parts."""
    revision: str | None = None
    """Commit; `None` takes the newest."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one published split is: a file name below the data folder, without suffix, and its mirrors in order."""

    folder: str
    stem: str
    mirrors: tuple[Mirror, ...]
    split: PublishedSplit


@dataclass(frozen=True)
class DatasetTask:
    """A task made of a published train and test split; the sets have no validation split, so one is made of train.

    A training problem goes to validation when the SHA-256 of its text is in the lowest 5 % of all digests: the same on
    every machine and whatever the order of the file. Train rows whose text (white space and case ignored) also stands
    in the test split are dropped, and so are those published without an answer.
    """

    generated: ClassVar[bool] = False

    name: str
    answer_format: str
    instruction: str
    question_columns: tuple[str, ...]
    """Names under which mirrors publish the problem; the first that a row has is read."""
    answer_columns: tuple[str, ...]
    """The same for the worked solution."""
    train: Source
    test: Source
    gold: Callable[[str], str]
    """Final answer out of the worked solution; raises ValueError without one."""
    solution: Callable[[str], str]
    """Worked solution as a policy may learn it."""
    kind_and_level: Callable[[RawRow], tuple[str, int]]
    unanswered: Callable[[str], bool]
    """Whether a worked solution is known to be published without its answer; such training rows are left out."""

    def load(self, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        """All problems of a split, in file order, from `data`, else the folder in BAKEOFF_DATA, else the Hub.

        `train` and `validation` read the test file too, to keep its problems out. Raises `DataUnavailable` and
        `MalformedRow`.
        """
        if split == "test":
            return self._published(self.test, split, data)
        tested = {_normal(problem.prompt) for problem in self._published(self.test, "test", data)}
        return tuple(
            problem
            for problem in self._published(self.train, split, data)
            if held_out(problem.prompt) == (split == "validation") and _normal(problem.prompt) not in tested
        )

    def _published(self, source: Source, split: Split, data: Path | None) -> tuple[Problem, ...]:
        """Every row of a published split; ids count its rows, so that they stay when others are dropped."""
        rows = self._rows(source, data)
        return tuple(
            self._problem(row, f"{self.name}/{split}/{index}", where)
            for index, (where, row) in enumerate(rows)
            if split == "test" or not self.unanswered(text_column(row, self.answer_columns, where))
        )

    def _problem(self, row: RawRow, identity: str, where: str) -> Problem:
        """One row. `where` is for the person who has to mend it."""
        worked = text_column(row, self.answer_columns, where)
        try:
            gold = self.gold(worked)
        except ValueError as error:
            raise MalformedRow(f"{where}: {error}") from error
        kind, level = self.kind_and_level(row)
        prompt = text_column(row, self.question_columns, where)
        return Problem(identity, prompt, gold, self.solution(worked), kind, level)

    def _rows(self, source: Source, data: Path | None) -> Iterator[tuple[str, RawRow]]:
        """("file:line", row) pairs from the first source that was asked for."""
        folder = data or _environment_folder()
        if folder is None:
            yield from _hub_rows(self.name, source)
            return
        path = _local_file(self.name, source, folder)
        for number, row in read_rows(path):
            yield f"{path}:{number}", row


def held_out(prompt: str) -> bool:
    """Whether a training problem belongs to the validation split: 5 % of all texts, by SHA-256."""
    first = hashlib.sha256(_normal(prompt).encode()).digest()[:8]
    return int.from_bytes(first, "big") < VALIDATION_SHARE * 2**64


def _normal(text: str) -> str:
    """White space and case ignored: what makes two problems the same."""
    return "".join(text.split()).lower()


def _environment_folder() -> Path | None:
    """The folder in BAKEOFF_DATA, if it is set."""
    value = os.environ.get("BAKEOFF_DATA", "")
    return Path(value).expanduser() if value else None


def _local_file(task: str, source: Source, folder: Path) -> Path:
    """`FOLDER/gsm8k/train.jsonl.gz` or, where FOLDER is that folder itself, `FOLDER/train.jsonl.gz`."""
    for parent in (folder / source.folder, folder):
        for suffix in SUFFIXES:
            path = parent / f"{source.stem}{suffix}"
            if path.is_file():
                return path
    state = "has no file of this split" if folder.is_dir() else "is not a folder"
    raise DataUnavailable(
        f"task '{task}': {folder} {state}; looked for {source.folder}/{source.stem} and {source.stem} "
        f"with the endings {', '.join(SUFFIXES)}. {_how_to_give(source)}"
    )


def _how_to_give(source: Source) -> str:
    """The last sentence of every message about missing data."""
    return (
        f"Give a folder that holds {source.folder}/{source.stem}.jsonl (or .jsonl.gz, .parquet) "
        "with '--data DIR' or in the environment variable BAKEOFF_DATA."
    )


# --- the Hub --------------------------------------------------------------------------------------------------------


def _hub_rows(task: str, source: Source) -> Iterator[tuple[str, RawRow]]:
    """Rows of the first mirror that can be read, each tried once."""
    _require_hub(task, source)
    try:
        library: Any = importlib.import_module("datasets")
    except ImportError as error:
        raise DataUnavailable(
            f"task '{task}': reading from the Hub needs the package 'datasets' (pip install 'rl-bakeoff[train]'). "
            f"{_how_to_give(source)}"
        ) from error
    failures = []
    for mirror in source.mirrors:
        try:
            parts = [
                library.load_dataset(mirror.repo, config, split=source.split, revision=mirror.revision)
                for config in mirror.configs
            ]
        # what `load_dataset` documents: DatasetNotFoundError and connection errors are OSErrors, an unknown config or
        # split is a ValueError, a repository that needs a script a RuntimeError
        except (OSError, RuntimeError, ValueError) as error:
            failures.append(f"{mirror.repo}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            continue
        number = 0
        for part in parts:
            for row in part:
                number += 1
                yield f"{mirror.repo} ({source.split}):{number}", row
        return
    raise DataUnavailable(f"task '{task}': no mirror could be read ({'; '.join(failures)}). {_how_to_give(source)}")


def _require_hub(task: str, source: Source) -> None:
    """Fail within seconds where the Hub cannot be asked."""
    reason = hub_unavailable_reason("HF_DATASETS_OFFLINE")
    if reason is not None:
        raise DataUnavailable(f"task '{task}': {reason}, so the data set cannot be fetched. {_how_to_give(source)}")
