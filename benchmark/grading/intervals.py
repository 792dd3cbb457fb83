"""Disjoint intervals of real numbers with exact ends: union, complement, intersection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from benchmark.grading.algebra import Value, equal, number, symbol
from benchmark.grading.evaluation import evaluate
from benchmark.grading.structures import Answer, Scalar

__all__ = [
    "ALL",
    "LEAST",
    "MOST",
    "End",
    "Interval",
    "Pieces",
    "Undecided",
    "compare",
    "complement",
    "end",
    "end_of",
    "intersection",
    "is_infinite",
    "moved",
    "moved_end",
    "point",
    "point_at",
    "union",
]

_INFINITY = symbol("∞")


class Undecided(ValueError):
    """Not a set of real numbers in this form, or its ends cannot be put in order."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of an interval; the values of infinite ones are `None`."""

    key: float
    value: Value | None


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, each end in the interval or not; a point is an interval of equal closed ends."""

    low: End
    closed_low: bool
    high: End
    closed_high: bool


Pieces = tuple[Interval, ...]


LEAST, MOST = End(float("-inf"), None), End(float("inf"), None)
ALL = (Interval(LEAST, False, MOST, False),)


# --- ends and points ------------------------------------------------------------------------------------------------


def is_infinite(item: Scalar) -> bool:
    """Whether a value is plus or minus infinity."""
    return item.value is not None and (equal(item.value, _INFINITY) or equal(item.value, -_INFINITY))


def end(item: Answer) -> End:
    """An answer as the end of an interval. Undecided where it is no number."""
    if not isinstance(item, Scalar) or item.value is None or item.percent:
        raise Undecided
    if equal(item.value, _INFINITY):
        return MOST
    return LEAST if equal(item.value, -_INFINITY) else end_of(item.value)


def end_of(value: Value) -> End:
    """A value as the end of an interval. Undecided where it holds a variable or is not real."""
    if value.variables:
        raise Undecided
    exact = value.rational
    try:
        key = complex(float(exact)) if exact is not None else evaluate(value, {})
    except (ArithmeticError, ValueError, KeyError):
        raise Undecided from None
    if abs(key.imag) > 1e-12 or key.real in (float("inf"), float("-inf")):
        raise Undecided
    return End(key.real, value)


def point_at(value: Value) -> Interval:
    """The interval that holds this value alone."""
    end = end_of(value)
    return Interval(end, True, end, True)


def point(item: Answer) -> Interval:
    """An answer as a point. Undecided where it is no finite number."""
    if not isinstance(item, Scalar) or item.value is None or is_infinite(item):
        raise Undecided
    return point_at(item.value)


def moved_end(end: End, shift: Fraction) -> End:
    """The end less `shift`; an infinite one stays."""
    return end if not shift or end.value is None else end_of(end.value - number(shift))


def moved(interval: Interval, shift: Fraction) -> Interval:
    """The interval less `shift`."""
    return Interval(
        moved_end(interval.low, shift), interval.closed_low, moved_end(interval.high, shift), interval.closed_high
    )


def compare(left: End, right: End) -> int:
    """-1, 0 or 1; `Undecided` where two ends are close and not known to be equal."""
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
        raise Undecided
    return 1 if left.key > right.key else -1


# --- operations -----------------------------------------------------------------------------------------------------


def union(sets: Sequence[Pieces]) -> Pieces:
    """What is in any of the sets: pieces that touch become one."""
    pieces = _ordered([interval for each in sets for interval in each])
    merged: list[Interval] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        order = compare(last.high, piece.low) if last else -1
        if last is None or order < 0 or (order == 0 and not (last.closed_high or piece.closed_low)):
            merged.append(piece)
            continue
        longer = compare(last.high, piece.high)
        high = last if longer > 0 else piece
        closed = last.closed_high or piece.closed_high if longer == 0 else high.closed_high
        merged[-1] = Interval(last.low, last.closed_low, high.high, closed)
    return tuple(merged)


def _ordered(pieces: list[Interval]) -> list[Interval]:
    """By insertion, because comparing may be undecided; of two with one low end the closed one comes first."""
    done: list[Interval] = []
    if len(pieces) > 64:
        raise Undecided
    for piece in pieces:
        place = len(done)
        while place and (
            (order := compare(piece.low, done[place - 1].low)) < 0
            or (order == 0 and piece.closed_low and not done[place - 1].closed_low)
        ):
            place -= 1
        done.insert(place, piece)
    return done


def complement(pieces: Pieces) -> Pieces:
    """The real numbers that are in no piece."""
    gaps: list[Interval] = []
    low, closed = LEAST, False
    for piece in pieces:
        order = compare(low, piece.low)
        if order < 0 or (order == 0 and closed and not piece.closed_low):
            gaps.append(Interval(low, closed, piece.low, piece.low.value is not None and not piece.closed_low))
        low, closed = piece.high, piece.high.value is not None and not piece.closed_high
    if low is not MOST:
        gaps.append(Interval(low, closed, MOST, False))
    return tuple(gaps)


def intersection(sets: Sequence[Pieces]) -> Pieces:
    """Through complements: what is in no complement."""
    return complement(union([complement(each) for each in sets]))
