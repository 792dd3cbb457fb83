"""The interface of every task, generated or published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.contract import Problem, Split

__all__ = ["Task"]


class Task(Protocol):
    """A source of problems in three disjoint splits that are the same on every machine."""

    @property
    def name(self) -> str:
        """Name in suites and tables."""
        ...

    @property
    def answer_format(self) -> str:
        r"""How a completion must end, with `n` for the answer: `#### n` or `\\boxed{n}`."""
        ...

    @property
    def instruction(self) -> str:
        """One sentence that tells a chat model how to give its answer."""
        ...

    @property
    def generated(self) -> bool:
        """Whether the repository generates the problems, so that their texts may be stored with the results."""
        ...

    def load(self, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        """All problems of one split, in a fixed order. `data` is a folder to read instead of the network.

        Raises `DataUnavailable` if the data cannot be read, and `MalformedRow` for a row in the wrong format.
        """
        ...
