"""Functions of one argument: trigonometric ones through sine and cosine, logarithms through primes, factorials."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from benchmark.grading.algebra import ONE, PI, UNIT, ZERO, Atom, E, TooLarge, Value, leading, number, single
from benchmark.grading.powers import HALF, factors_of, sine_of
from benchmark.grading.tokens import Unreadable

__all__ = ["binomial", "function"]


def function(name: str, argument: Value) -> Value:
    """A function of one argument: trigonometric ones through sine and cosine, `ln` through primes, `abs`, floors, `!`.

    ZeroDivisionError where it is not defined, e.g. tan 90°; TooLarge for a factorial beyond the limits.
    """
    if name in _THROUGH_SINE:
        return _THROUGH_SINE[name](argument)
    plain = argument.rational
    if name == "ln":
        return _logarithm(argument)
    if plain is not None and name in ("abs", "floor", "ceil"):
        return number(abs(plain) if name == "abs" else math.floor(plain) if name == "floor" else math.ceil(plain))
    if plain is not None and name == "!" and plain.denominator == 1 and plain >= 0:
        if plain > 6_000:
            raise TooLarge("the factorial of a number beyond 6,000")
        return number(math.factorial(int(plain)))
    return _opaque(name, argument)


def _opaque(name: str, argument: Value) -> Value:
    return Value({((Atom(4, f"{name}({argument.written()})", (argument,)), Fraction(1)),): Fraction(1)}, UNIT)


def _sin(argument: Value) -> Value:
    known = _known_sine(argument, Fraction(0))
    if known is not None:
        return known
    if _leads_negative(argument):
        return -_opaque("sin", -argument)
    return _opaque("sin", argument)


def _cos(argument: Value) -> Value:
    known = _known_sine(argument, HALF)
    return known if known is not None else _opaque("cos", -argument if _leads_negative(argument) else argument)


_THROUGH_SINE: dict[str, Callable[[Value], Value]] = {
    "sin": _sin,
    "cos": _cos,
    "tan": lambda argument: _sin(argument) / _cos(argument),
    "cot": lambda argument: _cos(argument) / _sin(argument),
    "sec": lambda argument: ONE / _cos(argument),
    "csc": lambda argument: ONE / _sin(argument),
}


def _leads_negative(argument: Value) -> bool:
    return bool(argument.top) and argument.top[leading(argument.top)] < 0


def _known_sine(argument: Value, shift: Fraction) -> Value | None:
    """The sine of (turn + shift)·π where the argument is turn·π."""
    if not argument.top:
        return sine_of(shift)
    if argument.bottom != UNIT or list(argument.top) != [((PI, Fraction(1)),)]:
        return None
    return sine_of(argument.top[(PI, Fraction(1)),] + shift)


def _logarithm(argument: Value) -> Value:
    """The logarithm of a single term: the sum of the logarithms of its factors; of e, 1."""
    if not argument.top:
        raise ZeroDivisionError("the logarithm of 0")
    if argument.bottom != UNIT or len(argument.top) != 1:
        return _opaque("ln", argument)
    ((term, factor),) = argument.top.items()
    if factor < 0:
        return _opaque("ln", argument)
    total = ZERO
    for part, sign in ((factor.numerator, 1), (factor.denominator, -1)):
        for atom, times in factors_of(part):
            total += number(sign * times) * _opaque("ln", single(atom))
    for atom, exponent in term:
        inner = ONE if atom == E else _opaque("ln", single(atom))
        total += number(exponent) * inner
    return total


def binomial(above: Value, below: Value) -> Value:
    """Binomial coefficient of two whole numbers. Raises `Unreadable` for others, `TooLarge` beyond 2,000 factors."""
    top, bottom = above.rational, below.rational
    if top is None or bottom is None or top.denominator * bottom.denominator != 1 or not 0 <= bottom <= top:
        raise Unreadable("a binomial coefficient of other than two numbers")
    many = number(1)
    for index in range(int(min(bottom, top - bottom))):
        many = many * number(top - index) / number(index + 1)
        if index > 2_000:
            raise TooLarge("a binomial coefficient of large numbers")
    return many
