"""Words behind a number: a known unit in one spelling, a word that says nothing, or one that changes the number."""

from __future__ import annotations

import re
from functools import lru_cache

from benchmark.grading.tokens import Token, Unreadable, close_of

__all__ = ["UNIT_LETTERS", "is_unit", "same_unit", "split_unit", "unit_of"]

_TABLE = """
cm: cm centimeter centimetre 厘米
mm: mm millimeter millimetre 毫米
m: m meter metre mtr 米
km: km kilometer kilometre kms 千米 公里
µm: micrometer micron
nm: nm nanometer
dm: dm decimeter
in: in inch inches
ft: ft foot feet
yd: yd yard
mi: mi mile
s: s sec second 秒
ms: ms millisecond
min: min minute 分钟
h: h hr hour 小时
day: day 天
week: week wk 周
month: month 月
year: year yr 年
g: g gm gram gramme 克
kg: kg kilogram kilo 千克 公斤
mg: mg milligram
t: tonne ton 吨
lb: lb pound
oz: oz ounce
L: l liter litre 升
mL: ml milliliter millilitre 毫升
gal: gal gallon
qt: qt quart
pt: pint
N: n newton
J: j joule
W: w watt
kW: kw kilowatt
V: v volt
Hz: hz hertz
Pa: pa pascal
K: k kelvin
mol: mol mole
rad: rad radian
°: deg degree ° 度
cent: cent ¢
$: dollar usd $ buck 美元
€: euro eur € 欧元
£: gbp £
¥: yen yuan rmb ¥ 元
₹: rupee rs inr ₹
unit: unit
mi/h: mph
km/h: kph kmph kmh
ha: hectare
acre: acre
byte: byte
A: amp ampere
cal: calorie cal
ft/s: fps
cm^2: 平方厘米
m^2: 平方米
km^2: 平方千米
cm^3: 立方厘米
m^3: 立方米
"""
"""Each unit with its names; a plural -s may follow."""
_KNOWN = {
    name: line.partition(": ")[0] for line in _TABLE.split("\n") if line for name in line.partition(": ")[2].split()
}
UNIT_LETTERS = frozenset("mghslLNJWVKACF")
"""Single letters that are units when they stand upright behind a number, or among other units."""
_CASED = {"C": "C", "F": "F", "K": "K", "N": "N", "J": "J", "W": "W", "V": "V", "A": "A"}

_PIECE = re.compile(r"[A-Za-zµΩ]+|[^\x00-\x7f\W\d_]+|[$€£¥₹¢°%]|\^|-?\d+|[/*]|\S")
_CHANGING = re.compile(
    r"\b(?:or\s+(?:more|less|fewer|greater|above|below|higher|lower|so|maybe|another|not)|(?:more|less|fewer|greater)\s+than"
    r"|at\s+(?:least|most)|up\s+to|minimum|maximum|not|no(?!\.)|non|n't|never|minus|negative|below|factorial|choose|times|power"
    r"|root|remainder|rem"
    r"|modulo|half|halves|thirds?|fourths|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?|hundredths?|thousandths?"
    r"|and\s+(?:a|one|more|some)"
    r"|hundreds?|thousands?|millions?|billions?|trillions?|score|plus|squared|cubed|base|wrong|incorrect|if|unless|except"
    r"|without|perhaps"
    r"|maybe|possibly|per\s?mille?|per\s?thousand|ppm|basis\s+points?|bps|is|are|equals?)\b|以上|以下|至少|最多|不到|超过|多于|少于|左右或|半|不",
    re.IGNORECASE,
)
_SQUARE = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_RAISED = {"squared": 2, "cubed": 3}
_STARTING = {"am", "pm"}


@lru_cache(maxsize=4096)
def unit_of(words: str) -> str:
    """A known unit as sorted factors with exponents; empty for any other words, which say nothing.

    Unreadable for words that change the number before them ("or more", "below zero", "thirds").
    """
    cleaned = re.sub(
        r"\\text\s*|\\[a-z]+|[{}()\[\]~]|\.(?!\d)", " ", words.replace("\\cdot", "*").replace("\\times", "*")
    )
    pieces = _PIECE.findall(re.sub(r"-\s+(?=\d)", "-", cleaned))
    factors = _factors(pieces)
    if factors is None:
        if _CHANGING.search(cleaned) or re.search(r"[\d^*/=<>]", cleaned):
            raise Unreadable(f"{words!r} changes the number")
        return ""
    powers: dict[str, int] = {}
    for name, power in factors:
        for part, sign in zip(name.split("/"), (1, -1), strict=False):
            base, _, own = part.partition("^")
            powers[base] = powers.get(base, 0) + sign * power * int(own or 1)
    written = [f"{name}^{power}" if power != 1 else name for name, power in sorted(powers.items()) if name and power]
    return "·".join(written)


def _factors(pieces: list[str]) -> list[tuple[str, int]] | None:
    """Known units with their exponents; words behind them ("of sugar") are left out. `None` where none begins."""
    found: list[tuple[str, int]] = []
    sign, power, at = 1, 1, 0
    while at < len(pieces):
        piece = pieces[at]
        low = piece.lower()
        if low in ("/", "per", "a", "an", "each", "every", "*", "-"):
            if low not in ("*", "-") and (low in ("/", "per") or found):
                sign = -1
            elif low in ("a", "an", "each", "every"):
                break
            at += 1
            continue
        if low in _SQUARE:
            power, at = _SQUARE[low], at + 1
            continue
        name = _name(piece, last=at + 1 >= len(pieces) or not pieces[at + 1].isalpha())
        if name is None:
            if not found or _CHANGING.search(" ".join(pieces[at:])):
                return None
            break
        at += 1
        while at < len(pieces) and (
            pieces[at] == "^" or re.fullmatch(r"-?\d+", pieces[at]) or pieces[at].lower() in _RAISED
        ):
            if pieces[at] != "^":
                power *= _RAISED.get(pieces[at].lower()) or int(pieces[at][:4])
            at += 1
        found.append((name, sign * power))
        sign, power = 1, 1
    return found or None


def _name(piece: str, *, last: bool) -> str | None:
    if piece in _CASED:
        return _CASED[piece]
    low = piece.lower()
    if low == "in" and not last:
        return None
    known = _KNOWN.get(low)
    return known if known is not None else _KNOWN.get(low.removesuffix("s")) if len(low) > 2 else None


def is_unit(words: str) -> bool:
    """Whether the words are nothing but known units."""
    pieces = _PIECE.findall(re.sub(r"[{}()]", " ", words))
    letters = [piece for piece in pieces if piece.isalpha()]
    return any(_name(piece, last=True) for piece in letters) and all(
        _name(piece, last=True) is not None or piece.lower() in {"per", *_SQUARE, *_RAISED} for piece in letters
    )


def same_unit(left: str, right: str) -> bool:
    """Whether two known units do not contradict each other; no unit contradicts none."""
    if not left or not right or left == right:
        return True
    pair = {left, right}
    degrees = {"°", "C·°", "F·°", "C", "F"}
    return pair == {"lb", "£"} or ("°" in pair and pair <= degrees)


def split_unit(tokens: list[Token]) -> tuple[list[Token], str]:
    r"""The tokens of the value, and the words, fraction of words or degree sign behind it as text; empty without."""
    end = len(tokens)
    start = end
    while start > 1 and _may_belong(tokens, start - 1):
        start -= 1
    for at in range(max(start, 1), end):
        if _begins(tokens, at):
            if tokens[at].value == "frac":
                return tokens[:at], _of_fraction(tokens[at:])
            if tokens[at].value == "^":
                return tokens[:at], "° " + " ".join(
                    t.value for t in tokens[at + 1 :] if t.value not in ("circ", "{", "}")
                )
            return tokens[:at], " ".join(_text(token) for token in tokens[at:])
    return tokens, ""


_LOOSE = frozenset("^{}-*/().$")


def _may_belong(tokens: list[Token], index: int) -> bool:
    kind, value, _ = tokens[index]
    if kind in ("text", "word"):
        return True
    if kind == "letter":
        return value in UNIT_LETTERS
    if kind == "number":
        before = tokens[index - 1]
        signed = before.value == "-" and index > 1 and tokens[index - 2].value in ("^", "{")
        braced = before.value == "{" and index > 1 and tokens[index - 2].value == "^"
        return before.value == "^" or signed or braced or (before.kind in ("text", "word") and not tokens[index].spaced)
    return (kind == "symbol" and value in _LOOSE) or (kind == "command" and value in ("frac", "circ"))


def _begins(tokens: list[Token], at: int) -> bool:
    """Whether words of measure begin here and take all the rest."""
    kind, value, _ = tokens[at]
    rest = tokens[at:]
    if kind in ("text", "word"):
        return _balanced(rest)
    if value == "^":
        circle = [token.value for token in rest[1:4]]
        used = 2 if circle[:1] == ["circ"] else 4 if circle == ["{", "circ", "}"] else 0
        return bool(used) and all(
            token.kind in ("text", "word") or token.value in ("C", "F", "(", ")", ".", "{", "}")
            for token in rest[used:]
        )
    worded = any(token.kind in ("text", "word") for token in rest)
    if value == "(":
        return (
            worded
            and close_of(tokens, at) == len(tokens) - 1
            and rest[1].kind in ("text", "word")
            and not any(token.kind == "number" for token in rest)
        )
    if value == "frac":
        return (
            worded
            and rest[1:2] != []
            and rest[1].value == "{"
            and not any(token.kind == "number" and rest[i - 1].value != "^" for i, token in enumerate(rest))
        )
    return (
        value == "/"
        and len(rest) > 1
        and rest[1].kind in ("text", "word")
        and tokens[at - 1].kind in ("number", "symbol")
    )


def _balanced(tokens: list[Token]) -> bool:
    depth = 0
    for token in tokens:
        depth += (token.value in ("(", "{")) - (token.value in (")", "}"))
        if depth < 0:
            return False
    return depth == 0


def _text(token: Token) -> str:
    return {"circ": "°"}.get(token.value, token.value)


def _of_fraction(tokens: list[Token]) -> str:
    r"""`\frac{\text{km}}{\text{h}}` as `km / h`."""
    close = close_of(tokens, 1)
    top, bottom = (tokens[2:close], tokens[(close or 0) + 2 : -1]) if close else (tokens, [])
    below = (f"/ {token.value}" if token.kind in ("text", "word", "letter") else token.value for token in bottom)
    return " ".join([*(token.value for token in top), *(value for value in below if value != "*")])
