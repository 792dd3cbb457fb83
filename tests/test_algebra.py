"""Exact algebra against sympy: rewriting an expression never changes it, changing it is always seen."""

import random

import pytest
import sympy

from benchmark.grading import grade
from benchmark.grading.algebra import ONE, TooLarge, equal, number, symbol
from benchmark.grading.answers import read
from benchmark.grading.evaluation import evaluate
from benchmark.grading.functions import function
from benchmark.grading.powers import power

X, Y = sympy.symbols("x y", positive=True)


def expression(generator, depth=3):
    """A random expression of numbers, roots, π, i and two variables."""
    if depth == 0 or generator.random() < 0.2:
        atoms = [X, Y, sympy.pi, sympy.I, sympy.sqrt(generator.randint(2, 30)), sympy.cbrt(generator.randint(2, 9))]
        return generator.choice([*atoms, *[sympy.Rational(generator.randint(-9, 9), generator.randint(1, 9))] * 4])
    left, right = expression(generator, depth - 1), expression(generator, depth - 1)
    kind = generator.random()
    if kind < 0.4:
        return left + right
    if kind < 0.75:
        return left * right
    if kind < 0.9:
        return left**2
    return left / right if right != 0 else left


REWRITES = [sympy.expand, sympy.factor, sympy.together, sympy.radsimp, sympy.cancel]


@pytest.mark.parametrize("seed", range(60))
def test_rewritten_expressions_are_the_same_and_changed_ones_are_not(seed):
    generator = random.Random(seed)  # noqa: S311 - a fixed sample, no secret
    before = expression(generator)
    after = generator.choice(REWRITES)(before)
    answer = grade(f"\\boxed{{{sympy.latex(after)}}}", sympy.latex(before))
    assert (answer.kind, answer.route) in (("correct", "exact"), ("correct", "algebra"))
    changed = after + generator.choice([1, X, sympy.sqrt(2), sympy.pi, sympy.Rational(1, 10**9)])
    assert grade(f"\\boxed{{{sympy.latex(changed)}}}", sympy.latex(before)).kind == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{\sqrt{3}}{2} + i",
        r"2^{x+1} \cdot 3^{-x}",
        r"\sqrt{x^2 + 1} \sin 2x",
        r"\ln(12) - \log_2 5",
        r"(-8)^{1/3} + |{-3}|",
        r"\tan \frac{\pi}{8} + \cos 3",
        r"\binom{7}{3} - 4!",
        r"\lfloor 7/2 \rfloor",
        r"e^{i\pi/5}",
    ],
)
def test_values_agree_with_sympy(text):
    spelled = {
        r"\frac{\sqrt{3}}{2} + i": sympy.sqrt(3) / 2 + sympy.I,
        r"2^{x+1} \cdot 3^{-x}": 2 ** (X + 1) * 3 ** (-X),
        r"\sqrt{x^2 + 1} \sin 2x": sympy.sqrt(X**2 + 1) * sympy.sin(2 * X),
        r"\ln(12) - \log_2 5": sympy.log(12) - sympy.log(5) / sympy.log(2),
        r"(-8)^{1/3} + |{-3}|": sympy.Integer(1),  # real cube root: -2 + 3
        r"\tan \frac{\pi}{8} + \cos 3": sympy.tan(sympy.pi / 8) + sympy.cos(3),
        r"\binom{7}{3} - 4!": sympy.Integer(11),  # 35 - 24
        r"\lfloor 7/2 \rfloor": sympy.Integer(3),
        r"e^{i\pi/5}": sympy.exp(sympy.I * sympy.pi / 5),
    }[text]
    ours = evaluate(read(text).value, {"x": 0.7})
    assert ours == pytest.approx(complex(spelled.subs(X, 0.7).evalf()), rel=1e-12)


def test_sine_of_every_twelfth_and_eighth_turn_agrees_with_sympy():
    from fractions import Fraction

    for twelfths in range(-24, 25):
        for name in ("sin", "cos"):
            value = function(name, number(Fraction(twelfths, 12)) * symbol("π"))
            expected = getattr(sympy, name)(sympy.Rational(twelfths, 12) * sympy.pi)
            assert evaluate(value, {}) == pytest.approx(complex(expected.evalf()), abs=1e-12)


def test_squares_of_sine_and_cosine_add_up_to_one():
    sine, cosine = function("sin", symbol("x")), function("cos", symbol("x"))
    assert equal(sine * sine + cosine * cosine, ONE)
    assert not equal(sine * sine - cosine * cosine, ONE)


def test_certainty_ends_at_opaque_atoms():
    assert read(r"2\sqrt{3}\pi i x").value.certain
    assert not read(r"\sqrt{x+1}").value.certain
    assert not read(r"\sin x").value.certain
    assert not read(r"2^x").value.certain


@pytest.mark.parametrize(
    "build",
    [
        lambda: power(number(2), number(10**6)),
        lambda: power(number(2), power(number(2), number(100))),
        lambda: function("!", number(6001)),
        lambda: power(symbol("x") + ONE, number(10**5)),
        lambda: read("(a+b+c+d+e+f)^{60}"),
        lambda: read(r"\binom{10^9}{5 \cdot 10^8}"),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_computed(build):
    with pytest.raises(TooLarge):
        build()


def test_zero_has_no_inverse():
    with pytest.raises(ZeroDivisionError):
        ONE / (symbol("x") - symbol("x"))
    with pytest.raises(ZeroDivisionError):
        power(number(0), number(-1))
