r"""Where a completion states its final answer: the last complete box, else a marker, else the last stated result.

Every step is linear in the text, of which only the end is read. The order of the markers: box or `<answer>` (the later
one), `####`, answer phrase, heading "Answer", last line in bold, the answer alone, and, where no marker is required,
the result that the last finished sentence states.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from benchmark.grading.boxes import boxes_in, joined
from benchmark.grading.markers import (
    bare,
    bold,
    closing_sentence,
    first_mark,
    hash_line,
    headed,
    phrase,
    stated,
    tagged,
)
from benchmark.grading.scope import answering_part, next_questions, without_drawings
from benchmark.grading.wording import value_at

__all__ = ["ALSO", "Found", "extract_answer", "extract_gold_gsm8k", "extract_gold_math", "find_answer"]

ALSO = r" \text{ or also } "
"""Between the alternatives of a gold answer of which any one is accepted."""
_EITHER = re.compile(r"also (?:an )?accept|[Ee]ither (?:point|answer|one|vector)?[^.]{0,20}\baccept")


class Found(NamedTuple):
    """An answer as written, and by which marker it was found.

    `box`, `boxes`, `tag`, `hash`, `phrase`, `heading`, `bold`, `bare` or `stated`.
    """

    answer: str
    marker: str


def find_answer(text: str, *, require_marker: bool = False) -> Found | None:
    """The final answer, or `None`. With `require_marker` the result of an unmarked sentence is no answer."""
    part = answering_part(text)
    if part is None:
        return None
    part = _first_answer_only(part)
    found = _marked(part)
    if found == _ENDED:
        return None
    return found or (None if require_marker else _named("stated", stated(part)))


def extract_answer(text: str, *, require_marker: bool = False) -> str | None:
    """`find_answer` without its marker."""
    found = find_answer(text, require_marker=require_marker)
    return found.answer if found else None


def extract_gold_gsm8k(answer: str) -> str:
    """The text after the last `####` of a published GSM8K solution. ValueError without one."""
    found = hash_line(answer)
    if found is None:
        raise ValueError("the solution has no line '#### <answer>'")
    return found


def extract_gold_math(solution: str) -> str:
    r"""The boxed answer of a published MATH solution; alternatives are joined by `ALSO`. ValueError without a box."""
    text = without_drawings(solution)
    boxes = boxes_in(text).complete
    if not boxes:
        raise ValueError("the solution has no complete \\boxed{<answer>}")
    if len(boxes) > 1 and _EITHER.search(text, boxes[-2].start):
        return ALSO.join(dict.fromkeys(box.content for box in boxes[-2:]))
    return joined(text, boxes)[0]


_ENDED = Found("", "")
"""An abandoned box or an empty tag: what was said before is taken back."""


def _marked(text: str) -> Found | None:
    boxes, abandoned = boxes_in(text)
    tag = tagged(text)
    last = boxes[-1] if boxes else None
    if abandoned >= 0 and abandoned > (last.start if last else -1) and not (tag and tag.start > abandoned):
        return _ENDED
    if tag and not (last and last.start >= tag.end):
        return _tagged(tag.content, text[: tag.start])
    if last:
        sentence = closing_sentence(text, last.end)
        if sentence:
            return Found(sentence, "phrase")
        answer, several = joined(text, boxes)
        return Found(answer, "boxes" if several else "box")
    return (
        _named("hash", hash_line(text))
        or _named("phrase", phrase(text))
        or _named("heading", headed(text))
        or _named("bold", bold(text))
        or _named("bare", bare(text))
    )


def _tagged(content: str, before: str) -> Found | None:
    """The answer in a tag, which may mark it once more; an empty tag ends the search."""
    if not content:
        return _ENDED
    inner = _marked(content)
    if inner or (not before.strip() and "\n" in content):
        return inner
    lines = [line for line in content.split("\n") if line.strip()]
    return _named("tag", value_at(content if len(lines) == 1 else lines[-1]))


def _first_answer_only(text: str) -> str:
    """Without the next question and what follows it, where an answer was given before."""
    questions = next_questions(text)
    if not questions:
        return text
    boxes = boxes_in(text).complete
    ends = [boxes[0].end] if boxes else []
    mark = first_mark(text)
    ends += [mark] if mark >= 0 else []
    return next((text[:start] for start in questions if ends and start >= min(ends)), text)


def _named(marker: str, answer: str | None) -> Found | None:
    return Found(answer, marker) if answer else None
