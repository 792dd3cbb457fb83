"""How often graders are right, and how often two of them agree, counted over graded rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.commands.grade.pairs import GradedPair
    from benchmark.grading.rivals import Grader

__all__ = ["GraderAgreement", "Score", "agreement", "score"]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one grader. A verdict is right if it accepts exactly the rows that are expected to be accepted."""

    rows: int
    labelled: int
    """Number of rows with `expected`; the three counts below refer to these."""
    right: int
    false_accepts: int
    false_rejects: int
    undecided: int
    errors: int
    seconds: float


@dataclass(frozen=True, slots=True)
class GraderAgreement:
    """Agreement of two graders on the same rows. Cohen's kappa is `None` if chance agreement is 1."""

    first: str
    second: str
    share: float
    kappa: float | None
    first_only: int
    second_only: int


def score(rows: Sequence[GradedPair], place: int) -> Score:
    """The grader at `place` over these rows."""
    pairs = [(one.row.expected, one.accepted[place]) for one in rows if one.row.expected is not None]
    kinds = [one.verdicts[place].kind for one in rows]
    return Score(
        rows=len(rows),
        labelled=len(pairs),
        right=sum(expected == accepted for expected, accepted in pairs),
        false_accepts=pairs.count((False, True)),
        false_rejects=pairs.count((True, False)),
        undecided=kinds.count("undecided"),
        errors=kinds.count("error"),
        seconds=sum(one.verdicts[place].seconds for one in rows),
    )


def agreement(rows: Sequence[GradedPair], graders: Sequence[Grader]) -> list[GraderAgreement]:
    """Every pair of graders: κ = (p − chance) / (1 − chance), p the share of rows on which both accept or neither."""
    found = []
    for (i, first), (j, second) in combinations(enumerate(graders), 2):
        pairs = [(one.accepted[i], one.accepted[j]) for one in rows]
        n, both = len(pairs), pairs.count((True, True))
        first_only, second_only = pairs.count((True, False)), pairs.count((False, True))
        share = (n - first_only - second_only) / n
        left, right = (both + first_only) / n, (both + second_only) / n
        chance = left * right + (1 - left) * (1 - right)
        kappa = None if chance == 1 else (share - chance) / (1 - chance)
        found.append(GraderAgreement(first.name, second.name, share, kappa, first_only, second_only))
    return found
