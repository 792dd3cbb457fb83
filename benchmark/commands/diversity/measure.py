"""Measure a file of samples: all columns of every problem that all methods share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.commands.diversity.columns import ProblemColumns, columns_of
from benchmark.commands.diversity.llm_judge import Judge
from benchmark.commands.diversity.samples import Sample, by_method, read_files
from benchmark.commands.exchange.readers.registry import Asked
from benchmark.errors import ConfigurationError
from benchmark.exam.strategy.expressions import Reading
from benchmark.exam.text_diversity import sacrebleu_version
from benchmark.store.atomic import to_csv

__all__ = ["Measured", "csv_of", "measure_file"]

Held = Mapping[str, Mapping[str, Sequence[Sample]]]
"""Samples by method and problem."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of a file."""

    reading: Reading
    n: int
    """The smallest number of samples of any problem, which is the largest k."""
    problems: tuple[str, ...]
    columns: Mapping[str, Sequence[ProblemColumns]]
    """By method, in the order of the problems."""
    bleu: str | None
    """Version of sacrebleu; `None` where it is missing and self-BLEU with it."""
    remarks: tuple[str, ...]
    """Notes on uneven samples, and on missing judgements."""


def measure_file(
    paths: Path | Sequence[Path],
    reading: Reading,
    judge: Judge | None = None,
    progress: Callable[[int, int], None] | None = None,
    asked: Asked | None = None,
) -> Measured:
    """Every column of every problem; `progress` is told how many problems are done, and of how many.

    Greedy completions are no samples, unless a method has no others; they say on which problems its greedy answer is
    wrong.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    given = read_files(files, asked)
    sampled = {sample.method for sample in given if not sample.greedy}
    greedy = {(one.method, one.problem): one.correct for one in given if one.greedy}
    held = by_method(one for one in given if not one.greedy or one.method not in sampled)
    problems = tuple(name for name in next(iter(held.values())) if all(name in own for own in held.values()))
    if not problems:
        raise ConfigurationError(
            f"{', '.join(map(str, files))}: the methods {', '.join(held)} have no problem in common."
        )
    n, bleu = min(len(own[name]) for own in held.values() for name in problems), sacrebleu_version()
    calls: Counter[str] = Counter()
    columns: dict[str, list[ProblemColumns]] = {method: [] for method in held}
    for done, name in enumerate(problems):
        if progress is not None:
            progress(done, len(problems))
        for method, own in held.items():
            found = columns_of(own[name], n, reading, bleu=bleu is not None)
            if greedy.get((method, name)) is False:
                found["potential@n"] = found[f"pass@{n}"]
            if judge is not None:
                found["judge"], reason = judge.score(name, [sample.completion for sample in own[name]])
                calls[reason] += 1
            columns[method].append(found)
    remarks = (*_uneven(held, problems, n), *_contradicted(held, problems), *_missing(calls))
    return Measured(reading, n, problems, columns, bleu, remarks)


def csv_of(measured: Measured) -> str:
    """One line for each method and problem, all columns; undefined is empty."""
    names = list(dict.fromkeys(name for own in measured.columns.values() for columns in own for name in columns))
    lines = [
        [method or None, problem, *(_plain(columns.get(name)) for name in names)]
        for method, own in measured.columns.items()
        for problem, columns in zip(measured.problems, own, strict=True)
    ]
    return to_csv(["method", "problem", *names], lines)


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.6f}"


def _uneven(held: Held, problems: Sequence[str], n: int) -> list[str]:
    """Problems that are not shared, and unequal numbers of samples, in words."""
    found = []
    left_out = len({name for own in held.values() for name in own}) - len(problems)
    if left_out:
        found.append(f"Left out, because not every method has them: {left_out} problems.")
    most = max(len(own[name]) for own in held.values() for name in problems)
    if most > n:
        found.append(
            f"Problems have {n} to {most} samples. k ends at {n}; pass@k, maj@k, strategies@k, D2, the richness of "
            f"correct ones and coverage use all samples, everything else the first {n} of each problem."
        )
    return found


def _contradicted(held: Held, problems: Sequence[str]) -> list[str]:
    """Whether the field `answer` looks like the reference answer."""
    count = 0
    for own in held.values():
        for name in problems:
            right = {sample.answer for sample in own[name] if sample.correct} - {None}
            count += any(not sample.correct and sample.answer in right for sample in own[name])
    warning = (
        f"In {count} problems a wrong sample gives the very answer of a correct one: 'answer' must be what the sample "
        "says, not the reference."
    )
    return [warning] if count else []


def _missing(calls: Counter[str]) -> list[str]:
    """How many judgements are missing, and why."""
    if not calls:
        return []
    reasons = "; ".join(f"{count} {reason}" for reason, count in sorted(calls.items()) if reason)
    return [f"Judge: {calls['']} problems scored, {calls.total() - calls['']} missing{reasons and f' ({reasons})'}."]
