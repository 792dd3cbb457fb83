"""An answer as written to its structure. Reading forgives spelling, never brackets, order, bases or members."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from benchmark.grading.algebra import TooLarge, number
from benchmark.grading.clock import clock_of
from benchmark.grading.latex import expression
from benchmark.grading.sets import certainly_a_set
from benchmark.grading.spelling import clean, words_of
from benchmark.grading.structures import Answer, Based, Group, Matrix, Reals, Relation, Scalar, Text
from benchmark.grading.tokens import BRACKETS, FUNCTIONS, Token, Unreadable, close_of, tokens_of
from benchmark.grading.units import split_unit, unit_of

__all__ = ["forget", "read"]


_SIGNS = {"=", "<", ">", "le", "ge", "ne", "in", "≈"}
_BASED = re.compile(
    r"[({]*(-?[0-9A-Z][0-9A-Za-z]*?(?:\.[0-9A-Za-z]+?)?)[)}]*"
    r"(?:_\{*\(?(?P<low>[A-Za-z]+|\d+)\)?\}*|[({]*(?:(?:in|to|the|of)*)base[-:_=]?\{?(?P<word>[A-Za-z]+|\d+)\}?[)}]*)"
)
MAX_REMEMBERED = 500
"""Characters; longer answers are read each time, so that memory stays bounded."""
_PLAIN_NUMBER = re.compile(r"(-)?([0-9]{1,15})(?:\.([0-9]{1,15}))?")
_PREFIXED = re.compile(r"0([bBxXoO])([0-9A-Fa-f]+)")
_WRAPPED = re.compile(r"\\text\s*\{([^{}]*)\}")
_BASES = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "sixteen": 16, "b": 2, "o": 8, "x": 16,
}  # fmt: skip
_OR = frozenset(("or", "或", "或者", "oder", "ou", "or else"))
_AND = frozenset(("and", "和", "与", "以及", "及", "und", "et", "y"))
_CONDITION = frozenset(("and", "but", "with", "where", "且", "并且", "for", "and also", "such that"))
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
    prefixed = _PREFIXED.fullmatch(cleaned)
    if prefixed:
        return Based(prefixed[2].upper().lstrip("0") or "0", _BASES[prefixed[1].lower()])
    if len(cleaned) > MAX_DIGITS and re.search(rf"\d{{{MAX_DIGITS + 1}}}", cleaned):
        raise TooLarge(f"a number of more than {MAX_DIGITS} digits")
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
    structure = _conditions(tokens, depth)
    if structure is not None:
        return structure
    for split, build in ((_at_commas, _listed), (_at_unions, _united), (_at_signs, None)):
        parts = split(tokens)
        if len(parts) > 1 and build:
            return build([_answer(part, depth + 1) for part in parts])
        if len(parts) > 1:
            return _related(tokens, depth)
    structure = (
        _reals(tokens, depth)
        or _based(tokens)
        or _matrix(tokens, depth)
        or _bracketed(tokens, depth)
        or _ratio(tokens, depth)
        or _named_in_words(tokens, depth)
    )
    if structure is not None:
        return structure
    try:
        return _scalar(tokens)
    except Unreadable:
        return _phrase(tokens)


def _conditions(tokens: list[Token], depth: int) -> Answer | None:
    """Conditions or sets joined by "or" and "and"; `None` where the words join anything else."""
    joined = [token for token in tokens if token.kind in ("text", "word") or token.value in ("lor", "land")]
    if not joined:
        return None
    for kind, words, commands in (("or", _OR, {"lor"}), ("and", _CONDITION, {"land"})):
        if not any(token.value.strip(" ,.").lower() in words or token.value in commands for token in joined):
            continue
        parts = [part for part in _split(tokens, commands, words=words) if part]
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
        parts = _split(tokens, {sign})
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
    parts = _split(tokens, {":"})
    if len(parts) < 3 or not all(parts):
        return None
    items = [_answer(part, depth + 1) for part in parts]
    return Group(":", tuple(items)) if all(isinstance(item, Scalar) for item in items) else None


_NAMING = re.compile(r"(?P<name>.*?)\s*(?:\b(?:is|are|equals?|equal to|was|becomes)|[:=])", re.IGNORECASE | re.DOTALL)
_NO_NAME = re.compile(
    r"\b(?:not|no|never|n't|least|most|than|if|unless|or|except|neither|lambda|return|print|def|else|max|min|gcd|lcm)\b|n't\b",
    re.IGNORECASE,
)


def _named_in_words(tokens: list[Token], depth: int) -> Answer | None:
    r"""`\text{The probability is } \frac{3}{4}`, `Total: 18`: a value after its name in words."""
    count = 0
    while count < len(tokens) and (
        tokens[count].kind in ("text", "word") or (count and tokens[count].kind == "letter" and tokens[count].spaced)
    ):
        count += 1
    if not count or count >= len(tokens):
        return None
    sign = tokens[count].value in (":",)
    words = " ".join(token.value for token in tokens[:count]) + (":" if sign else "")
    naming = _NAMING.fullmatch(words)
    rest = tokens[count + sign :]
    if naming is None or not rest or _NO_NAME.search(words) or len(words) > 120 or any(map(str.isdigit, words)):
        return None
    return Relation((Text(words_of(naming["name"]) or "answer"), _answer(rest, depth + 1)), ("=",))


def _based(tokens: list[Token]) -> Based | None:
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


def _split(tokens: list[Token], separators: set[str], *, words: frozenset[str] = frozenset()) -> list[list[Token]]:
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
        is_word = bool(words) and token.kind in ("word", "text") and token.value.strip(" ,.").lower() in words
        if is_word or (token.kind in ("symbol", "command") and token.value in separators):
            parts.append([])
        else:
            parts[-1].append(token)
        index += 1
    return parts


def _at_commas(tokens: list[Token]) -> list[list[Token]]:
    parts = _split(tokens, {",", ";"}, words=_OR | _AND)
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


_OF_NAMES = FUNCTIONS | {
    "/",
    ":",
    "frac",
    "{",
    "}",
    "_",
    "(",
    ")",
    "overline",
    "angle",
    "triangle",
    "max",
    "min",
    "cap",
    "cup",
    "gcd",
    "vec",
    "hat",
    "bar",
    "tilde",
    "widehat",
    "det",
    "lim",
    "deg",
    "|",
    "'",
}


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
        built = _set_builder(inside, depth)
        if built is not None:
            return built
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


def _scalar(tokens: list[Token]) -> Answer:
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
