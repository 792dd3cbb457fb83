"""One spelling for what only looks different: Unicode, spaces, delimiters, thousands, escapes, units, number words."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "unit_of", "words_of"]

_TABLE = {
    "−": "-", "–": "-", "﹣": "-", "－": "-", "‐": "-", "‑": "-", "×": "\\times ", "·": "\\cdot ", "⋅": "\\cdot ",
    "∙": "\\cdot ", "÷": "/", "⁄": "/", "∕": "/", "π": "\\pi ", "∞": "\\infty ", "≤": "\\le ", "≥": "\\ge ",
    "≠": "\\ne ", "∈": "\\in ", "∪": "\\cup ", "∩": "\\cap ", "±": "\\pm ", "°": "^\\circ ", "º": "^\\circ ",
    "√": "\\sqrt", "≈": "≈", "∅": "\\emptyset ", "⟨": "\\langle ", "⟩": "\\rangle ", "θ": "\\theta ",
    "α": "\\alpha ", "β": "\\beta ", "λ": "\\lambda ", "φ": "\\phi ", "ω": "\\omega ", "γ": "\\gamma ", "∶": ":",
    "½": "\\frac{1}{2}", "⅓": "\\frac{1}{3}", "⅔": "\\frac{2}{3}", "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}",
    "²": "^2", "³": "^3", "¹": "^1", "“": "", "”": "", '"': "", "‘": "'", "’": "'", "\ufeff": "", "\u200b": "",
    "\u200c": "", "\u200d": "", "\u2060": "", "\u202f": " ", "\u2009": " ", "\u00a0": " ", "€": "", "£": "",
    "¥": "", "．": ".", "，": ",", "。": ".", "％": "%", "~": " ",
}  # fmt: skip
_UNICODE = {ord(character): spelling for character, spelling in _TABLE.items()}
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z])")
_COMMANDS = re.compile(
    r"(?<!\\)\\!|(?<!\\)\\[,;:> ]|\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\.?|\\displaystyle(?![a-z])"
)
_MATH_SIGNS = re.compile(r"\\[()]|\\\[(?!\d)|(?<!\\)\\\]|\\?\$")
_ALONE = re.compile(r"\*\*|__|\\(?:displaystyle|textstyle)")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:(?:\\[,; ]|\s)\d{3})+(?![\d])")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_MARKED_THOUSANDS = re.compile(r"(?<=\d)\s?(?:\{,\s?\}|,\\!)\s?(?=\d{3})")
_REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\{?(\d+)\}?")
_SCIENTIFIC = re.compile(r"(?<![A-Za-z\d.])(\d+(?:\.\d+)?)[eE]([+-]?\d{1,3})(?![\d.A-Za-z])")
_STYLE = re.compile(r"\\(?:mathbf|mathrm|mathit|mathsf|mathbb|boldsymbol|bf|rm|operatorname\*?)\s*\{([^{}]*)\}")
_PROGRAM_SIGNS = re.compile(r"!=|<=|>=|==")
_SIGN_NAMES = {"!=": "\\ne ", "<=": "\\le ", ">=": "\\ge ", "==": "="}
_NUMBER_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
}  # fmt: skip
_TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}
_MULTIPLIERS = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_MULTIPLIED = re.compile(rf"(?<![\d.])(\d[\d.]*)\s*(?:\\text\s*\{{)?\s*({'|'.join(_MULTIPLIERS)})\b", re.IGNORECASE)


def clean(text: str) -> str:
    """The answer in one spelling; meaning is kept, also that of characters which no formula has."""
    if not text.isascii():
        text = "".join(_narrow(character) for character in text).translate(_UNICODE)
    text = text.strip()
    if "\\\\" in text and ("\\begin" not in text or "\\\\begin" in text):
        text = _DOUBLED.sub(r"\\", text).replace("\\\\\\\\", "\\\\")
        text = text.rstrip("\\") if "\\begin" not in text else text
    text = text.rstrip("\\") if text.endswith("\\") and not text.endswith("\\\\") else text
    text = text.replace("\\qquad", " ").replace("\\quad", " ").replace('"', "").replace("`", "")
    if "," in text:
        text = _MARKED_THOUSANDS.sub("", text)
    if "=" in text:
        text = _PROGRAM_SIGNS.sub(lambda match: _SIGN_NAMES[match[0]], text)
    text = _STYLE.sub(r"{\1}", text) if "\\" in text else text
    text = _SPACED_THOUSANDS.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    text = _COMMANDS.sub(lambda match: "" if match[0] in ("\\!", "\\displaystyle") else " ", text)
    text = _MATH_SIGNS.sub("", text)
    text = _ALONE.sub("", text).strip()
    text = text if text.endswith("...") else text.rstrip(".;")
    if "," in text and not re.search(r"[(\[{]", text.replace("\\text{", "").replace("\\frac{", "")):
        text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    if "overline" in text:
        text = _REPEATING.sub(_as_fraction, text)
    if "e" in text or "E" in text:
        text = _SCIENTIFIC.sub(r"\1*10^{\2}", text)
    multiplied = _MULTIPLIED.search(text)
    if multiplied:
        text = f"{multiplied[1]}*{_MULTIPLIERS[multiplied[2].lower()]}" + text[multiplied.end() :].replace("}", "", 1)
    word = re.fullmatch(r"(?:\\text\s*\{)?\s*([A-Za-z]+)(?:[- ]([a-z]+))?\s*\}?", text)
    return (_number_word(word[1].lower(), (word[2] or "")) or text) if word else text


def _narrow(character: str) -> str:
    """Digits and letters of other alphabets and widths as ASCII; circled and raised ones stay what they are."""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    kind = unicodedata.decomposition(character).split(" ", 1)[0]
    return unicodedata.normalize("NFKC", character) if kind in ("<wide>", "<font>") else character


def _as_fraction(match: re.Match[str]) -> str:
    """A repeating decimal: 0.1(6) = (16 - 1) / 90."""
    whole, fixed, period = match.groups()
    if len(fixed) + len(period) > 40:
        return match[0]
    top = int((whole or "0") + fixed + period) - int((whole or "0") + fixed)
    return f"\\frac{{{top}}}{{{(10 ** len(period) - 1) * 10 ** len(fixed)}}}"


def _number_word(first: str, second: str) -> str | None:
    if first in _TENS and second in _NUMBER_WORDS and 0 < _NUMBER_WORDS[second] < 10 and first != "hundred":
        return str(_TENS[first] + _NUMBER_WORDS[second])
    if second:
        return None
    value = _NUMBER_WORDS.get(first, _TENS.get(first))
    return None if value is None else str(value)


def words_of(text: str) -> str:
    """Words alone: small letters, single spaces, no punctuation, no leading article."""
    words = re.sub(r"[^a-z0-9]+", " ", text.lower().replace("'", "")).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("the", "an") else words)


_UNITS = {
    "cm": "cm", "centimeter": "cm", "centimetre": "cm", "mm": "mm", "millimeter": "mm", "m": "m", "meter": "m",
    "metre": "m", "km": "km", "kilometer": "km", "in": "in", "inch": "in", "inches": "in", "ft": "ft", "foot": "ft",
    "feet": "ft", "yd": "yd", "yard": "yd", "mi": "mi", "mile": "mi", "second": "s", "sec": "s", "minute": "min",
    "min": "min", "hour": "h", "hr": "h", "day": "day", "week": "week", "month": "month", "year": "year", "gram": "g",
    "kg": "kg", "kilogram": "kg", "cent": "cent", "dollar": "$", "mph": "mph",
}  # fmt: skip


def unit_of(words: str, exponent: str = "") -> str:
    """A known unit in one spelling with its exponent; empty for any other words, which then say nothing."""
    parts = re.sub(r"[^a-z]+", " ", words.lower()).split()
    power = exponent
    if parts and parts[0] in ("square", "sq", "cubic", "cu"):
        power, parts = ("2" if parts[0].startswith("s") else "3"), parts[1:]
    if len(parts) != 1:
        return ""
    known = _UNITS.get(parts[0]) or _UNITS.get(parts[0].removesuffix("s"))
    return f"{known}^{power}" if known and power not in ("", "1") else known or ""
