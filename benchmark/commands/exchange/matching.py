"""Match rows of another program to the problems of an exam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.commands.exchange.readers.row import SampledRow
from benchmark.contract import Problem
from benchmark.errors import MalformedRow

__all__ = ["Matched", "match"]

Place = tuple[str, bool]
"""Problem id, and whether the completion is the greedy one."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The completions of an exam."""

    completions: Mapping[Place, tuple[str, ...]]
    unmatched: tuple[str, ...]
    """Rows that ask no problem of the exam, as `file:line`."""
    rows: int
    """All rows that were read."""


class _Finder:
    """Problems by id, by text, and by text inside a longer prompt. White space and case do not count."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._ids = {problem.id for problem in problems}
        self._texts: dict[str, str | None] = {}
        for problem in problems:
            text = _plain(problem.prompt)
            self._texts[text] = None if text in self._texts else problem.id
        self._known: dict[str, str | None] = {}

    def find(self, row: SampledRow) -> str | None:
        """The id of the one problem a row asks; `None` where it asks none of them, or cannot be told which."""
        id_ = row.id if row.id in self._ids else None
        by_text = next((found for text in row.asked if (found := self._equal(text))), None)
        if id_ and by_text and id_ != by_text:
            raise MalformedRow(f"{row.where}: the id is '{id_}', but the text is that of '{by_text}'.")
        return id_ or by_text or next((found for text in row.asked if (found := self._held(text))), None)

    def _equal(self, text: str) -> str | None:
        return self._texts.get(_plain(text))

    def _held(self, text: str) -> str | None:
        if text not in self._known:
            prompt = _plain(text)
            inside = [id_ for known, id_ in self._texts.items() if known in prompt]
            self._known[text] = inside[0] if len(inside) == 1 else None
        return self._known[text]


def match(rows: Iterable[SampledRow], problems: Sequence[Problem], samples: int) -> Matched:
    """No problem has more than `samples` samples and one greedy completion.

    A row that repeats the completions of an earlier one under another filter counts once. Raises `MalformedRow`.
    """
    finder = _Finder(problems)
    found: dict[Place, tuple[str, ...]] = {}
    first: dict[Place, str] = {}
    unmatched = []
    count = 0
    for row in rows:
        count += 1
        id_ = finder.find(row)
        if id_ is None:
            unmatched.append(row.where)
            continue
        place = (id_, bool(row.greedy))
        before = found.get(place, ())
        if before and not row.several:
            if before != row.completions:
                raise MalformedRow(
                    f"{row.where}: problem '{id_}' has other {'greedy ' if row.greedy else ''}completions than in "
                    f"{first[place]}. Give the file of one run."
                )
            continue
        _refuse_too_many(row, id_, len(before) + len(row.completions), samples)
        first.setdefault(place, row.where)
        found[place] = before + row.completions
    return Matched(found, tuple(unmatched), count)


def _refuse_too_many(row: SampledRow, id_: str, count: int, samples: int) -> None:
    if row.greedy and count > 1:
        raise MalformedRow(f"{row.where}: {count} greedy completions of problem '{id_}': greedy decoding gives one.")
    if not row.greedy and count > samples:
        raise MalformedRow(
            f"{row.where}: {count} samples of problem '{id_}', but the suite's exam has {samples} of each."
            + (" If they were decoded greedily, say --greedy." if row.greedy is None and samples == 0 else "")
        )


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()
