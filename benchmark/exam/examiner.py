"""The examiner: samples, grades and reads the strategies of every policy in the same way."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.contract import GREEDY, Completion, Evaluation, Exam, KeptBatches, Outcome, Policy, Problem
from benchmark.exam.strategy.key import strategy_key
from benchmark.grading import grade_all
from benchmark.seeds import seed_of

__all__ = ["evaluate", "grade_completions"]


def evaluate(
    policy: Policy, exam: Exam, problems: Sequence[Problem], seed: int, kept: KeptBatches | None = None
) -> Evaluation:
    """One greedy and `exam.samples` sampled completions of each problem, graded, in the order of the problems.

    `kept` holds the batches of completions that were finished before an interruption.
    """
    prompts = [problem.prompt for problem in problems]
    drawn: list[list[Completion]] = []
    for samples, temperature in ((1, 0.0), (exam.samples, exam.temperature)):
        completions = policy.complete(
            prompts,
            samples=samples,
            temperature=temperature,
            max_tokens=exam.max_completion_tokens,
            seed=seed_of("exam", seed),
            batch_completions=exam.batch_completions,
            kept=kept,
        )
        drawn = [[*before, *now] for before, now in zip(drawn or [[] for _ in problems], completions, strict=True)]
    outcomes = [
        outcome
        for problem, answers in zip(problems, drawn, strict=True)
        for outcome in grade_completions(problem, answers, first=GREEDY)
    ]
    return Evaluation(exam, tuple(outcomes))


def grade_completions(problem: Problem, completions: Sequence[Completion], first: int = 0) -> list[Outcome]:
    """Outcomes of completions of one problem, numbered from `first`."""
    verdicts = grade_all([(completion.text, problem.gold) for completion in completions], require_marker=True)
    return [
        Outcome(
            problem=problem.id,
            sample=number,
            verdict=verdict.kind,
            answer=verdict.answer,
            route=verdict.route,
            tokens=completion.tokens,
            truncated=completion.truncated,
            strategy=strategy_key(completion.text, verdict.answer) if verdict.kind == "correct" else None,
            text=completion.text,
        )
        for number, (completion, verdict) in enumerate(zip(completions, verdicts, strict=True), start=first)
    ]
