"""Literal suites, jobs and records for the tests of what comes after a run."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING
from unittest.mock import patch

from benchmark.comparison.admission import computed
from benchmark.contract import (
    Algorithm,
    Exam,
    Job,
    Model,
    Outcome,
    Provenance,
    Record,
    StepLog,
    Suite,
    Training,
)
from benchmark.exam.per_problem import per_problem
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import write_record, write_suite
from benchmark.store.steps import write_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

METHODS = {"base_model": 0.30, "grpo": 0.61, "flowrl": 0.58, "sft": 0.40}
GAIN = {"grade_school": 0.0, "competition": -0.12}


def suite(name: str = "tiny", seeds: tuple[int, ...] = (0, 1, 2), tasks: tuple[str, ...] = tuple(GAIN)) -> Suite:
    algorithms = tuple(
        Algorithm(
            name=method,
            target=f"algorithms.{method}:X",
            settings={"clip": 0.2, "kl_weight": 0.0},
            changed=("kl_weight",) if method == "grpo" else (),
        )
        for method in METHODS
    )
    return Suite(
        name=name,
        algorithms=algorithms,
        tasks=tasks,
        seeds=seeds,
        model=Model(),
        training=Training(),
        exam=Exam(problems=200, samples=16),
    )


def job(asked: Suite, method: str, task: str, seed: int) -> Job:
    algorithm = next(each for each in asked.algorithms if each.name == method)
    return Job(
        id=f"{method}-{task}-s{seed}-0123abcd",
        suite=asked.name,
        algorithm=algorithm,
        task=task,
        seed=seed,
        model=asked.model,
        training=asked.training,
        exam=asked.exam,
    )


def provenance(device: str = "CPU, 1 thread") -> Provenance:
    return Provenance(
        commit="a" * 40,
        dirty=False,
        version="0.1.0",
        device=device,
        libraries={"torch": "2.13.0", "transformers": "5.1.0"},
        model_digest="b" * 64,
        task_digest="c" * 64,
        prompt_digest="d" * 64,
        grader="math-verify 0.9.0",
    )


def metrics(accuracy: float, variety: float) -> dict[str, float | None]:
    at = (1, 2, 4, 8, 16)
    return {
        "problems": 200.0,
        "samples": 16.0,
        "accuracy": accuracy,
        "greedy_accuracy": min(1.0, accuracy + 0.02),
        **{f"pass@{k}": 1 - (1 - accuracy) ** k for k in at},
        **{f"maj@{k}": min(1.0, accuracy + 0.01 * k) for k in at},
        **{f"strategies@{k}": accuracy * variety for k in at},
        **{f"strategies_per_solved@{k}": variety for k in at},
        "effective_strategies": variety * 0.9,
        "distinct_answers": 3.2,
        "answer_entropy": 0.7,
        "strategy_coverage": 0.97,
        "completion_tokens": 31.5,
        "truncated": 0.012,
        "no_answer": 0.03,
        "undecided": 0.0,
        "error": 0.0,
    }


def record(asked: Suite, method: str, task: str, seed: int) -> Record:
    order = list(METHODS).index(method)
    accuracy = METHODS[method] + GAIN.get(task, 0.0) + 0.01 * ((seed * 7 + order * 3) % 4)
    trained = method != "base_model"
    seconds = {"load": 0.5, "evaluate": 12.0 + seed, "write": 0.1}
    if trained:
        seconds |= {"rollout": 14.0 + order, "reward": 0.4, "update": 21.0 + seed + 5 * order}
    peaks = {"rss/load": 410_000_000, "rss/evaluate": 600_000_000 + 1_000_000 * order}
    if trained:
        peaks |= {"rss/rollout": 500_000_000, "rss/update": 640_000_000 + 10_000_000 * order + seed}
    return Record(
        job=job(asked, method, task, seed),
        status="done",
        reason=None,
        wall_seconds=sum(seconds.values()),
        phase_seconds=seconds,
        peak_bytes=peaks,
        counts={
            "completions": 3072 if trained else 0,
            "completion_tokens": 90_000 + seed if trained else 0,
            "prompt_tokens": 20_000 if trained else 0,
            "optimiser_steps": 24 if trained else 0,
            "flops": 12 * 10**10 if trained else 0,
            "trainable_parameters": 450_000 if trained else 0,
            "head_parameters": 9_300 if method == "flowrl" else 0,
        },
        metrics=metrics(accuracy, 1.6 - 0.2 * order + 0.02 * seed),
        provenance=provenance(),
    )


def true_to(one: Record, found: Sequence[Outcome]) -> Record:
    """The record with the metrics that these outcomes give: a report refuses any other."""
    return replace(one, metrics={**one.metrics, **computed(per_problem(found))})


def failed(done: Record, status: str = "failed", reason: str = "ValueError: a | b\nsecond line") -> Record:
    return replace(done, status=status, reason=reason, metrics={})


def outcomes(right: int = 3, count: int = 4) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(
            problem=f"p{index}",
            sample=sample,
            verdict="correct" if index < right else "wrong",
            answer="18" if index < right else None,
            route="exact",
            tokens=20 + index,
            truncated=False,
            strategy="a+b" if index < right else None,
            text=f"text {index} {sample}",
        )
        for index in range(count)
        for sample in (-1, 0, 1)
    )


def exam(one: Record) -> tuple[Outcome, ...]:
    """Outcomes with the record's accuracy: 4 problems alike, 100 samples each, a second strategy of known share."""
    right = round(100 * (one.metrics["accuracy"] or 0.0))
    second = round(right * (0.4 - 0.1 * list(METHODS).index(one.job.algorithm.name) + 0.01 * one.job.seed))
    return tuple(
        Outcome(
            problem=f"p{index}",
            sample=sample,
            verdict="correct" if sample < right else "wrong",
            answer="18" if sample < right else "17",
            route="exact",
            tokens=20 + index,
            truncated=False,
            strategy=None if sample >= right else "a+b" if sample < right - second else "b+a",
        )
        for index in range(4)
        for sample in range(-1, 100)
    )


def steps(level: float) -> tuple[StepLog, ...]:
    return tuple(
        StepLog(
            step=step,
            completions=128 * step,
            seconds=1.5 * step,
            tokens=4000 * step,
            updates=step,
            flops=5 * 10**9 * step,
            metrics={"probe/accuracy": level * (0.6 + 0.4 * step / 24)}
            | ({"reward/mean": level * step / 24} if step else {}),
        )
        for step in range(0, 25, 4)
    )


def same(one: Record) -> Record | None:
    return one


def write(root: Path, asked: Suite, change: Callable[[Record], Record | None] = same) -> list[Record]:
    """A whole suite on disk; `change` edits a record or drops it."""
    write_suite(root, asked)
    written = []
    for algorithm in asked.algorithms:
        for task in asked.tasks:
            for seed in asked.seeds:
                one = change(record(asked, algorithm.name, task, seed))
                if one is None:
                    continue
                if one.status == "done":
                    one = true_to(one, exam(one))
                folder = write_record(root, one)
                if one.status == "done":
                    write_outcomes(folder, exam(one), texts=False)
                    if algorithm.name != "base_model":
                        write_steps(folder, steps(one.metrics["accuracy"] or 0.0))
                written.append(one)
    return written


@contextmanager
def undrawn() -> Iterator[None]:
    """Reports without the figures, which take most of their time: empty ones stand in their places."""
    with ExitStack() as all_:
        all_.enter_context(patch("benchmark.report.figures.drawing.rendered", return_value=b"<svg></svg>"))
        yield


# --- completions that would like to be more than text ---------------------------------------------------------------

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "</script><img src=x onerror='window.hacked = 1'><b>bold</b>",
    "<!-- <b>never closed",
    "\\boxed{\\frac{1}{2}} with $x<y$ & &amp; &lt;b&gt; ]]>",
    "right \u202eto left\u202c, none\u200bthing, bell\a, \ufeffmark",
    "שלום: 7+5=12\nمرحبا <i>x</i>",
    "<b>" + "0123456789" * 10_000,
    "`code` **bold** [link](javascript:window.hacked=1) {{ 7 * 7 }}",
)
HOSTILE_IDS = ("a/b?c#d", "<b>id</b>", "id & 'quotes\"", "\u202eid", "p4", "p5", "p6", "p7")


def hostile_outcomes(order: int, seed: int) -> tuple[Outcome, ...]:
    """8 problems × greedy and 3 samples, verdicts and strategies drawn for a method's place and a seed."""
    draw = Random(100 * order + seed)  # noqa: S311 - a fixture, not a secret
    found = []
    for place, problem in enumerate(HOSTILE_IDS):
        for sample in (-1, 0, 1, 2):
            floor = ("correct", "wrong", "wrong", "wrong", "no_answer")
            verdict = draw.choice(("correct", "correct", "wrong", "undecided", "error") if order else floor)
            found.append(
                Outcome(
                    problem=problem,
                    sample=sample,
                    verdict=verdict,
                    answer=None if verdict == "no_answer" else f"<i>{draw.randint(1, 9)}</i>",
                    route="exact",
                    tokens=20 + sample,
                    truncated=draw.random() < 0.1,
                    strategy=draw.choice((*["a+b"] * 6, "a*b", f"own{order}", None)),
                    text=f"{HOSTILE[place]} {order} {sample}",
                )
            )
    return tuple(found)


def write_hostile(root: Path, *, texts: bool = True) -> dict[tuple[str, int], tuple[Outcome, ...]]:
    """A suite on disk whose completions are `HOSTILE`; returns them by method and seed. One job has failed."""
    asked = suite(name="hostile", seeds=(0, 1), tasks=("competition",))
    write_suite(root, asked)
    written = {}
    for order, method in enumerate(METHODS):
        for seed in asked.seeds:
            one = record(asked, method, "competition", seed)
            if (method, seed) == ("sft", 1):
                write_record(root, failed(one, reason="<img src=x onerror='window.hacked = 1'>"))
                continue
            written[method, seed] = hostile_outcomes(order, seed)
            folder = write_record(root, true_to(one, written[method, seed]))
            write_outcomes(folder, written[method, seed], texts=texts)
            write_steps(folder, steps(0.5))
    return written
