"""Foreign text as data: what a completion may hold does nothing to a terminal or a page."""

from __future__ import annotations

__all__ = ["visible"]


def visible(text: str, limit: int = 80) -> str:
    r"""On one line: what does not print is escaped (`\x1b`, `\n`), a longer text loses its beginning."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[-limit:])
    return shown if len(text) <= limit else f"…{shown}"
