"""Who is separated from the floor and from the best on a task, and what gap these seeds can detect."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmark.contract import FLOOR, Decision
from benchmark.report.metrics import ACCURACY, D2
from benchmark.stats import LEVEL, common, components, detectable, families, letters, seeds_needed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.report.reading import ReportData

__all__ = ["LETTERS_BELOW", "NEAR_ZERO", "Outlook", "Standing", "standing"]

NEAR_ZERO = 0.02
"""At or below this accuracy of the best method nobody is called the best: the numbers count single completions."""
LETTERS_BELOW = 0.20
"""Median detectable gap up to which groups are shown as letters; beyond it they would join methods far apart."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the seeds of a task can find, in accuracy."""

    gap: float | None
    """Smallest true difference that the median pair would show with 80 % power; `None` where no pair has any spread."""
    needed: Mapping[tuple[str, str], int | None]
    """Undecided pair → seeds that would decide it if the difference seen were the true one; `None` beyond 40."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The verdicts of one task."""

    task: str
    ranked: tuple[str, ...]
    """Trained methods with an accuracy, the highest first."""
    best: str | None
    """The first of them; `None` where nothing, or next to nothing, was solved."""
    correct: tuple[int, int] | None
    """The most correct completions of any method, and of how many; `None` where outcomes are missing."""
    floor: Mapping[str, Decision]
    """Trained method → its verdict against the floor in accuracy; empty without one."""
    diversity: Mapping[str, Decision]
    """The same in effective strategies, of those that have the number."""
    against_best: Mapping[str, Decision]
    """Trained method → its verdict against the best; that itself is left out."""
    tested: bool
    """Whether any pair has the two common seeds that a verdict needs."""
    outlook: Outlook | None
    letters: Mapping[str, str]
    """Method → the letters of its groups; empty where they would mislead."""


def standing(reading: ReportData, task: str) -> Standing:
    """The verdicts of a task, from the pairs' comparisons."""
    evidence = reading.evidence
    means = {method: reading.estimate(method, task, ACCURACY).mean for method in evidence.methods}
    known = {method: mean for method, mean in means.items() if mean is not None}
    ranked = tuple(sorted((one for one in known if one != FLOOR), key=lambda one: -known[one]))
    highest = max(known.values(), default=0.0)
    best = ranked[0] if ranked and highest > NEAR_ZERO else None
    varied = [method for method in ranked if reading.estimate(method, task, D2).mean is not None]
    has_floor = FLOOR in known
    outlook = _outlook(reading, task)
    order = sorted(known, key=lambda one: -known[one])
    shown = outlook is not None and (outlook.gap or 0.0) <= LETTERS_BELOW and best is not None
    return Standing(
        task=task,
        ranked=ranked,
        best=best,
        correct=_correct(reading, task),
        floor={one: _decision(reading, task, one, FLOOR) for one in ranked} if has_floor else {},
        diversity={
            one: reading.compare(task, D2, one, FLOOR).decision
            for one in varied
            if has_floor and reading.estimate(FLOOR, task, D2).mean is not None
        },
        against_best={one: _decision(reading, task, one, best) for one in ranked if one != best} if best else {},
        tested=outlook is not None,
        outlook=outlook,
        letters=letters(order, evidence.verdicts.get((ACCURACY.name, task), {})) if shown else {},
    )


def _decision(reading: ReportData, task: str, one: str, other: str) -> Decision:
    return reading.compare(task, ACCURACY, one, other).decision


def _correct(reading: ReportData, task: str) -> tuple[int, int] | None:
    scores = [one for one in reading.evidence.known(task, ACCURACY.name).values() if one.samples is not None]
    if not scores:
        return None
    counts = [(round(float(one.top.sum()) * (one.samples or 0)), one.top.size * (one.samples or 0)) for one in scores]
    return max(counts)


def _outlook(reading: ReportData, task: str) -> Outlook | None:
    """`None` where no pair can be tested."""
    known = reading.evidence.known(task, ACCURACY.name)
    pairs = [(one, two) for place, one in enumerate(known) for two in list(known)[place + 1 :]]
    tests = [pair for pair in pairs if reading.compare(task, ACCURACY, *pair).p_value is not None]
    if not tests:
        return None
    split = families(tests, FLOOR)
    level = {pair: LEVEL / len(split) / len(family) for family in split for pair in family}
    parts = {}
    for one, two in tests:
        ours, theirs = common(known[one], known[two])
        parts[one, two] = components(ours - theirs)
    gaps = [gap for pair, each in parts.items() if (gap := detectable(each, level[pair])) is not None]
    needed = {
        pair: seeds_needed(found.difference.mean or 0.0, parts[pair], level[pair])
        for pair in tests
        if (found := reading.compare(task, ACCURACY, *pair)).decision == "undecided"
    }
    return Outlook(median(gaps) if gaps else None, needed)
