"""Learning curves in five currencies, and who leads at equal budget in each.

An amount is what a job had spent at a probe, so probes of different seeds lie at different amounts. Accuracies at equal
budget are interpolated linearly between the two probes around it, seed by seed, and never extrapolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmark.comparison.table import DASH, SPACE, Table, cell, code, words
from benchmark.contract import FLOOR, Estimate
from benchmark.report.tables.standing import NEAR_ZERO
from benchmark.stats import compare_all, from_seeds, interval
from benchmark.stats.bounded import share_interval

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import StepLog
    from benchmark.report.reading import ReportData

__all__ = ["CURRENCIES", "Band", "Curves", "Key", "amount", "band", "curves", "equal_budget_table", "leaders"]

Key = Literal["completions", "tokens", "updates", "flops", "seconds"]

CURRENCIES: dict[Key, str] = {
    "completions": "completions",
    "tokens": "completion tokens",
    "updates": "optimiser updates",
    "flops": "model FLOPs",
    "seconds": "training seconds",
}
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the smallest common final amount, at which methods are compared."""

Points = tuple[tuple[float, float], ...]
"""(amount, accuracy) at each probe of one job, amounts not falling."""
Band = list[tuple[float, Estimate]]
"""At each probe: mean amount, and the estimate over seeds."""


@dataclass(frozen=True, slots=True)
class Curves:
    """The step logs of a suite's finished jobs."""

    metric: str
    """`probe/accuracy` where any job took probes, else `reward/mean`."""
    points: dict[tuple[str, Key, str], dict[int, Points]]
    """By task, currency and method: seed → its points. A job whose log lacks the currency is left out."""

    @property
    def probed(self) -> bool:
        """Whether they are validation probes, not training rewards."""
        return self.metric == "probe/accuracy"

    def of(self, task: str, key: Key) -> dict[str, dict[int, Points]]:
        """Method → seed → points."""
        return {method: seeds for (t, k, method), seeds in self.points.items() if (t, k) == (task, key)}

    @property
    def currencies(self) -> tuple[Key, ...]:
        """Those in which any training was logged."""
        return tuple(key for key in CURRENCIES if any(k == key and method != FLOOR for _, k, method in self.points))


def curves(evidence: Evidence) -> Curves:
    """Read every step log once. Seconds are left out where they come from unlike machines."""
    read = [(record.job, evidence.steps(record)) for record in evidence.done]
    logged = {name for _, steps in read for step in steps for name in step.metrics}
    metric = "probe/accuracy" if "probe/accuracy" in logged else "reward/mean"
    found: dict[tuple[str, Key, str], dict[int, Points]] = {}
    for key in CURRENCIES:
        if key == "seconds" and evidence.mixed:
            continue
        for job, steps in read:
            points = _points(steps, key, metric)
            if points:
                found.setdefault((job.task, key, job.algorithm.name), {})[job.seed] = points
    return Curves(metric, found)


def _points(steps: tuple[StepLog, ...], key: Key, metric: str) -> Points:
    amounts = [(_spent(step, key), step.metrics[metric]) for step in steps if metric in step.metrics]
    known = tuple((float(at), value) for at, value in amounts if at is not None)
    return known if len(known) == len(amounts) else ()


def _spent(step: StepLog, key: Key) -> float | None:
    by_key: dict[Key, float | None] = {
        "completions": step.completions,
        "tokens": step.tokens,
        "updates": step.updates,
        "flops": step.flops,
        "seconds": step.seconds,
    }
    return by_key[key]


def band(seeds: dict[int, Points], planned: int) -> Band:
    """Over the seeds that have a probe, probe by probe."""
    found: Band = []
    for index in range(max(map(len, seeds.values()))):
        here = [points[index] for points in seeds.values() if index < len(points)]
        values: list[float | None] = [value for _, value in here]
        found.append((sum(at for at, _ in here) / len(here), bounded(values, planned)))
    return found


# --- at equal budget -----------------------------------------------------------------------------------------------


def common(evidence: Evidence, found: Curves, task: str, key: Key) -> float | None:
    """The smallest final amount of any finished job that trained; `None` where nothing was spent."""
    ends = [points[-1][0] for method in evidence.trained for points in found.of(task, key).get(method, {}).values()]
    spent = [end for end in ends if end > 0]
    return min(spent) if spent else None


def at(points: Points, budget: float) -> float | None:
    """Accuracy at a budget, between probes; `None` outside of them. Of probes at one amount the last counts."""
    last = dict(points)
    if not min(last) <= budget <= max(last):
        return None
    return float(np.interp(budget, list(last), list(last.values())))


def equal_budget_table(reading: ReportData, key: Key) -> Table:
    """Accuracy of every trained method at shares of the smallest common final amount, mean and interval over seeds."""
    evidence, found = reading.evidence, reading.curves
    rows: list[tuple[str, ...]] = []
    for task in evidence.suite.tasks:
        whole = common(evidence, found, task, key)
        if whole is None or not _learned(found, task, key):
            continue
        rows.append((CURRENCIES[key], code(task), *(amount(share * whole, key) for share in SHARES)))
        for method in evidence.trained:
            cells = (_cell(reading, task, key, method, share * whole) for share in SHARES)
            rows.append((code(method), code(task), *cells))
    return Table(("after", "task", *(f"{share:.0%}" for share in SHARES)), tuple(rows), left=2)


def _learned(found: Curves, task: str, key: Key) -> bool:
    """Whether anything was ever solved: rows of zeros say nothing."""
    return any(value for seeds in found.of(task, key).values() for points in seeds.values() for _, value in points)


def _cell(reading: ReportData, task: str, key: Key, method: str, budget: float) -> str:
    evidence = reading.evidence
    if method not in reading.curves.of(task, key):
        failed = all(record.status != "done" for record in evidence.cell(method, task))
        return cell(_over_seeds([], evidence), "percent", evidence.cell(method, task)) if failed else DASH
    values = _at_budget(reading.curves, task, key, method, budget)
    return cell(_over_seeds(list(values.values()), evidence), "percent")


def _over_seeds(values: list[float | None], evidence: Evidence) -> Estimate:
    return bounded(values, len(evidence.suite.seeds))


def bounded(values: list[float | None], planned: int) -> Estimate:
    """A share's interval over seeds; Student's where a reward of one's own leaves [0, 1]."""
    inside = all(value is None or 0 <= value <= 1 for value in values)
    return share_interval(values, planned) if inside else interval(values, planned)


def _at_budget(found: Curves, task: str, key: Key, method: str, budget: float) -> dict[int, float | None]:
    return {seed: at(points, budget) for seed, points in found.of(task, key).get(method, {}).items()}


def leaders(reading: ReportData, task: str) -> str:
    """One sentence: which method is highest at the smallest common final amount of each currency.

    Undecided where the paired difference to the next one is (`stats.compare_all`). Empty where nothing was solved.
    """
    leading: dict[str, list[str]] = {}
    if reading.standings[task].best is None:
        return ""
    for key in reading.curves.currencies:
        first = _leader(reading.evidence, reading.curves, task, key)
        if first is not None:
            leading.setdefault(first[0], []).append(CURRENCIES[key] + first[1])
    if not leading:
        return ""
    if len(leading) == 1:
        ((best, names),) = leading.items()
        return f"On {code(task)}, {code(best)} is highest at equal {words(names)}."
    parts = [f"{code(best)} at equal {words(names)}" for best, names in leading.items()]
    return f"On {code(task)}, which method is highest depends on the currency: {'; '.join(parts)}."


def _leader(evidence: Evidence, found: Curves, task: str, key: Key) -> tuple[str, str] | None:
    """The leader, and in brackets whom it is not separated from; `None` where nothing was solved."""
    budget = common(evidence, found, task, key)
    if budget is None:
        return None
    values = {method: _at_budget(found, task, key, method, budget) for method in evidence.trained}
    means = {method: interval(list(seeds.values()), planned=len(seeds)).mean for method, seeds in values.items()}
    ranked = sorted((-mean, method) for method, mean in means.items() if mean is not None)
    if not ranked or -ranked[0][0] <= NEAR_ZERO:
        return None
    best, *others = [method for _, method in ranked]
    if not others:
        return best, ""
    pair = {method: from_seeds(values[method]) for method in (best, others[0])}
    verdict = compare_all(found.metric, task, pair, "higher", len(evidence.suite.seeds))[best, others[0]]
    return best, "" if verdict.decision == "better" else f" (not separated from {code(others[0])})"


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def amount(value: float, key: Key) -> str:
    """An amount with its digits: 1,536; 12.3 (seconds); 1.10 × 10¹¹."""
    if key == "flops" and value >= 1:
        digits, power = f"{value:.2e}".split("e+")
        return f"{digits}{SPACE}×{SPACE}10{str(int(power)).translate(_SUPERSCRIPTS)}"
    return f"{value:,.1f}" if key == "seconds" else f"{value:,.0f}"
