"""Whether the ranking of methods survives another grader, from what the exam kept of their verdicts.

`bakeoff` is the verdict in the records; only graders by text rules are among the others.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING

from benchmark.comparison.table import DASH, Table, code, number, visible, words
from benchmark.contract import VerdictKind
from benchmark.exam.regrade import OURS, RIVALS
from benchmark.store.outcomes import OUTCOMES, SAMPLES, read_columns, read_texts
from benchmark.store.records import job_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.comparison.evidence import Evidence

__all__ = ["RIVALS", "GraderSection", "kendall_tau", "regrade"]

MOST = 200_000
"""Completions of a task that are counted; of each problem the first samples, at least one."""
EXAMPLES = 10
MOST_PAIRS = 4

Accuracies = dict[str, Fraction]


@dataclass(frozen=True, slots=True)
class GraderSection:
    """What is said of one task. Without a table, `sentences` say why."""

    task: str
    sentences: tuple[str, ...]
    accuracies: Table | None = None
    graders: Table | None = None
    examples: Table | None = None


@dataclass(frozen=True, slots=True)
class _Graded:
    """Equal completions of one method and problem under every grader, ours among them."""

    method: str
    problem: str
    text: str
    gold: str
    ours: VerdictKind
    others: tuple[tuple[str, VerdictKind], ...]
    """Verdicts of the graders that differ from ours in acceptance; every other one agrees."""
    count: int

    def verdict(self, name: str) -> VerdictKind:
        """What a grader says; that of one which agrees with ours is only known to be the same in acceptance."""
        return dict(self.others).get(name, self.ours)


def regrade(evidence: Evidence, task: str) -> GraderSection:
    """What other graders said of a task's completions, or why that is not known."""
    if not any(record.job.task == task for record in evidence.done):
        return GraderSection(task, (f"{code(task)} is not graded again: no job is done.",))
    graded, samples = _graded(evidence, task)
    if not graded:
        what = f"{code(task)} is not graded again: no cross-grading is stored with all of its records."
        remedy = f"{code(f'bakeoff regrade {evidence.suite.name}')} adds it where the completions are kept."
        return GraderSection(task, (f"{what} {remedy}",))
    return _section(evidence, task, graded, samples)


# --- what is stored ------------------------------------------------------------------------------------------------


def _graded(evidence: Evidence, task: str) -> tuple[list[_Graded], int]:
    """The first samples of every problem of every finished job, and how many of each; none if any job lacks them.

    Where completions or problems are not kept, their texts are empty.
    """
    done = [one for method in evidence.methods for one in evidence.cell(method, task) if one.status == "done"]
    exams = [exam for one in done if (exam := evidence.exam(one)) is not None]
    problems = max((len(exam.problems) for exam in exams), default=1)
    samples = max(1, min(evidence.suite.exam.samples, MOST // (len(done) * problems)))
    golds = {name: problem.gold for name, problem in evidence.problems(task).items()}
    found = Counter[tuple[str, str, str, VerdictKind, tuple[tuple[str, VerdictKind], ...]]]()
    for record in done:
        folder, kept = job_folder(evidence.results, record.job), evidence.cross_grading(record)
        if kept is None or not (folder / OUTCOMES).exists():
            return [], samples
        whole = read_columns(folder)
        shown = whole.at([place for place, sample in enumerate(whole.sample) if 0 <= sample < samples])
        texts = read_texts(folder, shown) if (folder / SAMPLES).exists() else [""] * len(shown.problem)
        rows = zip(shown.problem, shown.sample, shown.verdict, texts, strict=True)
        found.update(
            (record.job.algorithm.name, problem, text, kind, tuple(kept.differing.get((problem, sample), {}).items()))
            for problem, sample, kind, text in rows
        )
    return [
        _Graded(method, problem, text, golds.get(problem, ""), ours, others, count)
        for (method, problem, text, ours, others), count in found.items()
    ], samples


def _section(evidence: Evidence, task: str, graded: Sequence[_Graded], samples: int) -> GraderSection:
    by_grader = {name: _accuracies(graded, name) for name in (OURS, *RIVALS)}
    methods = [method for method in evidence.methods if method in by_grader[OURS]]
    which = "every sample" if samples == evidence.suite.exam.samples else f"samples 0 to {samples - 1}"
    texts = len({(one.text, one.gold) for one in graded if one.text})
    completions = sum(one.count for one in graded)
    what = f"{code(task)}, {which} of each problem and job: {completions:,} completions" + (
        f", {texts:,} different pairs of text and answer." if texts else "."
    )
    rows = tuple((code(method), *(_percent(by_grader[name][method]) for name in by_grader)) for method in methods)
    examples = _examples([one for one in graded if one.text])
    return GraderSection(
        task,
        (what, *_sentences(evidence, task, by_grader, methods)),
        Table(("accuracy", *map(code, by_grader)), rows),
        _graders_table(graded, by_grader, methods),
        examples if examples.rows else None,
    )


def _accuracies(graded: Sequence[_Graded], name: str) -> Accuracies:
    total, right = Counter[str](), Counter[str]()
    for one in graded:
        total[one.method] += one.count
        right[one.method] += one.count * _accepts(one, name)
    return {method: Fraction(right[method], count) for method, count in total.items()}


# --- the ranking ---------------------------------------------------------------------------------------------------


def kendall_tau(ours: Sequence[Fraction], theirs: Sequence[Fraction]) -> float | None:
    """τ_b: (agreeing − contrary pairs) / √(pairs untied in ours × untied in theirs); `None` where all are level."""
    signs = [(_sign(a - c), _sign(b - d)) for (a, b), (c, d) in combinations(zip(ours, theirs, strict=True), 2)]
    untied = math.sqrt(sum(one != 0 for one, _ in signs) * sum(two != 0 for _, two in signs))
    return sum(one * two for one, two in signs) / untied if untied else None


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _sentences(evidence: Evidence, task: str, by_grader: Mapping[str, Accuracies], methods: Sequence[str]) -> list[str]:
    """One that names the graders with our ranking, and one for each other ranking."""
    if len(methods) < 2:
        return []
    swapped = {name: _swapped(by_grader[OURS], by_grader[name], methods) for name in RIVALS}
    same = [code(name) for name in RIVALS if not swapped[name]]
    said = [f"The ranking of methods is the same under {words(same)}."] if same else []
    for pairs in dict.fromkeys(tuple(pairs) for pairs in swapped.values() if pairs):
        shown = [f"{code(a)} and {code(b)} ({_points(by_grader[OURS], a, b)})" for a, b in pairs[:MOST_PAIRS]]
        shown += [f"{len(pairs) - MOST_PAIRS} more"] if len(pairs) > MOST_PAIRS else []
        names = words(code(name) for name in RIVALS if tuple(swapped[name]) == pairs)
        said.append(f"Under {names} these change places or become level: {words(shown)}.")
    different = sorted({pair for pairs in swapped.values() for pair in pairs})
    return [*said, *_meaning(evidence, task, different)]


def _meaning(evidence: Evidence, task: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Whether the seeds tell the swapped methods apart: a swap of two that they do not is no finding."""
    if not pairs:
        return []
    decided = [(a, b) for a, b in pairs if evidence.compare("accuracy", task, a, b).decision != "undecided"]
    named = words(f"{code(a)} and {code(b)}" for a, b in decided)
    told = f"of these pairs the seeds tell {named} apart" if decided else "none of these pairs do the seeds tell apart"
    return [f"In brackets the distance under {code(OURS)}; {told} (the verdicts above)."]


def _swapped(ours: Accuracies, theirs: Accuracies, methods: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs that the two order differently, the widest apart under ours first."""
    found = [(a, b) for a, b in combinations(methods, 2) if _sign(ours[a] - ours[b]) != _sign(theirs[a] - theirs[b])]
    return sorted(found, key=lambda pair: -abs(ours[pair[0]] - ours[pair[1]]))


# --- tables --------------------------------------------------------------------------------------------------------


def _graders_table(graded: Sequence[_Graded], by_grader: Mapping[str, Accuracies], methods: Sequence[str]) -> Table:
    rows = []
    for name in RIVALS:
        tau = kendall_tau([by_grader[OURS][each] for each in methods], [by_grader[name][each] for each in methods])
        signs = [(_accepts(one, name) - _accepts(one, OURS), one.count) for one in graded]
        only_theirs = sum(count for sign, count in signs if sign > 0)
        only_ours = sum(count for sign, count in signs if sign < 0)
        share = _percent(Fraction(only_theirs + only_ours, sum(one.count for one in graded)))
        counts = (f"{only_theirs + only_ours:,}", share, f"{only_theirs:,}", f"{only_ours:,}")
        rows.append((code(name), DASH if tau is None else f"{tau:.3f}".replace("-", "−"), *counts))
    header = ("grader", "Kendall's τ_b with ours", "disagreements", "share", "only it accepts", "only ours accepts")
    return Table(header, tuple(rows))


def _examples(graded: Sequence[_Graded]) -> Table:
    """Different texts on which a rival and ours disagree: the first of each grader in turn, up to ten."""
    queues = {name: _first_different(graded, name) for name in RIVALS}
    found = [(name, one) for place in range(EXAMPLES) for name in RIVALS for one in queues[name][place : place + 1]]
    rows = tuple(
        (
            code(name),
            code(one.problem),
            _text(one.gold),
            one.ours.replace("_", " "),
            one.verdict(name).replace("_", " "),
            _text(one.text),
        )
        for name, one in found[:EXAMPLES]
    )
    return Table(("grader", "problem", "gold", "ours", "its verdict", "end of the completion"), rows, left=6)


def _first_different(graded: Sequence[_Graded], name: str) -> list[_Graded]:
    found: dict[tuple[str, str], _Graded] = {}
    for one in graded:
        if _accepts(one, OURS) != _accepts(one, name):
            found.setdefault((one.text, one.gold), one)
            if len(found) == EXAMPLES:
                break
    return list(found.values())


def _accepts(one: _Graded, name: str) -> bool:
    return one.verdict(name) == "correct"


def _text(text: str) -> str:
    return code(visible(text, 60))


def _percent(share: Fraction) -> str:
    return f"{number(float(share), 'percent')}\u00a0%"


def _points(ours: Accuracies, one: str, other: str) -> str:
    return f"{float(100 * abs(ours[one] - ours[other])):.2f} points"
