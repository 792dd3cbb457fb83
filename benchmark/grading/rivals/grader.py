"""What a rival grader is, and how one is made of an extraction and a comparison of texts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmark.contract import Verdict

__all__ = ["MAX_TEXT", "Grader", "RivalAnswer", "text_grader"]

MAX_TEXT = 20_000
"""Only the last characters of a completion are read, and no longer gold is compared: the rules are not all linear."""

RivalAnswer = tuple[str, str] | None
"""An answer as written and how it was found; `None` without one."""


@dataclass(frozen=True, slots=True)
class Grader:
    """One way of judging a completion against the final answer alone."""

    name: str
    source: str
    """Paper or repository whose rules these are, in one line."""
    grade: Callable[[str, str], Verdict]
    """(completion, gold) → verdict."""


def text_grader(name: str, source: str, find: Callable[[str], RivalAnswer], normal: Callable[[str], str]) -> Grader:
    """A grader that accepts where the normal forms of answer and gold are the same text."""

    def grade(completion: str, gold: str) -> Verdict:
        started = time.perf_counter()
        if len(gold) > MAX_TEXT:
            return Verdict("undecided", None, "gold_too_long", time.perf_counter() - started)
        found = find(completion[-MAX_TEXT:])
        if found is None:
            return Verdict("no_answer", None, "no_marker", time.perf_counter() - started)
        answer, route = found
        same = normal(answer) == normal(gold)
        return Verdict("correct" if same else "wrong", answer, route, time.perf_counter() - started)

    return Grader(name, source, grade)
