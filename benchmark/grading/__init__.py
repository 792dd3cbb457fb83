r"""The examiner's verdict on a completion: extract the final answer, compare it exactly, ask Math-Verify for the rest.

Training reward and examination use this one function. The way of a pair: `extract` finds the answer as written,
`spelling` and `latex` read it, `answers` gives it a structure of exact values (`algebra`), `comparison` decides; what
only Math-Verify can decide (an identity between functions, a sum) is asked of a process that can be killed (`worker`).
Nothing is ever compared as a float, and no text is run. The choices made are listed in docs/grading.md.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
import threading
import time
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING

from benchmark.contract import Verdict, VerdictKind
from benchmark.grading.algebra import TooLarge
from benchmark.grading.answers import read
from benchmark.grading.comparison import Equality, same
from benchmark.grading.extract import (
    ALSO,
    extract_answer,
    extract_gold_gsm8k,
    extract_gold_math,
    find_answer,
)
from benchmark.grading.readings import readings_of_answer, with_unit
from benchmark.grading.spelling import clean
from benchmark.grading.structures import Answer, Scalar, written
from benchmark.grading.tokens import Unreadable
from benchmark.grading.worker import Reply, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "GRADER",
    "extract_answer",
    "extract_gold_gsm8k",
    "extract_gold_math",
    "grade",
    "grade_all",
    "math_verify_version",
]

GRADER = "bakeoff-grader 3"

CACHE_SIZE = 65_536
MAX_CACHED = 500
"""Characters of an answer; longer ones are graded each time, so that the cache stays small."""
WORKER_SECONDS = 1.0

_Decision = tuple[VerdictKind, str]
_worker = Worker(seconds=WORKER_SECONDS)
_cache: OrderedDict[tuple[str, str], _Decision] = OrderedDict()
_cache_lock = threading.Lock()


def _renew_lock() -> None:
    """In a forked process: the lock may have been held by a thread that is not there any more."""
    global _cache_lock  # noqa: PLW0603 - one lock for one cache
    _cache_lock = threading.Lock()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_lock)


def grade(completion: str, gold: str, *, require_marker: bool = False) -> Verdict:
    """Grade a completion against the final answer `gold` (the answer alone, not a worked solution).

    With `require_marker` an answer without box, `####` or answer phrase is no answer. `undecided` when a number is
    beyond the limits or Math-Verify ran out of time or memory, `error` when it is missing or failed or the grader
    itself has a fault; never `wrong` then. Raises nothing.
    """
    started = time.perf_counter()
    answer: str | None = None
    try:
        found = find_answer(completion, require_marker=require_marker)
        if found is None:
            return Verdict("no_answer", None, "no_marker", time.perf_counter() - started)
        answer = found.answer
        kind, route = _cached(answer, gold)
        return Verdict(kind, answer, route, time.perf_counter() - started, _normal(answer))
    except Exception as error:  # noqa: BLE001 - a fault of ours on one pair is counted and shown, and ends no training
        return Verdict("error", answer, f"grader_{type(error).__name__}", time.perf_counter() - started)


def grade_all(pairs: Sequence[tuple[str, str]], *, require_marker: bool = False) -> list[Verdict]:
    """`grade` of each (completion, gold), in order. Equal pairs of answer and gold are graded once."""
    return [grade(completion, gold, require_marker=require_marker) for completion, gold in pairs]


def math_verify_version() -> str | None:
    """Installed version of math-verify, read without importing it; `None` where it is missing."""
    try:
        return importlib.metadata.version("math-verify")
    except importlib.metadata.PackageNotFoundError:
        return None


def _cached(answer: str, gold: str) -> _Decision:
    """`_decide`, remembered; failures of the worker are tried again."""
    key = (answer, gold)
    with _cache_lock:
        known = _cache.get(key)
    if known is not None:
        return known
    decision = _any(answer, gold.split(ALSO)) if ALSO in gold else _decide(answer, gold)
    if decision[0] != "error" and len(answer) + len(gold) <= 2 * MAX_CACHED:
        with _cache_lock:
            _cache[key] = decision
            if len(_cache) > CACHE_SIZE:
                _cache.popitem(last=False)
    return decision


def _any(answer: str, golds: list[str]) -> _Decision:
    """The first right one of several accepted answers, or all of them together, as the solution states them."""
    decisions = [_decide(answer, gold) for gold in [*golds, ALSO.join(golds), ", ".join(golds)]]
    return next((decision for decision in decisions if decision[0] == "correct"), decisions[0])


def _decide(answer: str, gold: str) -> _Decision:
    """Equal text, else equal structures."""
    if _squeezed(answer) == _squeezed(gold):
        return "correct", "exact"
    left, right = _read_or_why(answer), _read_or_why(gold)
    if isinstance(left, Unreadable) or isinstance(right, Unreadable):
        return ("correct", "exact") if _squeezed(clean(answer)) == _squeezed(clean(gold)) else ("wrong", "unreadable")
    if isinstance(left, TooLarge) or isinstance(right, TooLarge):
        return "undecided", "too_large"
    replies: list[Reply] = []

    def ask(ours: Scalar, theirs: Scalar) -> Equality:
        return _asked(ours, theirs, replies)

    try:
        outcome = same(left, right, ask)
        if outcome == "different" and _right_in_another_reading(answer, gold, left, right):
            outcome = "same"
    except TooLarge:
        return "undecided", "too_large"
    if outcome == "unsure":
        return next((_FAILED[reply] for reply in replies if reply in _FAILED), ("undecided", "unsure"))
    return "correct" if outcome == "same" else "wrong", "math_verify" if replies else "algebra"


def _right_in_another_reading(answer: str, gold: str, left: Answer, right: Answer) -> bool:
    """Whether a second reading of either side, where one number is asked for, makes them the same."""
    lefts = [*_values(readings_of_answer(answer))] if _is_number(right) or _is_product(right) else []
    rights = [*_values(with_unit(gold))] if _is_product(right) and (_is_number(left) or _is_product(left)) else []
    if not _is_product(right) and isinstance(right, Scalar):
        rights.append(right)
    return any(
        same(ours, theirs, lambda _left, _right: "different") == "same"
        for ours in ([left] if _is_number(left) else []) + lefts
        for theirs in rights
        if (ours, theirs) != (left, right)
    )


def _values(texts: Iterator[str]) -> Iterator[Scalar]:
    for text in texts:
        answer = _read_or_why(text)
        if isinstance(answer, Scalar) and _is_number(answer):
            yield answer


def _is_number(answer: Answer) -> bool:
    return isinstance(answer, Scalar) and answer.value is not None and not answer.value.variables


def _is_product(answer: Answer) -> bool:
    return isinstance(answer, Scalar) and answer.value is not None and bool(answer.value.variables)


def _asked(ours: Scalar, theirs: Scalar, replies: list[Reply]) -> Equality:
    """Math-Verify's word on two expressions without decimals; it accepts rounded ones."""
    if re.search(r"\d\.\d", ours.source + " " + theirs.source):
        return "different"
    reply = _worker.compare(*sorted((ours.source, theirs.source)))
    replies.append(reply)
    return "same" if reply == "equal" else "different" if reply == "different" else "unsure"


_FAILED: dict[str, _Decision] = {
    "timed_out": ("undecided", "math_verify_timed_out"),
    "out_of_memory": ("undecided", "math_verify_out_of_memory"),
    "missing": ("error", "math_verify_missing"),
    "failed": ("error", "math_verify_failed"),
}


def _read_or_why(answer: str) -> Answer | Unreadable | TooLarge:
    try:
        return read(answer)
    except (Unreadable, TooLarge) as reason:
        return reason


def _normal(answer: str) -> str | None:
    return _normal_of_short(answer) if len(answer) <= MAX_CACHED else _written(answer)


@lru_cache(maxsize=CACHE_SIZE // 4)
def _normal_of_short(answer: str) -> str | None:
    return _written(answer)


def _written(answer: str) -> str | None:
    try:
        return written(read(answer))
    except (Unreadable, TooLarge):
        return None


_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")


def _squeezed(text: str) -> str:
    return _SPACE.sub("", text)
