"""What every task offers, generated or published, ours or a user's."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmark.contract import Problem, Split

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

    @property
    def exam_only(self) -> bool:
        """Whether there is a test split alone: such a task can be a transfer task, nothing is trained on it."""
        return False

    @abstractmethod
    def load(self, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        """All problems of one split, in a fixed order. `data` is a folder to read instead of the network.

        Raises `DataUnavailable` where the data cannot be had and `MalformedRow` where a row is not what it should be.
        """

    def digest(self, data: Path | None = None) -> str:
        """SHA-256 over all problems of all splits, known before anything is run. Raises what `load` raises."""
        return digest(one for split in SPLITS for one in self.load(split, data))


SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def digest(problems: Iterable[Problem]) -> str:
    """SHA-256 over ids, prompts and golds in their order: equal digests, equal questions and answers."""
    total = hashlib.sha256()
    for problem in problems:
        for text in (problem.id, problem.prompt, problem.gold):
            encoded = text.encode()
            total.update(f"{len(encoded)}:".encode() + encoded)
    return total.hexdigest()
