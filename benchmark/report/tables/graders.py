"""Whether the ranking of methods survives another grader: kept completions judged again by the rivals' rules.

Only text rules are asked, so that a report stays a matter of seconds; `bakeoff` is the verdict in the records.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from benchmark.comparison.table import DASH, Table, code, number, words
from benchmark.contract import VerdictKind
from benchmark.grading.rivals import GRADERS, OURS
from benchmark.grading.visible import visible
from benchmark.report.problems import asked, generated
from benchmark.store.outcomes import OUTCOMES, SAMPLES, read_columns, read_texts
from benchmark.store.records import job_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.comparison.evidence import Evidence

__all__ = ["RIVALS", "GraderSection", "kendall_tau", "regrade", "rival_verdicts"]

RIVALS = ("exact", "flexible", "minerva", "hendrycks")
MOST = 200_000
"""Completions of a task that are judged again; of each problem the first samples, at least one."""
EXAMPLES = 10
MOST_PAIRS = 4

Verdicts = dict[str, VerdictKind]
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
class _Regraded:
    """Equal completions of one method and problem under every grader, ours among them."""

    method: str
    problem: str
    text: str
    gold: str
    verdicts: Verdicts
    count: int


def regrade(evidence: Evidence, task: str) -> GraderSection:
    """Judge a task's completions again, or say why that cannot be."""
    records = [record for record in evidence.done if record.job.task == task]
    if not records:
        return GraderSection(task, (f"{code(task)} is not judged again: no job is done.",))
    if generated(task) is None:
        return GraderSection(
            task, (f"{code(task)} is not judged again: the texts of published problems are not kept here.",)
        )
    golds = {name: problem.gold for name, problem in asked(evidence, task).items()}
    if not golds:
        return GraderSection(
            task, (f"{code(task)} is not judged again: this version generates other problems than the records'.",)
        )
    judged, samples = _regraded(evidence, task, golds)
    if not judged:
        return GraderSection(
            task, (f"{code(task)} is not judged again: the texts of its completions are not all here.",)
        )
    return _section(evidence, task, judged, samples)


# --- judging -------------------------------------------------------------------------------------------------------


def _regraded(evidence: Evidence, task: str, golds: Mapping[str, str]) -> tuple[list[_Regraded], int]:
    """The first samples of every problem of every finished job, and how many of each; none if any job has no texts."""
    done = [one for method in evidence.methods for one in evidence.cell(method, task) if one.status == "done"]
    problems = len(golds) if evidence.suite.exam.problems is None else min(len(golds), evidence.suite.exam.problems)
    samples = max(1, min(evidence.suite.exam.samples, MOST // (len(done) * problems)))
    found = Counter[tuple[str, str, str, VerdictKind]]()
    for record in done:
        folder = job_folder(evidence.results, record.job)
        if not (folder / OUTCOMES).exists() or not (folder / SAMPLES).exists():
            return [], samples
        whole = read_columns(folder)
        shown = whole.at([place for place, sample in enumerate(whole.sample) if 0 <= sample < samples])
        texts = read_texts(folder, shown)
        if not any(texts):
            return [], samples
        found.update(
            (record.job.algorithm.name, problem, text, kind)
            for problem, kind, text in zip(shown.problem, shown.verdict, texts, strict=True)
        )
    judged = []
    for (method, problem, text, ours), count in found.items():
        gold = golds[problem]
        judged.append(_Regraded(method, problem, text, gold, {OURS: ours, **rival_verdicts(text, gold)}, count))
    return judged, samples


@lru_cache(maxsize=2**20)
def rival_verdicts(text: str, gold: str) -> Verdicts:
    """What each rival says; asked once for a pair, wherever in the report it comes up."""
    return {name: GRADERS[name].grade(text, gold).kind for name in RIVALS}


def _section(evidence: Evidence, task: str, judged: Sequence[_Regraded], samples: int) -> GraderSection:
    by_grader = {name: _accuracies(judged, name) for name in (OURS, *RIVALS)}
    methods = [method for method in evidence.methods if method in by_grader[OURS]]
    which = "every sample" if samples == evidence.suite.exam.samples else f"samples 0 to {samples - 1}"
    texts = len({(one.text, one.gold) for one in judged})
    completions = sum(one.count for one in judged)
    what = (
        f"{code(task)}, {which} of each problem and job: {completions:,} completions, {texts:,} different pairs of "
        "text and answer."
    )
    rows = tuple((code(method), *(_percent(by_grader[name][method]) for name in by_grader)) for method in methods)
    examples = _examples(judged)
    return GraderSection(
        task,
        (what, *_sentences(evidence, task, by_grader, methods)),
        Table(("accuracy", *map(code, by_grader)), rows),
        _graders_table(judged, by_grader, methods),
        examples if examples.rows else None,
    )


def _accuracies(judged: Sequence[_Regraded], name: str) -> Accuracies:
    total, right = Counter[str](), Counter[str]()
    for one in judged:
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


def _graders_table(judged: Sequence[_Regraded], by_grader: Mapping[str, Accuracies], methods: Sequence[str]) -> Table:
    rows = []
    for name in RIVALS:
        tau = kendall_tau([by_grader[OURS][each] for each in methods], [by_grader[name][each] for each in methods])
        signs = [(_accepts(one, name) - _accepts(one, OURS), one.count) for one in judged]
        only_theirs = sum(count for sign, count in signs if sign > 0)
        only_ours = sum(count for sign, count in signs if sign < 0)
        share = _percent(Fraction(only_theirs + only_ours, sum(one.count for one in judged)))
        counts = (f"{only_theirs + only_ours:,}", share, f"{only_theirs:,}", f"{only_ours:,}")
        rows.append((code(name), DASH if tau is None else f"{tau:.3f}".replace("-", "−"), *counts))
    header = ("grader", "Kendall's τ_b with ours", "disagreements", "share", "only it accepts", "only ours accepts")
    return Table(header, tuple(rows))


def _examples(judged: Sequence[_Regraded]) -> Table:
    """Different texts on which a rival and ours disagree: the first of each grader in turn, up to ten."""
    queues = {name: _first_different(judged, name) for name in RIVALS}
    found = [(name, one) for place in range(EXAMPLES) for name in RIVALS for one in queues[name][place : place + 1]]
    rows = tuple(
        (
            code(name),
            code(one.problem),
            _text(one.gold),
            one.verdicts[OURS].replace("_", " "),
            one.verdicts[name].replace("_", " "),
            _text(one.text),
        )
        for name, one in found[:EXAMPLES]
    )
    return Table(("grader", "problem", "gold", "ours", "its verdict", "end of the completion"), rows, left=6)


def _first_different(judged: Sequence[_Regraded], name: str) -> list[_Regraded]:
    found: dict[tuple[str, str], _Regraded] = {}
    for one in judged:
        if _accepts(one, OURS) != _accepts(one, name):
            found.setdefault((one.text, one.gold), one)
            if len(found) == EXAMPLES:
                break
    return list(found.values())


def _accepts(one: _Regraded, name: str) -> bool:
    return one.verdicts[name] == "correct"


def _text(text: str) -> str:
    return code(visible(text, 60))


def _percent(share: Fraction) -> str:
    return f"{number(float(share), 'percent')}\u00a0%"


def _points(ours: Accuracies, one: str, other: str) -> str:
    return f"{float(100 * abs(ours[one] - ours[other])):.2f} points"
