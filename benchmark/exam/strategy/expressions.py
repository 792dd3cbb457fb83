"""Arithmetic in prose: its tokens, the longest expression at either end of them, and its exact value.

Two readings. `wide` knows signs in front of a number, a multiplication without a sign (`2(3+4)`) and units behind a
number (`$60/truck`, `5-year`). `published` is the narrower rule under which the figures of other people's GSM8K
solutions were published: none of these but minus signs, and a plus in front of a number is skipped.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "MAX_DIGITS",
    "MAX_TOKENS",
    "ExprToken",
    "Number",
    "Reading",
    "left_of",
    "postfix_of",
    "prefix_of",
    "runs",
    "sides_of",
    "value_of",
]

Reading = Literal["wide", "published"]

MAX_DIGITS = 24
"""A longer number ends its run."""
MAX_PUBLISHED_DIGITS = 1_000
"""The same in the published reading."""
MAX_TOKENS = 128
"""A longer side of an equation is left out."""

Number = int | Fraction
"""Equal numbers are equal whichever of the two they are."""
ExprToken = Number | str

_TOKEN = re.compile(
    r"""
    (?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    |(?P<times>(?<=[0-9%)}])[$ ]{0,2}of\b|(?<=[0-9\s)])[xX](?=[\s0-9(])|[×·⋅∗✕]|\\(?:times|cdot)\b)
    |(?P<blank>[^\S\n]+|[$€£¥]|\\(?:[$,;! ]|left\b|right\b))
    |(?P<word>[^\W\d_]+(?:[-'’][^\W\d_]+)*[^\S\n]*|(?<=[0-9])-(?=[^\W\d_])|/(?=[^\W\d_]))
    |(?P<power>(?<=[0-9)])\*\*(?=[0-9(]))
    |(?P<bold>\*\*+)
    |(?P<operator>[-+*/()=%−–÷＋＝∕]|\\(?:div\b|%))
    |\\[dt]?frac\{(?P<top>[0-9]{1,24})\}\{(?P<bottom>[0-9]{1,24})\}
    |(?P<end>\\?.|\n)
    """,
    re.VERBOSE | re.DOTALL,
)
_ASCII = {"−": "-", "–": "-", "÷": "/", "∕": "/", "\\div": "/", "＋": "+", "＝": "=", "\\%": "%"}
_SKIPPED = frozenset({"blank", "word", "bold"})
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "negate": 3}
_SIGN = "signed minus"
"""A minus attached to what follows: may be a sign as well as a subtraction. A plain `-` only subtracts."""
_OPERATORS = frozenset({"+", "-", "*", "/", _SIGN})
_NO_START = _OPERATORS | {")", "%", "=", "of"}


def runs(text: str, reading: Reading = "wide") -> Iterator[list[ExprToken]]:
    """Tokens of every run with something in it."""
    wide = reading == "wide"
    longest = MAX_DIGITS if wide else MAX_PUBLISHED_DIGITS
    tokens: list[ExprToken] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "word" and not wide and match.group() in {"-", "/"}:
            kind = "operator"
        if kind in _SKIPPED:
            continue
        piece = match.group()
        if kind == "number" and len(piece) <= longest:
            tokens.append(_number(piece))
        elif kind == "times":
            tokens.append("of" if piece.endswith("of") else "*")
        elif kind == "operator":
            _operator(tokens, _ASCII.get(piece, piece), text, match, wide=wide)
        elif kind == "bottom":
            tokens += ["(", int(match["top"]), "/", int(match["bottom"]), ")"]
        elif tokens:
            yield tokens
            tokens = []
    if tokens:
        yield tokens


def _operator(tokens: list[ExprToken], operator: str, text: str, match: re.Match[str], *, wide: bool) -> None:
    """Appends it; `%` goes into the number before it, read widely a parenthesis at an operand multiplies."""
    if operator == "%":
        last = tokens[-1] if tokens else ""
        if not isinstance(last, str) and last.denominator <= 10**MAX_DIGITS:
            tokens[-1] = Fraction(last) / 100
        elif last == ")":
            tokens.append(operator)
        return
    if operator == "-" and text[match.end() : match.end() + 1] in set("0123456789.($\\"):
        operator = _SIGN
    elif operator == "+" and not wide and not (tokens and _ends_operand(tokens[-1])):
        return
    elif (
        operator == "("
        and wide
        and tokens
        and _ends_operand(tokens[-1])
        and text[match.start() - 1] in set("0123456789)")
    ):
        tokens.append("*")
    tokens.append(operator)


def sides_of(tokens: Sequence[ExprToken]) -> list[list[ExprToken]]:
    """A run, cut at its `=`; "of" is resolved."""
    sides: list[list[ExprToken]] = [[]]
    for index, item in enumerate(tokens):
        if item == "=":
            sides.append([])
        elif item != "of":
            sides[-1].append(item)
        elif 0 < index < len(tokens) - 1 and _ends_operand(tokens[index - 1]) and tokens[index + 1] not in _NO_START:
            sides[-1].append("*")
    return sides


def _number(written: str) -> Number:
    digits = written.replace(",", "")
    return Fraction(digits) if "." in digits else int(digits)


def _ends_operand(item: ExprToken) -> bool:
    return not isinstance(item, str) or item in {")", "%"}


def left_of(tokens: Sequence[ExprToken]) -> list[ExprToken] | None:
    """Postfix of the longest end of `tokens` that parses; `None` for a bare number, or nothing, or too much."""
    start = _suffix(tokens)
    if not 1 < len(tokens) - start <= MAX_TOKENS:
        return None
    postfix = postfix_of(tokens[start:])
    return postfix if len(postfix) > 1 else None


def _suffix(tokens: Sequence[ExprToken]) -> int:
    """Where the longest end that is an expression starts; the number of tokens when there is none."""
    best, depth, wanting = len(tokens), 0, True
    for index in range(len(tokens) - 1, -1, -1):
        item = tokens[index]
        if wanting:
            if item == ")":
                depth += 1
            elif not isinstance(item, str):
                wanting = False
            elif item != "%":
                break
        elif item == "(" and depth:
            depth -= 1
        elif item in _OPERATORS and index and _ends_operand(tokens[index - 1]):
            wanting = True
        elif item != _SIGN:
            break
        if not wanting and not depth:
            best = index
    return best


def prefix_of(tokens: Sequence[ExprToken]) -> int:
    """How many of the first tokens make the longest expression; 0 when there is none."""
    best, depth, wanting = 0, 0, True
    for index, item in enumerate(tokens):
        if wanting:
            if item == "(":
                depth += 1
            elif not isinstance(item, str):
                wanting = False
            elif item != _SIGN:
                break
        elif item == ")" and depth:
            depth -= 1
        elif item in _OPERATORS:
            wanting = True
        elif item != "%":
            break
        if not wanting and not depth:
            best = index + 1
    return best


def postfix_of(tokens: Sequence[ExprToken]) -> list[ExprToken]:
    """A well-formed expression with its operators behind their operands (Dijkstra's shunting yard)."""
    output: list[ExprToken] = []
    waiting: list[str] = []
    operand = False
    for item in tokens:
        if not isinstance(item, str):
            output.append(_signed(item, waiting))
        elif item == "(":
            waiting.append(item)
        elif item == ")":
            while (operator := waiting.pop()) != "(":
                output.append(operator)
        elif item == "%":
            output += [100, "/"]
        elif not operand:
            waiting.append("negate")
        else:
            operator = "-" if item == _SIGN else item
            while waiting and waiting[-1] != "(" and _BINDING[waiting[-1]] >= _BINDING[operator]:
                output.append(waiting.pop())
            waiting.append(operator)
        operand = _ends_operand(item)
    return output + waiting[::-1]


def _signed(number: Number, waiting: list[str]) -> Number:
    """The number with the signs before it, which are taken off `waiting`."""
    while waiting and waiting[-1] == "negate":
        waiting.pop()
        number = -number
    return number


def value_of(postfix: Sequence[ExprToken]) -> Number | None:
    """Exact value; `None` for nothing and for a division by zero."""
    stack: list[Number] = []
    for item in postfix:
        if not isinstance(item, str):
            stack.append(item)
            continue
        right = stack.pop()
        if item == "negate":
            stack.append(-right)
        elif item == "/":
            if right == 0:
                return None
            stack.append(Fraction(stack.pop()) / right)
        else:
            left = stack.pop()
            stack.append(left + right if item == "+" else left - right if item == "-" else left * right)
    return stack[-1] if stack else None
