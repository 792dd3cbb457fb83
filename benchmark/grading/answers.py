"""An answer as written to its structure. Reading forgives spelling, never brackets, order, bases or members."""

from __future__ import annotations

import re

from benchmark.grading.latex import expression
from benchmark.grading.spelling import clean, unit_of, words_of
from benchmark.grading.structures import Answer, Based, Group, Matrix, Relation, Scalar, Text
from benchmark.grading.tokens import BRACKETS, Token, Unreadable, close_of, tokens_of

__all__ = ["read"]


_SIGNS = {"=", "<", ">", "le", "ge", "ne", "in", "≈"}
_AND = {"and", "or", "&", ",and", ",or", "and,"}
_BASED = re.compile(r"(-?[0-9][0-9A-Za-z]*(?:\.[0-9A-Za-z]+)?)\s?_\s?\{?\s?(?:\\text\{)?\s?(\d+)\s?\}?\}?")


def read(text: str) -> Answer:
    """The structure of an answer. Unreadable where there is none, TooLarge beyond the limits of the algebra."""
    cleaned = clean(text)
    if not cleaned:
        raise Unreadable("nothing")
    based = _BASED.fullmatch(cleaned.replace(" ", "") if len(cleaned) < 60 else "")
    if based:
        return Based(based[1].upper().lstrip("0") or "0", int(based[2][:9]))
    try:
        return _answer(tokens_of(cleaned), depth=0)
    except ZeroDivisionError:
        raise Unreadable("a division by zero") from None


def _answer(tokens: list[Token], depth: int) -> Answer:
    tokens = _peeled(tokens)
    if not tokens:
        raise Unreadable("nothing")
    if depth > 8:
        raise Unreadable("lists within lists")
    words = _words(tokens)
    if words is not None:
        return Text(words)
    for split, build in ((_at_commas, _listed), (_at_unions, _united), (_at_signs, None)):
        parts = split(tokens)
        if len(parts) > 1 and build:
            return build([_answer(part, depth + 1) for part in parts])
        if len(parts) > 1:
            return _related(tokens, depth)
    structure = _matrix(tokens, depth) or _bracketed(tokens, depth)
    if structure is not None:
        return structure
    try:
        return _scalar(tokens)
    except Unreadable:
        return _phrase(tokens)


def _phrase(tokens: list[Token]) -> Text:
    """Words with numbers among them: a date, a time."""
    written = any(token.kind == "text" or (token.kind == "word" and len(token.value) > 2) for token in tokens)
    if not written or not all(
        token.kind in ("text", "word", "letter", "number") or token.value in ".,:'-" for token in tokens
    ):
        raise Unreadable("neither an expression nor words")
    return Text(words_of(" ".join(token.value for token in tokens)))


def _peeled(tokens: list[Token]) -> list[Token]:
    """Without braces around the whole, and without a comma or full stop at its end."""
    while tokens and tokens[-1].value in (",", ";", ".") and tokens[-1].kind == "symbol":
        tokens = tokens[:-1]
    while len(tokens) > 1 and tokens[0].value == "{" and close_of(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _words(tokens: list[Token]) -> str | None:
    """Text without any mathematics."""
    if all(
        token.kind in ("text", "word", "letter") or token.value in (",", "'", "-", "(", ")", ":") for token in tokens
    ):
        inside = " ".join(token.value for token in tokens if token.kind in ("text", "word", "letter"))
        if any(token.kind != "letter" for token in tokens if token.kind != "symbol") and not any(
            map(str.isdigit, inside)
        ):
            return words_of(inside)
    return None


def _split(tokens: list[Token], separators: set[str], *, words: bool = False) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "begin" or (token.kind in ("symbol", "command") and token.value in BRACKETS):
            end = close_of(tokens, index)
            if end is None:
                raise Unreadable("a bracket that does not close")
            parts[-1] += tokens[index : end + 1]
            index = end + 1
            continue
        is_word = words and token.kind in ("word", "text") and token.value.strip(" ,").lower() in ("and", "or")
        if is_word or (token.kind in ("symbol", "command") and token.value in separators):
            parts.append([])
        else:
            parts[-1].append(token)
        index += 1
    return parts


def _at_commas(tokens: list[Token]) -> list[list[Token]]:
    parts = _split(tokens, {",", ";"}, words=True)
    return [part for part in parts if part] if len(parts) > 1 else parts


def _at_unions(tokens: list[Token]) -> list[list[Token]]:
    return _split(tokens, {"cup"})


def _at_signs(tokens: list[Token]) -> list[list[Token]]:
    return _split(tokens, _SIGNS)


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
    parts = _at_signs(tokens)
    signs = tuple(_signs_of(tokens))
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


_OF_NAMES = {"/", ":", "frac", "{", "}", "_", "(", ")", "overline", "angle", "triangle"}


def _signs_of(tokens: list[Token]) -> list[str]:
    found, index = [], 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "begin" or (token.kind in ("symbol", "command") and token.value in BRACKETS):
            index = close_of(tokens, index) or index
        elif token.kind in ("symbol", "command") and token.value in _SIGNS:
            found.append(token.value)
        index += 1
    return found


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
    rows = [row for row in _split(inside, {"\\\\"}) if row]
    cells = tuple(tuple(_answer(cell, depth + 1) for cell in _split(row, {"&"})) for row in rows)
    if not cells or len({len(row) for row in cells}) > 1:
        raise Unreadable("rows of different length")
    return Matrix("det" if kind == "vmatrix" else "norm" if kind == "Vmatrix" else "matrix", cells)


def _bracketed(tokens: list[Token], depth: int) -> Answer | None:
    """A sequence, an interval or a set; a single value in round brackets is that value."""
    opening = tokens[0].value
    if tokens[0].kind not in ("symbol", "command") or opening not in ("(", "[", "\\{", "langle"):
        return _empty(tokens)
    if close_of(tokens, 0) != len(tokens) - 1:
        return None
    inside = tokens[1:-1]
    if opening == "\\{":
        items = [_answer(part, depth + 1) for part in _at_commas(inside)] if inside else []
        return Group("{}", tuple(items))
    parts = _at_commas(inside)
    closing = tokens[-1].value
    if len(parts) < 2:
        if opening in ("(", "[") and BRACKETS[opening] == closing and (_at_signs(inside) != [inside] or _words(inside)):
            return _answer(inside, depth + 1)
        return None
    kind = "()" if opening == "langle" else opening + closing
    return Group(kind, tuple(_answer(part, depth + 1) for part in parts))


def _empty(tokens: list[Token]) -> Answer | None:
    return Group("{}", ()) if [token.value for token in tokens] == ["emptyset"] else None


def _scalar(tokens: list[Token]) -> Answer:
    """A value with its unit. ± makes two of it."""
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


_LIBRARY = {"sum", "prod", "int", "lim", "arcsin", "overline", "to", "dots", "ldots", "cdots", "log", "binom"}


def _is_for_math_verify(tokens: list[Token]) -> bool:
    """Short, made of symbols alone, and with one of the constructs that the algebra does not know."""
    known = any(token.kind == "command" and token.value in _LIBRARY for token in tokens)
    plain = all(token.kind in ("number", "letter", "symbol", "command") for token in tokens)
    big = any(token.kind == "number" and len(token.value) > 6 for token in tokens)
    return known and plain and not big and len(tokens) <= 80


def _spelled(token: Token) -> str:
    if token.kind == "command":
        return "\\" + token.value
    return f"\\text{{{token.value}}}" if token.kind in ("text", "word") else token.value


def _without_unit(tokens: list[Token]) -> tuple[list[Token], str, bool]:
    r"""Cut a unit in words or `\text` after the value (with its exponent), a percent sign, and currency before it."""
    end = len(tokens)
    exponent = ""
    if (
        end > 3
        and tokens[end - 2].value == "^"
        and tokens[end - 3].kind in ("text", "word")
        and tokens[-1].kind == "number"
    ):
        exponent, end = tokens[-1].value, end - 2
    elif (
        end > 5
        and [token.value for token in tokens[end - 4 : end - 2]] == ["^", "{"]
        and tokens[end - 5].kind in ("text", "word")
    ):
        exponent, end = tokens[end - 2].value, end - 4
    start = end
    while start > 0 and (tokens[start - 1].kind in ("text", "word") or _belongs_to_unit(tokens, start - 1, end)):
        start -= 1
    words = " ".join(token.value for token in tokens[start:end])
    if not exponent and start == end:
        start = end = len(tokens)
    if start == 0:
        only = tokens[0]
        if len(tokens) == 1 and only.kind == "text":
            return (
                _without_unit(tokens_of(only.value))
                if only.value and not only.value.startswith("\\text")
                else (tokens, "", False)
            )
        return tokens, "", False
    if words[:2].lower() in ("st", "nd", "rd", "th") and words[2:3] in ("", " ") and not tokens[start].spaced:
        raise Unreadable("an ordinal")
    if words.lower().replace(" ", "") in ("am", "pm"):
        raise Unreadable("a time of day")
    percent = tokens[start - 1].value == "%" or words.lower().startswith("percent")
    kept = tokens[: start - 1] if tokens[start - 1].value == "%" else tokens[:start]
    return kept, unit_of(words, exponent), percent


def _belongs_to_unit(tokens: list[Token], index: int, end: int) -> bool:
    """A slash or full stop between two words of a unit."""
    return (
        index + 1 < end
        and index > 0
        and tokens[index].value in ("/", "-")
        and tokens[index - 1].kind in ("text", "word")
    )
