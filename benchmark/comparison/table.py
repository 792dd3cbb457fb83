"""Numbers formatted for readers, and Markdown tables of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.contract import Comparison, Estimate, Record, Status

__all__ = [
    "AWAITED",
    "DASH",
    "MARK",
    "SPACE",
    "STATUS_WORDS",
    "Kind",
    "Table",
    "cell",
    "code",
    "difference",
    "number",
    "plain",
    "signed",
    "visible",
    "words",
]

Kind = Literal["percent", "count", "seconds", "bytes", "tokens"]
"""How a metric is written."""

DASH = "–"
MARK = "†"
"""Mark after the name of an imported method."""
AWAITED = "not imported yet"
SPACE = "\u00a0"
"""A no-break space, so that numbers stay with their units and intervals stay whole."""

STATUS_WORDS: dict[Status, str] = {
    "done": "done",
    "failed": "failed",
    "out_of_memory": "out of memory",
    "timed_out": "timed out",
    "diverged": "diverged",
    "refused": "refused",
    "interrupted": "interrupted",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A header and rows of finished cells. The first `left` columns hold text, the others numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    title: str = ""
    """Title, for printing several tables below each other."""

    def __str__(self) -> str:
        """GitHub's Markdown."""
        assert all(len(row) == len(self.header) for row in self.rows), f"a row of {self.header} has other columns"
        rule = [":--" if index < self.left else "--:" for index in range(len(self.header))]
        return "\n".join(f"| {' | '.join(line)} |" for line in (self.header, rule, *self.rows))


def cell(estimate: Estimate, kind: Kind, records: Sequence[Record] = ()) -> str:
    """`mean [low, high]`, with `done/planned` when seeds are missing.

    The interval is left out where its ends print as the mean does. Without a number: the status of the jobs that should
    have given it, or a dash.
    """
    if estimate.mean is None:
        statuses = dict.fromkeys(STATUS_WORDS[record.status] for record in records if record.status != "done")
        return ", ".join(statuses) or DASH
    unit = f"{SPACE}%" if kind == "percent" else ""
    mean = number(estimate.mean, kind)
    text = f"{mean}{unit}"
    if estimate.low is not None and estimate.high is not None:
        low, high = number(estimate.low, kind), number(estimate.high, kind)
        text += "" if low == mean == high else f" [{low},{SPACE}{high}]"
    return text if estimate.done == estimate.planned else f"{text}{SPACE}{estimate.done}/{estimate.planned}"


def difference(comparison: Comparison, kind: Kind) -> str:
    """`better, +13.2 [10.1, 16.3]`; without two pairs only that it is undecided, without spread no interval."""
    found = comparison.difference
    if found.mean is None or found.done < 2:
        return f"undecided ({found.done}{SPACE}pair{'' if found.done == 1 else 's'})"
    decision = comparison.decision if comparison.decision == "undecided" else f"**{comparison.decision}**"
    if found.low is None or found.high is None:
        return f"{decision}, {signed(found.mean, kind)}"
    low, high = number(found.low, kind), number(found.high, kind)
    return f"{decision}, {signed(found.mean, kind)} [{low},{SPACE}{high}]"


def signed(value: float, kind: Kind) -> str:
    """A difference, with its sign unless it prints as zero."""
    text = number(value, kind)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def number(value: float, kind: Kind) -> str:
    """One number without its unit: percent of 1, MiB of bytes, seconds to three digits."""
    if kind == "percent":
        return _fixed(100 * value, 1)
    if kind == "bytes":
        return _fixed(value / 2**20, 0)
    if kind == "seconds" and value == 0:
        return "0"
    if kind == "seconds":
        return _fixed(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2)
    return _fixed(value, 1 if kind == "tokens" else 2)


def _fixed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")


def words(items: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    *most, final = list(items) or [DASH]
    return f"{', '.join(most)} {last} {final}" if most else final


def code(text: str) -> str:
    """Text in code format, safe inside a table."""
    return f"`{plain(text).replace('`', chr(39))}`"


def plain(text: str) -> str:
    """Foreign text on one line that neither ends a table cell nor opens a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def visible(text: str, limit: int = 80) -> str:
    r"""Foreign text on one line: what does not print is escaped (`\x1b`, `\n`), a longer one loses its beginning."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[-limit:])
    return shown if len(text) <= limit else f"…{shown}"
