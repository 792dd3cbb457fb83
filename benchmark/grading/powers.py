"""Powers and roots of exact values: primes leave roots, sums under a root become atoms, powers of one base meet."""

from __future__ import annotations

import math
from fractions import Fraction

from benchmark.grading.algebra import (
    IMAGINARY,
    ONE,
    PI,
    UNIT,
    ZERO,
    Atom,
    Monomial,
    Sum,
    TooLarge,
    Value,
    number,
    reduced,
    single,
    small,
    symbol,
    times_of,
    whole_power,
    written_sum,
)

__all__ = ["HALF", "factors_of", "power", "root", "sine_of"]

HALF = Fraction(1, 2)
_TRIAL_LIMIT = 3_000
"""Factors beyond its square are left whole, as an atom of which nothing is certain."""


def power(base: Value, exponent: Value) -> Value:
    """`base` to the `exponent`. ZeroDivisionError for 0 to a negative power; TooLarge beyond the limits."""
    plain = exponent.rational
    if plain is None:
        return _symbolic_power(base, exponent)
    if plain.denominator == 1:
        return _integer_power(base, int(plain))
    return root(base, plain)


def _integer_power(base: Value, exponent: int) -> Value:
    plain = base.rational
    if plain is not None:
        if not plain and exponent < 0:
            raise ZeroDivisionError("0 to a negative power")
        return number(whole_power(plain, exponent))
    if exponent < 0:
        return ONE / _integer_power(base, -exponent)
    if len(base.top) == 1 and base.bottom == UNIT:
        ((term, factor),) = base.top.items()
        raised = reduced({atom: part * exponent for atom, part in term})
        return Value(times_of(raised, {(): whole_power(factor, exponent)}), UNIT)
    result = ONE
    for _ in range(small(exponent)):
        result *= base
    return result


def root(base: Value, exponent: Fraction) -> Value:
    """A power with a fraction as exponent; variables are positive under roots, odd roots of negative numbers real."""
    if not base.top:
        if exponent < 0:
            raise ZeroDivisionError("0 to a negative power")
        return ZERO
    if base.bottom != UNIT:
        return root(Value(base.top, UNIT), exponent) / root(Value(base.bottom, UNIT), exponent)
    content, shared = _content(base.top)
    negative = content < 0
    inside = {_without(term, shared): factor / abs(content) for term, factor in base.top.items()}
    if negative and len(base.top) == 1:
        inside = {term: -factor for term, factor in inside.items()}
    result = _rational_root(abs(content), exponent)
    result *= Value(reduced(dict(_shared_root(atom, part, exponent) for atom, part in shared)), UNIT)
    if negative and len(base.top) == 1:
        result *= _root_of_minus_one(exponent)
    if inside == UNIT:
        return result
    whole = math.floor(exponent)
    atom = Atom(4, f"√({written_sum(inside)})", (Value(inside, UNIT),))
    result *= Value({((atom, exponent - whole),): Fraction(1)}, UNIT)
    return result * _integer_power(Value(inside, UNIT), whole)


def _shared_root(atom: Atom, part: Fraction, exponent: Fraction) -> tuple[Atom, Fraction]:
    """√(x²) is |x|, also where x may be negative."""
    whole = part * exponent
    if atom.rank == 3 and part.denominator == 1 and part % 2 == 0 and whole.denominator == 1 and whole % 2:
        atom = Atom(4, f"abs({atom.name})", (symbol(atom.name),))
    return atom, whole


def _content(part: Sum) -> tuple[Fraction, Monomial]:
    """The rational factor (signed for a single term) and the variables that all terms share."""
    factors = list(part.values())
    size = Fraction(
        math.gcd(*(factor.numerator for factor in factors)), math.lcm(*(factor.denominator for factor in factors))
    )
    if len(part) == 1:
        ((term, factor),) = part.items()
        return factor, term
    terms = [dict(term) for term in part]
    shared = {
        atom: min(term.get(atom, Fraction(0)) for term in terms) for term in terms for atom in term if atom.rank > 1
    }
    return size, tuple(sorted((atom, exponent) for atom, exponent in shared.items() if exponent))


def _without(term: Monomial, shared: Monomial) -> Monomial:
    left = dict(term)
    for atom, exponent in shared:
        left[atom] = left.get(atom, Fraction(0)) - exponent
    return tuple(sorted((atom, exponent) for atom, exponent in left.items() if exponent))


def _rational_root(value: Fraction, exponent: Fraction) -> Value:
    exponents: dict[Atom, Fraction] = {}
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        for prime, times in factors_of(part):
            exponents[prime] = exponents.get(prime, Fraction(0)) + sign * times * exponent
    for share in exponents.values():
        small(share)
    return Value(reduced(exponents), UNIT)


def factors_of(value: int) -> list[tuple[Atom, int]]:
    """Prime factors; what is left beyond the trial limit stands as it is, if need be as an uncertain atom."""
    found, divisor = [], 2
    if value.bit_length() > 4_000:
        raise TooLarge("the root of a number of more than 4,000 bits")
    while divisor <= _TRIAL_LIMIT and divisor * divisor <= value:
        times = 0
        while value % divisor == 0:
            value, times = value // divisor, times + 1
        if times:
            found.append((Atom(0, str(divisor)), times))
        divisor += 1 if divisor == 2 else 2
    if value > 1:
        root = math.isqrt(value)
        if root * root == value:
            found += [(atom, 2 * times) for atom, times in factors_of(root)]
        elif value <= _TRIAL_LIMIT**2:
            found.append((Atom(0, str(value)), 1))
        else:
            found.append((Atom(4, f"√({value})", (number(value),)), 1))
    return found


def _root_of_minus_one(exponent: Fraction) -> Value:
    if exponent.denominator == 2:
        return Value(reduced({IMAGINARY: 2 * exponent}), UNIT)
    if exponent.denominator % 2:
        return number(-1 if exponent.numerator % 2 else 1)
    return Value({((Atom(4, f"(-1)^{exponent}", (number(-1), number(exponent))), Fraction(1)),): Fraction(1)}, UNIT)


def _symbolic_power(base: Value, exponent: Value) -> Value:
    """`a^(2x + 3)` as (a^x)^2 · a^3, so that powers of one base meet."""
    if exponent.bottom != UNIT or len(base.top) > 1 or base.bottom != UNIT or not base.top:
        return _opaque_power(base, exponent)
    plain = base.rational
    if plain is not None:
        if plain < 0:
            return _opaque_power(base, exponent)
        parts = [(single(atom), times) for atom, times in factors_of(plain.numerator)]
        parts += [(single(atom), -times) for atom, times in factors_of(plain.denominator)]
        bases = [(part.written(), part, times) for part, times in parts]
    else:
        bases = [(base.written(), base, 1)]
    result = ONE
    for term, factor in exponent.top.items():
        if not term:
            result *= power(base, number(factor))
            continue
        inner = Value({term: Fraction(1)}, UNIT)
        if base == symbol("e") and (turned := _turn(term, factor)) is not None:
            result *= turned
            continue
        for name, part, times in bases:
            atom = Atom(4, f"{name}**[{inner.written()}]", (part, inner))
            result *= Value(reduced({atom: factor * times}), UNIT)
    return result


def _turn(term: Monomial, factor: Fraction) -> Value | None:
    """e^(iπ·factor) where sine and cosine are known."""
    if dict(term) != {IMAGINARY: 1, PI: 1}:
        return None
    cosine, sine = sine_of(factor + HALF), sine_of(factor)
    return None if cosine is None or sine is None else cosine + symbol("i") * sine


def _opaque_power(base: Value, exponent: Value) -> Value:
    atom = Atom(4, f"({base.written()})**[{exponent.written()}]", (base, exponent))
    return single(atom)


def sine_of(turn: Fraction) -> Value | None:
    """sin(turn·π) for multiples of 1/12 and odd ones of 1/10 (15°, 18°, 54°, 75°); `None` elsewhere."""
    turn %= 2
    sign = 1
    if turn >= 1:
        turn, sign = turn - 1, -1
    turn = min(turn, 1 - turn)
    squares = {0: 0, Fraction(1, 6): 1, Fraction(1, 4): 2, Fraction(1, 3): 3, HALF: 4}
    if turn in _SUMS:
        first, second, sign_of_second, below = _SUMS[turn]
        roots = root(number(first), HALF) + number(sign_of_second) * root(number(second), HALF)
        return number(sign) * roots / number(below)
    if turn not in squares:
        return None
    return number(sign) * root(number(Fraction(squares[turn], 4)), HALF)


_SUMS = {
    Fraction(1, 12): (6, 2, -1, 4),  # (√6 - √2) / 4
    Fraction(5, 12): (6, 2, 1, 4),
    Fraction(1, 10): (5, 1, -1, 4),  # (√5 - 1) / 4
    Fraction(3, 10): (5, 1, 1, 4),
}
