"""Unicode, HTML and Markdown to the ASCII and LaTeX that stand for the same."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["plain_characters"]

_TABLE = {
    "−": "-", "–": "-", "—": "-", "﹣": "-", "－": "-", "‐": "-", "‑": "-", "‒": "-", "×": "\\times ", "·": "\\cdot ",
    "⋅": "\\cdot ", "∙": "\\cdot ", "•": "\\cdot ", "✕": "\\times ", "✖": "\\times ", "÷": "/", "⁄": "/", "∕": "/",
    "π": "\\pi ", "∞": "\\infty ", "≤": "\\le ", "≥": "\\ge ", "⩽": "\\le ", "⩾": "\\ge ", "≦": "\\le ", "≧": "\\ge ",
    "≠": "\\ne ", "∈": "\\in ", "∪": "\\cup ", "∩": "\\cap ", "±": "\\pm ", "∓": "\\mp ", "°": "^\\circ ",
    "º": "^\\circ ", "˚": "^\\circ ", "∘": "^\\circ ", "℃": "^\\circ \\text{C}", "℉": "^\\circ \\text{F}",
    "√": "\\sqrt",     "∛": "\\sqrt[3]", "∜": "\\sqrt[4]", "≈": "≈", "≃": "≈", "≅": "≈", "∼": "≈",
    "∅": "\\emptyset ", "⌀": "\\emptyset ",
    "⟨": "\\langle ", "⟩": "\\rangle ", "⌊": "\\lfloor ", "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ",
    "∖": "\\setminus ", "ℝ": "\\reals ", "ℤ": "\\text{integers}", "ℕ": "\\text{naturals}", "∨": "\\lor ",
    "∧": "\\land ",     "θ": "\\theta ", "α": "\\alpha ", "β": "\\beta ", "λ": "\\lambda ", "φ": "\\phi ",
    "ϕ": "\\phi ", "ω": "\\omega ",
    "γ": "\\gamma ", "δ": "\\delta ", "ε": "\\epsilon ", "μ": "\\mu ", "µ": "\\mu ", "σ": "\\sigma ", "τ": "\\tau ",
    "ρ": "\\rho ", "ψ": "\\psi ", "Δ": "\\Delta ", "Ω": "\\Omega ", "Σ": "\\Sigma ", "∠": "\\angle ",
    "△": "\\triangle ",     "∶": ":", "“": "", "”": "", '"': "", "‘": "'", "’": "'", "ʼ": "'", "′": "'",
    "\ufeff": "", "\u200b": "",
    "\u200c": "", "\u200d": "", "\u2060": "", "\u200e": "", "\u200f": "", "\u2061": "", "\u2062": "", "\ufe0f": "",
    "\u202f": " ", "\u2009": " ", "\u00a0": " ", "\u2007": " ", "\u2002": " ", "\u2003": " ", "\u2005": " ",
    "\u2006": " ", "\u2008": " ", "\u200a": " ", "\u3000": " ", "．": ".", "，": ",", "。": ".", "、": ",", "；": ";",
    "％": "%", "…": "...", "⋯": "...", "～": "~", "【": "[", "】": "]", "「": "", "」": "", "《": "", "》": "",
    "٫": ".", "٬": ",", "＝": "=", "→": "\\to ", "✅": "", "✓": "", "✔": "", "𝅺": "",
}  # fmt: skip
_UNICODE = {ord(character): spelling for character, spelling in _TABLE.items()}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿˣ", "0123456789-+nx")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₙₓ", "0123456789nx")
_RAISED_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿˣ]+")
_LOWERED_RUN = re.compile("[₀₁₂₃₄₅₆₇₈₉ₙₓ]+")
_ROOT_OF = re.compile(r"√\s*(\d+(?:\.\d+)?)")
_HTML = re.compile(
    r"</?(?:b|i|u|em|strong|span|mark|font|code|div|p|br"
    r"|big|small|center|math|mn|mrow)(?:\s[^<>]{0,80})?/?>",
    re.IGNORECASE,
)
_RAISED_HTML = re.compile(r"<(su[pb])>([^<>{}]{1,20})</\1>", re.IGNORECASE)
_ENTITIES = {
    "&nbsp;": " ",
    "&lt;": "<",
    "&gt;": ">",
    "&le;": "\\le ",
    "&ge;": "\\ge ",
    "&minus;": "-",
    "&times;": "\\times ",
}
_ENTITIES |= {
    "&pi;": "\\pi ",
    "&infin;": "\\infty ",
    "&deg;": "^\\circ ",
    "&thinsp;": " ",
    "&ndash;": "-",
    "&ne;": "\\ne ",
}
_ENTITY = re.compile("|".join(_ENTITIES))


def plain_characters(text: str) -> str:
    """The same text in ASCII, as far as its characters have a meaning in mathematics; others stay what they are."""
    if not text.isascii():
        text = _RAISED_RUN.sub(lambda match: f"^{{{match[0].translate(_RAISED)}}}", text)
        text = _LOWERED_RUN.sub(lambda match: f"_{{{match[0].translate(_LOWERED)}}}", text)
        text = _ROOT_OF.sub(r"\\sqrt{\1}", text)
        text = "".join(_narrow(character) for character in text).translate(_UNICODE)
    if "<" in text and ">" in text:
        text = _RAISED_HTML.sub(lambda match: f"{'^' if match[1].lower() == 'sup' else '_'}{{{match[2]}}}", text)
        text = _HTML.sub("", text)
    if "&" in text and ";" in text:
        text = _ENTITY.sub(lambda match: _ENTITIES[match[0]], text)
    return text


def _narrow(character: str) -> str:
    """Digits and letters of other alphabets and widths as ASCII, fractions written out; circled ones stay."""
    if character < "\x80":
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    kind, _, _ = unicodedata.decomposition(character).partition(" ")
    if kind == "<fraction>":
        top, _, bottom = unicodedata.normalize("NFKC", character).partition("⁄")
        return f"\\frac{{{top}}}{{{bottom}}}" if bottom else character
    if kind == "<square>":
        return "\\text{" + unicodedata.normalize("NFKC", character) + "}"
    return (
        unicodedata.normalize("NFKC", character)
        if kind in ("<wide>", "<font>") and character not in _TABLE
        else character
    )
