"""Supervised fine-tuning on the training split's worked solutions.

Objective    L = − Σ_{i,t} m·log π_θ(y_t | s_{t−1}) / Σ_{i,t} m       over completion tokens, end-of-sequence included
Source       maximum likelihood; the warm start of arXiv:2402.03300
Differences  P·G worked solutions a step, as many as the on-policy methods sample completions, so that budgets match;
             how many epochs that is depends on the suite. The suite's learning rate, unless `learning_rate` is set.
Degenerates  with the policy's own correct completions as solutions it is expert iteration. Solutions of one kind teach
             one strategy: accuracy may rise while diversity falls. A solution cut at the length limit has no end token
             to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from algorithms._batch import Loss
from algorithms._heads import Heads
from algorithms._optimiser import Optimiser
from algorithms._pieces import mean_of_tokens
from algorithms._ranges import Rate
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Problem, Run
from benchmark.model.sampler import Sampled

__all__ = ["SFT", "negative_log_likelihood"]


@dataclass(frozen=True, slots=True)
class SFT(Adapter):
    """Maximum likelihood on one worked solution of each problem."""

    paper: ClassVar[str] = "maximum likelihood"
    learning_rate: Rate | None = None
    """Learning rate of the policy; `None` takes the suite's."""

    def train(self, run: Run) -> Checkpoint:
        """Train on as many worked solutions per step as the on-policy methods sample completions."""
        training = run.job.training
        optimiser = Optimiser(run, Heads(frozenset(), 0, 0), self.learning_rate, None)
        done = run.resume(optimiser=optimiser)
        for step, problems in enumerate(run.batches(training.prompts_per_step * training.group_size), start=done + 1):
            with run.phase("update"):
                solutions = run.policy.encode_completions(
                    [p.solution for p in problems], training.max_completion_tokens
                )
                tokens = float(solutions.mask.sum())
                metrics = optimiser.step(parts_of(run, problems, solutions, tokens))
            run.log(step, metrics)
        return optimiser.checkpoint()


def parts_of(run: Run, problems: Sequence[Problem], solutions: Sampled, tokens: float) -> Iterator[Callable[[], Loss]]:
    """The loss of each micro-batch, as functions that compute it when called."""
    training = run.job.training
    policy = run.policy
    size = (training.micro_batch_groups or training.prompts_per_step) * training.group_size
    for first in range(0, len(problems), size):

        def loss(rows: slice = slice(first, first + size)) -> Loss:
            prompts = policy.encode([problem.prompt for problem in problems[rows]])
            longest = int(solutions.mask[rows].sum(1).max())
            ids, mask = solutions.ids[rows, :longest], solutions.mask[rows, :longest]
            scored = policy.score(prompts, ids, mask, temperature=training.temperature)
            return Loss(negative_log_likelihood(scored.logp, mask, tokens), {})

        yield loss


def negative_log_likelihood(logp: Tensor, mask: Tensor, tokens: float) -> Tensor:
    """Scalar: −Σ log π over valid tokens [B, T], divided by the step's valid tokens."""
    return -mean_of_tokens(logp, mask, tokens)
