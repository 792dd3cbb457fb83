"""A suite with one row that ran here and one that waits for an import, for the tests of export and import."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from factories import provenance, steps

from benchmark.contract import Completion, ExamProblems, Job, Problem, Record
from benchmark.exam.examiner import grade_completions
from benchmark.exam.metrics import measure
from benchmark.run.identity import grader_version, identified
from benchmark.store.digests import digests_of
from benchmark.store.kept import write_problems
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import write_record, write_suite
from benchmark.store.steps import write_steps
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve
from benchmark.tasks import digest, load_task

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
tasks = ["competition"]
seeds = [0]
[exam]
problems = 3
samples = 4
[algorithms]
base_model = {}
grpo = {}
theirs = { imported = true }
"""
RIGHT = (4, 2, 0)
"""Correct samples of each problem; the greedy completion of a problem with any is correct: accuracy 6 / 12."""


def problems(task: str = "competition", count: int = 3) -> tuple[Problem, ...]:
    return load_task(task).load("test")[:count]


def completions(problem: Problem, right: int) -> list[str]:
    """A greedy one and 4 samples, of which the first `right` are correct."""
    wrong = "I do not know."
    return [problem.solution if right else wrong, *([problem.solution] * right), *([wrong] * (4 - right))]


def question(folder: Path) -> Path:
    path = folder / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


def ran(folder: Path, *, texts: bool = True) -> tuple[Path, dict[str, Job]]:
    """Results of `grpo` and `base_model`; `theirs` has none. Returns the folder and the jobs by method."""
    suite = load_suite(question(folder), resolve)
    results, jobs = folder / "results", {job.algorithm.name: job for job in identified(suite, jobs_of(suite), None)}
    write_suite(results, suite)
    task = load_task("competition")
    made = digest([one for split in ("train", "validation", "test") for one in task.load(split)])
    write_problems(results, "mine", "competition", ExamProblems(made, tuple(task.load("test"))))
    for method, scale in (("grpo", 1), ("base_model", 0)):
        outcomes = [
            outcome
            for problem, right in zip(problems(), RIGHT, strict=True)
            for outcome in grade_completions(
                problem,
                [Completion(text, 30, truncated=False) for text in completions(problem, scale * right)],
                first=-1,
            )
        ]
        record = Record(
            job=jobs[method],
            status="done",
            reason=None,
            wall_seconds=40.0,
            phase_seconds={"rollout": 20.0, "update": 15.0, "evaluate": 5.0} if scale else {"evaluate": 5.0},
            peak_bytes={"rss/update": 2**29, "rss/evaluate": 2**29} if scale else {"rss/evaluate": 2**29},
            counts={"completions": 3072, "flops": 10**9} if scale else {"completions": 0},
            metrics=measure(outcomes),
            provenance=replace(provenance(), task_digest=made, grader=grader_version()),
        )
        folder = results / "mine" / record.job.id
        write_outcomes(folder, outcomes, texts=texts)
        if scale:
            write_steps(folder, steps(0.5))
        write_record(results, replace(record, files=digests_of(folder)))
    return results, jobs
