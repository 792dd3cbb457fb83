"""Exact values of mathematical expressions, in a normal form that decides equality without floats.

A value is a quotient of two sums of terms; a term is a rational factor times atoms with rational exponents. Atoms are
primes under a root, i, π, e, variables, and whatever has no simpler form (a root of a sum, a function of a value, a
power with a symbolic exponent). Two values are equal when a·d - b·c has no terms left. Where both values hold only
primes, i, π, e and variables the converse holds too, if π and e are taken as independent and variables as positive
under roots; with other atoms an unequal form proves nothing (`certain` is false).
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["ONE", "ZERO", "Atom", "TooLarge", "Value", "equal", "evaluate", "function", "number", "power", "symbol"]

MAX_BITS = 60_000
"""Of an integer: 4,500 digits and 2009! fit, a tower of powers does not."""
MAX_TERMS = 300
MAX_EXPONENT = 10_000
_TRIAL_LIMIT = 3_000
"""Factors beyond its square are left whole, as an atom of which nothing is certain."""


class TooLarge(ValueError):
    """A number or an expansion beyond the limits above."""


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """`rank` orders kinds: prime, i, constant, variable, opaque. Equal atoms have equal kind and name."""

    rank: int
    name: str
    inner: tuple[Value, ...] = field(default=(), compare=False)
    """The radicand, the argument, or base and exponent of an opaque atom."""


_Monomial = tuple[tuple[Atom, Fraction], ...]
_Sum = dict[_Monomial, Fraction]
_I = Atom(1, "i")
_PI = Atom(2, "π")
_E = Atom(2, "e")
_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Value:
    """`top` / `bottom`; both are sums, `bottom` is 1 or has at least two terms."""

    top: _Sum
    bottom: _Sum

    def __add__(self, other: Value) -> Value:
        if self.bottom == other.bottom:
            return _quotient(_plus(self.top, other.top), self.bottom)
        top = _plus(_times(self.top, other.bottom), _times(other.top, self.bottom))
        return _quotient(top, _times(self.bottom, other.bottom))

    def __neg__(self) -> Value:
        return Value({term: -factor for term, factor in self.top.items()}, self.bottom)

    def __sub__(self, other: Value) -> Value:
        return self + (-other)

    def __mul__(self, other: Value) -> Value:
        return _quotient(_times(self.top, other.top), _times(self.bottom, other.bottom))

    def __truediv__(self, other: Value) -> Value:
        """ZeroDivisionError for a divisor of 0."""
        if not other.top:
            raise ZeroDivisionError("division by zero")
        return _quotient(_times(self.top, other.bottom), _times(self.bottom, other.top))

    @property
    def rational(self) -> Fraction | None:
        """The value as a fraction where it is one."""
        if not self.top:
            return Fraction(0)
        if self.bottom == _UNIT and len(self.top) == 1 and () in self.top:
            return self.top[()]
        return None

    @property
    def certain(self) -> bool:
        """Whether an unequal form means an unequal value."""
        return all(atom.rank < 4 for part in (self.top, self.bottom) for term in part for atom, _ in term)

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables outside opaque atoms."""
        return frozenset(
            atom.name for part in (self.top, self.bottom) for term in part for atom, _ in term if atom.rank == 3
        )

    def written(self) -> str:
        """The normal form as text: equal texts, equal values."""
        top = _written(self.top)
        return top if self.bottom == _UNIT else f"({top})/({_written(self.bottom)})"


_UNIT: _Sum = {(): Fraction(1)}
ZERO = Value({}, _UNIT)
ONE = Value(_UNIT, _UNIT)


def number(value: Fraction | int) -> Value:
    """A rational number."""
    value = Fraction(value)
    _check_bits(value)
    return Value({(): value} if value else {}, _UNIT)


def symbol(name: str) -> Value:
    """A variable, or one of the constants `π`, `e`, `i`."""
    atom = {"π": _PI, "e": _E, "i": _I}.get(name) or Atom(3, name)
    return Value({((atom, Fraction(1)),): Fraction(1)}, _UNIT)


def equal(left: Value, right: Value) -> bool:
    """Whether the difference of the two has no terms; see the module for what an unequal form means."""
    if left.top == right.top and left.bottom == right.bottom:
        return True
    return not _plus(_times(left.top, right.bottom), _times(right.top, left.bottom), -1)


# --- sums and terms -------------------------------------------------------------------------------------------------


def _plus(left: _Sum, right: _Sum, sign: int = 1) -> _Sum:
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


def _times(left: _Sum, right: _Sum) -> _Sum:
    if left == _UNIT:
        return right
    if right == _UNIT:
        return left
    if len(left) * len(right) > 4 * MAX_TERMS:
        raise TooLarge(f"a product of {len(left)} by {len(right)} terms")
    total: _Sum = {}
    for left_term, left_factor in left.items():
        for right_term, right_factor in right.items():
            factor = left_factor * right_factor
            _check_bits(factor)
            product = _join(left_term, right_term)
            total = _plus(total, {term: factor * scale for term, scale in product.items()})
    return total


def _join(left: _Monomial, right: _Monomial) -> _Sum:
    """The product of two terms: exponents add up, and whole powers of roots leave the atoms."""
    if not left or not right:
        return {left or right: Fraction(1)}
    exponents = dict(left)
    for atom, exponent in right:
        exponents[atom] = exponents.get(atom, Fraction(0)) + exponent
    return _reduced(exponents)


def _reduced(exponents: dict[Atom, Fraction]) -> _Sum:
    factor, kept, rest = Fraction(1), [], _UNIT
    for atom, exponent in exponents.items():
        if not exponent:
            continue
        if atom.rank == 0:  # a prime under a root: the whole part of the exponent is a number
            whole = math.floor(exponent)
            factor *= _whole_power(Fraction(int(atom.name)), whole)
            exponent -= whole  # noqa: PLW2901 - what is left
        elif atom.rank == 1 and exponent.denominator == 1:
            turns = int(exponent) % 4
            factor *= -1 if turns in (2, 3) else 1
            exponent = Fraction(turns % 2)  # noqa: PLW2901
        elif _is_root(atom) and exponent >= 1:
            whole = math.floor(exponent)
            exponent -= whole  # noqa: PLW2901
            for _ in range(_small(whole)):
                rest = _times(rest, atom.inner[0].top)
        elif atom.name.startswith("sin(") and exponent.denominator == 1 and exponent > 1:
            cosine = Atom(4, "cos" + atom.name[3:], atom.inner)
            squares, exponent = divmod(int(exponent), 2)  # noqa: PLW2901
            for _ in range(squares):
                rest = _times(rest, {(): Fraction(1), ((cosine, Fraction(2)),): Fraction(-1)})
        if exponent:
            kept.append((atom, Fraction(exponent)))
    term = {tuple(sorted(kept)): factor}
    return term if rest == _UNIT else _times(term, rest)


def _quotient(top: _Sum, bottom: _Sum) -> Value:
    if not top:
        return ZERO
    if len(bottom) == 1 and (roots := [(atom, exponent) for atom, exponent in next(iter(bottom)) if _is_root(atom)]):
        missing: _Sum = {tuple((atom, math.ceil(exponent) - exponent) for atom, exponent in roots): Fraction(1)}
        return _quotient(_times(top, missing), _times(bottom, missing))
    if len(bottom) == 1:
        ((term, factor),) = bottom.items()
        if term or factor != 1:
            top = _times(top, _inverse(term, factor))
        return Value(top, _UNIT)
    lead = bottom[min(bottom)]
    if lead != 1:
        top = {term: factor / lead for term, factor in top.items()}
        bottom = {term: factor / lead for term, factor in bottom.items()}
    return Value(top, bottom)


def _is_root(atom: Atom) -> bool:
    """A root of a sum: in normal form its exponent lies between 0 and 1."""
    return atom.name.startswith("√(") and not atom.inner[0].rational


def _inverse(term: _Monomial, factor: Fraction) -> _Sum:
    return {key: scale / factor for key, scale in _reduced({atom: -exponent for atom, exponent in term}).items()}


def _written(part: _Sum) -> str:
    if not part:
        return "0"
    return " + ".join(
        "·".join(
            [str(part[term])] * (part[term] != 1 or not term)
            + [atom.name if exponent == 1 else f"{atom.name}^{exponent}" for atom, exponent in term]
        )
        for term in sorted(part)
    )


def _check_bits(value: Fraction) -> None:
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
        raise TooLarge(f"a number of more than {MAX_BITS} bits")


def _small(exponent: Fraction | int) -> int:
    if abs(exponent) > MAX_EXPONENT:
        raise TooLarge(f"an exponent beyond {MAX_EXPONENT}")
    return int(exponent)


# --- powers ---------------------------------------------------------------------------------------------------------


def power(base: Value, exponent: Value) -> Value:
    """`base` to the `exponent`. ZeroDivisionError for 0 to a negative power; TooLarge beyond the limits."""
    plain = exponent.rational
    if plain is None:
        return _symbolic_power(base, exponent)
    if plain.denominator == 1:
        return _integer_power(base, int(plain))
    return _root(base, plain)


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and (size - 1) * abs(exponent) > MAX_BITS:
        raise TooLarge(f"a number of more than {MAX_BITS} bits")
    return base**exponent


def _integer_power(base: Value, exponent: int) -> Value:
    plain = base.rational
    if plain is not None:
        if not plain and exponent < 0:
            raise ZeroDivisionError("0 to a negative power")
        return number(_whole_power(plain, exponent))
    if exponent < 0:
        return ONE / _integer_power(base, -exponent)
    if len(base.top) == 1 and base.bottom == _UNIT:
        ((term, factor),) = base.top.items()
        reduced = _reduced({atom: part * exponent for atom, part in term})
        return Value(_times(reduced, {(): _whole_power(factor, exponent)}), _UNIT)
    result = ONE
    for _ in range(_small(exponent)):
        result *= base
    return result


def _root(base: Value, exponent: Fraction) -> Value:
    """A power with a fraction as exponent; variables are positive under roots, odd roots of negative numbers real."""
    if not base.top:
        if exponent < 0:
            raise ZeroDivisionError("0 to a negative power")
        return ZERO
    if base.bottom != _UNIT:
        return _root(Value(base.top, _UNIT), exponent) / _root(Value(base.bottom, _UNIT), exponent)
    content, shared = _content(base.top)
    negative = content < 0
    inside = {_without(term, shared): factor / abs(content) for term, factor in base.top.items()}
    if negative and len(base.top) == 1:
        inside = {term: -factor for term, factor in inside.items()}
    result = _rational_root(abs(content), exponent)
    result *= Value(_reduced(dict(_shared_root(atom, part, exponent) for atom, part in shared)), _UNIT)
    if negative and len(base.top) == 1:
        result *= _root_of_minus_one(exponent)
    if inside == _UNIT:
        return result
    whole = math.floor(exponent)
    atom = Atom(4, f"√({_written(inside)})", (Value(inside, _UNIT),))
    result *= Value({((atom, exponent - whole),): Fraction(1)}, _UNIT)
    return result * _integer_power(Value(inside, _UNIT), whole)


def _shared_root(atom: Atom, part: Fraction, exponent: Fraction) -> tuple[Atom, Fraction]:
    """√(x²) is |x|, also where x may be negative."""
    whole = part * exponent
    if atom.rank == 3 and part.denominator == 1 and part % 2 == 0 and whole.denominator == 1 and whole % 2:
        atom = Atom(4, f"abs({atom.name})", (symbol(atom.name),))
    return atom, whole


def _content(part: _Sum) -> tuple[Fraction, _Monomial]:
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


def _without(term: _Monomial, shared: _Monomial) -> _Monomial:
    left = dict(term)
    for atom, exponent in shared:
        left[atom] = left.get(atom, Fraction(0)) - exponent
    return tuple(sorted((atom, exponent) for atom, exponent in left.items() if exponent))


def _rational_root(value: Fraction, exponent: Fraction) -> Value:
    exponents: dict[Atom, Fraction] = {}
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        for prime, times in _factors(part):
            exponents[prime] = exponents.get(prime, Fraction(0)) + sign * times * exponent
    for share in exponents.values():
        _small(share)
    return Value(_reduced(exponents), _UNIT)


def _factors(value: int) -> list[tuple[Atom, int]]:
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
            found += [(atom, 2 * times) for atom, times in _factors(root)]
        elif value <= _TRIAL_LIMIT**2:
            found.append((Atom(0, str(value)), 1))
        else:
            found.append((Atom(4, f"√({value})", (number(value),)), 1))
    return found


def _root_of_minus_one(exponent: Fraction) -> Value:
    if exponent.denominator == 2:
        return Value(_reduced({_I: 2 * exponent}), _UNIT)
    if exponent.denominator % 2:
        return number(-1 if exponent.numerator % 2 else 1)
    return Value({((Atom(4, f"(-1)^{exponent}", (number(-1), number(exponent))), Fraction(1)),): Fraction(1)}, _UNIT)


def _symbolic_power(base: Value, exponent: Value) -> Value:
    """`a^(2x + 3)` as (a^x)^2 · a^3, so that powers of one base meet."""
    if exponent.bottom != _UNIT or len(base.top) > 1 or base.bottom != _UNIT or not base.top:
        return _opaque_power(base, exponent)
    plain = base.rational
    if plain is not None:
        if plain < 0:
            return _opaque_power(base, exponent)
        parts = [
            (Value({((atom, Fraction(1)),): Fraction(1)}, _UNIT), times) for atom, times in _factors(plain.numerator)
        ]
        parts += [
            (Value({((atom, Fraction(1)),): Fraction(1)}, _UNIT), -times) for atom, times in _factors(plain.denominator)
        ]
        bases = [(part.written(), part, times) for part, times in parts]
    else:
        bases = [(base.written(), base, 1)]
    result = ONE
    for term, factor in exponent.top.items():
        if not term:
            result *= power(base, number(factor))
            continue
        inner = Value({term: Fraction(1)}, _UNIT)
        if base == symbol("e") and (turned := _turn(term, factor)) is not None:
            result *= turned
            continue
        for name, part, times in bases:
            atom = Atom(4, f"{name}**[{inner.written()}]", (part, inner))
            result *= Value(_reduced({atom: factor * times}), _UNIT)
    return result


def _turn(term: _Monomial, factor: Fraction) -> Value | None:
    """e^(iπ·factor) where sine and cosine are known."""
    if dict(term) != {_I: 1, _PI: 1}:
        return None
    cosine, sine = _sine(factor + _HALF), _sine(factor)
    return None if cosine is None or sine is None else cosine + symbol("i") * sine


def _opaque_power(base: Value, exponent: Value) -> Value:
    atom = Atom(4, f"({base.written()})**[{exponent.written()}]", (base, exponent))
    return Value({((atom, Fraction(1)),): Fraction(1)}, _UNIT)


# --- functions ------------------------------------------------------------------------------------------------------


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
    return Value({((Atom(4, f"{name}({argument.written()})", (argument,)), Fraction(1)),): Fraction(1)}, _UNIT)


def _sin(argument: Value) -> Value:
    known = _known_sine(argument, Fraction(0))
    if known is not None:
        return known
    if _leads_negative(argument):
        return -_opaque("sin", -argument)
    return _opaque("sin", argument)


def _cos(argument: Value) -> Value:
    known = _known_sine(argument, _HALF)
    return known if known is not None else _opaque("cos", -argument if _leads_negative(argument) else argument)


_THROUGH_SINE = {
    "sin": _sin,
    "cos": _cos,
    "tan": lambda argument: _sin(argument) / _cos(argument),
    "cot": lambda argument: _cos(argument) / _sin(argument),
    "sec": lambda argument: ONE / _cos(argument),
    "csc": lambda argument: ONE / _sin(argument),
}


def _leads_negative(argument: Value) -> bool:
    return bool(argument.top) and argument.top[min(argument.top)] < 0


def _known_sine(argument: Value, shift: Fraction) -> Value | None:
    """The sine of (turn + shift)·π where the argument is turn·π."""
    if not argument.top:
        return _sine(shift)
    if argument.bottom != _UNIT or list(argument.top) != [((_PI, Fraction(1)),)]:
        return None
    return _sine(argument.top[(_PI, Fraction(1)),] + shift)


def _sine(turn: Fraction) -> Value | None:
    """sin(turn·π) for multiples of 1/6 and 1/4."""
    turn %= 2
    sign = 1
    if turn >= 1:
        turn, sign = turn - 1, -1
    turn = min(turn, 1 - turn)
    squares = {0: 0, Fraction(1, 6): 1, Fraction(1, 4): 2, Fraction(1, 3): 3, _HALF: 4}
    if turn not in squares:
        return None
    return number(sign) * _root(number(Fraction(squares[turn], 4)), _HALF)


def _logarithm(argument: Value) -> Value:
    """ln of a single term: the sum of the logarithms of its factors; of e, 1."""
    if not argument.top:
        raise ZeroDivisionError("the logarithm of 0")
    if argument.bottom != _UNIT or len(argument.top) != 1:
        return _opaque("ln", argument)
    ((term, factor),) = argument.top.items()
    if factor < 0:
        return _opaque("ln", argument)
    total = ZERO
    for part, sign in ((factor.numerator, 1), (factor.denominator, -1)):
        for atom, times in _factors(part):
            total += number(sign * times) * _opaque("ln", Value({((atom, Fraction(1)),): Fraction(1)}, _UNIT))
    for atom, exponent in term:
        inner = ONE if atom == _E else _opaque("ln", Value({((atom, Fraction(1)),): Fraction(1)}, _UNIT))
        total += number(exponent) * inner
    return total


# --- numbers, to refute ---------------------------------------------------------------------------------------------

_CMATH = {"sin": cmath.sin, "cos": cmath.cos, "ln": cmath.log, "abs": abs, "arcsin": cmath.asin, "arccos": cmath.acos}
_CMATH |= {"arctan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh}


def evaluate(value: Value, places: dict[str, float]) -> complex:
    """A float, to tell clearly different values apart; variables take the `places`. ArithmeticError or ValueError."""
    return _evaluate(value.top, places) / _evaluate(value.bottom, places)


def _evaluate(part: _Sum, places: dict[str, float]) -> complex:
    total = 0j
    for term, factor in part.items():
        product = complex(float(factor))
        for atom, exponent in term:
            product *= _atom(atom, places) ** float(exponent)
        total += product
    return total


def _atom(atom: Atom, places: dict[str, float]) -> complex:
    if atom.rank == 0:
        return complex(int(atom.name))
    if atom.rank < 3:
        return {"i": 1j, "π": complex(math.pi), "e": complex(math.e)}[atom.name]
    if atom.rank == 3:
        return complex(places[atom.name])
    inner = [evaluate(value, places) for value in atom.inner]
    if len(inner) == 2:
        return inner[0] ** inner[1]
    if atom.name.startswith("√("):
        return inner[0]
    known = _CMATH.get(atom.name.split("(", 1)[0])
    if known is None:
        raise ValueError(f"{atom.name} has no value here")
    return complex(known(inner[0]))
