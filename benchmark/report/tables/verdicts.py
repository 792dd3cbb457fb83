"""Who is better than whom, in tables and words: every word here comes from a `Comparison`."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmark.comparison.evidence import COMPARED
from benchmark.comparison.table import DASH, SPACE, Kind, Table, cell, code, difference, number, signed, words
from benchmark.contract import FLOOR
from benchmark.stats import (
    LEVEL,
    MOST_SEEDS,
    common,
    components,
    detectable,
    families,
    greedy,
    letters,
    p_words,
    seeds_needed,
)

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Comparison

__all__ = [
    "WORDS",
    "greedy_table",
    "matrix",
    "outlook",
    "standings",
    "tied",
    "verdict_table",
]

WORDS: dict[str, tuple[str, Kind]] = {
    "accuracy": ("accuracy (points)", "percent"),
    "effective_strategies": ("effective strategies", "count"),
}
"""How a judged metric's differences are named and written."""

MOST_WIDE = 8
"""Methods beyond which a matrix has signs instead of words."""

_SIGNS = {"better": "+", "worse": "−", "undecided": "·"}
_MILESTONES = (5, 10, 20, MOST_SEEDS)
_MOST_NAMED = 8


def verdict_table(evidence: Evidence) -> Table:
    """Every trained method against the floor on each task: accuracy and effective strategies."""
    asked = [
        (task, metric, *WORDS[metric])
        for task in evidence.suite.tasks
        for metric in COMPARED
        if metric == "accuracy" or evidence.has(metric, task)
    ]
    rows = tuple(
        (code(method), *(_verdict(evidence, method, task, metric, kind) for task, metric, _, kind in asked))
        for method in evidence.trained
    )
    header = (f"against {code(FLOOR)}", *(f"{name}, {code(task)}" for task, _, name, _ in asked))
    return Table(header, rows, left=1 + len(asked))


def matrix(evidence: Evidence, metric: str, task: str) -> Table | None:
    """The row's method against the column's, for all pairs; `None` without two methods that have the number."""
    known = evidence.known(task, metric)
    if len(known) < 2:
        return None
    wide = len(known) > MOST_WIDE
    kind = WORDS[metric][1]
    rows = tuple(
        (code(one), *(DASH if one == two else _pair(evidence.compare(metric, task, one, two), kind, wide=wide)
                      for two in known))
        for one in known
    )  # fmt: skip
    return Table(("", *(code(method) for method in known)), rows, left=1 if wide else 1 + len(known))


def tied(evidence: Evidence, metric: str, task: str) -> dict[str, str]:
    """Letters of each method that has the number; two methods share one exactly when their pair is undecided."""
    means = {method: evidence.estimate(method, task, metric).mean for method in evidence.methods}
    order = sorted((method for method, mean in means.items() if mean is not None), key=lambda one: -(means[one] or 0.0))
    pairs = evidence.verdicts.get((metric, task), {})
    return letters(order, pairs) if pairs or len(order) < 2 else {}


def standings(evidence: Evidence, task: str) -> str:
    """One sentence: the trained method with the highest mean accuracy, and who is undecided against it."""
    means = {method: evidence.estimate(method, task, "accuracy").mean for method in evidence.trained}
    ranked = sorted(((mean, method) for method, mean in means.items() if mean is not None), key=lambda pair: -pair[0])
    if not ranked:
        return f"No trained method has an accuracy on {code(task)}."
    best = ranked[0][1]
    decisions = {method: evidence.compare("accuracy", task, method, best).decision for _, method in ranked[1:]}
    parts = [
        f"{said}: {words(code(method) for method in methods)}"
        for said, wanted in (
            ("undecided against it", "undecided"),
            ("worse", "worse"),
            ("better seed by seed", "better"),
        )
        if (methods := [method for method, decision in decisions.items() if decision == wanted])
    ]
    return f"On {code(task)} the highest mean accuracy of a trained method is {code(best)}'s; " + (
        "; ".join(parts) + "." if parts else "there is no other to compare it with."
    )


def outlook(evidence: Evidence, task: str) -> str:
    """What these seeds can find in accuracy, and how many would decide the undecided pairs; empty without a test."""
    known = evidence.known(task, "accuracy")
    pairs = [(one, two) for place, one in enumerate(known) for two in list(known)[place + 1 :]]
    tests = [pair for pair in pairs if evidence.compare("accuracy", task, *pair).p_value is not None]
    if not tests:
        return ""
    split = families(tests, FLOOR)
    level = {pair: LEVEL / len(split) / len(family) for family in split for pair in family}
    parts = {}
    for one, two in tests:
        ours, theirs = common(known[one], known[two])
        parts[one, two] = components(ours - theirs)
    gaps = sorted(gap for pair, each in parts.items() if (gap := detectable(each, level[pair])) is not None)
    low, middle, high = (_points(gap) for gap in (gaps[0], median(gaps), gaps[-1]))
    span = f"{low} points" if low == high else f"{low} to {high} points, by pair (median {middle}),"
    text = f"On {code(task)} a true difference in accuracy of {span} would be found in four repetitions of five."
    needed = {
        pair: seeds_needed(comparison.difference.mean or 0.0, parts[pair], level[pair])
        for pair in tests
        if (comparison := evidence.compare("accuracy", task, *pair)).decision == "undecided"
    }
    return f"{text} {_needed(needed)}" if needed else text


def greedy_table(evidence: Evidence, task: str) -> Table | None:
    """Greedy answers: problems that only one of a pair solves, by seed, with exact tests."""
    greedies = evidence.known(task, "greedy_accuracy")
    known = {method: scores for method, scores in greedies.items() if len(scores.problems) > 1}
    pairs = [(one, two) for place, two in enumerate(known) for one in list(known)[place + 1 :]]
    if len(known) > MOST_WIDE:
        pairs = [(one, two) for one, two in pairs if two == FLOOR]
    rows = []
    for one, two in pairs:
        found = greedy(known[one], known[two])
        if found.seeds:
            by_seed = (
                f"{won}{SPACE}:{SPACE}{lost} ({p_words(p).replace(' ', SPACE)})"
                for won, lost, p in zip(found.only_ours, found.only_theirs, found.p_values, strict=True)
            )
            rows.append((code(one), code(two), "; ".join(by_seed), p_words(found.pooled).replace(" ", SPACE)))
    header = ("method", "against", "only it : only the other, by seed", "pooled by problem")
    return Table(header, tuple(rows), left=4) if rows else None


def _points(gap: float) -> str:
    return number(gap, "percent") if gap < 1 else "more than 100"


def _needed(needed: dict[tuple[str, str], int | None]) -> str:
    """How many seeds would decide: each pair by name where they are few, else counted."""
    if len(needed) <= _MOST_NAMED:
        said = [
            f"{code(one)} and {code(two)} {f'with {seeds}' if seeds else f'not with {MOST_SEEDS}'}"
            for (one, two), seeds in needed.items()
        ]
        return (
            f"If the true differences and variances were those seen, these would be decided: {'; '.join(said)} seeds."
        )
    counts = [sum(seeds is not None and seeds <= most for seeds in needed.values()) for most in _MILESTONES]
    said = [f"{count} with {most}" for count, most in zip(counts, _MILESTONES, strict=True)]
    return (
        f"If the true differences and variances were those seen, of the {len(needed)} undecided pairs "
        f"{', '.join(said)} seeds would be decided, the others not."
    )


def _pair(comparison: Comparison, kind: Kind, *, wide: bool) -> str:
    gap = comparison.difference.mean
    if wide or gap is None:
        return _SIGNS[comparison.decision]
    decided = comparison.decision != "undecided"
    word = f"**{comparison.decision}**" if decided else "undecided"
    return f"{word} {signed(gap, kind)}"


def _verdict(evidence: Evidence, method: str, task: str, metric: str, kind: Kind) -> str:
    own = evidence.estimate(method, task, metric)
    if own.mean is None:
        return cell(own, kind, evidence.cell(method, task))
    return difference(evidence.compare(metric, task, method, FLOOR), kind)
