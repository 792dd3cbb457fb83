"""The first words of a report: what the verdicts say, and nothing that they do not."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from benchmark.comparison.table import SPACE, code, number, words
from benchmark.contract import FLOOR
from benchmark.report.metrics import ACCURACY

if TYPE_CHECKING:
    from benchmark.report.reading import ReportData
    from benchmark.report.tables.standing import Standing

__all__ = ["finding"]

_MEAN = "\0"
"""Stands for the best method's accuracy until it is known which tasks share a sentence."""
_NAMED = 5
"""Methods that are listed by name; more are counted."""
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def finding(reading: ReportData) -> str:
    """Accuracy first, one sentence for the tasks of which the same is to be said; then what happened to diversity."""
    tasks = reading.evidence.suite.tasks
    accuracy = _grouped([(_accuracy(reading, reading.standings[task]), task) for task in tasks], reading)
    diversity = _grouped([(_diversity(reading.standings[task]), task) for task in tasks], reading)
    return " ".join([*accuracy, *diversity]) or "There is no task."


def _grouped(said: list[tuple[str, str]], reading: ReportData) -> list[str]:
    """A sentence for each run of tasks with the same words; none for those with no words."""
    sentences = []
    for text, group in groupby(said, key=lambda pair: pair[0]):
        tasks = [task for _, task in group]
        means = words(_percent(reading, task) for task in tasks)
        if text:
            sentences.append(f"On {words(map(code, tasks))}, {text.replace(_MEAN, means)}.")
    return sentences


def _accuracy(reading: ReportData, standing: Standing) -> str:
    seeds = len(reading.evidence.suite.seeds)
    if not standing.ranked:
        return "no trained method has a result yet"
    if standing.best is None:
        return _unsolved(standing)
    highest = f"{code(standing.best)} has the highest mean accuracy ({_MEAN})"
    if not standing.tested:
        return f"{highest}, but {_seeds(seeds)} {'decides' if seeds == 1 else 'decide'} nothing between methods"
    return "; ".join([*_floor(standing), _best(standing, highest, seeds)])


def _percent(reading: ReportData, task: str) -> str:
    best = reading.standings[task].best
    mean = reading.estimate(best, task, ACCURACY).mean if best else None
    return "" if mean is None else f"{number(mean, 'percent')}{SPACE}%"


def _unsolved(standing: Standing) -> str:
    if standing.correct is None:
        return "next to nothing was solved, so that no method can be called the best"
    right, asked = standing.correct
    if right == 0:
        return f"no method solved anything (0 of {asked:,} completions each)"
    return f"next to nothing was solved: no method has more than {right:,} correct of {asked:,} completions"


def _floor(standing: Standing) -> list[str]:
    if not standing.floor:
        return []
    better = [method for method, decision in standing.floor.items() if decision == "better"]
    worse = [method for method, decision in standing.floor.items() if decision == "worse"]
    all_ = len(standing.floor)
    if len(better) == all_ > 1:
        said = f"all {_count(all_)} trained methods are more accurate than {code(FLOOR)}"
    elif better:
        said = f"{_some(better, all_)} {'is' if len(better) == 1 else 'are'} more accurate than {code(FLOOR)}"
    else:
        said = f"no trained method is shown to be more accurate than {code(FLOOR)}"
    return [said + (f", {_some(worse, all_)} {'is' if len(worse) == 1 else 'are'} less accurate" if worse else "")]


def _best(standing: Standing, highest: str, seeds: int) -> str:
    rest = standing.against_best
    equal = [method for method, decision in rest.items() if decision == "undecided"]
    if not rest:
        return highest
    if not equal:
        return f"{highest} and is better than every other trained method"
    others = "any other" if len(equal) == len(rest) > 1 else _some(equal, len(rest))
    return f"{highest} but is not separated from {others} with {_seeds(seeds)}"


def _diversity(standing: Standing) -> str:
    said = []
    for decision, word in (("worse", "fewer"), ("better", "more")):
        methods = [method for method, found in standing.diversity.items() if found == decision]
        if methods:
            verb = "has" if len(methods) == 1 else "have"
            said.append(
                f"{_some(methods, len(standing.diversity))} {verb} {word} effective strategies than {code(FLOOR)}"
            )
    return " and ".join(said)


def _some(methods: list[str], whole: int) -> str:
    return words(map(code, methods)) if len(methods) <= _NAMED else f"{len(methods)} of {whole} trained methods"


def _count(number_: int) -> str:
    return _COUNTS[number_] if number_ < len(_COUNTS) else str(number_)


def _seeds(count: int) -> str:
    return f"{_count(count)} seed{'' if count == 1 else 's'}"
