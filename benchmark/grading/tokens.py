"""LaTeX or plain mathematics as tokens; the many spellings of one sign become one."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["BRACKETS", "FUNCTIONS", "GREEK", "Token", "Unreadable", "close_of", "tokens_of"]

MAX_TOKENS = 600


class Unreadable(ValueError):
    """Not in the language of this module."""


class Token(NamedTuple):
    """`kind`: number, letter, word, text, command, begin, end, or symbol; `value` as it will be compared."""

    kind: str
    value: str
    spaced: bool
    """Whether a space stood before it."""


_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>\d+(?:\.\d+)?(?:\.\.\.)?|\.\d+)"
    r"|\\(?:text|textbf|textit|textrm|textnormal|textsf|texttt|textsc|textup|textmd|emph|mbox|hbox)\s*"
    r"\{(?P<text>(?:[^{}]|\{[^{}]*\})*)\}"
    r"|\\(?P<edge>begin|end)\s*\{(?P<name>[a-z]+\*?)\}"
    r"|\\(?P<command>[A-Za-z]+)"
    r"|\\(?P<escaped>[{}%|\\])"
    r"|(?P<word>[A-Za-z]+|[^\x00-\x7f\W\d_]{1,40})"
    r"|(?P<symbol>[-+*/^_=<>(){}\[\]|,;:!&%'.≈])"
)
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
FUNCTIONS = {"sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"}
FUNCTIONS |= {"ln", "log", "exp", "lg"}
_NAMED = {"sqrt", "pi", "infty", "cdot", "times", "frac"} | FUNCTIONS
"""Words that mean the command of the same name."""
_SHORT_WORDS_TABLE = """
is of the not no yes or and one two six ten but any in ft cm mm km kg mg ml hr min lb lbs day cup per mph pm
am oz men box all if it be we so to at as an on by than for add sub inf nan zoo oo var int str sum
len max gcd lcm mod th st nd rd sq cc mi yd gal deg rad dec hex bin odd
cms kms gms yrs hrs mins secs usd eur gbp inr kwh kph mph kpa kmh sec rev rpm fps bps ppm ms kw mw mhz hz amp mol
"""
_SHORT_WORDS = frozenset(_SHORT_WORDS_TABLE.split())
_GLUED = re.compile(r"([a-z]{0,2})(sqrt|pi|sin|cos|tan|ln)([a-z]?)")
_MAX_LETTERS = 3
_RENAMED = {
    "dfrac": "frac",
    "tfrac": "frac",
    "cfrac": "frac",
    "nicefrac": "frac",
    "sfrac": "frac",
    "dbinom": "binom",
    "tbinom": "binom",
    "leq": "le",
    "leqslant": "le",
    "geq": "ge",
    "geqslant": "ge",
    "neq": "ne",
    "gt": ">",
    "lt": "<",
    "ast": "*",
    "cdot": "*",
    "times": "*",
    "div": "/",
    "colon": ":",
    "lbrace": "\\{",
    "rbrace": "\\}",
    "lbrack": "[",
    "rbrack": "]",
    "lvert": "|",
    "rvert": "|",
    "vert": "|",
    "mid": "|",
    "varnothing": "emptyset",
    "vee": "lor",
    "wedge": "land",
    "backslash": "setminus",
    "smallsetminus": "setminus",
    "R": "reals",
    "Reals": "reals",
    "bigcup": "cup",
    "bigcap": "cap",
    "leqq": "le",
    "geqq": "ge",
    "sim": "≈",
    "cong": "≈",
    "thickapprox": "≈",
    "approxeq": "≈",
    "doteq": "=",
    "approx": "≈",
    "simeq": "≈",
    "degree": "circ",
    "lg": "log",
    "varphi": "phi",
    "varepsilon": "epsilon",
}
_SILENT_TABLE = """
left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle
scriptscriptstyle limits nolimits quad qquad enspace thinspace medspace thickspace negthinspace allowbreak nobreak
mathbf mathrm mathit mathsf mathtt mathbb mathcal mathfrak mathnormal boldsymbol bm pmb bold bf rm it sf tt sl bfseries
itshape boxed fbox framebox bbox ovalbox doublebox shadowbox underline uline underbar smash mathop mathord mathstrut
strut ensuremath operatorname tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge centering
noindent nonumber notag hfill hfil relax protect null
"""
_SILENT = frozenset(_SILENT_TABLE.split())
_GREEK_TABLE = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi
chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell
"""
GREEK = frozenset(_GREEK_TABLE.split())
BRACKETS = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "langle": "rangle", "lfloor": "rfloor", "lceil": "rceil"}


def tokens_of(text: str) -> list[Token]:
    """The tokens of an answer. Unreadable for a character that no formula has, or for too many tokens."""
    tokens: list[Token] = []
    position, spaced = 0, False
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unreadable(f"a character outside the language: {text[position]!r}")
        position = match.end()
        if match["space"]:
            spaced = True
            continue
        before = len(tokens)
        _append(tokens, match, spaced=spaced)
        spaced = spaced and len(tokens) == before
        if len(tokens) > MAX_TOKENS:
            raise Unreadable(f"more than {MAX_TOKENS} tokens")
    return tokens


def _append(tokens: list[Token], match: re.Match[str], *, spaced: bool) -> None:
    kind = match.lastgroup or ""
    value = match[kind]
    if kind == "name":
        tokens.append(Token(match["edge"], match["name"].rstrip("*"), spaced))
    elif kind == "text":
        value = value.strip()
        tokens.append(Token("number" if _DIGITS.fullmatch(value) else "text", value, spaced))
    elif kind == "escaped":
        tokens.append(Token("symbol", "%" if value == "%" else "|" if value == "|" else "\\" + value, spaced))
    elif kind == "command":
        value = _RENAMED.get(value, value)
        if value not in _SILENT:
            tokens.append(Token("command" if value[0].isalpha() else "symbol", value, spaced))
    elif kind == "word":
        _append_word(tokens, value, spaced=spaced)
    else:
        tokens.append(Token(kind, value, spaced))


def _append_word(tokens: list[Token], word: str, *, spaced: bool) -> None:
    if word in _NAMED:
        value = _RENAMED.get(word, word)
        tokens.append(Token("command" if value[0].isalpha() else "symbol", value, spaced))
    elif not word.isascii():
        tokens.append(Token("word", word, spaced))
    elif len(word) == 1:
        tokens.append(Token("letter", word, spaced))
    elif word.lower() in _SHORT_WORDS or len(word) > _MAX_LETTERS:
        glued = _GLUED.fullmatch(word) if word.isascii() else None
        if glued:  # sinx, xsqrt
            before, name, after = glued.groups()
            tokens += [Token("letter", letter, spaced=False) for letter in before]
            tokens.append(Token("command", name, spaced))
            tokens += [Token("letter", letter, spaced=False) for letter in after]
        else:
            tokens.append(Token("word", word, spaced))
    else:
        tokens += [Token("letter", letter, spaced and not index) for index, letter in enumerate(word)]


def close_of(tokens: list[Token], start: int) -> int | None:
    """Where the bracket at `start` closes; any closing bracket may close an opening ( or [, as in intervals."""
    depth = 0
    for index in range(start, len(tokens)):
        kind, value, _ = tokens[index]
        if kind == "begin" or (kind in ("symbol", "command") and value in BRACKETS):
            depth += 1
        elif kind == "end" or (kind in ("symbol", "command") and value in _CLOSING):
            depth -= 1
            if depth == 0:
                return index
    return None


_CLOSING = frozenset(BRACKETS.values())
