"""Where the rival graders look for a final answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmark.grading import extract_answer

if TYPE_CHECKING:
    from benchmark.grading.rivals.grader import RivalAnswer

__all__ = ["box_first", "last_box", "last_number", "marked", "sentence_first"]

_SENTENCE = "Final Answer: The final answer is"
_CLOSING = " I hope it is correct."
_NUMBER = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")
_BRACE = re.compile(r"[{}]")


def marked(text: str) -> RivalAnswer:
    """Our own extraction, which here wants a box, `####` or a phrase, as the exam does."""
    answer = extract_answer(text, require_marker=True)
    return None if answer is None else (answer, "extraction")


def box_first(text: str) -> RivalAnswer:
    r"""The last `\boxed`; a text without any (GSM8K's format) goes through our own extraction."""
    if "\\boxed" not in text:
        return marked(text)
    answer = last_box(text)
    return None if answer is None else (answer, "box")


def sentence_first(text: str) -> RivalAnswer:
    """Minerva's closing sentence, else `box_first`."""
    _, sentence, rest = text.partition(_SENTENCE)
    answer = rest.partition("\n")[0].partition(_CLOSING)[0].strip().removesuffix(".") if sentence else ""
    return (answer, "sentence") if answer else box_first(text)


def last_number(text: str) -> RivalAnswer:
    """The last run of digits, points, commas and dollar signs, wherever it stands."""
    found = _NUMBER.findall(text)
    return (found[-1], "last_number") if found else None


def last_box(text: str) -> str | None:
    r"""What MATH's scripts read: after `\boxed ` (with a space) up to the next `$`, else inside the last `\boxed{…}`.

    `None` where the last box never closes or has no brace: an earlier, complete one is not taken.
    """
    _, spaced, rest = text.rpartition("\\boxed ")
    if spaced:
        return rest.partition("$")[0]
    start = text.rfind("\\boxed{")
    if start < 0 or start != text.rfind("\\boxed"):
        return None
    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start + len("\\boxed{") : brace.start()]
    return None
