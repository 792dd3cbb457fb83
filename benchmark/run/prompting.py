"""Which solved examples stand before every question of a task, and which training problems are left to train on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.contract import Problem, Prompt
from benchmark.errors import ConfigurationError
from benchmark.seeds import seed_of
from benchmark.suite.presets import published_examples

__all__ = ["examples_of", "without_examples"]


def examples_of(prompt: Prompt, task: str, training: Sequence[Problem]) -> tuple[tuple[str, str], ...]:
    """Questions and solutions, `prompt.shots` of them: published ones, or problems of the training split.

    Training problems are drawn without replacement by `shots_seed` and the task, the same for all jobs, and so that
    k + 1 shots are the k shots and one more. Raises `ConfigurationError` when the split has too few.
    """
    if not prompt.shots:
        return ()
    if prompt.shots_from is not None:
        return published_examples(prompt)
    return tuple(
        (problem.prompt, problem.published if prompt.published_solutions and problem.published else problem.solution)
        for problem in _chosen(prompt, task, training)
    )


def without_examples(prompt: Prompt, task: str, training: Sequence[Problem]) -> tuple[Problem, ...]:
    """Training problems that are not shown before every question."""
    if not prompt.shots or prompt.shots_from is not None:
        return tuple(training)
    shown = {problem.id for problem in _chosen(prompt, task, training)}
    return tuple(problem for problem in training if problem.id not in shown)


def _chosen(prompt: Prompt, task: str, training: Sequence[Problem]) -> list[Problem]:
    if prompt.shots > len(training):
        raise ConfigurationError(
            f"[prompt] shots = {prompt.shots}, but {task} has {len(training)} training problems: show fewer."
        )
    order = np.random.default_rng(seed_of(prompt.shots_seed, task, "shots")).permutation(len(training))
    return [training[index] for index in order[: prompt.shots]]
