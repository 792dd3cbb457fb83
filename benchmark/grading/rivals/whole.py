"""Math-Verify as its authors ship it, in a process that can be killed: its own extraction, parsing and comparison."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

from benchmark.contract import Verdict, VerdictKind
from benchmark.grading.worker import Worker

if TYPE_CHECKING:
    from benchmark.grading.worker import Reply

__all__ = ["grade_whole"]

_KINDS: dict[Reply, VerdictKind] = {
    "equal": "correct",
    "different": "wrong",
    "no_answer": "no_answer",
    "timed_out": "undecided",
    "out_of_memory": "undecided",
    "missing": "error",
    "failed": "error",
}


def grade_whole(completion: str, gold: str) -> Verdict:
    """Math-Verify's word on a completion; the gold is given to it in a box. Killed or out of memory: `undecided`."""
    started = time.perf_counter()
    reply, answer = _worker().grade(completion, gold)
    return Verdict(_KINDS[reply], answer, reply, time.perf_counter() - started)


@cache
def _worker() -> Worker:
    return Worker()
