"""A large results folder whose every outcome differs, to hold the report's time and memory against.

`python tests/synthetic.py FOLDER [SEEDS] [--texts]`: 10 methods on 4 tasks × 25 seeds, 10,000 outcomes a job.
The generated tasks have their own problems and digests, so that levels and graders are in the report, too.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import factories
import numpy as np

from benchmark.contract import Algorithm, Exam, ExamProblems, Model, Outcome, Suite, Training
from benchmark.exam.per_problem import per_problem
from benchmark.exam.regrade import cross_grading
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import job_folder, write_record, write_suite
from benchmark.store.steps import write_steps
from benchmark.tasks import digest, load_task

METHODS = ("base_model", "grpo", "dapo", "rloo", "ppo", "sft", "raft", "flowrl", "gflownet_tb", "gspo")
PUBLISHED = {"gsm8k": 1100, "math": 1110}
"""Problems; the generated tasks have 128, so that a job has 10,471 outcomes in the mean."""
SAMPLES = 16


def asked(seeds: int) -> Suite:
    return Suite(
        name="large",
        algorithms=tuple(Algorithm(name, f"algorithms.{name}:X", settings={}) for name in METHODS),
        tasks=(*PUBLISHED, "grade_school", "competition"),
        seeds=tuple(range(seeds)),
        model=Model(),
        training=Training(),
        exam=Exam(problems=None, samples=SAMPLES),
    )


@cache
def generated(task: str) -> ExamProblems | None:
    """`None` for a published task."""
    if task in PUBLISHED:
        return None
    splits = [load_task(task).load(split) for split in ("train", "validation", "test")]
    return ExamProblems(digest(problem for split in splits for problem in split), tuple(splits[-1]))


def problems_of(task: str) -> list[tuple[str, str]]:
    """Ids and right answers."""
    found = generated(task)
    if found is None:
        return [(f"{task}/test/{index}", str(index % 97)) for index in range(PUBLISHED[task])]
    return [(one.id, one.gold) for one in found.problems]


def outcomes(task: str, ease: float, draw: np.random.Generator, hardness: np.ndarray) -> list[Outcome]:
    """Each problem has its own chance, four strategies and a handful of wrong answers."""
    problems = problems_of(task)
    rate = 1 / (1 + np.exp(hardness - ease))
    size = (len(problems), SAMPLES + 1)
    right = draw.random(size) < rate[:, None]
    wrong, way, tokens = draw.geometric(0.4, size), draw.geometric(0.6, size), draw.integers(10, 90, size)
    kinds = np.where(draw.random(size) < 0.03, "no_answer", "wrong")
    found = []
    for place, (name, gold) in enumerate(problems):
        for index in range(SAMPLES + 1):
            kind = "correct" if right[place, index] else str(kinds[place, index])
            said = gold if kind == "correct" else str(1000 + int(wrong[place, index]))
            answer = None if kind == "no_answer" else said
            strategy = f"{place}+{way[place, index]}" if kind == "correct" else None
            text = f"{place}+{way[place, index]}={said}. " + ("" if answer is None else f"#### {answer}")
            found.append(
                Outcome(name, index - 1, kind, answer, "exact", int(tokens[place, index]), False, strategy, text)
            )
    return found


def build(root: Path, seeds: int = 25, *, texts: bool = False) -> Suite:
    """Write the whole suite; returns it."""
    suite = asked(seeds)
    write_suite(root, suite)
    template = factories.record(factories.suite(), "grpo", "competition", 0)
    for task in suite.tasks:
        hardness = np.random.default_rng(len(task)).normal(0, 1.5, len(problems_of(task)))
        known = generated(task)
        if known:
            write_problems(root, suite.name, task, known)
        for order, algorithm in enumerate(suite.algorithms):
            for seed in suite.seeds:
                draw = np.random.default_rng((order, seed, len(task)))
                job = replace(
                    factories.job(factories.suite(), "grpo", task, seed),
                    id=f"{algorithm.name}-{task}-s{seed}-0123abcd",
                    suite=suite.name,
                    algorithm=algorithm,
                    exam=suite.exam,
                )
                found = outcomes(task, 0.1 * order + draw.normal(0, 0.1), draw, hardness)
                write_outcomes(job_folder(root, job), found, texts=texts)
                if known and texts:
                    write_cross_grading(job_folder(root, job), cross_grading(found, known.problems))
                if order:
                    write_steps(job_folder(root, job), factories.steps(0.3 + 0.05 * order + 0.01 * (seed % 3)))
                made = replace(factories.provenance(), task_digest=known.task_digest if known else "c" * 64)
                exam = per_problem(found)
                rates = {name: float(top.sum() / bottom.sum()) for name, (top, bottom) in exam.parts.items()}
                metrics = {**rates, "problems": float(len(exam.problems)), "samples": float(exam.samples)}
                write_record(root, replace(template, job=job, metrics=metrics, provenance=made))
    return suite


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--texts"]
    build(Path(words[0]), int(words[1]) if len(words) > 1 else 25, texts="--texts" in sys.argv)
