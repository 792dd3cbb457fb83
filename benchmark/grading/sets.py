"""Sets of real numbers in a normal form: disjoint intervals in order, whatever they were written as.

Intervals, unions, exclusions, inequalities joined by "or" and "and", `x ≠ 0`, ℝ and sets of numbers become one list of
intervals with exact ends. Ends are ordered by floats only where they differ clearly; else there is no normal form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from benchmark.grading.algebra import Value, equal, number, symbol
from benchmark.grading.evaluation import evaluate
from benchmark.grading.structures import Answer, Group, Reals, Relation, Scalar, Text

__all__ = ["INTERVALS", "RealSet", "certainly_a_set", "flipped", "real_set", "same_set"]

INTERVALS = ("()", "[]", "(]", "[)")
_ORDER = {"<": False, "le": True}
_FLIP = {"<": ">", "le": "ge", ">": "<", "ge": "le"}
_INFINITY = symbol("∞")


class _Undecided(ValueError):
    """Not a set of real numbers in this form, or its ends cannot be put in order."""


@dataclass(frozen=True, slots=True)
class _End:
    """One end of an interval; the values of infinite ones are `None`."""

    key: float
    value: Value | None


@dataclass(frozen=True, slots=True)
class _Interval:
    low: _End
    closed_low: bool
    high: _End
    closed_high: bool


@dataclass(frozen=True, slots=True)
class RealSet:
    """Disjoint intervals in ascending order, and the name of the variable where there is one."""

    intervals: tuple[_Interval, ...]
    name: str = ""


_LEAST, _MOST = _End(float("-inf"), None), _End(float("inf"), None)
_ALL = (_Interval(_LEAST, False, _MOST, False),)  # noqa: FBT003 - closed or not, beside the end it says it of


def flipped(sign: str) -> str:
    """The sign of an inequality read from the other end."""
    return _FLIP.get(sign, sign)


def same_set(left: RealSet, right: RealSet) -> bool:
    """Whether two sets have the same members, and do not speak of two differently named variables."""
    if left.name and right.name and left.name != right.name:
        return False
    return len(left.intervals) == len(right.intervals) and all(
        _compare(a.low, b.low) == 0 == _compare(a.high, b.high)
        and (a.closed_low, a.closed_high) == (b.closed_low, b.closed_high)
        for a, b in zip(left.intervals, right.intervals, strict=True)
    )


def certainly_a_set(answer: Answer) -> bool:
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
        return any(isinstance(item, Scalar) and _infinite(item) for item in answer.items)
    return answer.kind == "," and any(certainly_a_set(item) for item in answer.items)


def real_set(answer: Answer) -> RealSet | None:
    """The normal form; `None` where the answer is no set of real numbers or its ends cannot be ordered."""
    try:
        names: set[str] = set()
        found = _set(answer, names)
    except _Undecided:
        return None
    return RealSet(found, next(iter(names), "")) if len(names) <= 1 else None


# --- what is written as a set ---------------------------------------------------------------------------------------

_Set = tuple[_Interval, ...]
_REALS = re.compile(
    r"(?:(?:x|y|it) (?:is|can be) )?(?:the set of )?(?:all |any |every )(?:of the )?reals?(?: numbers?)?(?: [a-z])?"
    r"(?: (?:except|but|other than|excluding|besides|not equal to|such that [a-z] is not)(?: for)?(?: [a-z])?(?: not)?"
    r"(?P<out>(?: (?:and |or )?-?\d+(?:\.\d+)?)+))?|reals?(?: numbers)?|(?:the )?(?:set of )?real numbers"
)


def _set(answer: Answer, names: set[str]) -> _Set:
    if isinstance(answer, Reals):
        return _ALL
    if isinstance(answer, Text):
        return _worded(answer.words)
    if isinstance(answer, Scalar):
        return (_point(answer),)
    if isinstance(answer, Relation):
        return _related(answer, names)
    if not isinstance(answer, Group):
        raise _Undecided
    if answer.kind in INTERVALS:
        return _bracketed(answer)
    if answer.kind == "{}":
        return _union([(_point(item),) for item in answer.items])
    if answer.kind in ("∪", "or"):
        return _union(_members(answer.items, names))
    if answer.kind in ("∩", "and"):
        return _intersection(_members(answer.items, names))
    if answer.kind == "∖" and len(answer.items) == 2:
        kept, out = (_set(item, names) for item in answer.items)
        return _intersection([kept, _complement(out)])
    if answer.kind == ",":
        return _listed(answer.items, names)
    raise _Undecided


def _worded(words: str) -> _Set:
    found = _REALS.fullmatch(words)
    if found is None:
        raise _Undecided
    out = [Fraction(part) for part in re.findall(r"-?\d+(?:\.\d+)?", found["out"] or "")]
    return _complement(_union([(_at(number(value)),) for value in out])) if out else _ALL


def _members(items: Sequence[Answer], names: set[str]) -> list[_Set]:
    """The sets of several conditions; a number behind `x ≠ 1` or `x = 1` is of the same kind as what stands before it."""
    found: list[_Set] = []
    sign = ""
    for item in items:
        if isinstance(item, Scalar) and sign in ("ne", "="):
            found.append(_complement((_point(item),)) if sign == "ne" else (_point(item),))
            continue
        found.append(_set(item, names))
        sign = item.signs[0] if isinstance(item, Relation) and len(item.signs) == 1 else ""
    return found


def _listed(items: Sequence[Answer], names: set[str]) -> _Set:
    """Conditions after commas: together where one excludes points or they overlap, alternatives where they do not."""
    sets = _members(items, names)
    relations = [item for item in items if isinstance(item, Relation)]
    if any(isinstance(item, Reals | Text) for item in items) or any("ne" in relation.signs for relation in relations):
        return _intersection(sets)
    if not relations and not all(isinstance(item, Group) and item.kind in INTERVALS for item in items):
        raise _Undecided
    union = _union(sets)
    apart = len(union) == sum(map(len, sets))
    return union if apart else _intersection(sets)


def _bracketed(group: Group) -> _Set:
    if len(group.items) != 2:
        raise _Undecided
    low, high = (_end(item) for item in group.items)
    if _compare(low, high) >= 0:
        raise _Undecided
    closed = (group.kind[0] == "[" and low.value is not None, group.kind[1] == "]" and high.value is not None)
    if (group.kind[0] == "[" and not closed[0]) or (group.kind[1] == "]" and not closed[1]):
        raise _Undecided  # an infinite end is not part of the interval
    return (_Interval(low, closed[0], high, closed[1]),)


def _related(relation: Relation, names: set[str]) -> _Set:
    links = zip(relation.sides, relation.signs, relation.sides[1:], strict=False)
    return _intersection([_link(left, sign, right, names) for left, sign, right in links])


def _link(left: Answer, sign: str, right: Answer, names: set[str]) -> _Set:
    variable = _variable(left)
    if variable is None:
        variable, sign, right = _variable(right), flipped(sign), left
    if variable is None:
        raise _Undecided
    name, shift, absolute = variable
    names.add(name)
    if absolute:
        return _of_absolute(sign, right, shift)
    if sign in ("=", "ne"):
        values = right.items if isinstance(right, Group) and right.kind in (",", "{}") else (right,)
        points = _union([(_moved(_point(value), shift),) for value in values])
        return points if sign == "=" else _complement(points)
    bound = _end(right)
    if bound.value is None:
        return _ALL if (bound.key > 0) == (sign in _ORDER) and sign in ("<", ">") else _fail()
    bound = _moved_end(bound, shift)
    if sign in _ORDER:
        return (_Interval(_LEAST, False, bound, _ORDER[sign]),)  # noqa: FBT003
    if sign in (">", "ge"):
        return (_Interval(bound, sign == "ge", _MOST, False),)  # noqa: FBT003
    return _fail()


def _of_absolute(sign: str, right: Answer, shift: Fraction) -> _Set:
    """`|x + shift| < c`."""
    bound = _end(right)
    if bound.value is None or bound.key <= 0 or sign not in _FLIP:
        return _fail()
    low, high = (_moved_end(_end_of(value), shift) for value in (-bound.value, bound.value))
    closed = sign in ("le", "ge")
    inner = (_Interval(low, closed if sign in _ORDER else not closed, high, closed if sign in _ORDER else not closed),)
    return inner if sign in _ORDER else _complement(inner)


def _fail() -> _Set:
    raise _Undecided


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


# --- ends and points ------------------------------------------------------------------------------------------------


def _infinite(item: Scalar) -> bool:
    return item.value is not None and (equal(item.value, _INFINITY) or equal(item.value, -_INFINITY))


def _end(item: Answer) -> _End:
    if not isinstance(item, Scalar) or item.value is None or item.percent:
        raise _Undecided
    if equal(item.value, _INFINITY):
        return _MOST
    return _LEAST if equal(item.value, -_INFINITY) else _end_of(item.value)


def _end_of(value: Value) -> _End:
    if value.variables:
        raise _Undecided
    exact = value.rational
    try:
        key = complex(float(exact)) if exact is not None else evaluate(value, {})
    except (ArithmeticError, ValueError, KeyError):
        raise _Undecided from None
    if abs(key.imag) > 1e-12 or key.real in (float("inf"), float("-inf")):
        raise _Undecided
    return _End(key.real, value)


def _at(value: Value) -> _Interval:
    end = _end_of(value)
    return _Interval(end, True, end, True)  # noqa: FBT003


def _point(item: Answer) -> _Interval:
    if not isinstance(item, Scalar) or item.value is None or _infinite(item):
        raise _Undecided
    return _at(item.value)


def _moved_end(end: _End, shift: Fraction) -> _End:
    return end if not shift or end.value is None else _end_of(end.value - number(shift))


def _moved(interval: _Interval, shift: Fraction) -> _Interval:
    return _Interval(
        _moved_end(interval.low, shift), interval.closed_low, _moved_end(interval.high, shift), interval.closed_high
    )


def _compare(left: _End, right: _End) -> int:
    """-1, 0 or 1; `_Undecided` where two ends are close and not known to be equal."""
    if left.value is None or right.value is None:
        return (left.key > right.key) - (left.key < right.key)
    if equal(left.value, right.value):
        return 0
    if abs(left.key - right.key) <= 1e-9 * max(1.0, abs(left.key), abs(right.key)):
        if (
            left.value.certain
            and right.value.certain
            and left.value.rational is not None
            and right.value.rational is not None
        ):
            return 1 if left.value.rational > right.value.rational else -1
        raise _Undecided
    return 1 if left.key > right.key else -1


# --- operations -----------------------------------------------------------------------------------------------------


def _union(sets: Sequence[_Set]) -> _Set:
    pieces = _ordered([interval for each in sets for interval in each])
    merged: list[_Interval] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        order = _compare(last.high, piece.low) if last else -1
        if last is None or order < 0 or (order == 0 and not (last.closed_high or piece.closed_low)):
            merged.append(piece)
            continue
        longer = _compare(last.high, piece.high)
        high = last if longer > 0 else piece
        closed = last.closed_high or piece.closed_high if longer == 0 else high.closed_high
        merged[-1] = _Interval(last.low, last.closed_low, high.high, closed)
    return tuple(merged)


def _ordered(pieces: list[_Interval]) -> list[_Interval]:
    """By insertion, because comparing may be undecided; of two with one low end the closed one comes first."""
    done: list[_Interval] = []
    if len(pieces) > 64:
        raise _Undecided
    for piece in pieces:
        place = len(done)
        while place and (
            (order := _compare(piece.low, done[place - 1].low)) < 0
            or (order == 0 and piece.closed_low and not done[place - 1].closed_low)
        ):
            place -= 1
        done.insert(place, piece)
    return done


def _complement(pieces: _Set) -> _Set:
    gaps: list[_Interval] = []
    low, closed = _LEAST, False
    for piece in pieces:
        order = _compare(low, piece.low)
        if order < 0 or (order == 0 and closed and not piece.closed_low):
            gaps.append(_Interval(low, closed, piece.low, piece.low.value is not None and not piece.closed_low))
        low, closed = piece.high, piece.high.value is not None and not piece.closed_high
    if low is not _MOST:
        gaps.append(_Interval(low, closed, _MOST, False))  # noqa: FBT003
    return tuple(gaps)


def _intersection(sets: Sequence[_Set]) -> _Set:
    """Through complements: what is in no complement."""
    return _complement(_union([_complement(each) for each in sets]))
