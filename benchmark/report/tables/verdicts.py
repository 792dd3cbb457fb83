"""Who is better than whom, in tables and words: every word here comes from a `Comparison`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import DASH, SPACE, Kind, Table, code, number, signed
from benchmark.contract import FLOOR
from benchmark.report.metrics import ACCURACY, D2, ShownMetric
from benchmark.stats import MOST_SEEDS, greedy, p_words

if TYPE_CHECKING:
    from benchmark.contract import Comparison
    from benchmark.report.reading import ReportData
    from benchmark.report.tables.standing import Outlook

__all__ = ["JUDGED", "difference", "greedy_table", "matrix", "outlook", "verdict_table"]

JUDGED: dict[str, ShownMetric] = {"accuracy, points": ACCURACY, "effective strategies (D2)": D2}
"""Metrics with a verdict for every pair, by the name of their differences."""

MOST_WIDE = 8
"""Methods beyond which a matrix has signs instead of words."""

_SIGNS = {"better": "+", "worse": "−", "undecided": "·"}
_MILESTONES = (5, 10, 20, MOST_SEEDS)
_TINY = 0.0005
"""Half of the last digit of a difference in points."""


def verdict_table(reading: ReportData, task: str) -> Table | None:
    """Every trained method against the floor and against the best of the task; `None` where nothing was tested."""
    standing = reading.standings[task]
    if not standing.tested or not (standing.floor or standing.against_best):
        return None
    best = standing.best if standing.against_best else None
    header = ["method"]
    if standing.floor:
        header += [f"accuracy against {code(FLOOR)}", f"D2 against {code(FLOOR)}"]
    header += [f"accuracy against {code(best)}, the highest"] if best else []
    rows = []
    for method in standing.ranked:
        cells = []
        if standing.floor:
            cells = [_against(reading, task, ACCURACY, method, FLOOR)]
            cells += [_against(reading, task, D2, method, FLOOR) if method in standing.diversity else DASH]
        if best:
            cells.append(DASH if method == best else _against(reading, task, ACCURACY, method, best))
        rows.append((code(method), *cells))
    return Table(tuple(header), tuple(rows), left=len(header))


def matrix(reading: ReportData, metric: ShownMetric, task: str) -> Table | None:
    """The row's method against the column's, for all pairs; `None` without two methods that have the number."""
    known = reading.evidence.known(task, metric.name)
    if len(known) < 2:
        return None
    wide = len(known) > MOST_WIDE
    rows = tuple(
        (code(one), *(DASH if one == two else _pair(reading.compare(task, metric, one, two), metric.kind, wide=wide)
                      for two in known))
        for one in known
    )  # fmt: skip
    return Table(("method", *(code(method) for method in known)), rows, left=1 if wide else 1 + len(known))


def outlook(task: str, found: Outlook, seeds: int) -> str:
    """What these seeds can detect in accuracy, and how many would settle the undecided pairs."""
    if found.gap is None or found.gap < _TINY:
        return f"{code(task)}: seeds and problems show no spread, so no detectable gap can be given."
    size = f"a gap of about {_points(found.gap)} points" if found.gap < 1 else "no gap of less than 100 points"
    text = f"{code(task)}: with {_seeds(seeds)} this experiment can detect {size} (median pair, 80 % power)."
    pairs = len(found.needed)
    if not pairs:
        return text
    counts = [sum(one is not None and one <= most for one in found.needed.values()) for most in _MILESTONES]
    said = [f"{most} seeds → {count}" for count, most in zip(counts, _MILESTONES, strict=True)]
    if not any(counts):
        return f"{text} Even {MOST_SEEDS} seeds would settle none of the {_pairs(pairs)}."
    return f"{text} If the gaps seen are the true ones, more seeds would settle the {_pairs(pairs)}: {', '.join(said)}."


def _points(gap: float) -> str:
    return f"{100 * gap:.0f}" if gap >= 0.1 else number(gap, "percent")


def _seeds(count: int) -> str:
    return f"{count} seed{'' if count == 1 else 's'}"


def _pairs(count: int) -> str:
    return f"{count} undecided pair{'' if count == 1 else 's'}"


def greedy_table(reading: ReportData, task: str) -> Table | None:
    """Greedy answers: problems that only one of a pair solves, by seed, with exact tests."""
    greedies = reading.evidence.known(task, "greedy_accuracy")
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
    header = ("method", "against", "only the first : only the second, by seed", "one vote per problem")
    return Table(header, tuple(rows), left=4) if rows else None


def difference(comparison: Comparison, kind: Kind) -> str:
    """`better, +13.2 [10.1, 16.3]`; without two seeds in common only that it is undecided."""
    found = comparison.difference
    if found.mean is None or found.done < 2:
        return f"undecided ({found.done}{SPACE}pair{'' if found.done == 1 else 's'})"
    decision = comparison.decision if comparison.decision == "undecided" else f"**{comparison.decision}**"
    mean, bounds = signed(found.mean, kind), ""
    if found.low is not None and found.high is not None:
        low, high = number(found.low, kind), number(found.high, kind)
        bounds = f" [{low},{SPACE}{high}]" if low != high else ""
    return f"{decision}, {mean}{bounds}"


def _against(reading: ReportData, task: str, metric: ShownMetric, method: str, other: str) -> str:
    return difference(reading.compare(task, metric, method, other), metric.kind)


def _pair(comparison: Comparison, kind: Kind, *, wide: bool) -> str:
    gap = comparison.difference.mean
    if wide or gap is None:
        return _SIGNS[comparison.decision]
    decided = comparison.decision != "undecided"
    word = f"**{comparison.decision}**" if decided else "undecided"
    return f"{word} {signed(gap, kind)}"
