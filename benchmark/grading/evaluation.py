"""Floats of exact values: good enough to refute that two are equal, never used to say that they are."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

from benchmark.grading.algebra import Atom, Sum, Value

__all__ = ["evaluate"]

_CMATH: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin,
    "cos": cmath.cos,
    "ln": cmath.log,
    "abs": abs,
    "arcsin": cmath.asin,
    "arccos": cmath.acos,
}
_CMATH |= {"arctan": cmath.atan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh}


def evaluate(value: Value, places: dict[str, float]) -> complex:
    """A float, to tell clearly different values apart; variables take the `places`. ArithmeticError or ValueError."""
    return _evaluate(value.top, places) / _evaluate(value.bottom, places)


def _evaluate(part: Sum, places: dict[str, float]) -> complex:
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
