"""A job in the exact world, as its adapter sees it: the `Run` of the contract."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from benchmark.commands.exact_world.policy import TreePolicy
from benchmark.commands.exact_world.tree import World
from benchmark.contract import Algorithm, Completion, Exam, Job, Model, Part, Phase, Problem, StepLog, Training
from benchmark.errors import Diverged
from benchmark.model.policy import LanguagePolicy
from benchmark.run.live_run import CompletionBudget
from benchmark.seeds import seed_of

__all__ = ["ExactRun", "exact_job"]

PASSES = 4
"""Batches of prompts before any problem comes again, at least."""


def exact_job(world: World, algorithm: Algorithm, training: Training, seed: int) -> Job:
    """The job of training `algorithm` in `world`."""
    return Job(
        f"{algorithm.name}-{world.name}-s{seed}", "exact_world", algorithm, world.name, seed, Model(), training, Exam()
    )


class ExactRun:
    """Every problem is the same prompt under another id; the reward of a text is looked up in the world."""

    def __init__(
        self,
        world: World,
        job: Job,
        policy: TreePolicy | LanguagePolicy,
        folder: Path,
        watch: Callable[[int], None],
    ) -> None:
        self.job, self.folder = job, folder
        self.budget = CompletionBudget(job.training.completions)
        self.policy = policy.charged_to(self.budget)
        self.steps: list[StepLog] = []
        self._world, self._watch = world, watch
        best = (world.rewards == world.rewards.max()).nonzero().flatten().tolist()
        texts = [world.text(leaf) for leaf in best]
        count = job.training.prompts_per_step * max(PASSES, job.training.group_size)
        self._problems = [Problem(str(i), "<end>", "", texts[i % len(texts)]) for i in range(count)]

    def seed(self, purpose: str) -> int:
        """From the job's seed, world and purpose; never from the algorithm."""
        return seed_of(self.job.seed, self.job.task, purpose)

    def batches(self, size: int | None = None) -> Iterator[Sequence[Problem]]:
        """`training.steps` batches of `size` problems, without one twice until most were had."""
        size = size or self.job.training.prompts_per_step
        generator = np.random.default_rng(self.seed("batches"))
        order: list[int] = []
        for _ in range(self.job.training.steps):
            if len(order) < size:
                order = generator.permutation(len(self._problems)).tolist()
            chosen, order = order[:size], order[size:]
            yield [self._problems[index] for index in chosen]

    def resume(self, **parts: Part) -> int:
        """Nothing is kept here: every training begins anew."""
        del parts
        return 0

    def rewards(self, problems: Sequence[Problem], completions: Sequence[Sequence[Completion]]) -> list[list[float]]:
        """By the world's rule."""
        del problems
        return [[self._world.reward(one.text, truncated=one.truncated) for one in row] for row in completions]

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Nothing is timed here."""
        del name
        return contextlib.nullcontext()

    def count(self, heads: object) -> None:
        """Nothing is counted here."""
        del heads

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """One batch is done. Raises `Diverged` on a metric that is not finite."""
        bad = {name: value for name, value in metrics.items() if not math.isfinite(value)}
        if bad:
            raise Diverged(f"step {step}: " + ", ".join(f"{name} = {value}" for name, value in sorted(bad.items())))
        self.steps.append(StepLog(step, self.budget.completions, 0.0, dict(metrics)))
        self._watch(step)
