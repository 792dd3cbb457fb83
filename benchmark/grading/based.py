"""Numerals with the base written at their foot, in words behind them or as a prefix; never converted."""

from __future__ import annotations

import re

from benchmark.grading.structures import Based
from benchmark.grading.tokens import Token

__all__ = ["based", "prefixed"]

_BASED = re.compile(
    r"[({]*(-?[0-9A-Z][0-9A-Za-z]*?(?:\.[0-9A-Za-z]+?)?)[)}]*"
    r"(?:_\{*\(?(?P<low>[A-Za-z]+|\d+)\)?\}*|[({]*(?:(?:in|to|the|of)*)base[-:_=]?\{?(?P<word>[A-Za-z]+|\d+)\}?[)}]*)"
)
_PREFIXED = re.compile(r"0([bBxXoO])([0-9A-Fa-f]+)")
_BASES = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "sixteen": 16, "b": 2, "o": 8, "x": 16,
}  # fmt: skip


def prefixed(text: str) -> Based | None:
    """`0b101`, `0x1F`."""
    found = _PREFIXED.fullmatch(text)
    return Based(found[2].upper().lstrip("0") or "0", _BASES[found[1].lower()]) if found else None


def based(tokens: list[Token]) -> Based | None:
    """A numeral with its base, at its foot or in words."""
    if len(tokens) < 2 or len(tokens) > 24 or not any(token.value == "_" or "base" in token.value for token in tokens):
        return None
    numeral = _BASED.fullmatch("".join(token.value.replace(" ", "") for token in tokens))
    if numeral is None:
        return None
    base = numeral["low"] or numeral["word"]
    known = int(base[:9]) if base.isdigit() else _BASES.get(base.lower(), 0)
    digits = numeral[1].upper().lstrip("0") or "0"
    if (
        not known
        or (not digits[:1].isdigit() and not (numeral["low"] or "").isdigit())
        or not _digits_of(digits, known)
    ):
        return None
    return Based(digits, known)


def _digits_of(digits: str, base: int) -> bool:
    """Whether letters in a numeral are digits of that base; a variable with an index is no numeral."""
    letters = [digit for digit in digits if digit.isalpha()]
    return not letters or (10 < base <= 36 and len(digits) > 1 and all(ord(digit) - 55 < base for digit in letters))
