r"""`competition`: generated problems in MATH's format (LaTeX, `\boxed{}`). Generated, never copied.

Ten kinds over five levels; the level raises the size of the numbers and, from 3 on, adds a term. In `fractions`,
`linear`, `sequence`, `outfits`, `powers` and `evaluate` a typical mistake is the most likely single behaviour of the
pocket policy.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from benchmark.tasks.generated.family import Draw, ProblemFamily, Sketch, Way, Work

__all__ = ["TASK"]

Ways = tuple[tuple[str, float, Callable[[Work], int]], ...]


def sketch(prompt: str, right: Ways, wrong: Ways, extra: int = 0, forgets: float = 8) -> Sketch:
    """A sketch whose every way ends by adding `extra`, where there is one."""

    def finish(core: Callable[[Work], int]) -> Callable[[Work], int]:
        return (lambda w: w.plus(core(w), extra)) if extra else core

    mistakes = [Way(name, weight, finish(core)) for name, weight, core in wrong]
    if extra:
        mistakes.append(Way("stopped early", 12, right[0][2]))
    return Sketch(
        prompt, tuple(Way(name, weight, finish(core)) for name, weight, core in right), tuple(mistakes), forgets
    )


def parentheses(draw: Draw, level: int) -> Sketch:
    """n(a+b), from level 3 on plus c."""
    n, (a, b) = draw.number(2, 3 + level), draw.numbers(2, 3, 8 + 2 * level)
    c = draw.number(2, 20) if level >= 3 else 0
    return sketch(
        f"Compute ${n}({a}+{b}){f'+{c}' if c else ''}$.",
        right=(
            ("inside first", 26, lambda w: w.times(n, w.plus(a, b))),
            ("distribute", 20, lambda w: w.plus(w.times(n, a), w.times(n, b))),
        ),
        wrong=(
            ("parentheses ignored", 22, lambda w: w.plus(w.times(n, a), b)),
            ("sum for product", 14, lambda w: w.plus(n, w.plus(a, b))),
        ),
        extra=c,
    )


def fractions(draw: Draw, level: int) -> Sketch:
    """a/p + b/(kp)."""
    p, k = draw.number(2, 3 + level), draw.number(2, 3)
    q = k * p
    a, b = draw.number(1, p - 1), draw.number(1, q - 1)
    while Fraction(a, p) + Fraction(b, q) == 1:
        b = draw.number(1, q - 1)
    total = Fraction(a, p) + Fraction(b, q)
    if total.denominator == 1:
        return fractions(draw, level)

    def common(w: Work) -> Fraction:
        top = w.times(a, k)
        return w.fraction(f"{top}/{q}+{b}/{q}", total)

    def product(w: Work) -> Fraction:
        top = w.plus(w.times(a, q), w.times(b, p))
        return w.fraction(f"{top}/{w.times(p, q)}", total)

    def across(w: Work) -> Fraction:
        top, bottom = w.plus(a, b), w.plus(p, q)
        return w.fraction(f"{top}/{bottom}", Fraction(top, bottom))

    def unscaled(w: Work) -> Fraction:
        return w.fraction(f"{a}/{q}+{b}/{q}", Fraction(a + b, q))

    return Sketch(
        f"Compute $\\frac{{{a}}}{{{p}}}+\\frac{{{b}}}{{{q}}}$ in lowest terms.",
        (Way("common denominator", 24, common), Way("product of denominators", 14, product)),
        (Way("added across", 46, across), Way("not scaled", 14, unscaled)),
    )


def linear(draw: Draw, level: int) -> Sketch:
    """ax+ab=c, or a(x+b)=c from level 3 on."""
    a, b, x = draw.number(2, 4 + level // 2), draw.number(2, 6), draw.number(2, 6 + level)
    right_side = a * (x + b)
    shown = f"{a}(x+{b})" if level >= 3 else f"{a}x+{a * b}"
    return sketch(
        f"Solve ${shown}={right_side}$ for $x$.",
        right=(
            ("move, then divide", 24, lambda w: w.over(w.minus(right_side, a * b), a)),
            ("divide, then move", 22, lambda w: w.minus(w.over(right_side, a), b)),
        ),
        wrong=(
            ("moved with the wrong sign", 20, lambda w: w.plus(w.over(right_side, a), b)),
            ("not divided", 32, lambda w: w.minus(right_side, a * b)),
        ),
    )


def remainder(draw: Draw, level: int) -> Sketch:
    """(a+b) mod m."""
    m = draw.number(3, 5 + level)
    r = draw.number(1, m - 2)
    s = draw.number(1, m - 1 - r)
    a, b = m * draw.number(1, 5) + r, m * draw.number(1, 5) + s
    return sketch(
        f"Find the remainder when ${a}+{b}$ is divided by ${m}$.",
        right=(
            ("sum first", 24, lambda w: w.remainder(w.plus(a, b), m)),
            ("each first", 22, lambda w: w.plus(w.remainder(a, m), w.remainder(b, m))),
        ),
        wrong=(
            ("second only", 20, lambda w: w.remainder(b, m)),
            ("no remainder taken", 20, lambda w: w.plus(a, b)),
        ),
    )


def sequence(draw: Draw, level: int) -> Sketch:
    """The k-th term of an arithmetic sequence."""
    a, d, k = draw.number(2, 10 + 4 * level), draw.number(2, 5 + level), draw.number(4, 5)

    def walk(w: Work) -> int:
        value = a
        for _ in range(k - 1):
            value = w.plus(value, d)
        return value

    return sketch(
        f"An arithmetic sequence starts at ${a}$ with common difference ${d}$. Find term number ${k}$.",
        right=(
            ("formula", 20, lambda w: w.plus(a, w.times(w.minus(k, 1), d))),
            ("term by term", 16, walk),
        ),
        wrong=(
            ("one term too far", 46, lambda w: w.plus(a, w.times(k, d))),
            ("start forgotten", 14, lambda w: w.times(w.minus(k, 1), d)),
        ),
    )


def outfits(draw: Draw, level: int) -> Sketch:
    """S tops, each with one of p or k bottoms."""
    s, (p, k) = draw.number(2, 4 + level), draw.numbers(2, 2, 7 + level)
    c = draw.number(2, 9) if level >= 3 else 0
    also = f" or one of ${c}$ robes" if c else ""
    return sketch(
        f"One wears one of ${s}$ tops with one of ${p}$ skirts or ${k}$ pants{also}. How many ways are there?",
        right=(
            ("bottoms first", 22, lambda w: w.times(s, w.plus(p, k))),
            ("case by case", 16, lambda w: w.plus(w.times(s, p), w.times(s, k))),
        ),
        wrong=(
            ("only one case multiplied", 34, lambda w: w.plus(w.times(s, p), k)),
            ("everything added", 12, lambda w: w.plus(s, p, k)),
        ),
        extra=c,
    )


PAIRS = (
    ("people", "shake hands"),
    ("teams", "play"),
    ("dancers", "dance"),
    ("cities", "are linked"),
    ("clubs", "meet"),
)


def handshakes(draw: Draw, level: int) -> Sketch:
    """Pairs among n, from level 2 on plus c others."""
    n, (who, do) = draw.number(4, 8), PAIRS[draw.number(0, len(PAIRS) - 1)]
    c = draw.number(2, 20 + level) if level >= 2 else 0
    later = f" Later there are ${c}$ more." if c else ""
    return sketch(
        f"Each two of ${n}$ {who} {do} once.{later} How often is that in all?",
        right=(
            ("halve", 26, lambda w: w.over(w.times(n, w.minus(n, 1)), 2)),
            ("add up", 22, lambda w: w.plus(*range(1, n))),
        ),
        wrong=(
            ("counted twice", 20, lambda w: w.times(n, w.minus(n, 1))),
            ("with oneself", 16, lambda w: w.times(n, n)),
        ),
        extra=c,
    )


def percent(draw: Draw, level: int) -> Sketch:
    """10t % of n, from level 3 on plus c."""
    t, n = draw.number(2, 9), 10 * draw.number(2, 8 + 2 * level)
    c = draw.number(2, 20) if level >= 3 else 0
    more = f" What is that plus ${c}$?" if c else ""
    return sketch(
        f"Find ${10 * t}\\%$ of ${n}$.{more}",
        right=(
            ("tenths", 24, lambda w: w.times(w.over(n, 10), t)),
            ("per hundred", 20, lambda w: w.over(w.times(n, t), 10)),
        ),
        wrong=(
            ("percent taken off", 22, lambda w: w.minus(max(n, 10 * t), min(n, 10 * t))),
            ("one tenth", 18, lambda w: w.over(n, 10)),
        ),
        extra=c,
    )


def powers(draw: Draw, level: int) -> Sketch:
    """a^2-b^2."""
    b = draw.number(2, 6 + level)
    a = b + draw.number(2, 6 + level // 2)
    return sketch(
        f"Compute ${a}^2-{b}^2$.",
        right=(
            ("square, then subtract", 20, lambda w: w.minus(w.times(a, a), w.times(b, b))),
            ("sum times difference", 16, lambda w: w.times(w.plus(a, b), w.minus(a, b))),
        ),
        wrong=(
            ("doubled for squared", 32, lambda w: w.minus(w.times(a, 2), w.times(b, 2))),
            ("squared difference", 14, lambda w: w.times(w.minus(a, b), a - b)),
        ),
    )


def evaluate(draw: Draw, level: int) -> Sketch:
    """nx+ny at given x and y."""
    n, (a, b) = draw.number(2, 3 + level), draw.numbers(2, 3, 8 + 2 * level)
    c = draw.number(2, 20) if level >= 3 else 0
    return sketch(
        f"If $x={a}$ and $y={b}$, find ${n}x+{n}y{f'+{c}' if c else ''}$.",
        right=(
            ("term by term", 22, lambda w: w.plus(w.times(n, a), w.times(n, b))),
            ("factor out", 20, lambda w: w.times(n, w.plus(a, b))),
        ),
        wrong=(
            ("second not multiplied", 40, lambda w: w.plus(w.times(n, a), b)),
            ("first only", 12, lambda w: w.times(n, a)),
        ),
        extra=c,
        forgets=24,
    )


def write_answer(value: int | Fraction) -> str:
    r"""A whole number as it is, a fraction as `\frac{p}{q}`."""
    if isinstance(value, Fraction) and value.denominator != 1:
        return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    return str(value)


KINDS = (parentheses, fractions, linear, remainder, sequence, outfits, handshakes, percent, powers, evaluate)

TASK = ProblemFamily(
    name="competition",
    answer_format="\\boxed{n}",
    instruction="Solve the problem step by step and put the final answer in \\boxed{}.",
    kinds={kind.__name__: kind for kind in KINDS},
    levels=5,
    write_answer=write_answer,
    write_ending=lambda answer: f"\\boxed{{{answer}}}",
)
