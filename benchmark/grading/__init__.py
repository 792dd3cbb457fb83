r"""The examiner's verdict on a completion: extract the final answer, compare it exactly, ask Math-Verify for the rest.

Training reward and examination use this one function. Numbers are compared as exact fractions, never as floats. The
answer is the last complete `\boxed{}` (or `\fbox{}`), else the last `####` line, else what follows the last "the
answer is" or "final answer:"; a completion that is nothing but one answer needs no marker. Units, degree and percent
signs beside a number are read over, so `25\%` is 25; numerals with a base must agree in both.
"""

from __future__ import annotations

import importlib.metadata
import re
import threading
import time
from collections import OrderedDict
from fractions import Fraction
from typing import TYPE_CHECKING

from benchmark.contract import Verdict, VerdictKind
from benchmark.grading.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "GRADER",
    "extract_answer",
    "extract_gold_gsm8k",
    "extract_gold_math",
    "grade",
    "grade_all",
    "math_verify_version",
]

GRADER = "bakeoff-grader 1"

MAX_TEXT = 20_000
"""Only the last characters of a completion are read: the answer stands at its end, and every step stays linear."""
MAX_ANSWER = 2_000
"""A longer answer that is not a number is undecided; the longest published gold answer has under 200 characters."""
CACHE_SIZE = 65_536

_BOX_TOKEN = re.compile(
    r"(?P<box>\\{1,4}(?:boxed|fbox)\s{0,9}\{)|(?P<bare>\\(?:boxed|fbox)\s{1,9}[^\s${}\\]+)|\\.|[{}]", re.DOTALL
)
_PHRASE = re.compile(
    r"(?:\b(?:final|the|correct|my)\s+answer\b[^\S\n]*(?:is\b|[:=])|\banswer\b[^\S\n]*(?:is\b|:)"
    r"|^A:|^\W{0,3}answer(?=\s*[$\\]))[\s:*]{0,9}",
    re.IGNORECASE | re.MULTILINE,
)
_MATH = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|,(?=\s+(?:so|because|since|which)\b)|<\||\s+I hope\b")

_Decision = tuple[VerdictKind, str]
_worker = Worker()
_cache: OrderedDict[tuple[str, str], _Decision] = OrderedDict()
_cache_lock = threading.Lock()


def grade(completion: str, gold: str) -> Verdict:
    """Judge a completion against the final answer `gold` (the answer alone, not a worked solution).

    `undecided` when Math-Verify ran out of time or memory, `error` when it is missing or failed; never `wrong` then.
    """
    started = time.perf_counter()
    answer = extract_answer(completion)
    kind: VerdictKind
    kind, route = ("no_answer", "no_marker") if answer is None else _decide_cached(answer, gold)
    return Verdict(kind=kind, answer=answer, route=route, seconds=time.perf_counter() - started)


def grade_all(pairs: Sequence[tuple[str, str]]) -> list[Verdict]:
    """`grade` of each (completion, gold), in order. Equal pairs of answer and gold are judged once."""
    return [grade(completion, gold) for completion, gold in pairs]


def math_verify_version() -> str | None:
    """Installed version of math-verify, read without importing it; `None` where it is missing."""
    try:
        return importlib.metadata.version("math-verify")
    except importlib.metadata.PackageNotFoundError:
        return None


# --- extraction -----------------------------------------------------------------------------------------------------


def extract_answer(text: str) -> str | None:
    """The final answer as written, or `None`. Later contradicts earlier; drawing code and open boxes do not count."""
    text = _without_drawings(text[-MAX_TEXT:])
    for find in (_last_box, _last_hash_line, _last_phrase, _bare_answer):
        answer = find(text)
        if answer:
            return answer
    return None


def extract_gold_gsm8k(answer: str) -> str:
    """The text after the last `####` of a published GSM8K solution. ValueError without one."""
    found = _last_hash_line(answer)
    if found is None:
        raise ValueError("the solution has no line '#### <answer>'")
    return found


def extract_gold_math(solution: str) -> str:
    """The last complete box of a published MATH solution. ValueError without one."""
    found = _last_box(_without_drawings(solution))
    if found is None:
        raise ValueError("the solution has no complete \\boxed{<answer>}")
    return found


def _without_drawings(text: str) -> str:
    """Cut `[asy]…[/asy]`; an unclosed one stays."""
    pieces, position = [], 0
    while (start := text.find("[asy]", position)) >= 0 and (end := text.find("[/asy]", start)) >= 0:
        pieces.append(text[position:start])
        position = end + len("[/asy]")
    return "".join([*pieces, text[position:]])


def _last_box(text: str) -> str | None:
    """Content of the box that closes last, in one pass with a stack of open braces."""
    open_braces: list[tuple[str, int]] = []
    found: str | None = None
    for token in _BOX_TOKEN.finditer(text):
        word = token.group()
        if token["box"]:
            open_braces.append((word, token.end()))
        elif token["bare"]:
            found = word.split(maxsplit=1)[1].rstrip(".,;")
        elif word == "{":
            open_braces.append(("", 0))
        elif word == "}" and open_braces:
            opened, start = open_braces.pop()
            if opened and (content := text[start : token.start()].strip()):
                # a box behind two backslashes was escaped once too often, and so was everything in it
                found = content.replace("\\\\", "\\") if opened.startswith("\\\\") else content
    return found


def _last_hash_line(text: str) -> str | None:
    """What follows the last `####` on its line, if anything does."""
    position = len(text)
    while (position := text.rfind("####", 0, position)) >= 0:
        line = text[position + 4 :].split("\n", 1)[0].strip("#* \t\r")
        if line:
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
    return (line[: end.start()] if end else line).strip(" *") or None


def _bare_answer(text: str) -> str | None:
    """The whole text where it is one formula or one number and nothing else."""
    text = text.strip()
    if len(text) > MAX_ANSWER:
        return None
    formula = _MATH.fullmatch(text)
    if formula:
        return _inside(formula)
    return text if _number(text) is not None else None


def _inside(formula: re.Match[str]) -> str | None:
    """A formula without its delimiters."""
    return next((group.strip() for group in formula.groups() if group is not None), None) or None


# --- comparison -----------------------------------------------------------------------------------------------------


def _decide_cached(answer: str, gold: str) -> _Decision:
    """`_decide`, remembered; failures of the worker are tried again."""
    key = (answer, gold)
    with _cache_lock:
        known = _cache.get(key)
    if known is not None:
        return known
    decision = _decide(answer, gold)
    if decision[0] != "error":
        with _cache_lock:
            _cache[key] = decision
            if len(_cache) > CACHE_SIZE:
                _cache.popitem(last=False)
    return decision


def _decide(answer: str, gold: str) -> _Decision:
    """Equal text, else equal fractions, else Math-Verify."""
    left, right = _drop_one_side(_plain(answer), _plain(gold))
    if left == right or (left.isalpha() and left.casefold() == right.casefold()):
        return "correct", "exact"
    left_number, right_number = _number(answer), _number(gold)
    if left_number is not None and right_number is not None:
        return ("correct" if left_number == right_number else "wrong"), "rational"
    left_digits, right_digits = _BASED.fullmatch(left), _BASED.fullmatch(right)
    if left_digits and right_digits:  # equal ones were equal texts; Math-Verify would read the base over
        return "wrong", "base"
    if len(answer) > MAX_ANSWER:
        return "undecided", "answer_too_long"
    return _VERDICTS[_worker.compare(_for_parser(answer), _for_parser(gold))]


_VERDICTS: dict[str, _Decision] = {
    "equal": ("correct", "math_verify"),
    "different": ("wrong", "math_verify"),
    "timed_out": ("undecided", "math_verify_timed_out"),
    "out_of_memory": ("undecided", "math_verify_out_of_memory"),
    "missing": ("error", "math_verify_missing"),
    "failed": ("error", "math_verify_failed"),
}

_TEXT_COMMAND = r"\\(?:text|textbf|textit|textrm|mbox|mathrm|mathbf|rm|bf)\b"
_SPACES = re.compile(r"\\[,;:! ]|~|\\quad\b|\\qquad\b|\\displaystyle\b")
_DELIMITERS = re.compile(r"\\left(?![a-z])|\\right(?![a-z])|\\[()\[\]]|\$|\\\$|[€£]")
_BRACED_DIGIT = re.compile(r"([_^])\{(\w)\}")
_FRACTION_DIGITS = re.compile(r"\\frac(?:(\d)(\d)|(\d)\{|(\{[^{}]*\})(\d))")
_BASED = re.compile(r"\d[0-9A-Fa-f]*_\{?\d+\}?")
_LEFT_SIDE = re.compile(r"^[A-Za-z](?:_?\w|\([A-Za-z]\))?(?:=|\\in(?![a-z]))")


def _plain(text: str) -> str:
    """One spelling for what only looks different: spacing, delimiters, fraction commands, text commands, full stops."""
    text = _SPACES.sub(" ", text.replace("{,}", ",").replace("\\!", ""))
    text = _DELIMITERS.sub("", text).replace("−", "-")
    text = re.sub(r"\\[dtc]frac(?![a-z])", r"\\frac", text)
    text = re.sub(_TEXT_COMMAND, "", text)
    text = re.sub(r"_\{(\d+)\}", r"_\1", text)
    text = _BRACED_DIGIT.sub(r"\1\2", text.replace("\\%", "%").replace("^{\\circ}", "°").replace("^\\circ", "°"))
    text = re.sub(r"\s+", "", text).rstrip(".,;").replace("∞", "\\infty")
    letter = re.fullmatch(r"[({]*([A-Za-z])[)}]*", text)
    if letter:
        return letter[1]
    return text[1:-1] if re.fullmatch(r"\{[^{}]*\}", text) else text


def _drop_one_side(left: str, right: str) -> tuple[str, str]:
    """`x=9` against `9` is 9 against 9; where both sides name something, the names stay."""
    left_named, right_named = _LEFT_SIDE.match(left), _LEFT_SIDE.match(right)
    if left_named and not right_named:
        return left[left_named.end() :], right
    if right_named and not left_named:
        return left, right[right_named.end() :]
    return left, right


def _for_parser(text: str) -> str:
    """What Math-Verify is given: no outer delimiters, no final full stop."""
    return _MATH_SIGN.sub("", text).strip().rstrip(".").replace("∞", "\\infty")


_MATH_SIGN = re.compile(r"(?<!\\)\$|\\[()\[\]]")

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?:(?P<whole>\d+)(?=\\frac|\s\d+/))?\s?"
    rf"(?:\\frac\{{(?P<top>-?{_DECIMAL})\}}\{{(?P<bottom>-?{_DECIMAL})\}}|(?P<value>{_DECIMAL})(?:/(?P<over>{_DECIMAL}))?)"
)
_UNIT_COMMAND = re.compile(rf"{_TEXT_COMMAND}\s*\{{[^{{}}]*\}}(?:\^\{{?\d\}}?)?$")
_UNIT_WORDS = re.compile(r"(?<=[\d}.°%])\s*((?:\s?[A-Za-z]{2,}\.?|\s[a-z]\.[a-z]\.)+)(?:\^\{?\d\}?)?$")
_NOT_UNITS = re.compile(
    r"\b(?:sqrt|pi|or|and|to|over|times|plus|minus|sin|cos|tan|cot|sec|csc|log|ln|exp|mod|base|root|squared|cubed"
    r"|hundred|thousand|million|billion|trillion|dozen|half|halves|thirds?|quarters?)\b",
    re.IGNORECASE,
)


def _number(text: str) -> Fraction | None:
    """The exact value of a decimal, fraction or mixed number with an optional unit; `None` for anything else."""
    text = _SPACES.sub("", text.replace("{,}", ",")).replace("−", "-")
    text = _DELIMITERS.sub("", text).strip()
    text = _UNIT_COMMAND.sub("", text).strip().rstrip(".;,")
    if text.count("{") and (whole := re.fullmatch(rf"(?:{_TEXT_COMMAND}\s*)?\{{([^{{}}]*)\}}", text)):
        text = whole[1].strip()
    text = re.sub(r"\^\{?\\circ\}?|°|\\?%", "", text).strip()
    unit = _UNIT_WORDS.search(text[-60:])
    if unit and not _NOT_UNITS.search(unit[1]):
        text = text[: len(text) - len(unit.group())].strip()
    text = re.sub(r"^[A-Za-z]\s*=", "", text)
    text = _FRACTION_DIGITS.sub(_braced, re.sub(r"\\[dtc]frac(?![a-z])", r"\\frac", text))
    text = re.sub(r"(?<=[{}\d/+-])\s+(?=[{}/\\])|(?<=[{/+-])\s+(?=\d)|\s+(?=/)", "", text.strip())
    match = _NUMBER.fullmatch(text)
    return _value(match) if match else None


def _braced(match: re.Match[str]) -> str:
    r"""`\\frac12`, `\\frac1{2}` and `\\frac{1}2` with both braces."""
    both, second, only, braced, last = match.groups()
    if both:
        return f"\\frac{{{both}}}{{{second}}}"
    return f"\\frac{{{only}}}{{" if only else f"\\frac{braced}{{{last}}}"


def _value(match: re.Match[str]) -> Fraction | None:
    """The fraction that a match of `_NUMBER` spells; `None` for a division by zero."""
    top = _exact(match["top"] or match["value"])
    bottom = _exact(match["bottom"] or match["over"] or "1")
    if bottom == 0:
        return None
    value = _exact(match["whole"] or "0") + top / bottom
    return -value if match["sign"] == "-" else value


def _exact(digits: str) -> Fraction:
    """A decimal of any length; Python refuses to read more than 4,300 digits at once."""
    negative, digits = digits.startswith("-"), digits.lstrip("-").replace(",", "")
    whole, _, decimals = digits.partition(".")
    value, digits = 0, whole + decimals
    for start in range(0, len(digits), 4000):
        block = digits[start : start + 4000]
        value = value * 10 ** len(block) + int(block)
    return Fraction(-value if negative else value, 10 ** len(decimals))
