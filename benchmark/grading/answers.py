"""An answer as written to its structure. Reading forgives spelling, never brackets, order, bases or members."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from benchmark.grading.algebra import TooLarge, number
from benchmark.grading.based import based, prefixed
from benchmark.grading.clock import clock_of
from benchmark.grading.latex import expression
from benchmark.grading.parts import CONDITION, OR, at_commas, at_signs, at_unions, peeled, signs_of, split
from benchmark.grading.phrases import name_in_words, phrase, words_alone
from benchmark.grading.scalars import scalar
from benchmark.grading.sets import certainly_a_set
from benchmark.grading.spelling import clean, words_of
from benchmark.grading.structures import Answer, Group, Matrix, Reals, Relation, Scalar, Text
from benchmark.grading.tokens import BRACKETS, FUNCTIONS, Token, Unreadable, close_of, tokens_of

__all__ = ["forget", "read"]


MAX_REMEMBERED = 500
"""Characters; longer answers are read each time, so that memory stays bounded."""
_PLAIN_NUMBER = re.compile(r"(-)?([0-9]{1,15})(?:\.([0-9]{1,15}))?")
_WRAPPED = re.compile(r"\\text\s*\{([^{}]*)\}")
MAX_DIGITS = 4_300
"""Python converts no longer numeral at once; nobody's answer has one."""


def read(text: str) -> Answer:
    """The structure of an answer. Unreadable where there is none, TooLarge beyond the limits of the algebra."""
    return _remembered(text) if len(text) <= MAX_REMEMBERED else _read(text)


def forget() -> None:
    """Drop what was remembered, for measurements."""
    _remembered.cache_clear()


@lru_cache(maxsize=16_384)
def _remembered(text: str) -> Answer:
    return _read(text)


def _read(text: str) -> Answer:
    plain = _PLAIN_NUMBER.fullmatch(text)
    if plain:
        value = number(Fraction(int(plain[2] + (plain[3] or "")), 10 ** len(plain[3] or "")))
        digits = text.removeprefix("-")
        return Scalar(-value, f"- {digits}") if plain[1] else Scalar(value, digits)
    cleaned = clean(text)
    if not cleaned:
        raise Unreadable("nothing")
    time = clock_of(cleaned)
    if time is not None:
        return time
    if (
        "real" in cleaned
        and "\\reals" not in cleaned
        and certainly_a_set(worded := Text(words_of(_WRAPPED.sub(r"\1", cleaned))))
    ):
        return worded
    numeral = prefixed(cleaned)
    if numeral is not None:
        return numeral
    if len(cleaned) > MAX_DIGITS and re.search(rf"\d{{{MAX_DIGITS + 1}}}", cleaned):
        raise TooLarge(f"a number of more than {MAX_DIGITS} digits")
    try:
        return _answer(tokens_of(cleaned), depth=0)
    except ZeroDivisionError:
        raise Unreadable("a division by zero") from None


def _answer(tokens: list[Token], depth: int) -> Answer:  # noqa: PLR0911 - one return for each structure
    tokens = peeled(tokens)
    if not tokens:
        raise Unreadable("nothing")
    if depth > 8:
        raise Unreadable("lists within lists")
    words = words_alone(tokens)
    if words is not None:
        return Text(words)
    structure = _conditions(tokens, depth)
    if structure is not None:
        return structure
    for parted, build in ((at_commas, _listed), (at_unions, _united), (at_signs, None)):
        parts = parted(tokens)
        if len(parts) > 1 and build:
            return build([_answer(part, depth + 1) for part in parts])
        if len(parts) > 1:
            return _related(tokens, depth)
    structure = (
        _reals(tokens, depth)
        or based(tokens)
        or _matrix(tokens, depth)
        or _bracketed(tokens, depth)
        or _ratio(tokens, depth)
        or _named_in_words(tokens, depth)
    )
    if structure is not None:
        return structure
    try:
        return scalar(tokens)
    except Unreadable:
        return phrase(tokens)


def _conditions(tokens: list[Token], depth: int) -> Answer | None:
    """Conditions or sets joined by "or" and "and"; `None` where the words join anything else."""
    joined = [token for token in tokens if token.kind in ("text", "word") or token.value in ("lor", "land")]
    if not joined:
        return None
    for kind, words, commands in (("or", OR, {"lor"}), ("and", CONDITION, {"land"})):
        if not any(token.value.strip(" ,.").lower() in words or token.value in commands for token in joined):
            continue
        parts = [part for part in split(tokens, commands, words=words) if part]
        if len(parts) < 2:
            continue
        try:
            items = [_answer(part, depth + 1) for part in parts]
        except Unreadable:
            continue
        if any(certainly_a_set(item) for item in items):
            return Group(kind, tuple(items))
    return None


def _reals(tokens: list[Token], depth: int) -> Answer | None:
    r"""`\mathbb{R}`, and differences and intersections of sets."""
    names = {token.value for token in tokens if token.kind == "command"}
    if not names & {"reals", "setminus", "cap"}:
        return None
    if tokens[0].value == "reals" and len(tokens) > 2 and tokens[1].value == "-":
        tokens = [tokens[0], Token("command", "setminus", spaced=True), *tokens[2:]]
    for sign, kind in (("setminus", "∖"), ("cap", "∩")):
        parts = split(tokens, {sign})
        if len(parts) > 1 and all(parts):
            return Group(kind, tuple(_answer(part, depth + 1) for part in parts))
    if [token.value for token in tokens] == ["reals"]:
        return Reals()
    half = "".join(token.value for token in tokens[1:]) if tokens[0].value == "reals" else ""
    zero = Scalar(expression(tokens_of("0")), "0")
    infinity = Scalar(expression(tokens_of("\\infty")), "\\infty")
    if re.fullmatch(r"(?:\^\{?\+\}?|_\{?\+\}?|_\{?>0\}?)", half):
        return Group("()", (zero, infinity))
    return Group("[)", (zero, infinity)) if re.fullmatch(r"_\{?ge0\}?", half) else None


def _ratio(tokens: list[Token], depth: int) -> Answer | None:
    """`1:2:3`; a ratio of two is a quotient."""
    if sum(token.value == ":" for token in tokens) < 2:
        return None
    parts = split(tokens, {":"})
    if len(parts) < 3 or not all(parts):
        return None
    items = [_answer(part, depth + 1) for part in parts]
    return Group(":", tuple(items)) if all(isinstance(item, Scalar) for item in items) else None


def _named_in_words(tokens: list[Token], depth: int) -> Answer | None:
    r"""`\text{The probability is } \frac{3}{4}`, `Total: 18`: a value after its name in words."""
    named = name_in_words(tokens)
    return named and Relation((Text(named[0]), _answer(named[1], depth + 1)), ("=",))


def _listed(items: list[Answer]) -> Answer:
    flat = [member for item in items for member in (item.items if _is_list(item) else (item,))]  # type: ignore[union-attr]
    return Group(",", tuple(flat))


def _is_list(item: Answer) -> bool:
    return isinstance(item, Group) and item.kind == ","


def _united(items: list[Answer]) -> Answer:
    return Group("∪", tuple(items))


def _related(tokens: list[Token], depth: int) -> Answer:
    """A relation; what follows an approximation sign is a remark, `x ∈ S` is S, a point with named parts the point."""
    approximate = next((i for i, token in enumerate(tokens) if token.value == "≈" and token.kind == "symbol"), None)
    if approximate is not None:
        left = tokens[:approximate]
        if left and (len(left) > 1 or left[0].kind == "number"):
            return _answer(left, depth + 1)
        return _answer(tokens[approximate + 1 :], depth + 1)
    parts = at_signs(tokens)
    signs = tuple(signs_of(tokens))
    if not parts[0] and len(parts) == 2 and signs == ("=",):  # "= 5"
        return _answer(parts[1], depth + 1)
    if any(not part for part in parts):
        raise Unreadable("a relation without a side")
    if signs == ("in",):
        return _answer(parts[1], depth + 1)
    return Relation(tuple(_side(part, depth) for part in parts), signs)


def _side(tokens: list[Token], depth: int) -> Answer:
    """A side of a relation; letters that are no expression, such as `NO/BO`, are a name."""
    try:
        return _answer(tokens, depth + 1)
    except Unreadable:
        spelled = " ".join(token.value for token in tokens)
        negated = any(token.value.lower() in ("not", "no") for token in tokens if token.kind == "text")
        if (
            negated
            or len(spelled) > 40
            or not all(token.kind in ("word", "letter", "text") or token.value in _OF_NAMES for token in tokens)
        ):
            raise
        return Text(words_of(spelled))


_NAMES_TABLE = """
/ : frac { } _ ( ) overline angle triangle max min cap cup gcd vec hat bar tilde widehat det lim deg | '
"""
_OF_NAMES = FUNCTIONS | set(_NAMES_TABLE.split())


def _matrix(tokens: list[Token], depth: int) -> Answer | None:
    """One matrix, also within brackets."""
    if len(tokens) > 4 and tokens[0].value in ("(", "[") and tokens[1].kind == "begin":
        tokens = tokens[1:-1]
    if not tokens or tokens[0].kind != "begin" or close_of(tokens, 0) != len(tokens) - 1:
        return None
    kind = tokens[0].value
    inside = tokens[1:-1]
    if kind == "array":
        end = close_of(inside, 0) if inside and inside[0].value == "{" else None
        inside = inside[end + 1 :] if end is not None else inside
    elif not kind.endswith("matrix"):
        raise Unreadable(f"the environment {kind}")
    rows = [row for row in split(inside, {"\\\\"}) if row]
    cells = tuple(tuple(_answer(cell, depth + 1) for cell in split(row, {"&"})) for row in rows)
    if not cells or len({len(row) for row in cells}) > 1:
        raise Unreadable("rows of different length")
    return Matrix("det" if kind == "vmatrix" else "norm" if kind == "Vmatrix" else "matrix", cells)


def _bracketed(tokens: list[Token], depth: int) -> Answer | None:  # noqa: PLR0911 - one return for each kind
    """A sequence, an interval or a set; a single value in round brackets is that value."""
    opening = tokens[0].value
    if tokens[0].kind not in ("symbol", "command") or opening not in ("(", "[", "\\{", "langle"):
        return _empty(tokens)
    if close_of(tokens, 0) != len(tokens) - 1:
        return None
    inside = tokens[1:-1]
    if opening == "\\{":
        built = _set_builder(inside, depth)
        if built is not None:
            return built
        items = [_answer(part, depth + 1) for part in at_commas(inside)] if inside else []
        return Group("{}", tuple(items))
    parts = at_commas(inside)
    closing = tokens[-1].value
    if len(parts) < 2:
        if (
            opening in ("(", "[")
            and BRACKETS[opening] == closing
            and (at_signs(inside) != [inside] or words_alone(inside))
        ):
            return _answer(inside, depth + 1)
        return None
    kind = "()" if opening == "langle" else opening + closing
    return Group(kind, tuple(_answer(part, depth + 1) for part in parts))


def _set_builder(inside: list[Token], depth: int) -> Answer | None:
    r"""`\{x \in \mathbb{R} \mid x > 0\}`: the condition behind the bar."""
    bar = next((i for i, token in enumerate(inside) if token.value in ("|", ":") and token.kind == "symbol"), 0)
    names = [token for token in inside[:bar] if token.value not in ("in", "reals", "{", "}")]
    if not bar or len(names) != 1 or names[0].kind != "letter" or bar + 1 >= len(inside):
        return None
    condition = _answer(inside[bar + 1 :], depth + 1)
    return condition if certainly_a_set(condition) else None


def _empty(tokens: list[Token]) -> Answer | None:
    return Group("{}", ()) if [token.value for token in tokens] == ["emptyset"] else None
