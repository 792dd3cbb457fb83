"""Generated problems with all the ways, correct and wrong, in which the pocket policy was trained to answer them.

A generator writes a `Sketch`: the text of a problem, several correct ways and several typical mistakes, each with a
weight. `ProblemFamily` turns sketches into the three splits of a task; `pretrain` turns them into demonstrations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmark.contract import Problem, Split
from benchmark.exam.strategy.key import strategy_key
from benchmark.seeds import seed_of
from benchmark.tasks.task import Task

__all__ = ["Draw", "ProblemFamily", "Sketch", "Way", "Work"]

SPLIT_SIZES: dict[Split, int] = {"train": 1024, "validation": 128, "test": 128}
FORGOTTEN = "format forgotten"


class Work:
    """Arithmetic written down as it is done; every method returns the value it wrote."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def plus(self, *terms: int) -> int:
        """`a+b+…=sum`."""
        return self._write("+".join(map(str, terms)), sum(terms))

    def minus(self, first: int, *others: int) -> int:
        """`a-b-…=difference`."""
        return self._write("-".join(map(str, (first, *others))), first - sum(others))

    def times(self, *factors: int) -> int:
        """`a*b*…=product`."""
        return self._write("*".join(map(str, factors)), prod(factors))

    def over(self, dividend: int, divisor: int) -> int:
        """`a/b=quotient`; the division must come out even."""
        quotient, rest = divmod(dividend, divisor)
        if rest:
            raise ValueError(f"{dividend}/{divisor} is not a whole number: choose other numbers for this sketch")
        return self._write(f"{dividend}/{divisor}", quotient)

    def remainder(self, value: int, modulus: int) -> int:
        """`v-q*m=r`."""
        quotient, rest = divmod(value, modulus)
        return self._write(f"{value}-{quotient}*{modulus}", rest)

    def fraction(self, text: str, value: Fraction) -> Fraction:
        """`text=p/q` in lowest terms."""
        self.steps.append(f"{text}={value.numerator}/{value.denominator}")
        return value

    def _write(self, left: str, value: int) -> int:
        self.steps.append(f"{left}={value}")
        return value


Doing = Callable[[Work], int | Fraction]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of answering."""

    name: str
    weight: float
    """Weight among all ways of its sketch, before normalising."""
    do: Doing
    """Writes the steps and returns the answer it gives."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """One problem before it is written out: its text, its correct ways and its typical mistakes."""

    prompt: str
    right: tuple[Way, ...]
    wrong: tuple[Way, ...]
    forgets: float = 8
    """Weight of working it out correctly and leaving out the answer line."""


class Draw:
    """Random choices of one problem."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(seed))

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self._random.integers(low, high + 1))

    def numbers(self, count: int, low: int, high: int) -> list[int]:
        """Different whole numbers from low to high."""
        return [int(value) for value in self._random.permutation(np.arange(low, high + 1))[:count]]

    def one(self, options: Sequence[str]) -> str:
        """One of them."""
        return options[self.number(0, len(options) - 1)]

    def two(self, options: Sequence[str]) -> list[str]:
        """Two different ones."""
        return [options[index] for index in self.numbers(2, 0, len(options) - 1)]

    def weighted(self, weights: Sequence[float]) -> int:
        """An index, in proportion to the weights."""
        shares = np.cumsum(np.asarray(weights, dtype=float))
        return min(int(np.searchsorted(shares, self._random.random() * shares[-1], side="right")), len(weights) - 1)


@dataclass(frozen=True)
class ProblemFamily(Task):
    """A task made of generated problems: the same ones on every machine, split by the digest of their text."""

    generated: ClassVar[bool] = True

    name: str
    answer_format: str
    """`#### n` or `\\boxed{n}`, as the completion must end."""
    instruction: str
    """How to give the answer, for models that must be told."""
    kinds: dict[str, Callable[[Draw, int], Sketch]]
    levels: int
    write_answer: Callable[[int | Fraction], str]
    """Writes the answer."""
    write_ending: Callable[[str], str]
    """Writes the last line of a completion, from the answer."""
    _made: dict[Split, tuple[Problem, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Splits that were made in this process: they are the same each time."""

    def load(self, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        """The problems of one split. `data` is accepted for the common signature and not used: nothing is read."""
        del data
        if split not in self._made:
            self._made[split] = self._split(split)
        return self._made[split]

    def _split(self, split: Split) -> tuple[Problem, ...]:
        found: dict[str, Problem] = {}
        for index in self.indices():
            kind, level, sketch = self.sketch(index)
            if split_of(sketch.prompt) == split and sketch.prompt not in found:
                found[sketch.prompt] = self._problem(f"{self.name}/{split}/{len(found)}", kind, level, sketch)
            if len(found) == SPLIT_SIZES[split]:
                break
        return tuple(found.values())

    def indices(self) -> Iterator[int]:
        """0, 1, 2, …: the numbers of all problems."""
        index = 0
        while True:
            yield index
            index += 1

    def sketch(self, index: int) -> tuple[str, int, Sketch]:
        """Kind, level and sketch of problem number `index`; kinds and levels alternate."""
        names = tuple(self.kinds)
        kind, level = names[index % len(names)], 1 + index // len(names) % self.levels
        return kind, level, self.kinds[kind](Draw(seed_of("pocket", self.name, index)), level)

    def completion(self, way: Way, *, forget: bool = False) -> tuple[str, str]:
        """The text of one way and the answer it gives."""
        work = Work()
        answer = self.write_answer(way.do(work))
        text = ". ".join(work.steps) + "."
        return (text if forget else f"{text}\n{self.write_ending(answer)}"), answer

    def demonstration(self, sketch: Sketch, draw: Draw) -> str:
        """One completion drawn from the mixture of right ways and mistakes."""
        ways = (*sketch.right, *sketch.wrong)
        pick = draw.weighted([*(way.weight for way in ways), sketch.forgets])
        if pick == len(ways):
            way = sketch.right[draw.weighted([way.weight for way in sketch.right])]
            return self.completion(way, forget=True)[0]
        return self.completion(ways[pick])[0]

    def _problem(self, name: str, kind: str, level: int, sketch: Sketch) -> Problem:
        written = [self.completion(way) for way in sketch.right]
        answers = {answer for _, answer in written}
        if len(answers) != 1:
            raise ValueError(f"{name} ({kind}): its correct ways give different answers: {sorted(answers)}")
        keys = {strategy_key(text, answer) for text, answer in written}
        return Problem(
            id=name,
            prompt=sketch.prompt,
            gold=written[0][1],
            solution=written[0][0],
            kind=kind,
            level=level,
            strategies=tuple(sorted(key for key in keys if key is not None)),
        )


def split_of(prompt: str) -> Split:
    """The split a problem's text belongs to: decided by its digest, so that no text is in two splits."""
    bucket = hashlib.sha256(prompt.encode()).digest()[0]
    if bucket < 16:
        return "test"
    return "validation" if bucket < 32 else "train"
