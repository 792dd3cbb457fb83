"""Which matplotlib drew the committed figures: its SVG changes from release to release, the numbers do not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

__all__ = ["LOCK", "drawn_elsewhere"]

LOCK = Path(__file__).parents[2] / "constraints.txt"
"""The repository's lock, where this package lies in its clone."""
_LOCKED = re.compile(r"^matplotlib==([^\s;]+)", re.MULTILINE)
_DRAWN = re.compile(r"matplotlib (\d[\w.+]*)")


def drawn_elsewhere(reports: Path, suites: Sequence[str]) -> str:
    """The matplotlib of the figures, where it is not the installed one; empty where they can be compared.

    It is the one of the lock file, or, without a lock, the one that the suites' SVGs name.
    """
    locked = _LOCKED.search(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else None
    versions = {locked[1]} if locked else {_version(path) for suite in suites for path in _figures(reports, suite)}
    return ", ".join(sorted(version for version in versions if version not in {"", mpl.__version__}))


def _figures(reports: Path, suite: str) -> list[Path]:
    return sorted((reports / suite).glob("*.svg"))


def _version(path: Path) -> str:
    found = _DRAWN.search(path.read_text(encoding="utf-8", errors="replace")[:4000])
    return found[1] if found else ""
