"""Ranges of settings and the one pattern of names. A field carries its range; reading a suite enforces it.

    steps: Annotated[int, Between(1, 1_000_000)] = 24

Records of earlier versions are read without these checks: a bound says what may be asked, not what was measured.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["Between", "OneLine", "collision", "is_file_name", "name_fault"]

_NAME = re.compile(r"\w(?:[\w.-]*[\w-])?")
_CHARACTERS, _BYTES = 64, 100
"""A job's folder is `<algorithm>-<task>-s<seed>-<digest>`; file systems take 255 bytes."""


@dataclass(frozen=True, slots=True)
class Between:
    """A finite number from `low` to `high`; `above` leaves `low` itself out."""

    low: float
    high: float
    above: bool = False

    def holds(self, value: float) -> bool:
        """Whether the value is in the range; NaN never is."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        low, high = _plain(self.low), _plain(self.high)
        return f"above {low} and up to {high}" if self.above else f"from {low} to {high}"


@dataclass(frozen=True, slots=True)
class OneLine:
    """OneLine of one line, from one to `longest` characters."""

    longest: int = 1000

    def holds(self, value: str) -> bool:
        """Whether it can be read, printed and stored."""
        return 0 < len(value) <= self.longest and not any(unicodedata.category(c) in {"Cc", "Cs"} for c in value)

    def __str__(self) -> str:
        return f"text of one line, 1 to {self.longest:,} characters"


def name_fault(name: str) -> str | None:
    """What is wrong with the name of a suite, row or task, as the end of a sentence; `None` when nothing is.

    Names become parts of file names and of table cells, so one pattern holds for all of them.
    """
    if not _NAME.fullmatch(name):
        return "a name is made of letters, digits, '_', '-' and '.', and neither begins with '-' or '.' nor ends in '.'"
    if len(name) > _CHARACTERS or len(name.encode()) > _BYTES:
        return f"a name has at most {_CHARACTERS} characters and {_BYTES} bytes"
    return None


def is_file_name(name: str) -> bool:
    """Whether a name that was read from a file stays in the folder it is joined to, on every system.

    Names that are asked for are held against `name_fault`, which also says how long they may be.
    """
    return _NAME.fullmatch(name) is not None


def collision(names: list[str] | tuple[str, ...]) -> tuple[str, str] | None:
    """The first two names that are one name to some file system: equal but for case or Unicode composition."""
    seen: dict[str, str] = {}
    for name in names:
        key = unicodedata.normalize("NFKC", name).casefold()
        if key in seen:
            return seen[key], name
        seen[key] = name
    return None


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1 and value == int(value) else f"{value:g}"
