"""The value in a line of words: what stands before and behind it is a remark, unless it changes the value."""

from __future__ import annotations

import re

from benchmark.grading.algebra import TooLarge
from benchmark.grading.answers import read
from benchmark.grading.structures import Group, Text
from benchmark.grading.tokens import Unreadable
from benchmark.grading.units import is_unit

__all__ = ["FORMULA", "MAX_ANSWER", "inside", "is_value", "result_of", "value_at"]

MAX_ANSWER = 2_000
"""A longer phrase is cut; the longest published gold answer has under 200 characters."""

FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$(?!\d[^$\n]*\s\$)([^$\n]+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL
)
_SENTENCE_END = re.compile(
    r"(?<!\bRs)(?<!\bapprox)(?<!\bca)(?<!\bsq)(?<!\bcu)(?<!\bNo)(?<!\b[apAP])\.(?=\s|$|\*)"
    r"|[。！]|,(?=\s+(?:so|because|since|which)\b)|<\||\s+I hope\b"
)
_LABEL = re.compile(
    r"[\s*_#✅:]{0,9}(?:therefore,?\s+|so,?\s+|thus,?\s+|hence,?\s+)?(?:the\s+|my\s+|our\s+)?"
    r"(?:final\s+|correct\s+)?(?:answer|result)\s*[*_]{0,3}\s*(?:is\b|are\b|[:=：→]|->|=>)[\s:*_]{0,9}",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"(?:(?:is|are|equals?|equal\s+to|approximately|approx\.?|about|around|roughly|circa|exactly|precisely|only|just|simply"
    r"|indeed|therefore|thus|hence|so|clearly|a\s+total\s+of|in\s+total|altogether|the\s+number|the\s+value|≈|~|\\approx|\\sim|="
    r"|→|⇒|->|=>|[:–—])[\s,:]*)+(?=[\s\d$\\(\[{+\-−–.£€¥₹A-Za-z*])",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"\b(?:or|nor|not|no|never|wrong|incorrect|mistaken?|error|if|when|unless|otherwise|maybe|perhaps|possibly|but|instead"
    r"|actually|wait|hmm|could|might|except|plus|minus|times|more|less|fewer|least|most|up\s+to|over|under|below|above|between"
    r"|either|neither|at\s+(?:least|most)|n't|squared|cubed|percent|thousand|million|billion|half)\b|n't\b",
    re.IGNORECASE,
)
_REMARK = re.compile(r"(?:\s*[,，]\s+|\s+[-–—]{1,2}\s+|\s*;\s+|\s*，)(?=[^\W\d_])(?P<remark>[^\d=<>$\\]*)$")
_BRACKET = re.compile(r"\s+[(（\[]\s*(?P<remark>[A-Za-z]{3}[A-Za-z ,.'-]*|[^\x00-\x7f]+)[)）\]]$")
_APPROXIMATE = re.compile(
    r"\s*[(（\[]\s*(?:\\?approx\w*\.?|≈|~|about|or\s+(?:about|approximately|roughly)|roughly)[^()（）]*[)）\]]$"
)
_FEW_WORDS = re.compile(r"[A-Za-z]{2,}\s+\S+\s")
_ORNAMENT = re.compile("^'(?=[^']*'$)|(?<=\\d)'$|[\\s\U0001f300-\U0001faff\u2600-\u27bf\ufe0f]+$")
_AMOUNT = re.compile(r"(?<![A-Za-z])(?:Rs\.?|INR|USD|EUR|GBP)\s*(?=\d)|(?<=\d)\s*/-(?!\d)")


def inside(formula: re.Match[str]) -> str | None:
    """A formula without its delimiters."""
    return next((group.strip() for group in formula.groups() if group is not None), None) or None


def is_value(text: str) -> bool:
    """Whether the text reads as something with a value, not as words alone."""
    try:
        answer = read(text)
    except (Unreadable, TooLarge):
        return False
    if isinstance(answer, Group) and any(isinstance(item, Text) for item in answer.items):
        return False
    return not isinstance(answer, Text)


def value_at(rest: str) -> str | None:
    """The value with which a text begins: its first formula or line, to the end of the sentence, without remarks.

    Words that say the same as the marker ("the answer is") and words of quantity ("approximately") before the value are
    left out, too. Where no value is recognised the words come back as they are.
    """
    rest = rest[:MAX_ANSWER].lstrip(" \n*:_\t\r")
    while label := _LABEL.match(rest):
        rest = rest[label.end() :].lstrip(" \n*:_")
    formula = FORMULA.match(rest)
    line = rest[: formula.end()] if formula else ""
    line += rest[len(line) :].split("\n", 1)[0]
    end = _SENTENCE_END.search(line, formula.end() if formula else 0)
    line = (line[: end.start()] if end else line).strip(" \t\r")
    if formula and not line[formula.end() :].strip(" .*_,;:✓✔️!"):
        return inside(formula)
    line = _ORNAMENT.sub("", line)
    line = line.strip("*_ ") if not line.startswith("_{") else line
    short = _without_remarks(line)
    if short is not None:
        return short
    if formula:
        return (
            None if _CHANGES.search(line[formula.end() :]) and not is_value(inside(formula) or "") else inside(formula)
        )
    if _FEW_WORDS.match(line) and (stated := result_of(line)) and not _doubted(line, stated):
        return stated
    return line or None


def _doubted(line: str, result: str) -> bool:
    """Whether "at least", "not" or the like stands right before the result, or "or more" behind it."""
    place = line.rfind(result)
    behind = line[place + len(result) :]
    return bool(_BEFORE.search(line[: max(place, 0)])) or bool(_BEHIND.match(behind))


_NAMED = re.compile(r"[A-Za-z][^\d=<>\n]{0,200}?\b(?:is|are|equals|was|were)\s+(?=\$?-?(?:\d|\.\d|\\d?frac\b))")
_NO_NAME = re.compile(r"\b(?:not|no|never|neither|nor|or|if|unless|than|least|most)\b|n't\b", re.IGNORECASE)
_BEFORE = re.compile(
    r"(?:\b(?:at\s+(?:least|most)|than|not|never|neither|either|up\s+to|over|under|between|or|nor|below|above|almost|nearly|minus"
    r"|negative|maybe|perhaps|possibly)|n't)\s*(?:(?:be|exactly|precisely|necessarily|quite|really|just|only|simply|equal|to|about)\s+){0,3}[$*(\\]{0,3}$",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"[\s$*)]{0,4}(?:or|and)\s+(?:more|less|fewer|above|below|greater|higher|lower|a\s+half)\b"
    r"|[\s$*)]{0,4}or\s+[$*(\\]{0,3}-?\d",
    re.IGNORECASE,
)


def _without_remarks(line: str) -> str | None:
    """The line without the words around its value, where what is left is a value; else `None`."""
    named = _NAMED.match(line)
    starts = [line[named.end() :]] if named and not _NO_NAME.search(named[0]) else []
    for start in (*starts, line, _QUANTITY.sub("", line, count=1) if _QUANTITY.match(line) else line):
        kept = _AMOUNT.sub("", start).strip(" *_").rstrip(" *_.")
        for _ in range(3):
            match = _APPROXIMATE.search(kept) or _BRACKET.search(kept)
            if match is None and is_value(kept):
                return kept
            match = match or _REMARK.search(kept)
            if match is None or (match.re is not _APPROXIMATE and _CHANGES.search(match["remark"])):
                break
            bracketed = match["remark"].strip() if match.re is _BRACKET else ""
            kept = kept[: match.start()].rstrip()
            if bracketed and is_unit(bracketed) and is_value(f"{kept} {bracketed}"):
                kept = f"{kept} {bracketed}"
            kept = kept.strip(" *_")
        else:
            continue
        if is_value(kept):
            return kept
    return None


# --- the last stated result -----------------------------------------------------------------------------------------

_NUMBER = r"(?<![\w.#])-?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?(?:\s?%)?"
_NUMBERS = re.compile(_NUMBER)
_VERB_NUMBER = re.compile(rf"(?:\b(?:is|are|was|were|be|equals|gets?|of)\s+|=\s*)(?:approximately |about )?({_NUMBER})")
_EQUALS = re.compile(r"(?<![<>!=])=(?!=)")
_AFTERWORD = re.compile(r"\s?[A-Za-z²³€%$]+$")


def result_of(sentence: str) -> str | None:  # noqa: PLR0911 - one rule, one return
    """The value a sentence states: after its last `=`, its only formula or number, or the number after a verb."""
    formulas = [found for match in FORMULA.finditer(sentence) if (found := inside(match))]
    if formulas and _EQUALS.search(formulas[-1]) and len(formulas[-1]) <= 400:
        return _EQUALS.split(formulas[-1])[-1].strip(" .,&") or None
    words = FORMULA.sub(" ", sentence)
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
