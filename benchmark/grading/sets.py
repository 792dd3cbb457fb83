"""Sets of real numbers in a normal form: disjoint intervals in order, whatever they were written as.

Intervals, unions, exclusions, inequalities joined by "or" and "and", `x ≠ 0`, ℝ and sets of numbers become one list of
intervals with exact ends. Ends are ordered by floats only where they differ clearly; else there is no normal form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from benchmark.grading.algebra import number
from benchmark.grading.intervals import (
    ALL,
    LEAST,
    MOST,
    Interval,
    Pieces,
    Undecided,
    compare,
    complement,
    end,
    end_of,
    intersection,
    is_infinite,
    moved,
    moved_end,
    point,
    point_at,
    union,
)
from benchmark.grading.structures import Answer, Group, Reals, Relation, Scalar, Text

__all__ = ["INTERVALS", "RealSet", "certainly_a_set", "flipped", "real_set", "same_set"]

INTERVALS = ("()", "[]", "(]", "[)")
_ORDER = {"<": False, "le": True}
_FLIP = {"<": ">", "le": "ge", ">": "<", "ge": "le"}


@dataclass(frozen=True, slots=True)
class RealSet:
    """Disjoint intervals in ascending order, and the name of the variable where there is one."""

    intervals: tuple[Interval, ...]
    name: str = ""


def flipped(sign: str) -> str:
    """The sign of an inequality read from the other end."""
    return _FLIP.get(sign, sign)


def same_set(left: RealSet, right: RealSet) -> bool:
    """Whether two sets have the same members, and do not speak of two differently named variables."""
    if left.name and right.name and left.name != right.name:
        return False
    return len(left.intervals) == len(right.intervals) and all(
        compare(a.low, b.low) == 0 == compare(a.high, b.high)
        and (a.closed_low, a.closed_high) == (b.closed_low, b.closed_high)
        for a, b in zip(left.intervals, right.intervals, strict=True)
    )


def certainly_a_set(answer: Answer) -> bool:  # noqa: PLR0911 - one return for each structure
    """Whether the answer can be nothing but a set of numbers; `(1,2)` may be a point and `{1,2}` a list."""
    if isinstance(answer, Reals):
        return True
    if isinstance(answer, Text):
        return _REALS.fullmatch(answer.words) is not None
    if isinstance(answer, Relation):
        return any(sign in ("<", ">", "le", "ge", "ne") for sign in answer.signs)
    if not isinstance(answer, Group):
        return False
    if answer.kind in ("∪", "∩", "∖", "or", "and", "(]", "[)"):
        return True
    if answer.kind in ("()", "[]"):
        return any(isinstance(item, Scalar) and is_infinite(item) for item in answer.items)
    return answer.kind == "," and any(certainly_a_set(item) for item in answer.items)


def real_set(answer: Answer) -> RealSet | None:
    """The normal form; `None` where the answer is no set of real numbers or its ends cannot be ordered."""
    try:
        names: set[str] = set()
        found = _set(answer, names)
    except Undecided:
        return None
    return RealSet(found, next(iter(names), "")) if len(names) <= 1 else None


# --- what is written as a set ---------------------------------------------------------------------------------------

_REALS = re.compile(
    r"(?:(?:x|y|it) (?:is|can be) )?(?:the set of )?(?:all |any |every )(?:of the )?reals?(?: numbers?)?(?: [a-z])?"
    r"(?: (?:except|but|other than|excluding|besides|not equal to|such that [a-z] is not)(?: for)?(?: [a-z])?(?: not)?"
    r"(?P<out>(?: (?:and |or )?-?\d+(?:\.\d+)?)+))?|reals?(?: numbers)?|(?:the )?(?:set of )?real numbers"
)


def _set(answer: Answer, names: set[str]) -> Pieces:  # noqa: C901, PLR0911 - one return for each way of writing
    if isinstance(answer, Reals):
        return ALL
    if isinstance(answer, Text):
        return _worded(answer.words)
    if isinstance(answer, Scalar):
        return (point(answer),)
    if isinstance(answer, Relation):
        return _related(answer, names)
    if not isinstance(answer, Group):
        raise Undecided
    if answer.kind in INTERVALS:
        return _bracketed(answer)
    if answer.kind == "{}":
        return union([(point(item),) for item in answer.items])
    if answer.kind in ("∪", "or"):
        return union(_members(answer.items, names))
    if answer.kind in ("∩", "and"):
        return intersection(_members(answer.items, names))
    if answer.kind == "∖" and len(answer.items) == 2:
        kept, out = (_set(item, names) for item in answer.items)
        return intersection([kept, complement(out)])
    if answer.kind == ",":
        return _listed(answer.items, names)
    raise Undecided


def _worded(words: str) -> Pieces:
    found = _REALS.fullmatch(words)
    if found is None:
        raise Undecided
    out = [Fraction(part) for part in re.findall(r"-?\d+(?:\.\d+)?", found["out"] or "")]
    return complement(union([(point_at(number(value)),) for value in out])) if out else ALL


def _members(items: Sequence[Answer], names: set[str]) -> list[Pieces]:
    """The sets of several conditions; a number behind `x ≠ 1` or `x = 1` is meant like what stands before it."""
    found: list[Pieces] = []
    sign = ""
    for item in items:
        if isinstance(item, Scalar) and sign in ("ne", "="):
            found.append(complement((point(item),)) if sign == "ne" else (point(item),))
            continue
        found.append(_set(item, names))
        sign = item.signs[0] if isinstance(item, Relation) and len(item.signs) == 1 else ""
    return found


def _listed(items: Sequence[Answer], names: set[str]) -> Pieces:
    """Conditions after commas: together where one excludes points or they overlap, alternatives where they do not."""
    sets = _members(items, names)
    relations = [item for item in items if isinstance(item, Relation)]
    if any(isinstance(item, Reals | Text) for item in items) or any("ne" in relation.signs for relation in relations):
        return intersection(sets)
    if not relations and not all(isinstance(item, Group) and item.kind in INTERVALS for item in items):
        raise Undecided
    together = union(sets)
    apart = len(together) == sum(map(len, sets))
    return together if apart else intersection(sets)


def _bracketed(group: Group) -> Pieces:
    if len(group.items) != 2:
        raise Undecided
    low, high = (end(item) for item in group.items)
    if compare(low, high) >= 0:
        raise Undecided
    closed = (group.kind[0] == "[" and low.value is not None, group.kind[1] == "]" and high.value is not None)
    if (group.kind[0] == "[" and not closed[0]) or (group.kind[1] == "]" and not closed[1]):
        raise Undecided  # an infinite end is not part of the interval
    return (Interval(low, closed[0], high, closed[1]),)


def _related(relation: Relation, names: set[str]) -> Pieces:
    links = zip(relation.sides, relation.signs, relation.sides[1:], strict=False)
    return intersection([_link(left, sign, right, names) for left, sign, right in links])


def _link(left: Answer, sign: str, right: Answer, names: set[str]) -> Pieces:
    variable = _variable(left)
    if variable is None:
        variable, sign, right = _variable(right), flipped(sign), left
    if variable is None:
        raise Undecided
    name, shift, absolute = variable
    names.add(name)
    if absolute:
        return _of_absolute(sign, right, shift)
    if sign in ("=", "ne"):
        values = right.items if isinstance(right, Group) and right.kind in (",", "{}") else (right,)
        points = union([(moved(point(value), shift),) for value in values])
        return points if sign == "=" else complement(points)
    bound = end(right)
    if bound.value is None:
        return ALL if (bound.key > 0) == (sign in _ORDER) and sign in ("<", ">") else _fail()
    bound = moved_end(bound, shift)
    if sign in _ORDER:
        return (Interval(LEAST, False, bound, _ORDER[sign]),)
    if sign in (">", "ge"):
        return (Interval(bound, sign == "ge", MOST, False),)
    return _fail()


def _of_absolute(sign: str, right: Answer, shift: Fraction) -> Pieces:
    """`|x + shift| < c`."""
    bound = end(right)
    if bound.value is None or bound.key <= 0 or sign not in _FLIP:
        return _fail()
    low, high = (moved_end(end_of(value), shift) for value in (-bound.value, bound.value))
    closed = sign in ("le", "ge")
    inner = (Interval(low, closed if sign in _ORDER else not closed, high, closed if sign in _ORDER else not closed),)
    return inner if sign in _ORDER else complement(inner)


def _fail() -> Pieces:
    raise Undecided


def _variable(side: Answer) -> tuple[str, Fraction, bool] | None:
    """The name in `x` or `|x + 1|`, what is added to it, and whether the bars stand around it."""
    if not isinstance(side, Scalar) or side.value is None or side.unit or side.percent:
        return None
    value, absolute = side.value, False
    if len(value.top) == 1 and value.rational is None:
        ((term, factor),) = value.top.items()
        if factor == 1 and len(term) == 1 and term[0][1] == 1 and term[0][0].name.startswith("abs("):
            value, absolute = term[0][0].inner[0], True
    names = [term for term in value.top if term]
    if (
        len(names) != 1
        or len(names[0]) != 1
        or names[0][0][1] != 1
        or value.top[names[0]] != 1
        or len(value.bottom) != 1
    ):
        return None
    atom = names[0][0][0]
    shift = value.top.get((), Fraction(0))
    return (atom.name, shift, absolute) if atom.rank == 3 and atom.name != "∞" and (absolute or not shift) else None
