r"""The boxed answer: the last complete box, with those before it that are slots of the same answer.

A box that is opened and never closed, or that is empty, behind the last complete one ends the search: the model had
taken back what it had said before.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from benchmark.grading.algebra import TooLarge
from benchmark.grading.answers import read
from benchmark.grading.comparison import same
from benchmark.grading.tokens import Unreadable

__all__ = ["ABANDONED", "Box", "Boxes", "boxes_in", "joined"]

ABANDONED = ""
"""The content of a box that is no answer."""

_COMMANDS = r"(?:boxed|fbox|framebox|bbox|ovalbox|Ovalbox|doublebox|shadowbox)"
_BOX_TOKEN = re.compile(
    rf"(?P<box>(?:\\{{1,4}}{_COMMANDS}|\x08oxed)\s{{0,9}}(?:\[[^\[\]\n]{{0,60}}\]\s?)?\{{)"
    r"|(?P<bare>\\(?:boxed|fbox)(?:\s{1,9}[^\s${}\\]+|\d))|\\.|[{}]",
    re.DOTALL,
)
_ANY = re.compile(rf"{_COMMANDS}|\x08oxed")
_EMPTY = re.compile(
    r"(?:[\s~?_…]|\\[,;:!> _]|\\(?:q?quad|text|phantom|hspace|ldots|dots)(?![A-Za-z])|\.{3}|\{\s*\}|\\?\$)*"
)
_LABEL = (
    r"(?:\(\s*(?:[a-hA-H]|[ivx]{1,4}|\d{1,2})\s*\)|\b(?:part|question|blank|slot|answer)\s+\(?(?:[a-hA-H]|[ivx]{1,4}|\d{1,2})\)?"
    r"|(?:^|(?<=[\s*]))(?:[a-hA-H]|[ivx]{1,4}|\d{1,2})[.)])"
)
_LABELLED = re.compile(
    rf"[\s$.,;)\]\\*_\-]*(?:\band\b\s*)?(?P<label>{_LABEL})\s*[*_]{{0,3}}\s*[:=.]?"
    r"(?:[^\d\n.\\]|\\[(\[]|\\text\s*\{[^{}\d]{0,60}\})*",
    re.IGNORECASE,
)
_GLUE = re.compile(
    r"(?:\s|\$|\\\[|\\\]|\\\(|\\\)|\\[,;: ]|\\quad|\\qquad|[,;.、，；]|\\text\s*\{[^{}]{0,60}\}|&|="
    r"|\band\b|\bor\b|和|或|与|\\(?:mathrm|mbox)\s*\{\s*(?:and|or)\s*\}|[A-Za-z](?:_\{?\w\}?)?\s*=)*"
)
_JOINS = re.compile(r"[,;、，；]|\band\b|\bor\b|和|或|与|=|\\quad|\\text|^\s*$")
_ALIGNED = re.compile(r",\s*\\\\\s*[^\n]{0,300}&=[^\n]{0,300}=\s*")


class Box(NamedTuple):
    """One complete box: where it stands, and what is in it."""

    start: int
    end: int
    content: str


class Boxes(NamedTuple):
    """The complete boxes that stand in no other box, in order, and where the last abandoned one was opened."""

    complete: list[Box]
    abandoned: int
    """-1 where every box closes and holds something."""


def boxes_in(text: str) -> Boxes:
    """All boxes in one pass with a stack of open braces."""
    first = text.find("box") if "\x08oxed" not in text else 0
    if first < 0:
        return Boxes([], -1)
    open_braces: list[tuple[str, int, int]] = []
    found: list[Box] = []
    abandoned = -1
    for token in _BOX_TOKEN.finditer(text, max(0, first - 12)):
        word = token.group()
        if token["box"]:
            open_braces.append((word, token.start(), token.end()))
        elif token["bare"]:
            content = re.sub(r"^\\f?box(?:ed)?\s*", "", word).rstrip(".,;")
            found.append(Box(token.start(), token.end(), content))
        elif word == "{":
            open_braces.append(("", 0, 0))
        elif word == "}" and open_braces:
            opened, start, inside = open_braces.pop()
            if not opened:
                continue
            content = text[inside : token.start()].strip()
            if _EMPTY.fullmatch(content):
                abandoned = max(abandoned, start)
                continue
            # a box behind two backslashes was escaped once too often, and so was everything in it
            content = content.replace("\\\\", "\\") if opened.startswith("\\\\") else content
            while found and found[-1].start > start:
                found.pop()
            found.append(Box(start, token.end(), content))
    unclosed = max((start for opened, start, _ in open_braces if opened), default=-1)
    return Boxes(found, max(abandoned, unclosed))


def joined(text: str, boxes: list[Box]) -> tuple[str, bool]:
    """The last box with those before it that belong to it, and whether they are several."""
    run, labelled = [boxes[-1]], False
    for box in reversed(boxes[:-1]):
        between = text[box.end : run[0].start]
        label = len(between) <= 200 and bool(_LABELLED.fullmatch(between))
        if len(between) > 700 or not (label or _ALIGNED.fullmatch(between) or _glued(between)):
            break
        labelled |= label
        run.insert(0, box)
    contents = [_inner(box.content) for box in run]
    if not labelled:
        contents = list(dict.fromkeys(contents))
        if all(_alike(content, contents[-1]) for content in contents[:-1]):
            return contents[-1], False
    return ", ".join(contents), len(contents) > 1


def _inner(content: str) -> str:
    """A box within a box is the answer, where only words and names stand around it."""
    for _ in range(MAX_NESTED):
        if not _ANY.search(content):
            return content
        inside = boxes_in(content).complete
        if len(inside) != 1 or re.search(r"[\d,;(\[]", content[: inside[0].start] + content[inside[0].end :]):
            break
        content = inside[0].content
    return re.sub(rf"\\{_COMMANDS}\s*(?=\{{)", "", content)


MAX_NESTED = 4


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
