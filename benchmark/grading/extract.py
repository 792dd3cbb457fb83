r"""Where a completion states its final answer: the last complete box, else a marker, else the last stated result.

Several boxes with nothing but "and", "or", commas or names between them are one answer together. Every step is linear
in the text, of which only the end is read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from benchmark.grading.algebra import TooLarge
from benchmark.grading.answers import read
from benchmark.grading.comparison import same
from benchmark.grading.structures import Scalar
from benchmark.grading.tokens import Unreadable

__all__ = ["ALSO", "MAX_ANSWER", "Found", "extract_answer", "extract_gold_gsm8k", "extract_gold_math", "find_answer"]

MAX_TEXT = 20_000
"""Only the last characters of a completion are read: the answer stands at its end."""
MAX_ANSWER = 2_000
"""A longer phrase is cut; the longest published gold answer has under 200 characters."""
ALSO = r" \text{ or also } "
"""Between the alternatives of a gold answer of which any one is accepted."""

_BOX_TOKEN = re.compile(
    r"(?P<box>\\{1,4}(?:boxed|fbox)\s{0,9}\{)|(?P<bare>\\(?:boxed|fbox)(?:\s{1,9}[^\s${}\\]+|\d))|\\.|[{}]", re.DOTALL
)
_GLUE = re.compile(
    r"(?:\s|\$|\\\[|\\\]|\\\(|\\\)|\\[,;: ]|\\quad|\\qquad|[,;.]|\\text\s*\{[^{}]{0,60}\}|&|=|\band\b|\bor\b"
    r"|\\(?:mathrm|mbox)\s*\{\s*(?:and|or)\s*\}|[A-Za-z](?:_\{?\w\}?)?\s*=)*"
)
_JOINS = re.compile(r",|\band\b|\bor\b|=|\\quad|\\text|^\s*$")
_ALIGNED = re.compile(r",\s*\\\\\s*[^\n]{0,300}&=[^\n]{0,300}=\s*")
_EITHER = re.compile(r"also (?:an )?accept|[Ee]ither (?:point|answer|one|vector)?[^.]{0,20}\baccept")
_PHRASE = re.compile(
    r"(?:\b(?:final|the|correct|my)\s+answer\b[^\S\n]*(?:is\b|[:=])|\banswer\b[^\S\n]*(?:is\b|:)"
    r"|^A:|^\W{0,3}answer(?=\s*[$\\]))[\s:*]{0,9}",
    re.IGNORECASE | re.MULTILINE,
)
_FINAL = re.compile(r"The final answer is\s*:?\s*\$?(?P<answer>[^\n]{1,200}?)\$?\.?\s+I hope it is correct")
_MATH = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|,(?=\s+(?:so|because|since|which)\b)|<\||\s+I hope\b")
_HEADING = re.compile(
    r"(?:sub-?)?(?:step|case|part|solution|conclusion|final|verification|summary|approach|method|problem|question)\b"
    r"|.*:$",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """An answer as written, and by which of `box`, `boxes`, `hash`, `phrase`, `bare`, `stated` it was found."""

    answer: str
    marker: str


def find_answer(text: str, *, stated: bool = True) -> Found | None:
    """The final answer, or `None`. With `stated=False` a completion must mark it (box, `####`, phrase, or it alone)."""
    text = text.split("<|im_start|>", 1)[0] if "<|im_start|>" in text[-MAX_TEXT:] else text
    text = _without_drawings(text[-MAX_TEXT:])
    return (
        _boxed(text)
        or _named("hash", _last_hash_line(text))
        or _named("phrase", _last_phrase(text))
        or _named("bare", _bare_answer(text))
        or (_named("stated", _stated(text)) if stated else None)
    )


def extract_answer(text: str, *, stated: bool = True) -> str | None:
    """`find_answer` without its marker."""
    found = find_answer(text, stated=stated)
    return found.answer if found else None


def extract_gold_gsm8k(answer: str) -> str:
    """The text after the last `####` of a published GSM8K solution. ValueError without one."""
    found = _last_hash_line(answer)
    if found is None:
        raise ValueError("the solution has no line '#### <answer>'")
    return found


def extract_gold_math(solution: str) -> str:
    r"""The boxed answer of a published MATH solution; alternatives are joined by `ALSO`. ValueError without a box."""
    text = _without_drawings(solution)
    boxes = _boxes(text)
    if not boxes:
        raise ValueError("the solution has no complete \\boxed{<answer>}")
    if len(boxes) > 1 and _EITHER.search(text, boxes[-2].start):
        return ALSO.join(dict.fromkeys(box.content for box in boxes[-2:]))
    return _joined(text, boxes).answer


def _named(marker: str, answer: str | None) -> Found | None:
    return Found(answer, marker) if answer else None


def _without_drawings(text: str) -> str:
    """Cut `[asy]…[/asy]`; an unclosed one stays."""
    pieces, position = [], 0
    while (start := text.find("[asy]", position)) >= 0 and (end := text.find("[/asy]", start)) >= 0:
        pieces.append(text[position:start])
        position = end + len("[/asy]")
    return "".join([*pieces, text[position:]])


# --- boxes ----------------------------------------------------------------------------------------------------------


class _Box(NamedTuple):
    start: int
    end: int
    content: str


def _boxed(text: str) -> Found | None:
    boxes = _boxes(text)
    if not boxes:
        return None
    later = [match["answer"] for match in _FINAL.finditer(text, boxes[-1].end)]
    return Found(later[-1], "phrase") if later else _joined(text, boxes)


def _boxes(text: str) -> list[_Box]:
    """All complete boxes with content that stand in no other box, in one pass with a stack of open braces."""
    if "boxed" not in text and "fbox" not in text:
        return []
    open_braces: list[tuple[str, int, int]] = []
    found: list[_Box] = []
    for token in _BOX_TOKEN.finditer(text):
        word = token.group()
        if token["box"]:
            open_braces.append((word, token.start(), token.end()))
        elif token["bare"]:
            content = re.sub(r"^\\f?box(?:ed)?\s*", "", word).rstrip(".,;")
            found.append(_Box(token.start(), token.end(), content))
        elif word == "{":
            open_braces.append(("", 0, 0))
        elif word == "}" and open_braces:
            opened, start, inside = open_braces.pop()
            if opened and (content := text[inside : token.start()].strip()):
                # a box behind two backslashes was escaped once too often, and so was everything in it
                content = content.replace("\\\\", "\\") if opened.startswith("\\\\") else content
                while found and found[-1].start > start:
                    found.pop()
                found.append(_Box(start, token.end(), content))
    return found


def _joined(text: str, boxes: list[_Box]) -> Found:
    """The last box with those before it that belong to it."""
    run = [boxes[-1]]
    for box in reversed(boxes[:-1]):
        between = text[box.end : run[0].start]
        if len(between) > 700 or not (_ALIGNED.fullmatch(between) or _glued(between)):
            break
        run.insert(0, box)
    contents = list(dict.fromkeys(box.content for box in run))
    if len(contents) == 1 or all(_alike(content, contents[-1]) for content in contents[:-1]):
        return Found(contents[-1], "box")
    return Found(", ".join(contents), "boxes")


def _alike(left: str, right: str) -> bool:
    """Whether two boxes state one value in two ways."""
    try:
        return same(read(left), read(right), lambda _left, _right: "unsure") == "same"
    except (Unreadable, TooLarge):
        return False


def _glued(between: str) -> bool:
    return (
        len(between) <= 100
        and bool(_GLUE.fullmatch(between))
        and bool(_JOINS.search(between))
        and "\n\n" not in between
    )


# --- markers --------------------------------------------------------------------------------------------------------


def _last_hash_line(text: str) -> str | None:
    """What follows the last `####` on its line, if that is no heading and no answer phrase comes later."""
    position = len(text)
    while (position := text.rfind("####", 0, position)) >= 0:
        line = text[position + 4 :].split("\n", 1)[0].strip("#* \t\r")
        if line and not _HEADING.match(line):
            return line.split("<|", 1)[0].strip() or None
    return None


def _last_phrase(text: str) -> str | None:
    """What follows the last accepted phrase, to the end of its formula or sentence."""
    last = None
    for match in _PHRASE.finditer(text):
        last = match
    if last is None:
        return None
    rest = text[last.end() :][:MAX_ANSWER].lstrip(" \n*:")
    formula = _MATH.match(rest)
    if formula:
        return _inside(formula)
    line = rest.split("\n", 1)[0]
    end = _SENTENCE_END.search(line)
    line = (line[: end.start()] if end else line).strip(" *")
    if re.match(r"[A-Za-z]{2,}\s+\S+\s", line) and (stated := _result_of(line)):
        return stated
    return line or None


def _bare_answer(text: str) -> str | None:
    """The whole text where it is one formula or one number and nothing else."""
    text = text.strip()
    text = text[2:-2].strip() if text.startswith("**") and text.endswith("**") else text
    if len(text) > MAX_ANSWER:
        return None
    formula = _MATH.fullmatch(text)
    if formula:
        return _inside(formula)
    if text.count(" ") > 3 or not (text[:1] in "0123456789-+.$\\(−" or text[:1].isdecimal()):
        return None
    try:
        answer = read(text)
    except (Unreadable, TooLarge):
        return None
    return text if isinstance(answer, Scalar) and _PLAIN.fullmatch(answer.source) else None


def _inside(formula: re.Match[str]) -> str | None:
    """A formula without its delimiters."""
    return next((group.strip() for group in formula.groups() if group is not None), None) or None


# --- the last stated result -----------------------------------------------------------------------------------------

_NUMBER = r"(?<![\w.#])-?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?(?:\s?%)?"
_NUMBERS = re.compile(_NUMBER)
_VERB_NUMBER = re.compile(rf"(?:\b(?:is|are|was|were|be|equals|gets?|of)\s+|=\s*)(?:approximately |about )?({_NUMBER})")
_PLAIN = re.compile(r"[-+]? ?(?:\d+(?:\.\d+)?(?: / \d+)?|\.\d+|(?:\d+ )?\\frac \{ -? ?\d+ \} \{ \d+ \}|\d+ \d+ / \d+)")
"""A number written out, as `Scalar.source` has it: an unfinished calculation is no answer."""
_CLOSING = re.compile(r"(?:\s*(?:I hope it is correct\.?|<\|[^\n]*))+$")
_BREAK = re.compile(r"(?<=[a-z)$\d%])[.!]\s+(?=[A-Z\"'])|(?<=[.!]\$\$|[.!]\\\])\s+(?=[A-Z])|\n+")
_EQUALS = re.compile(r"(?<![<>!=])=(?!=)")
_AFTERWORD = re.compile(r"\s?[A-Za-z²³€%$]+$")
_DONE = (".", "!", "$", ")", "*")


def _stated(text: str) -> str | None:
    """The result of the last sentence of a text that ends as sentences do."""
    text = _CLOSING.sub("", text[-MAX_ANSWER:].rstrip()).rstrip()
    short = len(text) <= 100 and "\n" not in text and text.count("=") <= 1
    if "<think>" in text and "</think>" not in text:
        return None
    if not (text.endswith(_DONE) or short) or text.endswith(("...", "call limit.", "```", "?")):
        return None
    sentence = [part for part in _BREAK.split(text) if part.strip()][-1:]
    return _result_of(sentence[0].strip()) if sentence else None


def _result_of(sentence: str) -> str | None:  # noqa: PLR0911 - one rule, one return
    """The value a sentence states: after its last `=`, its only formula or number, or the number after a verb."""
    formulas = [inside for match in _MATH.finditer(sentence) if (inside := _inside(match))]
    if formulas and _EQUALS.search(formulas[-1]) and len(formulas[-1]) <= 400:
        return _EQUALS.split(formulas[-1])[-1].strip(" .,&") or None
    words = _MATH.sub(" ", sentence)
    numbers = [match[0] for match in _NUMBERS.finditer(words)]
    if formulas and not numbers and (len(set(formulas)) == 1 or re.search(r"\b(?:is|are)\s*\W*$", words[:-1])):
        return formulas[-1] if len(formulas[-1]) > 1 or formulas[-1].isdigit() else None
    after = [match[1] for match in _VERB_NUMBER.finditer(words)]
    if after and "=" in words:
        return after[-1]
    if len(set(numbers)) == 1:
        return numbers[0]
    ordinal = re.findall(r"\b(\d+)(?:st|nd|rd|th)\b", words)
    if not numbers and len(ordinal) == 1:
        return str(ordinal[0])
    if (
        (after and words.rstrip(" .").endswith(after[-1]))
        or (after and _AFTERWORD.sub("", words.rstrip(" .")).endswith(after[-1]))
        or len(set(after)) == 1
    ):
        return after[-1]
    return None
