"""Tokens in parts: at commas, at signs, at the words that join answers, outside all brackets."""

from __future__ import annotations

from benchmark.grading.tokens import BRACKETS, Token, Unreadable, close_of

__all__ = ["CONDITION", "OR", "at_commas", "at_signs", "at_unions", "peeled", "signs_of", "split"]

SIGNS = {"=", "<", ">", "le", "ge", "ne", "in", "≈"}
OR = frozenset(("or", "或", "或者", "oder", "ou", "or else"))
AND = frozenset(("and", "和", "与", "以及", "及", "und", "et", "y"))
CONDITION = frozenset(("and", "but", "with", "where", "且", "并且", "for", "and also", "such that"))


def peeled(tokens: list[Token]) -> list[Token]:
    """Without braces around the whole, and without a comma or full stop at its end."""
    while tokens and tokens[-1].value in (",", ";", ".") and tokens[-1].kind == "symbol":
        tokens = tokens[:-1]
    while len(tokens) > 1 and tokens[0].value == "{" and close_of(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def split(tokens: list[Token], separators: set[str], *, words: frozenset[str] = frozenset()) -> list[list[Token]]:
    """At the separators and joining words that stand in no bracket. Unreadable for a bracket that stays open."""
    parts: list[list[Token]] = [[]]
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "begin" or (token.kind in ("symbol", "command") and token.value in BRACKETS):
            end = close_of(tokens, index)
            if end is None:
                raise Unreadable("a bracket that does not close")
            parts[-1] += tokens[index : end + 1]
            index = end + 1
            continue
        is_word = bool(words) and token.kind in ("word", "text") and token.value.strip(" ,.").lower() in words
        if is_word or (token.kind in ("symbol", "command") and token.value in separators):
            parts.append([])
        else:
            parts[-1].append(token)
        index += 1
    return parts


def at_commas(tokens: list[Token]) -> list[list[Token]]:
    """Members of a list, in any language."""
    parts = split(tokens, {",", ";"}, words=OR | AND)
    return [part for part in parts if part] if len(parts) > 1 else parts


def at_unions(tokens: list[Token]) -> list[list[Token]]:
    """Members of a union."""
    return split(tokens, {"cup"})


def at_signs(tokens: list[Token]) -> list[list[Token]]:
    """Sides of a relation."""
    return split(tokens, SIGNS)


def signs_of(tokens: list[Token]) -> list[str]:
    """The signs between the sides of a relation."""
    found, index = [], 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "begin" or (token.kind in ("symbol", "command") and token.value in BRACKETS):
            index = close_of(tokens, index) or index
        elif token.kind in ("symbol", "command") and token.value in SIGNS:
            found.append(token.value)
        index += 1
    return found
