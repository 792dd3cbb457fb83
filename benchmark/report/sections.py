"""The parts of a report that hold a figure: each with its words and the table of the same numbers, for any page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.comparison.table import SPACE, Table, cell, code
from benchmark.contract import PHASES
from benchmark.report.figures.cost import memory, memory_table, phases
from benchmark.report.figures.drawing import rule
from benchmark.report.figures.learning import learning
from benchmark.report.figures.plane import drawable, plane
from benchmark.report.figures.samples import at_k, at_k_table, ks
from benchmark.report.tables.budgets import CURRENCIES, curves, equal_budget_table, leaders
from benchmark.report.tables.conditions import phases_table
from benchmark.report.tables.levels import known_problems, split_table
from benchmark.report.tables.main import MEMORY_WORDS, memory_kinds

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = ["Section", "sections"]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands beneath it, in this order: paragraphs, figure, table, and further sections."""

    title: str
    depth: int
    """2 or 3, as Markdown counts headings."""
    words: tuple[str, ...] = ()
    figure: str = ""
    """File name of the SVG; empty without one."""
    alt: str = ""
    """What the figure shows, for those who cannot see it."""
    svg: bytes = b""
    table: Table | None = None


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """All that have something to show, in the order of the report."""
    return tuple(part for make in _PARTS for part in make(evidence))


def _learning(evidence: Evidence) -> list[Section]:
    found = curves(evidence)
    if not found.currencies:
        return []
    exam = evidence.suite.training
    what = (
        f"Accuracy on {exam.probe_problems} validation problems, two samples each; nothing here has seen the test split"
        if found.probed
        else "Mean reward of the training completions"
    )
    missing = [words for key, words in CURRENCIES.items() if key not in found.currencies]
    lines = [
        *(sentence for task in evidence.suite.tasks if (sentence := leaders(evidence, found, task))),
        f"{what}. {_HOW}",
        *([f"Not drawn, since it is not known of these records: {', '.join(missing)}."] if missing else []),
        *filter(None, [rule(evidence)]),
    ]
    parts = [Section("Learning curves", 2, tuple(lines))]
    for key in found.currencies:
        name = "learning.svg" if key == "completions" else f"learning_{key}.svg"
        parts.append(
            Section(
                f"By {CURRENCIES[key]}",
                3,
                (_FLOPS,) if key == "flops" else (),
                name,
                f"Learning curves against {CURRENCIES[key]}, one panel per task",
                learning(evidence, found, key),
                equal_budget_table(evidence, found, key),
            )
        )
    return parts


_HOW = (
    "Line: mean over seeds; band: smallest to largest. Tables: accuracy when this share of the smallest common final "
    "amount was spent (the first row of a task says how much), interpolated between probes, never extrapolated, with "
    "the 95 % interval over seeds. Highest means are taken at 100 %; undecided: the interval of the difference "
    "to the next method, paired by seed, holds 0."
)
_POINTS = (
    "Up is more variety among correct solutions, right is more correct. Small points are seeds; large ones their mean "
    "with the 95 % intervals."
)
_FLOPS = (
    "Model FLOPs of training by the formula of `benchmark/run/flops.py`: sampling, reference and critic passes, every "
    f"pass over a batch, prompts included, padding left out. “–”: a trainer of its own hides them{SPACE}from us."
)


def _planes(evidence: Evidence) -> list[Section]:
    samples = evidence.suite.exam.samples
    wanted = [
        ("accuracy_diversity.svg", "effective_strategies", "effective strategies (D2)"),
        ("accuracy_strategies.svg", f"strategies_per_solved@{samples}", f"strategies per solved problem at {samples}"),
    ]
    drawn = [each for each in wanted if drawable(evidence, each[1])]
    if not drawn:
        return []
    words = (
        _POINTS,
        *filter(None, [rule(evidence)]),
    )
    parts = [Section("Accuracy against diversity", 2, words)]
    for file, metric, name in drawn:
        alt = f"Accuracy against {name}, one panel per task"
        svg = plane(evidence, metric, name)
        parts.append(Section(name[0].upper() + name[1:], 3, (), file, alt, svg, _plane_table(evidence, metric, name)))
    return parts


def _plane_table(evidence: Evidence, metric: str, name: str) -> Table:
    rows = tuple(
        (
            code(method),
            code(task),
            cell(evidence.estimate(method, task, "accuracy"), "percent", evidence.cell(method, task)),
            cell(evidence.estimate(method, task, metric), "count", evidence.cell(method, task)),
        )
        for task in evidence.suite.tasks
        for method in evidence.methods
    )
    return Table(("method", "task", "accuracy", name), rows, left=2)


def _more_samples(evidence: Evidence) -> list[Section]:
    parts = []
    for family, title in (("pass", "pass@k"), ("strategies", "strategies@k")):
        if len(ks(evidence, family)) > 1:
            alt = f"{title} against k, one panel per task"
            svg, table = at_k(evidence, family), at_k_table(evidence, family)
            parts.append(Section(title, 3, (), f"{family}_at_k.svg", alt, svg, table))
    if not parts:
        return []
    intro = ("Line: mean over seeds; band: its 95 % interval.", *filter(None, [rule(evidence)]))
    return [Section("What more samples find", 2, intro), *parts]


def _levels(evidence: Evidence) -> list[Section]:
    parts = []
    for task in evidence.suite.tasks:
        problems = known_problems(evidence, task)
        if any(labels["level"] for labels in problems.values()):
            table = split_table(evidence, task, problems, "level")
            parts.append(Section(f"Levels of {code(task)}", 3, table=table))
        if any(labels["kind"] for labels in problems.values()):
            table = split_table(evidence, task, problems, "kind")
            parts.append(Section(f"Kinds of {code(task)}", 3, table=table))
    intro = ("Accuracy of samples, intervals over seeds alone; n is the number of test problems of a level or kind.",)
    return [Section("Accuracy by level and kind", 2, intro), *parts] if parts else []


def _cost(evidence: Evidence) -> list[Section]:
    if not evidence.done:
        return []
    mixed = len(evidence.devices) > 1
    seconds = "Training time is rollout + reward + update; the exam is never inside it. Mean over finished seeds."
    seconds += " Not shown for records of several devices." if mixed else ""
    figure = {} if mixed else {"figure": "phases.svg", "svg": phases(evidence)}
    alt = f"Stacked bars of seconds by phase ({', '.join(PHASES)}), one panel per task"
    parts = [Section("Where the seconds went", 2, (seconds,), alt=alt, table=phases_table(evidence), **figure)]  # type: ignore[arg-type]
    for kind in memory_kinds(evidence):
        words = f"Peak of each phase in MiB, {MEMORY_WORDS[kind]}: the highest of the finished seeds."
        parts.append(
            Section(
                f"Memory by phase, {MEMORY_WORDS[kind]}",
                2,
                (words,),
                f"memory_{kind}.svg",
                f"Peak memory by phase ({MEMORY_WORDS[kind]}), one panel per task",
                memory(evidence, kind),
                memory_table(evidence, kind),
            )
        )
    return parts


_PARTS: tuple[Callable[[Evidence], list[Section]], ...] = (_learning, _more_samples, _planes, _levels, _cost)
