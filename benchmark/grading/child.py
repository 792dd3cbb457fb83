"""The child half of the Math-Verify worker: reads JSON lines, limits itself, answers with one word.

It limits its own memory, and its processor time in case the parent is gone. Sympy is imported here and nowhere else.
"""

from __future__ import annotations

import importlib
import itertools
import json
import logging
import os
import sys
from typing import IO, Protocol, cast

from benchmark.grading.worker import STARTUP_SECONDS, Reply

try:
    import resource
except ImportError:  # Windows has no resource limits; the wall limit still holds
    resource = None  # type: ignore[assignment]

__all__: list[str] = []

# What sympy and the LaTeX parser are known to raise on texts they cannot handle.
LIBRARY_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class MathVerify(Protocol):
    """The two functions that are used of the module."""

    def parse(self, pred: str, *, parsing_timeout: int | None, raise_on_error: bool = False) -> list[object]:
        """All readings of a text; strings where it could not be parsed."""
        ...

    def verify(self, gold: object, target: object, *, timeout_seconds: int | None, raise_on_error: bool) -> bool:
        """Whether two readings are equal."""
        ...


def _compare(library: MathVerify, answer: str, gold: str) -> Reply:
    """Parse both sides and try every pair of readings; any equal pair is enough."""
    references = library.parse(f"\\boxed{{{gold}}}", parsing_timeout=None)
    readings = library.parse(f"\\boxed{{{answer}}}", parsing_timeout=None)
    verdict: Reply = "different"
    for reference, reading in itertools.product(references, readings):
        try:
            if library.verify(reference, reading, timeout_seconds=None, raise_on_error=True):
                return "equal"
        except LIBRARY_ERRORS:
            verdict = "failed"
    return verdict


def _judge(library: MathVerify, completion: str, gold: str) -> tuple[Reply, str | None]:
    """Both sides as the library itself reads them; as there, what it cannot compare is different."""
    references = library.parse(f"\\boxed{{{gold}}}", parsing_timeout=None)
    readings = _readings(library, completion)
    answer = next((reading for reading in reversed(readings) if isinstance(reading, str)), None)
    if not readings:
        return "no_answer", None
    try:
        equal = library.verify(references, readings, timeout_seconds=None, raise_on_error=True)
    except LIBRARY_ERRORS as error:
        if isinstance(error, RecursionError):
            raise
        equal = False
    return ("equal" if equal else "different"), answer


def _readings(library: MathVerify, text: str) -> list[object]:
    """All readings of a completion; none where the library raises."""
    try:
        return library.parse(text, parsing_timeout=None, raise_on_error=True)
    except LIBRARY_ERRORS as error:
        if isinstance(error, RecursionError):
            raise
        return []


def _reply(library: MathVerify, line: str) -> tuple[Reply, str | None]:
    """The answer to one request line, and what was read out of a completion."""
    try:
        request = json.loads(line)
        if "completion" in request:
            return _judge(library, request["completion"], request["gold"])
        return _compare(library, request["answer"], request["gold"]), None
    except (MemoryError, RecursionError):
        return "out_of_memory", None
    except LIBRARY_ERRORS:
        return "failed", None


def _limit(seconds: float, memory_bytes: int) -> None:
    """Bound the address space for good and the processor time of the next request."""
    if resource is None:
        return  # type: ignore[unreachable]
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used + 2 * seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _serve(requests: IO[str], replies: IO[str], seconds: float, memory_bytes: int) -> None:
    """Reply request lines until the parent closes the pipe."""
    logging.disable(logging.CRITICAL)
    _limit(STARTUP_SECONDS, memory_bytes)
    try:
        library = cast("MathVerify | None", importlib.import_module("math_verify"))
    except ImportError:
        library = None
    for line in requests:
        _limit(seconds if library else STARTUP_SECONDS, memory_bytes)
        reply, answer = _reply(library, line) if library else ("missing", None)
        replies.write(json.dumps({"reply": reply, "answer": answer}) + "\n")
        replies.flush()


def _main(seconds: float, memory_bytes: int) -> None:
    """Keep the pipe to ourselves (libraries print to stdout) and serve."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        _serve(sys.stdin, replies, seconds, memory_bytes)


if __name__ == "__main__":
    _main(float(sys.argv[1]), int(sys.argv[2]))
