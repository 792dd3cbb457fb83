"""Tokens of one value: its unit, its percent sign, degrees inside functions, and what only Math-Verify can read."""

from __future__ import annotations

import re

from benchmark.grading.latex import expression
from benchmark.grading.structures import Answer, Group, Scalar
from benchmark.grading.tokens import FUNCTIONS, Token, Unreadable, tokens_of
from benchmark.grading.units import split_unit, unit_of

__all__ = ["scalar"]


def scalar(tokens: list[Token]) -> Answer:
    """A value with its unit. ± makes two of it."""
    tokens = _in_radians(tokens) if any(token.value == "circ" for token in tokens) else tokens
    tokens, unit, percent = _without_unit(tokens)
    source = " ".join(_spelled(token) for token in tokens)
    if any(token.value in ("pm", "mp") and token.kind == "command" for token in tokens):
        values = [expression(tokens, sign=sign) for sign in (1, -1)]
        return Group(
            ",",
            tuple(Scalar(value, f"{source} [{sign}]", percent, unit) for value, sign in zip(values, "+-", strict=True)),
        )
    try:
        return Scalar(expression(tokens), source, percent, unit)
    except Unreadable:
        if _is_for_math_verify(tokens):
            return Scalar(None, source, percent, unit)
        raise


_TURNING = FUNCTIONS - {"ln", "log", "exp", "lg", "arcsin", "arccos", "arctan"}


def _in_radians(tokens: list[Token]) -> list[Token]:
    r"""`\tan 15^\circ` as the tangent of 15π/180; elsewhere the sign of degrees says only the unit."""
    done: list[Token] = []
    inside, depth = False, 0
    index = 0
    while index < len(tokens):
        token = tokens[index]
        circle = [each.value for each in tokens[index : index + 4]]
        width = 2 if circle[:2] == ["^", "circ"] else 4 if circle == ["^", "{", "circ", "}"] else 0
        if width and inside and done and done[-1].kind in ("number", "letter", "command"):
            value = done.pop()
            done += [
                _SIGN["("],
                value,
                _SIGN["*"],
                _SIGN["pi"],
                _SIGN["/"],
                Token("number", "180", spaced=False),
                _SIGN[")"],
            ]
            index += width
            continue
        if token.kind == "command" and token.value in _TURNING:
            inside, depth = True, 0
        elif inside:
            depth += (token.value in ("(", "{")) - (token.value in (")", "}"))
            inside = depth >= 0 and not (
                depth == 0 and token.value in ("+", "-", "=", ",") and done[-1].value not in _TURNING
            )
        done.append(token)
        index += 1
    return done


_SIGN = {
    sign: Token("symbol" if sign != "pi" else "command", sign, spaced=False) for sign in ("(", "*", "pi", "/", ")")
}
_LIBRARY = {"sum", "prod", "int", "lim", "arcsin", "overline", "to", "dots", "ldots", "cdots", "log", "binom"}


def _is_for_math_verify(tokens: list[Token]) -> bool:
    """Short, made of symbols alone, and with one of the constructs that the algebra does not know."""
    known = any(token.kind == "command" and token.value in _LIBRARY for token in tokens)
    plain = all(token.kind in ("number", "letter", "symbol", "command") for token in tokens)
    return known and plain and len(tokens) <= 80 and not any(_is_big(tokens, index) for index in range(len(tokens)))


def _is_big(tokens: list[Token], index: int) -> bool:
    """A number of more than six digits, written out or as a power."""
    kind, value, _ = tokens[index]
    if kind != "number":
        return False
    after = [token.value for token in tokens[index + 1 : index + 4] if token.value != "{"]
    exponent = int(after[1][:4]) if len(after) > 1 and after[0] == "^" and after[1].isdigit() else 1
    return (len(value) * exponent > 6 and len(value) > 1) or exponent > 20


def _spelled(token: Token) -> str:
    if token.kind == "command":
        return "\\" + token.value
    return f"\\text{{{token.value}}}" if token.kind in ("text", "word") else token.value


def _without_unit(tokens: list[Token]) -> tuple[list[Token], str, bool]:
    r"""Cut a unit or words after the value (with its exponent), and a percent sign."""
    kept, words = split_unit(tokens)
    if not words:
        if len(tokens) == 1 and tokens[0].kind == "text" and not tokens[0].value.startswith("\\text"):
            return _without_unit(tokens_of(tokens[0].value)) if tokens[0].value else (tokens, "", False)
        percent = tokens[-1].value == "%"
        return (tokens[:-1] if percent else tokens), "", percent
    first = tokens[len(kept)]
    spelled = words.lower().strip()
    if spelled[:2] in ("st", "nd", "rd", "th") and spelled[2:3] in ("", " ") and not first.spaced:
        raise Unreadable("an ordinal")
    if spelled.replace(" ", "").replace(".", "") in ("am", "pm"):
        raise Unreadable("a time of day")
    percent = bool(kept) and kept[-1].value == "%"
    worded = re.match(r"percent(?:age)?\b|per\s+cent\b", spelled)
    rest = spelled[worded.end() :] if worded else words
    return (kept[:-1] if percent else kept), unit_of(rest), percent or bool(worded)
