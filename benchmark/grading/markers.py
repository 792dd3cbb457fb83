"""Answers that are marked without a box: `<answer>`, `####`, an answer phrase, a heading, bold print, nothing else."""

from __future__ import annotations

import re
from typing import NamedTuple

from benchmark.grading.algebra import TooLarge
from benchmark.grading.answers import read
from benchmark.grading.structures import Scalar
from benchmark.grading.tokens import Unreadable
from benchmark.grading.wording import FORMULA, MAX_ANSWER, inside, is_value, result_of, value_at

__all__ = ["Tag", "bare", "bold", "first_mark", "hash_line", "headed", "phrase", "stated", "tagged"]

_TAG = re.compile(r"<(?P<close>/?)\s?(?:answer|final[_\- ]?answer|final|ans)\s?>", re.IGNORECASE)
_THE = r"(?:final|the|correct|right|my|our|overall|numerical|best)"
_ASKED = (
    r"(?:\s+(?:to|for|of)\s+(?:the|this|our|part|question|problem)[^.\n:=]{0,50}?|\s+in\s+[^.\n:=]{1,30}?|\s+choice"
    r"|\s+option)?"
)
_SAYS = (
    r"[*_]{0,3}[^\S\n]*\)?[^\S\n]*(?:(?:is|are|equals|becomes|would\s+be|should\s+be|must\s+be|will\s+be|comes\s+(?:out\s+)?to"
    r"|works\s+out\s+to"
    r"|turns\s+out\s+to\s+be)\b|[:=：→⇒⟹≈]|->|=>|⇒)"
)
_PHRASE = re.compile(
    rf"(?:\b{_THE}\s+answers?\b{_ASKED}[^\S\n]*{_SAYS}|(?<![A-Za-z])answers?(?![A-Za-z])[^\S\n]*[*_]{{0,3}}[^\S\n]*(?:(?:is|are)\b|[:：→]|->|=>)"
    rf"|\b(?:correct|right|best|final)\s+(?:option|choice|letter|result)\b[^\S\n]*{_SAYS}"
    r"|^[^\S\n]*A:|^\W{0,3}answer(?=\s*[$\\])|^\W{0,6}(?:final\s+)?(?:result|answer)[^\S\n]?[*_]{0,3}[:：=][*_]{0,3}"
    r"|\banswers?[^\S\n]+[–—-][^\S\n]+(?=[\d$\\]))[\s:*_]{0,9}",
    re.IGNORECASE | re.MULTILINE,
)
_FOREIGN = re.compile(
    r"(?:答案(?:应该|应当|应|就)?(?:是|为|等于|[:：])|(?:^|\s|。)答[:：]|答え(?:は|[:：])|정답(?:은|[:：])|답(?:은|[:：])"
    r"|\bответ(?:ом)?\b[^\S\n]*(?:[:：—–-]|является|равен)|\br[ée]ponse(?:\s+finale|\s+correcte)?\b[^\S\n]*(?:est\b|[:：])"
    r"|\brespuesta(?:\s+final|\s+correcta)?\b[^\S\n]*(?:es\b|[:：])|\bantwort(?:\s+lautet|\s+ist\b|[^\S\n]*[:：])"
    r"|\brisposta(?:\s+finale|\s+corretta)?\b[^\S\n]*(?:è|[:：])|\bresposta(?:\s+final|\s+correta)?\b[^\S\n]*(?:é\b|[:：])"
    r"|\bodpowiedź\b[^\S\n]*(?:to\b|[:：])|đáp\s+(?:án|số)(?:\s+(?:là|cuối\s+cùng\s+là))?[^\S\n]*[:：]?"
    r"|คำตอบ(?:สุดท้าย)?\s*(?:คือ|[:：])|\bjibu(?:\s+ni\b|[^\S\n]*[:：])|উত্তর(?:\s+হল|\s+হলো|\s*[:：])|సమాధానం\s*[:：]?"
    r"|उत्तर(?:\s*[:：]|\s+है)?|(?:الجواب|الإجابة)(?:\s+هو|\s+هي|\s*[:：])|\bantwoord\b[^\S\n]*(?:is\b|[:：])"
    r"|\bsvar(?:et)?\b[^\S\n]*(?:är\b|er\b|[:：])|\bcevap\b[^\S\n]*[:：]|\bjawaban(?:nya)?\b[^\S\n]*(?:adalah\b|[:：]))(?:[\s:：*_]|[—–-](?=\s)){0,9}",
    re.IGNORECASE | re.MULTILINE,
)
_FOREIGN_END = re.compile(r"\s*(?:です|である|。|이다|입니다|है)[\s。.]*$")
_FINAL = re.compile(r"The final answer is\s*:?\s*\$?(?P<answer>[^\n]{1,200}?)\$?\.?\s+I hope it is correct")
_HEADED = re.compile(
    r"^[^\w\n$\\]{0,14}(?:the\s+|my\s+)?(?:final\s+|correct\s+)?(?:answer|result)s?[^\w\n$\\]{0,9}\n(?:[=-]{3,}\n)?\s*(?=\S)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(
    r"(?:sub-?)?(?:step|case|part|solution|conclusion|final|verification|summary|approach|method|problem|question"
    r"|explanation|answer\W*$)\b|answer\W*$|.*:$",
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?:\*{2,3}|__)(?P<bold>[^*\n]{1,200}?)(?:\*{2,3}|__)[.!✓✅\s]*$")
_PLAIN = re.compile(r"[-+]? ?(?:\d+(?:\.\d+)?(?: / \d+)?|\.\d+|(?:\d+ )?\\frac \{ -? ?\d+ \} \{ \d+ \}|\d+ \d+ / \d+)")
"""A number written out, as `Scalar.source` has it: an unfinished calculation is no answer."""
_LETTER = re.compile(r"\([A-J]\)[.!]?")
_CLOSING = re.compile(r"(?:\s*(?:I hope it is correct\.?|<\|[^\n]*))+$")
_BREAK = re.compile(r"(?<=[a-z)$\d%])[.!]\s+(?=[A-Z\"'])|(?<=[.!]\$\$|[.!]\\\])\s+(?=[A-Z])|\n+")
_DONE = (".", "!", "$", ")", "*", "。")


class Tag(NamedTuple):
    """What stands between `<answer>` and `</answer>`, or the end of the text; where it begins and ends."""

    start: int
    end: int
    content: str


def tagged(text: str) -> Tag | None:
    """The last answer in tags. With a closing tag alone, all before it: the opening one was part of the prompt."""
    if "<" not in text:
        return None
    tags = list(_TAG.finditer(text))
    if not tags:
        return None
    last = tags[-1]
    if not last["close"]:
        return Tag(last.start(), len(text), text[last.end() :].strip())
    before = tags[-2] if len(tags) > 1 else None
    start = before.end() if before else 0
    return Tag(before.start() if before else 0, last.end(), text[start : last.start()].strip())


def hash_line(text: str) -> str | None:
    """The value that follows the last `####` on its line, if that is no heading."""
    for found in reversed(_HASHES.findall(text)):
        line = next((part for part in reversed(_HASH_RUN.split(found)) if part.strip("#* \t\r")), "").strip("#* \t\r")
        if line and not _HEADING.match(line):
            return value_at(line)
    return None


_HASHES = re.compile(r"####[^\n]*")
_HASH_RUN = re.compile(r"#{4,}")


def phrase(text: str) -> str | None:
    """What the last answer phrase states; in English, else in another language."""
    lower = text.lower()
    end = _last_phrase(text, lower if len(lower) == len(text) else text)
    if end < 0 and not (text.isascii() and not any(word in lower for word in _FOREIGN_WORDS)):
        for match in _FOREIGN.finditer(text):
            end = match.end()
    if end < 0:
        return None
    sentence = value_at(text[end : end + MAX_ANSWER])
    if sentence is None or sentence.isascii():
        return sentence
    return _FOREIGN_END.sub("", sentence).strip("$ ") or None


_KEYS = ("answer", "a:", "result", "option", "choice", "letter")
_FOREIGN_WORDS = ("ponse", "puesta", "posta", "antwo", "jibu", "svar", "cevap", "jawab")


def _last_phrase(text: str, lower: str) -> int:
    """Where the last English phrase ends, -1 without one. Only what stands around its key words is searched."""
    found = -1
    for key in _KEYS:
        place, tried = len(text), 0
        while tried < MAX_TRIED and (place := lower.rfind(key, 0, place)) > found:
            tried += 1
            begin = max(0, place - 40)
            begin = text.rfind("\n", begin, place) + 1 or begin
            ends = [
                match.end()
                for match in _PHRASE.finditer(text, begin, min(len(text), place + 120))
                if match.start() <= place < match.end()
            ]
            if ends:
                found = max(found, *ends)
                break
    return found


MAX_TRIED = 200
"""Key words that are looked at from the end, so that a text made of nothing else costs no more than its length."""


def closing_sentence(text: str, start: int) -> str | None:
    """Minerva's sentence behind `start`."""
    later = [match["answer"] for match in _FINAL.finditer(text, start)]
    return later[-1] if later else None


def headed(text: str) -> str | None:
    """The value in the first line under the last heading "Answer", where that line is a value."""
    if "nswer" not in text and "NSWER" not in text and "esult" not in text:
        return None
    last = None
    for match in _HEADED.finditer(text):
        last = match
    found = value_at(text[last.end() :]) if last else None
    return found if found and is_value(found) else None


def bold(text: str) -> str | None:
    """A last line that is nothing but a value in bold."""
    line = text.rstrip().rsplit("\n", 1)[-1].strip()
    found = _BOLD.match(line)
    value = value_at(found["bold"]) if found else None
    return value if value and is_value(value) else None


def first_mark(text: str) -> int:
    """Where the first `####`, phrase, heading or closing tag that may hold an answer ends; -1 without one."""
    ends = [match.end() for pattern in (_HASHED, _PHRASE, _HEADED, _TAG) if (match := pattern.search(text))]
    return min(ends, default=-1)


_HASHED = re.compile(r"####[^\S\n]*[*$]{0,3}(?=[^\s#])(?![A-Za-z])[^\n]*")


def bare(text: str) -> str | None:
    """The whole text where it is one formula or one number and nothing else."""
    text = text.strip()
    text = text[2:-2].strip() if text.startswith("**") and text.endswith("**") else text
    if len(text) > MAX_ANSWER:
        return None
    if _LETTER.fullmatch(text):
        return text
    formula = FORMULA.fullmatch(text)
    if formula:
        return inside(formula)
    if text.count(" ") > 3 or not (text[:1] in "0123456789-+.$\\(−" or text[:1].isdecimal()):
        return None
    try:
        answer = read(text)
    except (Unreadable, TooLarge):
        return None
    return text if isinstance(answer, Scalar) and _PLAIN.fullmatch(answer.source) else None


def stated(text: str) -> str | None:
    """The result of the last sentence of a text that ends as sentences do."""
    text = _CLOSING.sub("", text[-MAX_ANSWER:].rstrip()).rstrip()
    short = len(text) <= 100 and "\n" not in text and text.count("=") <= 1
    if not (text.endswith(_DONE) or short) or text.endswith(("...", "call limit.", "```", "?")):
        return None
    sentence = [part.strip() for part in _BREAK.split(text) if part.strip()][-1:]
    if not sentence or (sentence[0].startswith(("#", "**")) and _HEADING.match(sentence[0].strip("#* "))):
        return None
    return result_of(sentence[0])
