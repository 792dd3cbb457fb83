"""A published data set as a task: where its files are looked for, how rows become problems, how the splits are made."""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from benchmark.contract import Problem, Split
from benchmark.errors import DataUnavailable, MalformedRow
from benchmark.model.hub import hub_unavailable_reason
from benchmark.tasks.files import SUFFIXES, RawRow, read_rows
from benchmark.tasks.splits import cached_files, named_files, split_files
from benchmark.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["DatasetTask", "Mirror", "Read", "Source", "gold_of", "held_out", "normal_text", "without_tested"]

VALIDATION_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Mirror:
    """One copy of a published split on the Hub."""

    repo: str
    configs: tuple[str | None, ...] = (None,)
    """Read one after the other; several where a set is published in parts."""
    revision: str | None = None
    """Commit; `None` takes the newest."""
    split: str | None = None
    """Its name there where it differs from the source's: exams of one split are often published as `train`."""
    files: tuple[str, ...] = ()
    """Paths in the repository, in order, where their names are not those of the split."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one published split is: a file name below the data folder, without suffix, and its mirrors in order."""

    folder: str
    stem: str
    mirrors: tuple[Mirror, ...]
    split: Literal["train", "test"]


class Read(NamedTuple):
    """What one row says."""

    prompt: str
    gold: str
    solution: str
    kind: str = ""
    level: int = 0
    published: str = ""
    """The solution as it is published, where `solution` is not."""


def gold_of(extract: Callable[[str], str], worked: str, where: str) -> str:
    """The final answer of a worked solution; `MalformedRow`, opened by `where`, when it states none."""
    try:
        return extract(worked)
    except ValueError as error:
        raise MalformedRow(f"{where}: {error}") from error


def _never(row: RawRow) -> bool:
    del row
    return False


@dataclass(frozen=True)
class DatasetTask(Task):
    """A task made of published splits; where the set has no validation split, one is made of train.

    A training problem goes to validation when the SHA-256 of its text is in the lowest 5 % of all digests: the same on
    every machine and whatever the order of the file. Train rows whose text (white space and case ignored) also stands
    in the test split are dropped, and so are those published without an answer.
    """

    name: str
    answer_format: str
    instruction: str
    train: Source | None
    """`None`: the set is an exam, nothing can be trained on it."""
    test: Source
    read: Callable[[RawRow, str], Read]
    """A row and its place, for messages; raises `MalformedRow`."""
    unanswered: Callable[[RawRow], bool] = _never
    """Whether a row is known to be published without its answer; such training rows are left out."""

    @property
    def exam_only(self) -> bool:
        """Whether there is no training split."""
        return self.train is None

    def load(self, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        """All problems of a split, in file order, from `data`, else the folder in BAKEOFF_DATA, else the Hub.

        `train` and `validation` read the test file too, to keep its problems out; both are empty of an exam. Raises
        `DataUnavailable` and `MalformedRow`.
        """
        if split == "test":
            return self._published(self.test, split, data)
        if self.train is None:
            return ()
        tested = self._published(self.test, "test", data)
        return tuple(
            problem
            for problem in without_tested(self._published(self.train, split, data), tested)
            if held_out(problem.prompt) == (split == "validation")
        )

    def _published(self, source: Source, split: Split, data: Path | None) -> tuple[Problem, ...]:
        """Every row of a published split; ids count its rows, so that they stay when others are dropped."""
        found, last = [], ""
        for index, (where, row) in enumerate(self._rows(source, data)):
            last = where
            if split == "test" or not self.unanswered(row):
                read = self.read(row, where)
                found.append(
                    Problem(
                        f"{self.name}/{split}/{index}",
                        read.prompt,
                        read.gold,
                        read.solution,
                        read.kind,
                        read.level,
                        published=read.published,
                    )
                )
        if not found:
            raise MalformedRow(f"task '{self.name}': its {source.split} split is empty{f' ({last})' if last else ''}.")
        return tuple(found)

    def _rows(self, source: Source, data: Path | None) -> Iterator[tuple[str, RawRow]]:
        """("file:line", row) pairs from the first source that was asked for."""
        folder = data or _environment_folder()
        if folder is None:
            yield from _hub_rows(self.name, source)
            return
        yield from _file_rows(_local_files(self.name, source, folder))


def held_out(prompt: str, share: float = VALIDATION_SHARE, purpose: str = "") -> bool:
    """Whether a problem belongs to a split made of `share` of all texts, by SHA-256 of purpose and text."""
    first = hashlib.sha256((purpose + normal_text(prompt)).encode()).digest()[:8]
    return int.from_bytes(first, "big") < share * 2**64


def without_tested(problems: Iterable[Problem], tested: Iterable[Problem]) -> Iterator[Problem]:
    """The problems whose text, white space and case ignored, is not in the exam."""
    texts = {normal_text(problem.prompt) for problem in tested}
    return (problem for problem in problems if normal_text(problem.prompt) not in texts)


def normal_text(text: str) -> str:
    """White space and case ignored: what makes two problems the same."""
    return "".join(text.split()).lower()


def _environment_folder() -> Path | None:
    """The folder in BAKEOFF_DATA, if it is set."""
    value = os.environ.get("BAKEOFF_DATA", "")
    return Path(value).expanduser() if value else None


def _file_rows(files: Iterable[Path]) -> Iterator[tuple[str, RawRow]]:
    for path in files:
        for number, row in read_rows(path):
            yield f"{path}:{number}", row


def _local_files(task: str, source: Source, folder: Path) -> tuple[Path, ...]:
    """`FOLDER/gsm8k/train.jsonl.gz`, `FOLDER/train.jsonl.gz`, or a snapshot of a mirror in FOLDER or below it."""
    for parent in (folder / source.folder, folder):
        files = split_files(parent, source.stem)
        if files:
            return files
    for mirror in source.mirrors:
        split, name = mirror.split or source.split, mirror.repo.rpartition("/")[2]
        below = (folder / name, folder / mirror.repo, folder / source.folder)
        hub = folder.glob(f"datasets--{mirror.repo.replace('/', '--')}/snapshots/*")
        itself = (folder,) if source.stem == source.split else ()  # a folder of MATH is none of MATH-500
        for parent in (*below, *hub, *itself):
            files = named_files(parent, mirror.files) or split_files(parent, split, mirror.configs)
            if files:
                return files
    state = "has no file of this split" if folder.is_dir() else "is not a folder"
    raise DataUnavailable(
        f"task '{task}': {folder} {state}; looked for {source.folder}/{source.stem} and {source.stem} with the endings "
        f"{', '.join(SUFFIXES)}, and for a snapshot of {_names(source)}. {_how_to_give(source)}"
    )


def _how_to_give(source: Source) -> str:
    """The last sentence of every message about missing data."""
    return (
        f"Give a folder that holds {source.folder}/{source.stem}.jsonl (or .json, .csv, .parquet) "
        "with '--data DIR' or in the environment variable BAKEOFF_DATA."
    )


def _names(source: Source) -> str:
    return " or ".join(mirror.repo for mirror in source.mirrors)


# --- the Hub --------------------------------------------------------------------------------------------------------


def _hub_rows(task: str, source: Source) -> Iterator[tuple[str, RawRow]]:
    """Rows of the first mirror that can be read, each tried once; of the local caches where the Hub cannot be asked."""
    reason = hub_unavailable_reason("HF_DATASETS_OFFLINE")
    if reason is not None:
        for mirror in source.mirrors:
            split = mirror.split or source.split
            files = cached_files(mirror.repo, split, mirror.configs, mirror.revision, mirror.files)
            if files:
                yield from _file_rows(files)
                return
        raise DataUnavailable(
            f"task '{task}': {reason}, and no copy of {_names(source)} is in the cache, so the data set cannot be "
            f"fetched. {_how_to_give(source)}"
        )
    try:
        library: Any = importlib.import_module("datasets")
    except ImportError as error:
        raise DataUnavailable(
            f"task '{task}': reading from the Hub needs the package 'datasets' (pip install -e '.[train]'). "
            f"{_how_to_give(source)}"
        ) from error
    failures = []
    for mirror in source.mirrors:
        split = mirror.split or source.split
        try:
            parts = [
                library.load_dataset(mirror.repo, config, split=split, revision=mirror.revision)
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
                yield f"{mirror.repo} ({split}):{number}", row
        return
    raise DataUnavailable(f"task '{task}': no mirror could be read ({'; '.join(failures)}). {_how_to_give(source)}")
