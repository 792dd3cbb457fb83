"""Second readings of what is written in two ways: tried where the first one is not right and one number is asked for.

`1,5` is a list of two numbers and, in half of the world, three halves; `2 and 1/3` is a list and a mixed number; `5 m`
is five times m and five metres. Of the gold answer only the unit is read again, so that a list stays a list there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark.grading.spelling import clean
from benchmark.grading.units import is_unit

__all__ = ["readings_of_answer", "with_unit"]

_DOUBTFUL = re.compile(r"\d,\d|and|[\d})][\s~\\,]*[A-Za-z]")
"""What every text has that can be read in two ways."""
_DECIMAL_COMMA = re.compile(r"(-?\d+),(\d{1,2}|\d{4,})(\s*(?:[A-Za-z%\\].*)?)")
_AND_FRACTION = re.compile(r"(-?\d+)\s*(?:\\text\s*\{\s*and\s*\}|and\b)\s*(\d+\s*/\s*\d+|\\[dt]?frac.{2,40})")
_LETTERS = re.compile(r"(?P<value>.*[\d})])\s+(?P<unit>[A-Za-z](?:[A-Za-z/^{}\d\s.*-]{0,30})|[A-Za-z])")
_THOUSANDS = re.compile(r"(-?\d+(?:\.\d+)?)\s?(k|K|M|mn|bn)")
_FACTORS = {"k": 10**3, "K": 10**3, "M": 10**6, "mn": 10**6, "bn": 10**9}


def readings_of_answer(text: str) -> Iterator[str]:
    """Other readings of an answer that was read as a list or as a product with a letter."""
    if len(text) > 120 or not _DOUBTFUL.search(text):
        return
    text = clean(text)
    comma = _DECIMAL_COMMA.fullmatch(text)
    if comma:
        yield f"{comma[1]}.{comma[2]}{comma[3]}"
    mixed = _AND_FRACTION.fullmatch(text)
    if mixed:
        yield f"{mixed[1]} {mixed[2]}"
    thousands = _THOUSANDS.fullmatch(text)
    if thousands:
        yield f"{thousands[1]} * {_FACTORS[thousands[2]]}"
    yield from with_unit(text)


def with_unit(text: str) -> Iterator[str]:
    """The value with the letters behind it as its unit, where they are set apart and nothing but units."""
    if len(text) > 120 or not _DOUBTFUL.search(text):
        return
    letters = _LETTERS.fullmatch(clean(text).replace("\\cdot", "*"))
    if letters and is_unit(letters["unit"]):
        yield f"{letters['value']} \\text{{{letters['unit']}}}"
