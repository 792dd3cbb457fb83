"""The interface of every task, generated or published."""

from __future__ import annotations

import functools
import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from benchmark.tasks.withheld import refuse_withheld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from benchmark.contract import Problem, Split

    Load = Callable[["Task", Split, Path | None], tuple[Problem, ...]]

__all__ = ["Task", "digest"]


class Task(ABC):
    """A source of problems in three disjoint splits that are the same on every machine.

    A task of one's own derives from it, gives the four values and `load`, and is named in a suite as
    `tasks = ["package.module:TASK"]` or `"file.py:TASK"`; see docs/tasks.md.
    """

    name: str
    """As suites and tables write it."""
    answer_format: str
    r"""How a completion must end, with `n` for the answer: `#### n`, `\\boxed{n}`, or `n` where any ending will do."""
    instruction: str
    """One sentence that tells a chat model how to give its answer."""
    generated: ClassVar[bool] = False
    """Whether the repository makes the problems itself, so that their texts may be kept beside committed results."""

    def __init_subclass__(cls) -> None:
        """No task gives out a split that is withheld from the process, a task of one's own as little as ours."""
        super().__init_subclass__()
        if "load" in vars(cls):
            cls.load = _guarded(vars(cls)["load"])  # type: ignore[method-assign, assignment]

    @property
    def exam_only(self) -> bool:
        """Whether there is a test split alone: such a task can be a transfer task, nothing is trained on it."""
        return False

    @abstractmethod
    def load(self, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        """All problems of one split, in a fixed order. `data` is a folder to read instead of the network.

        Raises `DataUnavailable` if the data cannot be read, and `MalformedRow` for a row in the wrong format.
        """

    def digest(self, data: Path | None = None) -> str:
        """SHA-256 over all problems of all splits, known before anything is run. Raises what `load` raises."""
        return digest(one for split in SPLITS for one in self.load(split, data))


def _guarded(load: Load) -> Load:
    @functools.wraps(load)
    def guarded(self: Task, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        refuse_withheld(self.name, split)
        return load(self, split, data)

    return guarded


SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def digest(problems: Iterable[Problem]) -> str:
    """SHA-256 over ids, prompts and golds in their order: equal digests, equal questions and answers."""
    total = hashlib.sha256()
    for problem in problems:
        for text in (problem.id, problem.prompt, problem.gold):
            encoded = text.encode()
            total.update(f"{len(encoded)}:".encode() + encoded)
    return total.hexdigest()
