"""Whether an answer says what the gold says.

Rules about spelling read both ways. One does not: an expression such as `m + n` before the value names what was asked
for when the answer writes it, and is part of an equation when the gold does.
"""

from __future__ import annotations

import re
from dataclasses import replace

from benchmark.grading.algebra import equal, number
from benchmark.grading.clock import same_time, time_of
from benchmark.grading.equality import Equality, Oracle, links_of, same_link, same_scalars
from benchmark.grading.sets import certainly_a_set, real_set, same_set
from benchmark.grading.structures import Answer, Based, ClockTime, Group, Matrix, Relation, Scalar, Text

__all__ = ["Equality", "same"]


def same(left: Answer, right: Answer, oracle: Oracle) -> Equality:
    """Compare two structures; `oracle` is asked for two scalars where exact algebra is not certain.

    `y = 2x` and `f(x) = 2x` are the same as whole answers, where only one thing can be meant; in a list names count.
    """
    if isinstance(right, Scalar) and isinstance(left, Relation):
        left = _result_of_chain(left) or left
    outcome = _same(left, right, oracle)
    if outcome == "different" and isinstance(left, Relation) and isinstance(right, Relation):
        ours, theirs = _unnamed(left), _unnamed(right)
        if ours is not None and theirs is not None and _is_name(left.sides[0]) and _is_name(right.sides[0]):
            return _same(ours, theirs, oracle)
    return outcome


def _same(left: Answer, right: Answer, oracle: Oracle) -> Equality:  # noqa: PLR0911 - one return for each structure
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return same_scalars(left, right, oracle)
    as_sets = _sets(left, right)
    if as_sets is not None:
        return as_sets
    left, right = _met(left, right)
    if isinstance(left, ClockTime) and isinstance(right, ClockTime):
        return "same" if same_time(left, right) else "different"
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return same_scalars(left, right, oracle)
    if isinstance(left, Text) and isinstance(right, Text):
        return "same" if left.words == right.words else "different"
    if isinstance(left, Based) and isinstance(right, Based):
        return "same" if left == right else "different"
    if isinstance(left, Matrix) and isinstance(right, Matrix):
        return _matrices(left, right, oracle)
    if isinstance(left, Relation) and isinstance(right, Relation):
        return _relations(left, right, oracle)
    if isinstance(left, Group) and isinstance(right, Group):
        return _groups(left, right, oracle)
    return "different"


def _sets(left: Answer, right: Answer) -> Equality | None:
    """The outcome where one side can be nothing but a set of numbers and both have a normal form as such."""
    if not (certainly_a_set(left) or certainly_a_set(right)):
        return None
    if any(isinstance(side, Group) and side.kind == "," and not certainly_a_set(side) for side in (left, right)):
        return None
    ours, theirs = real_set(left), real_set(right)
    if ours is None or theirs is None:
        return None
    return "same" if same_set(ours, theirs) else "different"


def _met(left: Answer, right: Answer) -> tuple[Answer, Answer]:
    """Bring the two to one form where one says less: a name before the value, a base, brackets, a set of one."""
    for turn in range(2):
        first, second = (left, right) if not turn else (right, left)
        first = _meet(first, second)
        left, right = (first, second) if not turn else (second, first)
    return left, right


def _meet(ours: Answer, theirs: Answer) -> Answer:  # noqa: C901, PLR0911 - one return for each way of writing
    """`ours` in the form of `theirs`, where that is only a matter of writing."""
    if isinstance(ours, Relation) and not isinstance(theirs, Relation):
        ours = _unnamed(ours) or ours
    if isinstance(ours, Scalar) and isinstance(theirs, ClockTime):
        return time_of(ours) or ours
    if isinstance(ours, Group) and ours.kind in ("[]", ",") and isinstance(theirs, Group) and len(ours.items) != 2:
        ours = replace(ours, kind=",") if theirs.kind == "," and ours.kind == "[]" else ours
    if isinstance(ours, Group) and ours.kind == "{}" and len(ours.items) == 1 and not isinstance(theirs, Group):
        return ours.items[0]
    if isinstance(ours, Group) and ours.kind == "," and isinstance(theirs, Group) and theirs.kind in ("{}", "()"):
        items = tuple(_unnamed(item) or item if isinstance(item, Relation) else item for item in ours.items)
        return replace(ours, items=items, kind=theirs.kind)
    if isinstance(ours, Based) and isinstance(theirs, Scalar) and ours.digits.isdigit():
        return Scalar(number(int(ours.digits[:4000])), ours.digits)
    if (
        isinstance(ours, Matrix)
        and isinstance(theirs, Group)
        and theirs.kind in ("()", "[]")
        and len(ours.rows[0]) == 1
    ):
        return Group(theirs.kind, tuple(row[0] for row in ours.rows))
    if isinstance(ours, Group) and ours.kind == "," and isinstance(theirs, Text):
        letters = [_meet(item, Text("x")) for item in ours.items]
        if all(isinstance(letter, Text) for letter in letters):
            return Text(" ".join(letter.words for letter in letters if isinstance(letter, Text)))
    if isinstance(ours, Scalar) and isinstance(theirs, Text) and len(theirs.words) == 1 and ours.value is not None:
        name = ours.value.written()
        return Text(name.lower()) if len(name) == 1 and name.isalpha() else ours
    return ours


def _is_name(side: Answer) -> bool:  # noqa: PLR0911 - one return for each kind of name
    """Something that a value is called by: x, f(x), x_1, area, (x, y)."""
    if isinstance(side, Text):
        return True
    if isinstance(side, Group):
        return side.kind == "()" and all(_is_name(item) for item in side.items)
    if not isinstance(side, Scalar):
        return False
    if side.value is None:
        return re.fullmatch(r"\\overline \{ [A-Z](?: [A-Z])* \}", side.source) is not None
    called = side.source.replace(" ", "").strip("|")
    if len(called) > 3 and called[0].isalpha() and called[1] == "(" and called.find(")") == len(called) - 1:
        return True
    top = side.value.top
    if len(top) != 1 or side.value.rational is not None or len(side.value.bottom) > 1:
        return False
    ((term, factor),) = top.items()
    if factor != 1 or (any(atom.rank != 3 for atom, _ in term) and not called.isalpha()):
        return False
    ratio = len(term) == 2 and {exponent for _, exponent in term} == {1, -1}
    return (len(term) == 1 and term[0][1] == 1) or ratio or called.isalpha()


def _unnamed(relation: Relation) -> Answer | None:
    """The value of `name = value = value`; `None` where the chain contradicts itself or nothing is only a name."""
    if set(relation.signs) != {"="}:
        return None
    sides = relation.sides
    named = [_is_name(side) for side in sides]
    if named[0] and not named[-1]:
        sides = tuple(side for side, is_name in zip(sides, named, strict=True) if not is_name)
    elif named[0]:
        sides = sides[1:]
    elif len(sides) == 2 and named[1]:
        sides = sides[:1]
    elif not all(isinstance(side, Scalar) and side.value is not None and not side.value.variables for side in sides):
        return None
    last = sides[-1]
    for side in sides[:-1]:
        if _same(side, last, lambda _left, _right: "same") != "same":
            return None
    return last


_DIGITS_ALLOWED = re.compile(r"_ ?(?:\{[^{}]*\}|\w+)|(?<![A-Za-z])[fghPE] ?\( ?[^()]* ?\)")


def _is_expression_asked_for(side: Answer) -> bool:
    """An expression without digits but in indices: `m + n`, `|AB|`, the sine of θ; one that has a value is none."""
    if _is_name(side):
        return True
    if not isinstance(side, Scalar) or side.percent or (side.value is not None and not side.value.variables):
        return False
    return not re.search(r"\d", _DIGITS_ALLOWED.sub("", side.source))


def _result_of_chain(relation: Relation) -> Scalar | None:
    """The last link of `m + n = 256 + 37 = 293`: links that are values have to equal it, others say how it came."""
    if set(relation.signs) != {"="}:
        return None
    sides = relation.sides if not _is_expression_asked_for(relation.sides[-1]) else relation.sides[::-1]
    last = sides[-1]
    if (
        not isinstance(last, Scalar)
        or last.value is None
        or last.value.variables
        or not _is_expression_asked_for(sides[0])
    ):
        return None
    if len(relation.sides) > 2 and sides is not relation.sides:
        return None
    for side in sides[1:-1]:
        if not isinstance(side, Scalar | Text):
            return None
        if isinstance(side, Scalar) and side.value is not None and side.value.variables:
            continue
        if isinstance(side, Scalar) and _same(side, last, lambda _left, _right: "same") != "same":
            return None
    return last


def _all(pairs: list[tuple[Answer, Answer]], oracle: Oracle) -> Equality:
    worst: Equality = "same"
    for left, right in pairs:
        outcome = _same(left, right, oracle)
        if outcome == "different":
            return "different"
        if outcome == "unsure":
            worst = "unsure"
    return worst


def _matrices(left: Matrix, right: Matrix, oracle: Oracle) -> Equality:
    if left.kind != right.kind or [len(row) for row in left.rows] != [len(row) for row in right.rows]:
        return "different"
    return _all([*zip(sum(left.rows, ()), sum(right.rows, ()), strict=True)], oracle)


def _groups(left: Group, right: Group, oracle: Oracle) -> Equality:
    if left.kind != right.kind:
        return "different"
    if left.kind in ("{}", ",", "∪"):
        return _unordered(_distinct(left), _distinct(right), oracle)
    if len(left.items) != len(right.items):
        return "different"
    if left.kind == ":":
        return _ratios(left, right)
    return _all([*zip(left.items, right.items, strict=True)], oracle)


def _ratios(left: Group, right: Group) -> Equality:
    """Proportional: `2:4:6` is `1:2:3`."""
    ours = [item.value for item in left.items if isinstance(item, Scalar) and item.value is not None]
    theirs = [item.value for item in right.items if isinstance(item, Scalar) and item.value is not None]
    if len(ours) != len(left.items) or len(theirs) != len(right.items) or not ours[0].top or not theirs[0].top:
        return "different"
    proportional = all(equal(a * theirs[0], b * ours[0]) for a, b in zip(ours, theirs, strict=True))
    return "same" if proportional else "different"


def _distinct(group: Group) -> list[Answer]:
    """The members, each once."""
    members: list[Answer] = []
    for item in group.items:
        if not any(_same(item, member, lambda _left, _right: "unsure") == "same" for member in members):
            members.append(item)
    return members


def _unordered(left: list[Answer], right: list[Answer], oracle: Oracle) -> Equality:
    """Each member has its own partner. Exact partners are found first, so that the oracle is asked about few."""
    if len(left) != len(right):
        return "different"
    for ask in (lambda _left, _right: "unsure", oracle):
        rest = []
        for item in left:
            partner = next((i for i, other in enumerate(right) if _same(item, other, ask) == "same"), None)
            if partner is None:
                rest.append(item)
            else:
                right = right[:partner] + right[partner + 1 :]
        left = rest
        if not left:
            return "same"
        if all(_same(left[0], other, ask) == "different" for other in right):
            return "different"
    return "unsure" if any(_same(left[0], other, oracle) == "unsure" for other in right) else "different"


def _relations(left: Relation, right: Relation, oracle: Oracle) -> Equality:
    """Equations up to a factor, inequalities up to a positive one, chains link by link."""
    links_left, links_right = links_of(left), links_of(right)
    if links_left is None or links_right is None:
        if left.signs == right.signs and len(left.sides) == len(right.sides):
            return _all([*zip(left.sides, right.sides, strict=True)], oracle)
        return "different"
    if len(links_left) == len(links_right) and all(
        any(same_link(link, other) for other in links_right) for link in links_left
    ):
        return "same"
    return "different"
