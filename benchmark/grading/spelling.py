"""One spelling for what only looks different: presentation, spaces, delimiters, thousands, escapes, number words."""

from __future__ import annotations

import re

from benchmark.grading.characters import plain_characters
from benchmark.grading.numerals import one_spelling, without_commas, words_as_digits
from benchmark.grading.tokens import FUNCTIONS
from benchmark.grading.units import UNIT_LETTERS

__all__ = ["clean", "words_of"]

_DOUBLED = re.compile(r"\\\\(?=[A-Za-z!,;:$%{}])")
_COMMANDS = re.compile(
    r"(?<!\\)\\!|(?<!\\)\\[,;:> /]|\\(?:left|right|middle|[bB]igg?[lrm]?)(?![a-zA-Z])\.?|\\displaystyle(?![a-z])"
)
_MATH_SIGNS = re.compile(r"\\[()]|\\\[(?!\d)|(?<!\\)\\\]|\\?\$")
_ALONE = re.compile(r"\*\*|(?<!_)__(?!_)|\\(?:displaystyle|textstyle)")
_COLOUR = re.compile(
    r"\\(?:fcolorbox\s*\{[^{}]*\}\s*\{[^{}]*\}|(?:textcolor|colorbox|color)\s*(?:\[[^\]]*\]\s*)?\{[^{}]*\})"
    r"|\\color\s+(?:red|blue|green|black|gray|orange|purple)\b|\\bbox\s*\[[^\[\]]*\]|\\(?:style|class|cssId|href)\s*\{[^{}]*\}"
)
_INVISIBLE = re.compile(
    r"\\(?:[hv]?phantom|[hv]space|hskip|vskip|tag|label|footnote|textsuperscript\{\*\})\*?\s*\{[^{}]*\}"
)
_UPRIGHT = re.compile(
    r"\\(?P<command>mathrm|operatorname\*?|mathop|rm|mathsf|mathtt|mathit|mathbf|mathbb|Bbb|boldsymbol|bm|pmb|bf|mathnormal|unit|si)"
    r"(?![A-Za-z])\s*(?:\{(?P<inside>(?:[^{}]|\{[^{}]*\})*)\}|(?P<word>(?:(?<=rm)\s+|(?<=rm)~)?[A-Za-z]+))"
)
_SWITCHED = re.compile(r"\{\s*\\(?:rm|bf|it|sf|tt|text)\b[\s~]*(?P<inside>[A-Za-z~ .]+)\}")
_SPACES = re.compile(r"(?:[~\s]|\\[,;:! ])+")
_WORDS = re.compile(r"[A-Za-z][A-Za-z ~./*^{}\d\\,;:!-]*")
_MIXED_TEXT = re.compile(r"\\(?:text|textbf|textrm|mbox|textit)\s*\{([^{}$]*)\$([^$]*)\$([^{}$]*)\}")
_PROGRAM_SIGNS = re.compile(r"!=|<=|>=|==|=<")
_SIGN_NAMES = {"!=": "\\ne ", "<=": "\\le ", ">=": "\\ge ", "==": "=", "=<": "\\le "}
_NOT = re.compile(r"\\not\s*(?:=|\\?in\b)?")
_CURRENCY = re.compile(
    r"\s*(?P<minus>-)?\s*(?:\\text(?:rm|bf)?\s*\{\s*)?(?:US|U\.S\.|CA|AU|A|C|NZ|HK|S)?\s?(?P<sign>\\?\$|€|£|¥|₹|￥|\bRs\.?(?![A-Za-z])|INR\b|USD\b|EUR\b|GBP\b)\s*\}?\s*"
    r"(?P<amount>-?(?:\d|\.\d|\\frac)[\d,.\s/{}\\frac!]*?)\s*(?:/-)?\s*\$?\s*"
)
MAX_AMOUNT = 80
"""Characters; no longer text is an amount of money."""
_CURRENCY_NAMES = {"€": "euros", "£": "£", "¥": "yen", "￥": "yen", "EUR": "euros", "GBP": "£"}
_CURRENCY_BEHIND = re.compile(r"(?<=[\d}])\s*([€£¥₹￥])\s*$")
_IN_BRACKETS = re.compile(
    r"(?<=[\d}])\s+[(\[]\s*(?:in\s+)?([A-Za-z]{3}[A-Za-z .]*|cm|km|ft|kg|in|mm|lb|oz|ml|m|g|s|L)[)\]]$"
)
_BRACED_THOUSANDS = re.compile(r"(?<!\\)\{\s*(\d{1,3}(?:,\d{3})+)\s*\}")
_EMPTY_TEXT = re.compile(r"\\(?:text|mbox|textrm|mathrm)\s*\{\s*\}")
_TEXT_DEGREES = re.compile(r"\\text\s*\{\s*\^\\circ\s*\}")
_BRACED_WHOLE = re.compile(r"(?<![A-Za-z0-9}^_\\])\{(\d+)\}(?=\s*\\[dtc]?frac)")
_EMPTY_BRACES = re.compile(r"(?<=[\d)])\{\s*\}")
_ONE_TEXT = re.compile(r"\\(?:text|textbf|textrm|mbox)\s*\{([^{}$\\]*\d[^{}$\\]*)\}")
_CHOICE = re.compile(
    r"(?:\\text\s*\{)?\s*(?:option|choice|answer)\s*[(\[]?([A-J])[)\]]?\s*\}?|[\[(]?([A-J])[)\].]", re.IGNORECASE
)
_SIGNED = re.compile(r"(?:\\text\s*\{)?\s*(?:negative|minus)\s*\}?\s*(?=\d|\\frac)", re.IGNORECASE)
_BRACKETS = re.compile(r"(?<!\\)([\[\]])([^\[\](),;]+[,;][^\[\](),;]+)(?<!\\)([\[\]])")


def clean(text: str) -> str:
    """The answer in one spelling; meaning is kept, also that of characters which no formula has."""
    if not text.isascii() or "&" in text or "<" in text:
        text = plain_characters(text)
    text = text.strip()
    if "\\\\" in text and ("\\begin" not in text or "\\\\begin" in text):
        text = _DOUBLED.sub(r"\\", text).replace("\\\\\\\\", "\\\\")
        text = text.rstrip("\\") if "\\begin" not in text else text
    text = text.rstrip("\\") if text.endswith("\\") and not text.endswith("\\\\") else text
    text = text.replace('"', "").replace("`", "")
    text = _EMPTY_BRACES.sub("", text) if "{" in text else text
    text = _presented(text) if "\\" in text or "~" in text else text
    text = _with_currency(text)
    if "=" in text:
        text = _PROGRAM_SIGNS.sub(lambda match: _SIGN_NAMES[match[0]], text)
    text = one_spelling(text)
    if "(" in text:
        text = _IN_BRACKETS.sub(r" \\text{\1}", text)
    text = _COMMANDS.sub(lambda match: "" if match[0] in ("\\!", "\\displaystyle", "\\/") else " ", text)
    text = _MATH_SIGNS.sub("", text)
    text = _ALONE.sub("", text).strip()
    text = text if text.endswith("...") else text.rstrip(".;,")
    text = _emphasised(text)
    if "[" in text or "]" in text:
        text = _BRACKETS.sub(_usual_brackets, text)
    if "," in text:
        text = _BRACED_THOUSANDS.sub(lambda match: f"{{{match[1].replace(',', '')}}}", text)
        if not re.search(r"[(\[{]", text.replace("\\text{", "").replace("\\frac{", "").replace("\\sqrt{", "")):
            text = without_commas(text)
    one = _ONE_TEXT.fullmatch(text)
    text = one[1].strip() if one else text
    choice = _CHOICE.fullmatch(text) if len(text) < 30 else None
    if choice:
        return choice[1] or choice[2]
    return words_as_digits(_SIGNED.sub("-", text, count=1) if text[:1] in "\\mMnN" else text)


def _presented(text: str) -> str:
    """Without colours, sizes and invisible things; upright letters that are words or units as text."""
    text = text.replace("\\qquad", " ").replace("\\quad", " ")
    if text.startswith("~"):
        text = re.sub(r"^~\s*(?=[\d$.\\-])", "", text)
    text = _COLOUR.sub(" ", text)
    text = _INVISIBLE.sub(" ", text)
    if "\\not" in text:
        text = _NOT.sub(lambda match: "\\ne " if "=" in match[0] else match[0], text)
    while "$" in text and (mixed := _MIXED_TEXT.search(text)):
        text = f"{text[: mixed.start()]}\\text{{{mixed[1]}}}{mixed[2]}\\text{{{mixed[3]}}}{text[mixed.end() :]}"
    text = _EMPTY_TEXT.sub(" ", text)
    text = _TEXT_DEGREES.sub(r"^\\circ ", text)
    text = _BRACED_WHOLE.sub(r"\1", text)
    text = _SWITCHED.sub(r"\\text{\g<inside>}", text)
    text = _UPRIGHT.sub(_upright, text)
    return text.replace("~", " ")


def _upright(match: re.Match[str]) -> str:
    r"""`\mathrm{cm}` as text, `\mathrm{1,000}` as what is inside, `\operatorname{sin}` as the function."""
    command = match["command"]
    inside = (match["inside"] if match["inside"] is not None else match["word"]).strip()
    if command in ("mathbb", "Bbb"):
        return {"R": "\\reals ", "Z": "\\text{integers}", "N": "\\text{naturals}", "Q": "\\text{rationals}"}.get(
            inside, f"{{{inside}}}"
        )
    word = _SPACES.sub(" ", inside).strip()
    if word in FUNCTIONS or word in ("max", "min", "gcd", "lcm", "det"):
        return f"\\{word} " if word in FUNCTIONS else f"\\text{{{word}}}"
    if command in ("mathbf", "bf", "boldsymbol", "bm", "pmb", "mathnormal"):
        return f"{{{inside}}}"
    if len(word) == 1 and (
        word not in UNIT_LETTERS
        or not re.search(r"[\d})°]\s*$|circ\s*$", _SPACES.sub(" ", match.string[: match.start()]))
    ):
        return f"{{{inside}}}"
    return (
        f"\\text{{{word}}}"
        if _WORDS.fullmatch(word) and re.match(r"[A-Za-z]{2}|[A-Za-z](?![A-Za-z])", word)
        else f"{{{inside}}}"
    )


def _with_currency(text: str) -> str:
    """An amount with its currency in front as the amount with its currency behind; `$` alone may be a delimiter."""
    if "$" not in text and not any(sign in text for sign in ("€", "£", "¥", "₹", "R", "I", "U", "E", "G")):
        return text
    found = _CURRENCY.fullmatch(text) if len(text) <= MAX_AMOUNT else None
    if found and (found["sign"] != "$" or text.count("$") == 1):
        name = _CURRENCY_NAMES.get(found["sign"], "rupees" if found["sign"][0] in "R₹I" else "dollars")
        return f"{found['minus'] or ''}{found['amount']} \\text{{{name}}}"
    text = _CURRENCY_BEHIND.sub(lambda match: f" {_CURRENCY_NAMES.get(match[1], 'rupees')}", text)
    return text.translate(_NO_CURRENCY)


_NO_CURRENCY = dict.fromkeys(map(ord, "€£¥₹￥"), "")


def _emphasised(text: str) -> str:
    """Without the stars or underscores of emphasis around the whole."""
    while (
        len(text) > 2 and text[0] == text[-1] and text[0] in "*_" and text[1:-1].strip() and text[0] not in text[1:-1]
    ):
        text = text[1:-1].strip()
    return text


def _usual_brackets(match: re.Match[str]) -> str:
    """The open interval `]a, b[` as `(a, b)`."""
    return {"[": "[", "]": "("}[match[1]] + match[2] + {"]": "]", "[": ")"}[match[3]]


_PARTS = re.compile(r"(?:(?<=\s)|^)-\d+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+")


def words_of(text: str) -> str:
    """Words alone: small letters, single spaces, no punctuation, no leading article; numbers keep sign and point."""
    words = _PARTS.findall(text.lower().replace("'", ""))
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("the", "an") else words)
