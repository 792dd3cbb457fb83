"""Exact values of mathematical expressions, in a normal form that decides equality without floats.

A value is a quotient of two sums of terms; a term is a rational factor times atoms with rational exponents. Atoms are
primes under a root, i, π, e, variables, and whatever has no simpler form (a root of a sum, a function of a value, a
power with a symbolic exponent). Two values are equal when a·d - b·c has no terms left. Where both values hold only
primes, i, π, e and variables the converse holds too, if π and e are taken as independent and variables as positive
under roots; with other atoms an unequal form proves nothing (`certain` is false).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = [
    "IMAGINARY",
    "ONE",
    "PI",
    "UNIT",
    "ZERO",
    "Atom",
    "E",
    "Monomial",
    "Sum",
    "TooLarge",
    "Value",
    "equal",
    "leading",
    "number",
    "reduced",
    "single",
    "small",
    "symbol",
    "times_of",
    "whole_power",
    "written_sum",
]  # fmt: skip

MAX_BITS = 60_000
"""Of an integer: 4,500 digits and 2009! fit, a tower of powers does not."""
MAX_TERMS = 300
MAX_EXPONENT = 10_000


class TooLarge(ValueError):
    """A number or an expansion beyond the limits above."""


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """`rank` orders kinds: prime, i, constant, variable, opaque. Equal atoms have equal kind and name."""

    rank: int
    name: str
    inner: tuple[Value, ...] = field(default=(), compare=False)
    """The radicand, the argument, or base and exponent of an opaque atom."""


Monomial = tuple[tuple[Atom, Fraction], ...]
Sum = dict[Monomial, Fraction]
IMAGINARY = Atom(1, "i")
PI = Atom(2, "π")
E = Atom(2, "e")


@dataclass(frozen=True, slots=True)
class Value:
    """`top` / `bottom`; both are sums, `bottom` is 1 or has at least two terms."""

    top: Sum
    bottom: Sum

    def __add__(self, other: Value) -> Value:
        if self.bottom == other.bottom:
            return _quotient(_plus(self.top, other.top), self.bottom)
        top = _plus(times_of(self.top, other.bottom), times_of(other.top, self.bottom))
        return _quotient(top, times_of(self.bottom, other.bottom))

    def __neg__(self) -> Value:
        return Value({term: -factor for term, factor in self.top.items()}, self.bottom)

    def __sub__(self, other: Value) -> Value:
        return self + (-other)

    def __mul__(self, other: Value) -> Value:
        return _quotient(times_of(self.top, other.top), times_of(self.bottom, other.bottom))

    def __truediv__(self, other: Value) -> Value:
        """ZeroDivisionError for a divisor of 0."""
        if not other.top:
            raise ZeroDivisionError("division by zero")
        return _quotient(times_of(self.top, other.bottom), times_of(self.bottom, other.top))

    @property
    def rational(self) -> Fraction | None:
        """The value as a fraction where it is one."""
        if not self.top:
            return Fraction(0)
        if self.bottom == UNIT and len(self.top) == 1 and () in self.top:
            return self.top[()]
        return None

    @property
    def certain(self) -> bool:
        """Whether an unequal form means an unequal value."""
        return all(atom.rank < 4 for part in (self.top, self.bottom) for term in part for atom, _ in term)

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables, also of those inside opaque atoms."""
        found: set[str] = set()
        for part in (self.top, self.bottom):
            for term in part:
                for atom, _ in term:
                    found |= {atom.name} if atom.rank == 3 else set().union(*(inner.variables for inner in atom.inner))
        return frozenset(found)

    def written(self) -> str:
        """The normal form as text: equal texts, equal values."""
        top = written_sum(self.top)
        return top if self.bottom == UNIT else f"({top})/({written_sum(self.bottom)})"


UNIT: Sum = {(): Fraction(1)}
ZERO = Value({}, UNIT)
ONE = Value(UNIT, UNIT)


def number(value: Fraction | int) -> Value:
    """A rational number."""
    value = Fraction(value)
    _check_bits(value)
    return Value({(): value} if value else {}, UNIT)


def single(atom: Atom, exponent: Fraction | int = 1) -> Value:
    """One atom to a power, in no other form than given."""
    return Value({((atom, Fraction(exponent)),): Fraction(1)}, UNIT)


def symbol(name: str) -> Value:
    """A variable, or one of the constants `π`, `e`, `i`."""
    atom = {"π": PI, "e": E, "i": IMAGINARY}.get(name) or Atom(3, name)
    return single(atom)


def equal(left: Value, right: Value) -> bool:
    """Whether the difference of the two has no terms; see the module for what an unequal form means."""
    if left.bottom == UNIT == right.bottom:  # a sum has one form
        return left.top == right.top
    if left.top == right.top and left.bottom == right.bottom:
        return True
    return not _plus(times_of(left.top, right.bottom), times_of(right.top, left.bottom), -1)


# --- sums and terms -------------------------------------------------------------------------------------------------


def _plus(left: Sum, right: Sum, sign: int = 1) -> Sum:
    total = dict(left)
    for term, factor in right.items():
        value = total.get(term, 0) + sign * factor
        if value:
            total[term] = Fraction(value)
        else:
            del total[term]
    if len(total) > MAX_TERMS:
        raise TooLarge(f"a sum of more than {MAX_TERMS} terms")
    return total


def times_of(left: Sum, right: Sum) -> Sum:
    """The product of two sums. TooLarge beyond the limits."""
    if left == UNIT:
        return right
    if right == UNIT:
        return left
    if len(left) * len(right) > 4 * MAX_TERMS:
        raise TooLarge(f"a product of {len(left)} by {len(right)} terms")
    total: Sum = {}
    for left_term, left_factor in left.items():
        for right_term, right_factor in right.items():
            factor = left_factor * right_factor
            _check_bits(factor)
            product = _join(left_term, right_term)
            total = _plus(total, {term: factor * scale for term, scale in product.items()})
    return total


def _join(left: Monomial, right: Monomial) -> Sum:
    """The product of two terms: exponents add up, and whole powers of roots leave the atoms."""
    if not left or not right:
        return {left or right: Fraction(1)}
    exponents = dict(left)
    for atom, exponent in right:
        exponents[atom] = exponents.get(atom, Fraction(0)) + exponent
    return reduced(exponents)


def leading(part: Sum) -> Monomial:
    """The term that comes first in the order of atoms."""
    return min(part)


def reduced(exponents: dict[Atom, Fraction]) -> Sum:
    """A product of powers of atoms in normal form: what is whole leaves the roots, i² is -1, sin² is 1 - cos²."""
    factor, kept, rest = Fraction(1), [], UNIT
    for atom, exponent in exponents.items():
        if not exponent:
            continue
        if atom.rank == 0:  # a prime under a root: the whole part of the exponent is a number
            whole = math.floor(exponent)
            factor *= whole_power(Fraction(int(atom.name)), whole)
            exponent -= whole  # noqa: PLW2901 - what is left
        elif atom.rank == 1 and exponent.denominator == 1:
            turns = int(exponent) % 4
            factor *= -1 if turns in (2, 3) else 1
            exponent = Fraction(turns % 2)  # noqa: PLW2901
        elif _is_root(atom) and exponent >= 1:
            whole = math.floor(exponent)
            exponent -= whole  # noqa: PLW2901
            for _ in range(small(whole)):
                rest = times_of(rest, atom.inner[0].top)
        elif atom.name.startswith("sin(") and exponent.denominator == 1 and exponent > 1:
            cosine = Atom(4, "cos" + atom.name[3:], atom.inner)
            squares, odd = divmod(int(exponent), 2)
            exponent = Fraction(odd)  # noqa: PLW2901
            for _ in range(squares):
                rest = times_of(rest, {(): Fraction(1), ((cosine, Fraction(2)),): Fraction(-1)})
        if exponent:
            kept.append((atom, Fraction(exponent)))
    term = {tuple(sorted(kept)): factor}
    return term if rest == UNIT else times_of(term, rest)


def _quotient(top: Sum, bottom: Sum) -> Value:
    if not top:
        return ZERO
    if len(bottom) == 1 and (roots := [(atom, exponent) for atom, exponent in next(iter(bottom)) if _is_root(atom)]):
        missing: Sum = {tuple((atom, math.ceil(exponent) - exponent) for atom, exponent in roots): Fraction(1)}
        return _quotient(times_of(top, missing), times_of(bottom, missing))
    if len(bottom) == 1:
        ((term, factor),) = bottom.items()
        if term or factor != 1:
            top = times_of(top, _inverse(term, factor))
        return Value(top, UNIT)
    lead = bottom[leading(bottom)]
    if lead != 1:
        top = {term: factor / lead for term, factor in top.items()}
        bottom = {term: factor / lead for term, factor in bottom.items()}
    return Value(top, bottom)


def _is_root(atom: Atom) -> bool:
    """A root of a sum: in normal form its exponent lies between 0 and 1."""
    return atom.name.startswith("√(") and not atom.inner[0].rational


def _inverse(term: Monomial, factor: Fraction) -> Sum:
    return {key: scale / factor for key, scale in reduced({atom: -exponent for atom, exponent in term}).items()}


def written_sum(part: Sum) -> str:
    """The sum as text, its terms in order."""
    if not part:
        return "0"
    return " + ".join(
        "·".join(
            [_spelled(part[term])] * (part[term] != 1 or not term)
            + [atom.name if exponent == 1 else f"{atom.name}^{exponent}" for atom, exponent in term]
        )
        for term in sorted(part)
    )


def _spelled(value: Fraction) -> str:
    """Decimal digits, or hexadecimal ones where Python refuses to write decimal ones."""
    large = value.numerator.bit_length() + value.denominator.bit_length() > 10_000
    return f"{value.numerator:x}/{value.denominator:x}" if large else str(value)


def _check_bits(value: Fraction) -> None:
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
        raise TooLarge(f"a number of more than {MAX_BITS} bits")


def small(exponent: Fraction | int) -> int:
    """The exponent, if it is within the limit."""
    if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
        raise TooLarge(f"an exponent beyond {MAX_EXPONENT}")
    return int(exponent)


def whole_power(base: Fraction, exponent: int) -> Fraction:
    """An integer power of a number. TooLarge before it is computed."""
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and (size - 1) * abs(exponent) > MAX_BITS:
        raise TooLarge(f"a number of more than {MAX_BITS} bits")
    return base**exponent
