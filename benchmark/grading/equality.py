"""Whether two scalars are equal, and whether two signs relate the same difference: what has no structure to walk."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

from benchmark.grading.algebra import Value, equal, leading, number
from benchmark.grading.evaluation import evaluate
from benchmark.grading.sets import flipped
from benchmark.grading.structures import Relation, Scalar
from benchmark.grading.units import same_unit

__all__ = ["Equality", "Link", "Oracle", "links_of", "same_link", "same_scalars"]

Equality = Literal["same", "different", "unsure"]
"""`unsure`: only scalars of which the algebra cannot be certain stand between the two."""

Oracle = Callable[[Scalar, Scalar], Equality]
_PLACES = (0.7390851332, 1.6180339887, 2.2360679775, 0.5772156649, 1.2020569032, 1.3247179572, 0.9159655942)


def same_scalars(left: Scalar, right: Scalar, oracle: Oracle) -> Equality:
    """By exact algebra; the oracle is asked only where neither that nor two points decide."""
    if not same_unit(left.unit, right.unit):
        return "different"
    if left.value is None or right.value is None:
        return "same" if left.source == right.source else oracle(left, right)
    if equal(left.value, right.value) or _percent(left, right) or _letters(left.source, right.source):
        return "same"
    if left.value.certain and right.value.certain:
        return "different"
    return "different" if _clearly_different(left.value, right.value) else oracle(left, right)


def _letters(left: str, right: str) -> bool:
    """A choice of A to E, in either case."""
    return len(left) == len(right) == 1 and left.upper() == right.upper() and left.upper() in "ABCDE"


def _percent(left: Scalar, right: Scalar) -> bool:
    """10 % is 0.1 as well as 10; without the sign, a factor of 100 is a mistake."""
    if left.percent == right.percent or left.value is None or right.value is None:
        return False
    part, whole = (left.value, right.value) if left.percent else (right.value, left.value)
    return equal(part, whole * number(100)) and abs(whole.rational or Fraction(2)) <= 1


def _clearly_different(left: Value, right: Value) -> bool:
    """Values at two points that differ by more than a millionth; nothing where they cannot be computed."""
    names = sorted(left.variables | right.variables)
    if len(names) > len(_PLACES):
        return False
    for shift in range(2):
        places = {name: _PLACES[(index + shift) % len(_PLACES)] for index, name in enumerate(names)}
        first, second = _float(left, places), _float(right, places)
        if first is None or second is None:
            return False
        if cmath.isinf(first) != cmath.isinf(second) or abs(first - second) > 1e-6 * max(1, abs(first), abs(second)):
            return True
    return False


def _float(value: Value, places: dict[str, float]) -> complex | None:
    """Infinity beyond the range of floats; `None` where there is no value."""
    try:
        return evaluate(value, places)
    except OverflowError:
        return complex("inf")
    except (ArithmeticError, ValueError, KeyError):
        return None


Link = tuple[str, Value]
"""A sign, and the difference of what stands on its two sides."""


def links_of(relation: Relation) -> list[Link] | None:
    """Each sign with the difference of its sides, `>` turned into `<`; `None` where a side is no exact value."""
    found: list[Link] = []
    for sign, left, right in zip(relation.signs, relation.sides, relation.sides[1:], strict=False):
        if not isinstance(left, Scalar) or not isinstance(right, Scalar) or left.value is None or right.value is None:
            return None
        if sign in (">", "ge"):
            sign, left, right = flipped(sign), right, left  # noqa: PLW2901
        found.append((sign, left.value - right.value))  # type: ignore[operator]
    return found


def same_link(left: Link, right: Link) -> bool:
    """Equations up to a factor, inequalities up to a positive one."""
    if left[0] != right[0]:
        return False
    if not left[1].variables or not right[1].variables:
        return equal(left[1], right[1])
    ratio = (left[1] / right[1]).rational if len(left[1].top) == len(right[1].top) else None
    if ratio is None and equal(left[1], right[1]):
        return True
    if ratio is None:
        lead, other = left[1].top[leading(left[1].top)], right[1].top.get(leading(left[1].top))
        if not other or not equal(left[1], right[1] * number(lead / other)):
            return False
        ratio = lead / other
    return left[0] in ("=", "ne") or ratio > 0
