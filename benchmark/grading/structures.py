"""What an answer can be: scalar, text, numeral with a base, sequence, set, list, union, matrix, relation."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.grading.algebra import Value

__all__ = ["Answer", "Based", "ClockTime", "Group", "Matrix", "Reals", "Relation", "Scalar", "Text", "written"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; `value` is `None` where only Math-Verify could say what it is."""

    value: Value | None
    source: str
    percent: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Words, in small letters, without punctuation."""

    words: str


@dataclass(frozen=True, slots=True)
class Based:
    """A numeral with the base written at its foot; never converted."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Group:
    """Several answers in one.

    `kind`: the two brackets of a sequence or interval, `{}` for a set, `,` for a bare list, `:` for a ratio of three or
    more; `∪`, `∩` and `∖` of sets; `or` and `and` of conditions.
    """

    kind: str
    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of entries; a determinant is another kind."""

    kind: str
    rows: tuple[tuple[Answer, ...], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """`sides` joined by `signs`: `=`, `<`, `>`, `le`, `ge`, `ne`, `in`."""

    sides: tuple[Answer, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reals:
    """All real numbers."""


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time of day in minutes after midnight; `known` is false where nothing tells the morning from the evening."""

    minutes: int
    known: bool


Answer = Scalar | Text | Based | Group | Matrix | Relation | Reals | ClockTime


def written(answer: Answer) -> str:  # noqa: PLR0911 - one return for each structure
    """The normal form as text, for a person and for counting different answers."""
    if isinstance(answer, Scalar):
        value = answer.source if answer.value is None else answer.value.written()
        return value + "%" * answer.percent + f" {answer.unit}" * (answer.unit not in ("", "°", "$"))
    if isinstance(answer, Reals):
        return "ℝ"
    if isinstance(answer, ClockTime):
        return f"{answer.minutes // 60}:{answer.minutes % 60:02}{'' if answer.known else '?'}"
    if isinstance(answer, Text):
        return answer.words
    if isinstance(answer, Based):
        return f"{answer.digits}_{answer.base}"
    if isinstance(answer, Matrix):
        return answer.kind + "[" + "; ".join(", ".join(map(written, row)) for row in answer.rows) + "]"
    if isinstance(answer, Relation):
        signs = (*answer.signs, "")
        return " ".join(f"{written(side)} {sign}" for side, sign in zip(answer.sides, signs, strict=True)).rstrip()
    items = [written(item) for item in answer.items]
    if answer.kind in (",", "∪", "∩", "or", "and"):
        return f" {answer.kind} ".join(sorted(items)).replace(" ,", ",")
    if answer.kind in (":", "∖"):
        return f" {answer.kind} ".join(items)
    return answer.kind[0] + ", ".join(sorted(items) if answer.kind == "{}" else items) + answer.kind[1]
