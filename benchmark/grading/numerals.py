"""Numbers in other spellings: separators of every locale, English and Chinese number words, repeating decimals."""

from __future__ import annotations

import re
from fractions import Fraction

from benchmark.grading.tokens import Unreadable

__all__ = ["decimal", "one_spelling", "words_as_digits"]

_SPACED_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:(?:\\[,; ]|[\s~])\d{3})+(?![\d])")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_INDIAN = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])")
_POINTED = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:\.\d{3}){2,})(?:,(\d+))?(?![\d.,])|(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d+)(?![\d.,])"
)
_SPACED_COMMA = re.compile(r"(?<![\d.,])(\d{1,3}(?:[ ~]\d{3})+),(\d{1,2})(?![\d.,])")
_MARKED_THOUSANDS = re.compile(
    r"(?<=\d)\s?(?:\{,\s?\}|,\\!|\{'\}|\\_|(?<!\\)_(?=\d{3}(?:_|\D|$))|'(?=\d{3}(?:'|\D|$)))\s?(?=\d{3})"
)
_TEXT_COMMA = re.compile(r"(?<=\d)\\text\s*\{,\}(?=\d{3})")
_REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\{?(\d+)\}?")
_DOTTED = re.compile(r"(\d*)\.(\d*)\\dot\{?(\d)\}?(?:(\d*)\\dot\{?(\d)\}?)?")
_SCIENTIFIC = re.compile(r"(?<![A-Za-z\d.])(\d+(?:\.\d+)?)[eE]([+-]?\d{1,3})(?![\d.A-Za-z])")
MAX_PERIOD = 40


def one_spelling(text: str) -> str:
    """Thousands without separators, repeating and scientific decimals as fractions and powers."""
    if "," in text or "'" in text or "_" in text:
        text = _MARKED_THOUSANDS.sub("", _TEXT_COMMA.sub("", text))
    if "." in text and (text.count(".") > 1 or "," in text):
        text = _POINTED.sub(_from_points, text)
    if "," in text:
        text = _SPACED_COMMA.sub(lambda match: f"{re.sub(r'[^0-9]', '', match[1])}.{match[2]}", text)
    text = _SPACED_THOUSANDS.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    if "overline" in text:
        text = _REPEATING.sub(_as_fraction, text)
    if "\\dot" in text:
        text = _DOTTED.sub(
            lambda match: (
                _as_fraction_of(match[1], match[2], match[3] + (match[4] or "") + (match[5] or "")) or match[0]
            ),
            text,
        )
    if "e" in text or "E" in text:
        text = _SCIENTIFIC.sub(r"\1*10^{\2}", text)
    return text


def without_commas(text: str) -> str:
    """Thousands without their commas, in groups of three or as in India."""
    return _THOUSANDS.sub(
        lambda match: match[0].replace(",", ""), _INDIAN.sub(lambda match: match[0].replace(",", ""), text)
    )


def _from_points(match: re.Match[str]) -> str:
    whole, decimals = match[1] or match[3], match[2] or match[4]
    return whole.replace(".", "") + (f".{decimals}" if decimals else "")


def _as_fraction(match: re.Match[str]) -> str:
    """A repeating decimal: 0.1(6) = (16 - 1) / 90."""
    return _as_fraction_of(*match.groups()) or match[0]


def _as_fraction_of(whole: str, fixed: str, period: str) -> str | None:
    if len(whole) + len(fixed) + len(period) > MAX_PERIOD:
        return None
    top = int((whole or "0") + fixed + period) - int((whole or "0") + fixed)
    return f"\\frac{{{top}}}{{{(10 ** len(period) - 1) * 10 ** len(fixed)}}}"


# --- words ----------------------------------------------------------------------------------------------------------

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8, "eighths": 8,
    "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip
_MULTIPLIERS = {"hundred": 10**2, "dozen": 12, **_SCALES}
_MULTIPLIED = re.compile(rf"(?<![\d.])(\d[\d.]*)\s*(?:\\text\s*\{{)?\s*({'|'.join(_MULTIPLIERS)})s?\b", re.IGNORECASE)
_AND_A_PART = re.compile(
    rf"(\d+)\s*(?:\\text\s*\{{)?\s*and\s+(a|one|two|three|four|five)\s+({'|'.join(_PARTS)})\b\s*\}}?", re.IGNORECASE
)
_PARTS_AFTER = re.compile(
    r"(\d+)\s*(?:\\text\s*\{)?\s*(third|fifth|sixth|seventh|eighth|ninth|tenth)s\b", re.IGNORECASE
)
_WORDS = re.compile(r"(?:\\text(?:bf|rm|it)?\s*\{)?\s*([A-Za-z][A-Za-z, -]*?)\s*\.?\}?\.?")
_CHINESE = re.compile(
    r"(负)?([零〇一二两三四五六七八九十百千万亿]+)(?:点([零〇一二三四五六七八九]+))?(?P<rest>[^\d零〇一二两三四五六七八九十百千万亿点]*)"
)
_CHINESE_DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_CHINESE_SCALES = {"十": 10, "百": 100, "千": 1000}
_TEN_THOUSANDS = re.compile(r"(\d+(?:\.\d+)?)\s*(?:\\text\s*\{)?\s*([万亿])")
_OF_HUNDRED = re.compile(r"百分之\s*(\d+(?:\.\d+)?)")
_OF_PARTS = re.compile(r"(\d+)\s*分之\s*(\d+)")


def words_as_digits(text: str) -> str:
    """Number words at the beginning as digits, "2.5 million" as a product, "3 and a half" as a mixed number."""
    if not text.isascii():
        text = _chinese(text)
    part = _AND_A_PART.match(text)
    if part:
        count = _UNITS.get(part[2].lower(), 1)
        text = f"{part[1]}\\frac{{{count}}}{{{_PARTS[part[3].lower()]}}}" + text[part.end() :]
    thirds = _PARTS_AFTER.match(text)
    if thirds:
        text = f"\\frac{{{thirds[1]}}}{{{_PARTS[thirds[2].lower()]}}}" + text[thirds.end() :].replace("}", "", 1)
    multiplied = _MULTIPLIED.search(text)
    if multiplied:
        opened = "{" in multiplied[0]
        rest = text[multiplied.end() :]
        kept = (
            f" \\text{{{rest}" if opened and not rest.startswith("}") else rest.replace("}", "", 1) if opened else rest
        )
        text = f"{text[: multiplied.start()]}{multiplied[1]}*{_MULTIPLIERS[multiplied[2].lower()]}{kept}"
    written = _WORDS.fullmatch(text) if text[:1].isalpha() or text.startswith("\\text") else None
    return (_from_words(written[1]) or text) if written else text


def _from_words(text: str) -> str | None:
    """Digits for the number words with which a text begins; `None` where it begins with none."""
    words = re.sub(r"[,-]", " ", text).lower().split()
    sign = -1 if words[:1] in (["minus"], ["negative"]) else 1
    at = 1 if sign < 0 else 0
    whole, at = _whole(words, at)
    if whole is None:
        return _half(words, at, sign)
    if at < len(words) and words[at] in _PARTS and not (words[at] in ("quarter", "quarters", "third") and whole > 9):
        return (
            None
            if words[at : at + 1] == ["third"] and whole != 1
            else _digits(Fraction(sign * whole, _PARTS[words[at]]), words[at + 1 :])
        )
    if words[at : at + 1] == ["and"]:
        part, after = _whole(words, at + 1)
        part, after = (1, at + 2) if words[at + 1 : at + 2] == ["a"] else (part, after)
        if part is None or after >= len(words) or words[after] not in _PARTS:
            return None
        return _digits(sign * (whole + Fraction(part, _PARTS[words[after]])), words[after + 1 :])
    return _digits(Fraction(sign * whole), words[at:])


def _half(words: list[str], at: int, sign: int) -> str | None:
    part = (
        words[at + 1]
        if words[at : at + 1] == ["a"] and len(words) > at + 1
        else words[at]
        if words[at:] == ["half"]
        else ""
    )
    used = at + (2 if words[at : at + 1] == ["a"] else 1)
    return (
        _digits(Fraction(sign, _PARTS[part]), words[used:])
        if part in ("half", "third", "quarter", "fourth", "fifth")
        else None
    )


def _digits(value: Fraction, rest: list[str]) -> str | None:
    if any(word in _UNITS or word in _TENS or word in _MULTIPLIERS for word in rest):
        return None
    number = (
        str(value)
        if value.denominator == 1
        else f"{'-' * (value < 0)}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
    )
    return f"{number} {' '.join(rest)}".strip()


def _whole(words: list[str], at: int) -> tuple[int | None, int]:
    """The whole number that begins at a word, and where it ends: "two hundred and five thousand twelve"."""
    total, group, seen = 0, None, at
    if (
        words[at : at + 1] == ["a"]
        and words[at + 1 : at + 2]
        and (words[at + 1] == "hundred" or words[at + 1] in _MULTIPLIERS)
    ):
        group, at = 1, at + 1
    while at < len(words):
        word = words[at]
        if word in _UNITS and (
            group is None or (group % 10 == 0 and _UNITS[word] < 10 and group % 100 != 10) or group % 100 == 0
        ):
            group = (group or 0) + _UNITS[word]
        elif word in _TENS and (group is None or group % 100 == 0):
            group = (group or 0) + _TENS[word]
        elif word == "hundred" and group is not None and group < 100:
            group *= 100
        elif word == "dozen" and group is not None and not total:
            group *= 12
        elif word in _SCALES and group is not None:
            total, group = total + group * _SCALES[word], 0
        elif (
            word == "and"
            and group is not None
            and (group % 100 == 0)
            and at + 1 < len(words)
            and (words[at + 1] in _UNITS or words[at + 1] in _TENS)
            and (words[at + 2 : at + 3] == [] or words[at + 2] not in _PARTS)
        ):
            pass
        else:
            break
        at += 1
        seen = at
    return (None, seen) if group is None else (total + group, at)


def _chinese(text: str) -> str:
    text = _OF_HUNDRED.sub(r"\1%", text)
    text = _OF_PARTS.sub(r"\\frac{\2}{\1}", text)
    text = _TEN_THOUSANDS.sub(
        lambda match: f"{match[1]}*{10**4 if match[2] == '万' else 10**8}" + (" \\text{" if "{" in match[0] else ""),
        text,
    )
    match = _CHINESE.fullmatch(text.strip())
    if match is None:
        return text
    value = _chinese_number(match[2])
    if value is None:
        return text
    decimals = "." + "".join(str(_CHINESE_DIGITS[digit]) for digit in match[3]) if match[3] else ""
    return f"{'-' if match[1] else ''}{value}{decimals}{match['rest']}"


def _chinese_number(text: str) -> int | None:
    total, section, digit = 0, 0, None
    for character in text:
        if character in _CHINESE_DIGITS:
            if digit is not None and digit != 0:
                return None
            digit = _CHINESE_DIGITS[character]
        elif character in _CHINESE_SCALES:
            section += (1 if digit is None else digit or 1) * _CHINESE_SCALES[character]
            digit = None
        else:
            total = (total + section + (digit or 0)) * (10**4 if character == "万" else 10**8)
            section, digit = 0, None
    return total + section + (digit or 0)


def decimal(written: str) -> Fraction:
    """A decimal of any length; Python refuses to read more than 4,300 digits at once. `Unreadable` for `0.33...`."""
    if written.endswith("..."):
        raise Unreadable("a decimal that goes on")
    whole, _, decimals = written.partition(".")
    digits, value = whole + decimals, 0
    for start in range(0, len(digits), 4000):
        block = digits[start : start + 4000]
        value = value * 10 ** len(block) + int(block)
    return Fraction(value, 10 ** len(decimals))
