"""The strategy of a worked solution: its equations as a graph, written as one canonical key.

Two solutions use the same strategy exactly when their keys are equal.

* Link: a number equal to the stated result of an earlier step is a link to the latest such step. A given number that
  happens to equal one is linked too.
* Root: the last step that states the final answer, else the last step. Steps that it does not use do not count.
* Normal form: a-b is a+(-b), a/b is a times the reciprocal of b, a constant's reciprocal is a constant, nested sums and
  products are flattened, factors of 1 vanish, children are sorted. Nothing is distributed, no constants are folded.

`expr` inlines all links, so splitting the work into more steps changes nothing. `steps` keeps the split: it is the set
of the steps, each over the problem's numbers and, in brackets, the earlier results it uses, with its factors of 1.
Work is bounded: beyond the limits here and in `strategy.equations` there is no key. A key reads as an expression,
`(2*(16-3-4))`; it does not see what was done in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmark.exam.strategy.equations import Step, first_value, steps_of
from benchmark.exam.strategy.expressions import ExprToken, Number, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Equation", "Strategy", "StrategyLevel", "count_equations", "equations", "strategy_key", "strategy_of"]

StrategyLevel = Literal["expr", "steps"]

MAX_STEPS = 100
"""A solution whose root uses more steps has no strategy."""
MAX_KEY = 2_000
"""A solution with a longer key has no strategy; inlining can double a key at every step."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """The strategy of one solution."""

    expr: str
    """One expression over the problem's numbers."""
    steps: str
    """All steps that the root uses, sorted, joined by `; `: `(2*[16-3-4]); (16-3-4)`."""
    valid: bool
    """Whether each of these steps states its correct value, within rounding."""
    result: Fraction
    """The result that the root states."""


@dataclass(frozen=True, slots=True)
class Equation:
    """One step as it stands in the text, before linking."""

    left: str
    """Canonical left side over the numbers as written."""
    result: Fraction
    valid: bool


def strategy_key(text: str, answer: str | None, level: StrategyLevel = "expr") -> str | None:
    """Key of the strategy at one level; `None` if no equation can be read or a limit is exceeded."""
    strategy = strategy_of(text, answer)
    if strategy is None:
        return None
    return strategy.expr if level == "expr" else strategy.steps


def strategy_of(text: str, answer: str | None, reading: Reading = "wide") -> Strategy | None:
    r"""The strategy that leads to `answer`, the final answer alone (`18`, `1,200`, `3/4`, `\frac{3}{4}`).

    Where no step states the answer, or it is `None`, the last step is the root. `None` without an equation.
    """
    found = steps_of(text, reading)
    if not found:
        return None
    root = _root(found, answer)
    links = _links(found, root)
    if len(links) > MAX_STEPS:
        return None
    nodes: dict[int, _Node] = {}
    names: dict[int, str] = {}
    cut: set[str] = set()
    for index in sorted(links):
        postfix, linked = found[index].postfix, links[index]
        nodes[index] = _build(postfix, {value: nodes[step] for value, step in linked.items()})
        names[index] = _render(nodes[index])
        if len(names[index]) > MAX_KEY:
            return None
        if linked or 1 in postfix:
            whole = {value: _whole(names[step]) for value, step in linked.items()}
            cut.add(_render(_build(postfix, whole, ones=True)))
        else:
            cut.add(names[index])
    return Strategy(
        expr=names[root],
        steps="; ".join(sorted(cut)),
        valid=all(found[index].valid for index in links),
        result=Fraction(found[root].result),
    )


def equations(text: str, reading: Reading = "wide") -> tuple[Equation, ...]:
    """All steps of a text in order; empty for a text beyond the limit."""
    return tuple(
        Equation(_render(_build(step.postfix, {})), Fraction(step.result), step.valid)
        for step in steps_of(text, reading)
    )


def count_equations(texts: Iterable[str], reading: Reading = "wide") -> tuple[int, int]:
    """How many different equations the texts have, and how many in all: the two parts of Div-Equ (arXiv 2505.23433).

    Two are the same where their left sides have one normal form and they state the same result.
    """
    found = [(one.left, one.result) for text in texts for one in equations(text, reading)]
    return len(set(found)), len(found)


def _root(found: Sequence[Step], answer: str | None) -> int:
    """The last step that states the answer; with `20%`, 20 and 1/5 both do."""
    wanted: set[Number | None] = set()
    if answer is not None:
        wanted = {first_value(written) for written in (answer, answer.replace("\\%", "").replace("%", ""))}
    return next((index for index in reversed(range(len(found))) if found[index].result in wanted), len(found) - 1)


def _links(found: Sequence[Step], root: int) -> dict[int, dict[Number, int]]:
    """For the root and each step it rests on: which of its numbers are results of which earlier step."""
    latest: dict[Number, int] = {}
    all_links: list[dict[Number, int]] = []
    for index, step in enumerate(found[: root + 1]):
        all_links.append({item: latest[item] for item in step.postfix if not isinstance(item, str) and item in latest})
        latest[step.result] = index
    reached: dict[int, dict[Number, int]] = {}
    waiting = [root]
    while waiting:
        index = waiting.pop()
        if index not in reached:
            reached[index] = all_links[index]
            waiting.extend(all_links[index].values())
    return reached


# --- normal form ---------------------------------------------------------------------------------------------------

_Part = tuple[bool, tuple[int, Number], str]
"""Subtracted or dividing; (0, value) of a constant or (1, 0); text. Sorts into the canonical order."""
_COMPOSITE = (1, 0)


class _Node(NamedTuple):
    """A sum or product of parts; a constant is a product of one. `negative` is a sign before a product."""

    kind: Literal["constant", "sum", "product"]
    negative: bool
    parts: tuple[_Part, ...]


def _whole(name: str) -> _Node:
    """An earlier step as one thing, into which nothing is flattened."""
    return _Node("product", negative=False, parts=((False, _COMPOSITE, f"[{name}]"),))


def _build(postfix: Sequence[ExprToken], links: Mapping[Number, _Node], *, ones: bool = False) -> _Node:
    """The normal form of a left side, with `links` in the place of their numbers; `ones` keeps factors of 1."""
    stack: list[_Node] = []
    for item in postfix:
        if not isinstance(item, str):
            stack.append(links[item] if item in links else _constant(item))
            continue
        right = stack.pop()
        if item == "negate":
            stack.append(_negated(right))
        elif item in "*/":
            stack.append(_times(stack.pop(), right, divide=item == "/", ones=ones))
        else:
            stack.append(_Node("sum", negative=False, parts=_terms(stack.pop()) + _terms(right, subtract=item == "-")))
    return stack[-1]


def _constant(value: Number, *, negative: bool = False) -> _Node:
    size = -value if value < 0 else value
    return _Node("constant", negative=negative ^ (value < 0), parts=((False, (0, size), str(size)),))


def _negated(node: _Node) -> _Node:
    """A sum's sign goes to its terms, so that it can still be flattened."""
    if node.kind == "sum":
        return node._replace(parts=_terms(node, subtract=True))
    return node._replace(negative=not node.negative)


def _terms(node: _Node, *, subtract: bool = False) -> tuple[_Part, ...]:
    """The node as terms of a sum."""
    if node.kind == "sum":
        return tuple((flag ^ subtract, rank, text) for flag, rank, text in node.parts) if subtract else node.parts
    rank = node.parts[0][1] if node.kind == "constant" else _COMPOSITE
    return ((node.negative ^ subtract, rank, _render(node._replace(negative=False))),)


def _times(left: _Node, right: _Node, *, divide: bool, ones: bool) -> _Node:
    """Their product or quotient, without factors of 1 unless `ones` keeps them."""
    if _is_one(right) and not ones:
        return _negated(left) if right.negative else left
    if _is_one(left) and not divide and not ones:
        return _negated(right) if left.negative else right
    parts = (() if _is_one(left) and not ones else _factors(left)) + _factors(right, divide=divide)
    negative = left.negative ^ right.negative
    if len(parts) == 1 and not parts[0][0] and parts[0][1] != _COMPOSITE:
        return _constant(parts[0][1][1], negative=negative)
    return _Node("product", negative=negative, parts=parts)


def _is_one(node: _Node) -> bool:
    return node.kind == "constant" and node.parts[0][1][1] == 1


def _factors(node: _Node, *, divide: bool = False) -> tuple[_Part, ...]:
    """The node, its sign aside, as factors of a product."""
    if node.kind == "sum":
        return ((divide, _COMPOSITE, _render(node)),)
    return tuple(_reciprocal(part) for part in node.parts) if divide else node.parts


def _reciprocal(part: _Part) -> _Part:
    """Of a constant another constant; zero, which only a wrong step can bring below a line, stays there."""
    flag, rank, text = part
    if rank == _COMPOSITE or rank[1] == 0:
        return (not flag, rank, text)
    inverse = 1 / Fraction(rank[1])
    return (False, (0, inverse), str(inverse))


def _render(node: _Node) -> str:
    """Canonical text: children sorted, what is added before what is subtracted, factors before divisors."""
    parts = sorted(node.parts)
    if node.kind == "sum":
        text = "".join(("-" if flag else "+") + text for flag, _, text in parts)
        return f"({text.removeprefix('+')})"
    text = "".join(("/" if flag else "*") + text for flag, _, text in parts)
    text = f"1{text}" if text[0] == "/" else text[1:]
    return ("-" if node.negative else "") + (text if len(parts) == 1 and not parts[0][0] else f"({text})")
