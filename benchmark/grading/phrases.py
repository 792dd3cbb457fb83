"""Tokens that are words: a phrase as an answer of its own, and a name in words before a value."""

from __future__ import annotations

import re

from benchmark.grading.spelling import words_of
from benchmark.grading.structures import Text
from benchmark.grading.tokens import Token, Unreadable

__all__ = ["name_in_words", "phrase", "words_alone"]

_NAMING = re.compile(r"(?P<name>.*?)\s*(?:\b(?:is|are|equals?|equal to|was|becomes)|[:=])", re.IGNORECASE | re.DOTALL)
_NO_NAME = re.compile(
    r"\b(?:not|no|never|n't|least|most|than|if|unless|or|except|neither|lambda|return|print|def|else|max|min|gcd|lcm)"
    r"\b|n't\b",
    re.IGNORECASE,
)


def name_in_words(tokens: list[Token]) -> tuple[str, list[Token]] | None:
    """The name and the tokens of the value behind it; `None` where the words are no name, or change the value."""
    count = 0
    while count < len(tokens) and (
        tokens[count].kind in ("text", "word") or (count and tokens[count].kind == "letter" and tokens[count].spaced)
    ):
        count += 1
    if not count or count >= len(tokens):
        return None
    sign = tokens[count].value == ":"
    words = " ".join(token.value for token in tokens[:count]) + (":" if sign else "")
    naming = _NAMING.fullmatch(words)
    rest = tokens[count + sign :]
    if naming is None or not rest or _NO_NAME.search(words) or len(words) > 120 or any(map(str.isdigit, words)):
        return None
    return words_of(naming["name"]) or "answer", rest


def phrase(tokens: list[Token]) -> Text:
    """Words with numbers among them: a date, a time. Raises `Unreadable` for anything else."""
    written = any(token.kind == "text" or (token.kind == "word" and len(token.value) > 2) for token in tokens)
    if not written or not all(
        token.kind in ("text", "word", "letter", "number") or token.value in ".,:'-" for token in tokens
    ):
        raise Unreadable("neither an expression nor words")
    return Text(words_of(" ".join(token.value for token in tokens)))


def words_alone(tokens: list[Token]) -> str | None:
    """Text without any mathematics; `None` for anything else."""
    if all(
        token.kind in ("text", "word", "letter") or token.value in (",", "'", "-", "(", ")", ":") for token in tokens
    ):
        inside = " ".join(token.value for token in tokens if token.kind in ("text", "word", "letter"))
        if any(token.kind != "letter" for token in tokens if token.kind != "symbol") and not any(
            map(str.isdigit, inside)
        ):
            return words_of(inside)
    return None
