r"""The equations of a worked solution, read from its text: `left = result` with exact rational numbers.

* In a line with calculator annotations `<<a+b=c>>` only those are read, any other is scanned. Numbers have thousands
  commas and decimals; `%` divides by 100; + - * / ( ) = count in their ASCII, Unicode and LaTeX forms, and so do
  `\frac{a}{b}` of two numbers, a lone x, "of" right behind an operand, and a parenthesis behind a number (`2(3+4)`).
* Words, currency signs and a slash before a unit are skipped; everything else, powers and line ends included, ends a
  run. A minus with a space behind it is never a sign, so a list's dash is none.
* In a run the left side is the longest part before a `=` that parses, the result the value of the longest part behind
  it. An equation without an operation on its left, or with a division by zero, is left out.

Every text takes time in proportion to its length, and none raises.
"""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MAX_CHARACTERS", "Number", "Step", "Token", "first_value", "steps_of"]

MAX_CHARACTERS = 32_768
"""A longer text has no equations."""
MAX_DIGITS = 24
"""A longer number ends its run."""
MAX_TOKENS = 128
"""A longer side of an equation is left out."""
MAX_EQUATIONS = 1_000
"""A text with more equations has none."""
TOLERANCE = Fraction(5, 1000)
"""A stated result may differ from the value by this, or by this share of it where it is above 1."""

Number = int | Fraction
"""Equal numbers are equal whichever of the two they are."""
Token = Number | str


class Step(NamedTuple):
    """One equation."""

    postfix: list[Token]
    """The left side: numbers and `+ - * / negate`, operators behind their operands."""
    result: Number
    """As stated."""
    valid: bool
    """Whether the left side has this value, within rounding."""


def first_value(text: str) -> Number | None:
    """Value of the longest expression a text begins with, words aside; `None` without one."""
    if len(text) > MAX_CHARACTERS:
        return None
    tokens = next(_runs(text), [])
    length = _prefix(tokens)
    return _value(_postfix(tokens[:length])) if length <= MAX_TOKENS else None


def steps_of(text: str) -> list[Step]:
    """The equations of a text, in order; none of a text with more than `MAX_EQUATIONS`."""
    found: list[Step] = []
    for line in text.split("\n") if len(text) <= MAX_CHARACTERS else ():
        if "=" in line or "＝" in line:
            _read_line(line, found)
    return found if len(found) <= MAX_EQUATIONS else []


def _read_line(line: str, found: list[Step]) -> None:
    """The line's annotations where one has an operation, else every `=` of every run."""
    before = len(found)
    for annotation in _ANNOTATION.findall(line):
        sides = _sides(next(_runs(annotation), []))
        left = next((side for side in map(_left, sides) if side is not None), None)
        _append(found, left, sides[-1], bare=True)
    if len(found) > before:
        return
    for tokens in _runs(_ANNOTATION.sub("", line)):
        for left_side, right_side in itertools.pairwise(_sides(tokens)):
            if len(found) <= MAX_EQUATIONS:
                _append(found, _left(left_side), right_side)


def _append(found: list[Step], left: list[Token] | None, after: Sequence[Token], *, bare: bool = False) -> None:
    """Adds the step unless a side is missing or undefined. `bare`: the result must be a single number."""
    length = _prefix(after)
    if left is None or not 0 < length <= MAX_TOKENS:
        return
    right = _postfix(after[:length])
    value, result = _value(left), _value(right)
    if value is None or result is None or (bare and len(right) > 1):
        return
    found.append(Step(left, result, _close(value, result)))


def _close(value: Number, stated: Number) -> bool:
    slack = TOLERANCE * max(1, stated, -stated)
    return -slack <= value - stated <= slack


def _sides(tokens: Sequence[Token]) -> list[list[Token]]:
    """A run, cut at its `=`; "of" is resolved."""
    sides: list[list[Token]] = [[]]
    for index, item in enumerate(tokens):
        if item == "=":
            sides.append([])
        elif item != "of":
            sides[-1].append(item)
        elif 0 < index < len(tokens) - 1 and _ends_operand(tokens[index - 1]) and tokens[index + 1] not in _NO_START:
            sides[-1].append("*")
    return sides


# --- tokens and parsing -----------------------------------------------------------------------------------------------

_ANNOTATION = re.compile(r"<<([^<>\n]*)>>")
_TOKEN = re.compile(
    r"""
    (?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    |(?P<times>(?<=[0-9%)}])[$ ]{0,2}of\b|(?<=[0-9\s)])[xX](?=[\s0-9(])|[×·⋅∗✕]|\\(?:times|cdot)\b)
    |(?P<blank>[^\S\n]+|[$€£¥]|\\(?:[$,;! ]|left\b|right\b))
    |(?P<word>[^\W\d_]+(?:[-'’][^\W\d_]+)*|(?<=[0-9])-(?=[^\W\d_])|/(?=[^\W\d_]))
    |(?P<power>(?<=[0-9)])\*\*(?=[0-9(]))
    |(?P<bold>\*\*+)
    |(?P<operator>[-+*/()=%−–÷＋＝∕]|\\(?:div\b|%))
    |\\[dt]?frac\{(?P<top>[0-9]{1,24})\}\{(?P<bottom>[0-9]{1,24})\}
    |(?P<end>\\?.|\n)
    """,
    re.VERBOSE | re.DOTALL,
)
_ASCII = {"−": "-", "–": "-", "÷": "/", "∕": "/", "\\div": "/", "＋": "+", "＝": "=", "\\%": "%"}
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "negate": 3}
_SIGN = "signed minus"
"""A minus attached to what follows: may be a sign as well as a subtraction. A plain `-` only subtracts."""
_OPERATORS = frozenset({"+", "-", "*", "/", _SIGN})
_NO_START = _OPERATORS | {")", "%", "=", "of"}


def _runs(text: str) -> Iterator[list[Token]]:
    """Tokens of every run with something in it."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind in {"blank", "word", "bold"}:
            continue
        piece = match.group()
        if kind == "number" and len(piece) <= MAX_DIGITS:
            tokens.append(_number(piece))
        elif kind == "times":
            tokens.append("of" if piece.endswith("of") else "*")
        elif kind == "operator":
            _operator(tokens, _ASCII.get(piece, piece), text, match)
        elif kind == "bottom":
            tokens += ["(", int(match["top"]), "/", int(match["bottom"]), ")"]
        elif tokens:
            yield tokens
            tokens = []
    if tokens:
        yield tokens


def _operator(tokens: list[Token], operator: str, text: str, match: re.Match[str]) -> None:
    """Appends it; `%` goes into the number before it, a parenthesis that stands at an operand multiplies."""
    if operator == "%":
        last = tokens[-1] if tokens else ""
        if not isinstance(last, str) and last.denominator <= 10**MAX_DIGITS:
            tokens[-1] = Fraction(last) / 100
        elif last == ")":
            tokens.append(operator)
        return
    if operator == "-" and text[match.end() : match.end() + 1] in set("0123456789.($\\"):
        operator = _SIGN
    elif operator == "(" and tokens and _ends_operand(tokens[-1]) and text[match.start() - 1] in set("0123456789)"):
        tokens.append("*")
    tokens.append(operator)


def _number(written: str) -> Number:
    digits = written.replace(",", "")
    return Fraction(digits) if "." in digits else int(digits)


def _ends_operand(item: Token) -> bool:
    return not isinstance(item, str) or item in {")", "%"}


def _left(tokens: Sequence[Token]) -> list[Token] | None:
    """Postfix of the longest end of `tokens` that parses; `None` for a bare number, or nothing, or too much."""
    start = _suffix(tokens)
    if not 1 < len(tokens) - start <= MAX_TOKENS:
        return None
    postfix = _postfix(tokens[start:])
    return postfix if len(postfix) > 1 else None


def _suffix(tokens: Sequence[Token]) -> int:
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


def _prefix(tokens: Sequence[Token]) -> int:
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


def _postfix(tokens: Sequence[Token]) -> list[Token]:
    """A well-formed expression with its operators behind their operands (Dijkstra's shunting yard)."""
    output: list[Token] = []
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


def _value(postfix: Sequence[Token]) -> Number | None:
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
