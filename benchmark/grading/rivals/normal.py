"""The normal forms under which the rival graders compare texts."""

from __future__ import annotations

import re

__all__ = ["as_written", "of_flexible", "of_hendrycks", "of_minerva"]


def as_written(text: str) -> str:
    """The text itself without outer white space."""
    return text.strip()


def of_flexible(text: str) -> str:
    """Without what lm-evaluation-harness's `gsm8k` ignores: commas, dollar signs, all up to `#### `, a last point."""
    return text.replace(",", "").replace("$", "").rpartition("#### ")[2].removesuffix(".").lower()


# --- Minerva: Lewkowycz et al. 2022, appendix D ----------------------------------------------------------------------

_REPLACED = (
    *(("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text")),
    *((",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}")),
)
_REMOVED_WORDS = (
    "square ways integers dollars mph inches ft hours km units \\ldots sue points feet minutes digits cents degrees cm "
    "gm pounds meters meals edges students childrentickets multiples"
)
_REMOVED_MARKS = (
    *("\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}"),
    *("\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots"),
)
_REMOVED = (*_REMOVED_WORDS.split(), *_REMOVED_MARKS)
_WRAPPED = tuple(re.compile(rf"\\{command}\{{(.*?)\}}") for command in ("text", "textbf", "overline"))
_BOXED = re.compile(r"\\boxed\{(.*)\}")
_BARE_FRACTION = re.compile(r"frac([^{])(.)")
_BARE_ROOT = re.compile(r"sqrt([^{])")


def of_minerva(text: str) -> str:
    """Right of the last `=`, without units, articles and text commands; short fractions and roots with braces."""
    text = text.rpartition("=")[2]
    for old, new in _REPLACED:
        text = text.replace(old, new)
    for old in _REMOVED:
        text = text.replace(old, "")
    if "$" in text:
        text = "\n".join(map(_first_formula, text.split("\n")))
    if "\\" in text:
        for wrapped in _WRAPPED:
            text = wrapped.sub(r"\1", text)
        text = _BOXED.sub(r"\1", text)
    text = _BARE_ROOT.sub(r"sqrt{\1}", _BARE_FRACTION.sub(r"frac{\1}{\2}", text)).replace("$", "")
    digits = text.replace(",", "")
    return digits if digits.isdigit() else text


def _first_formula(line: str) -> str:
    """The first `$…$` of a line where it has one, else the line."""
    pieces = line.split("$", 2)
    return pieces[1] if len(pieces) == 3 else line


# --- MATH: Hendrycks et al. 2021 -------------------------------------------------------------------------------------

_SPELLINGS = (
    *(("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""), ("\\right", "")),
    *(("^{\\circ}", ""), ("^\\circ", ""), ("\\$", "")),
)
_UNIT = "\\text{ "
_WHOLE_FRACTION = re.compile(r"(-?(?:0|[1-9]\d*))/(-?(?:0|[1-9]\d*))")
_SHORT_FRACTION = re.compile(r"\\frac([^{])(?:(\{)|(.))", re.DOTALL)
_SHORT_ROOT = re.compile(r"\\sqrt([^{])", re.DOTALL)


def of_hendrycks(text: str) -> str:
    r"""One spelling of fractions, roots and decimals, without units and signs of percent or degree.

    Comes back as it was where the rules break off: two units, or a `\frac` or `\sqrt` with nothing behind it.
    """
    plain = text
    for old, new in _SPELLINGS:
        plain = plain.replace(old, new)
    if plain.count(_UNIT) > 1:
        return text
    plain = plain.partition(_UNIT)[0].replace("\\%", "").replace("%", "")
    plain = plain.replace(" .", " 0.").replace("{.", "{0.")
    if plain.startswith("."):
        plain = f"0{plain}"
    if plain.count("=") == 1 and plain.index("=") <= 2:
        plain = plain.partition("=")[2]
    if plain.endswith("\\sqrt"):
        return text
    plain = _SHORT_ROOT.sub(r"\\sqrt{\1}", plain).replace(" ", "")
    if plain.endswith("\\frac"):
        return text
    plain = "\\frac{1}{2}" if plain == "0.5" else _SHORT_FRACTION.sub(_braced, plain)
    whole = _WHOLE_FRACTION.fullmatch(plain)
    return whole.expand(r"\\frac{\1}{\2}") if whole else plain


def _braced(found: re.Match[str]) -> str:
    r"""`\frac12` and `\frac1{2}` with both braces."""
    top, brace, bottom = found.groups()
    return f"\\frac{{{top}}}{{" if brace else f"\\frac{{{top}}}{{{bottom}}}"
