r"""The equations of a worked solution, read from its text: `left = result` with exact rational numbers.

* In a line with calculator annotations `<<a+b=c>>` only those are read, any other is scanned. Numbers have thousands
  commas and decimals; `%` divides by 100; + - * / ( ) = count in their ASCII, Unicode and LaTeX forms, and so do
  `\frac{a}{b}` of two numbers, a lone x, "of" right behind an operand, and a parenthesis behind a number (`2(3+4)`).
* Words, currency signs and a slash before a unit are skipped; everything else, powers and line ends included, ends a
  run. A minus with a space behind it is never a sign, so a list's dash is none.
* In a run the left side is the longest part before a `=` that parses, the result the value of the longest part behind
  it. An equation without an operation on its left, or with a division by zero, is left out.

That is the reading `wide`, with which every record is made. The reading `published` is narrower, so that figures others
published can be met: a text with annotations is read from them alone, one whose result has a sign is left out, and
nothing multiplies without a sign (`benchmark.exam.strategy.expressions`).

Every text takes time in proportion to its length, and none raises.
"""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from benchmark.exam.strategy.expressions import MAX_TOKENS, left_of, postfix_of, prefix_of, runs, sides_of, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.exam.strategy.expressions import ExprToken, Number, Reading

__all__ = ["MAX_CHARACTERS", "Step", "first_value", "steps_of"]

MAX_CHARACTERS = 32_768
"""A longer text has no equations."""
MAX_EQUATIONS = 1_000
"""A text with more equations has none."""
TOLERANCE = Fraction(5, 1000)
"""A stated result may differ from the value by this, or by this share of it where it is above 1."""

_ANNOTATION = re.compile(r"<<([^<>\n]*)>>")


class Step(NamedTuple):
    """One equation."""

    postfix: list[ExprToken]
    """The left side: numbers and `+ - * / negate`, operators behind their operands."""
    result: Number
    """As stated."""
    valid: bool
    """Whether the left side has this value, within rounding."""


def first_value(text: str) -> Number | None:
    """Value of the longest expression a text begins with, words aside; `None` without one."""
    if len(text) > MAX_CHARACTERS:
        return None
    tokens = next(runs(text), [])
    length = prefix_of(tokens)
    return value_of(postfix_of(tokens[:length])) if length <= MAX_TOKENS else None


def steps_of(text: str, reading: Reading = "wide") -> list[Step]:
    """The equations of a text, in order; none of a text with more than `MAX_EQUATIONS`."""
    found: list[Step] = []
    if len(text) > MAX_CHARACTERS:
        return found
    annotated_alone = reading == "published" and _ANNOTATION.search(text) is not None
    for line in text.split("\n"):
        if "=" in line or "＝" in line:
            before = len(found)
            _read_annotations(line, found, reading)
            if len(found) == before and not annotated_alone:
                _read_plain(line, found, reading)
    return found if len(found) <= MAX_EQUATIONS else []


def _read_annotations(line: str, found: list[Step], reading: Reading) -> None:
    """Adds the line's annotations that have an operation."""
    for annotation in _ANNOTATION.findall(line):
        sides = sides_of(next(runs(annotation, reading), []))
        left = next((side for side in map(left_of, sides) if side is not None), None)
        if reading == "wide" or len(sides[-1]) == 1:
            _append(found, left, sides[-1], bare=True)


def _read_plain(line: str, found: list[Step], reading: Reading) -> None:
    """Adds every `=` of every run, annotations aside."""
    for tokens in runs(_ANNOTATION.sub("", line), reading):
        for left_side, right_side in itertools.pairwise(sides_of(tokens)):
            if len(found) <= MAX_EQUATIONS:
                _append(found, left_of(left_side), right_side)


def _append(found: list[Step], left: list[ExprToken] | None, after: Sequence[ExprToken], *, bare: bool = False) -> None:
    """Adds the step unless a side is missing or undefined. `bare`: the result must be a single number."""
    length = prefix_of(after)
    if left is None or not 0 < length <= MAX_TOKENS:
        return
    right = postfix_of(after[:length])
    value, result = value_of(left), value_of(right)
    if value is None or result is None or (bare and len(right) > 1):
        return
    found.append(Step(left, result, _close(value, result)))


def _close(value: Number, stated: Number) -> bool:
    slack = TOLERANCE * max(1, stated, -stated)
    return -slack <= value - stated <= slack
