"""The training loop of all methods that learn from their own samples: sample → reward → loss → step.

All methods share rollouts, optimiser and reward. A method contributes a list of what it needs beside
the policy, a preparation of the batch (advantages, targets, filters) and a loss; both are pure functions of tensors.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._checked import checked_batch, checked_loss
from algorithms._describe import describe
from algorithms._heads import Heads
from algorithms._optimiser import Optimiser
from algorithms._ranges import Count, Rate
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Completion, Job, Problem, Run, TrainablePolicy
from benchmark.model.policy import Prompts
from benchmark.model.sampler import Sampled

__all__ = ["OnPolicy", "roll_out", "train_on_policy", "update", "with_constants"]


@dataclass(frozen=True, slots=True)
class OnPolicy(Adapter):
    """Base class of methods for the shared loop: declare `needs`, implement `prepare` and `loss`."""

    learning_rate: Rate | None = None
    """Learning rate of the policy; `None` takes the suite's."""
    head_learning_rate: Rate | None = None
    """Learning rate of a critic, log Z or flow head; `None` takes the suite's."""
    passes: Count = 1
    """μ, number of passes over each batch of completions."""
    mini_batches: Count = 1
    """Optimiser steps per pass, each over an equal share of the groups."""
    smallest_group: ClassVar[int] = 1
    """Smallest number of completions per prompt from which the method can learn."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the loop must provide beside the policy; see `Need`."""
        return frozenset()

    @property
    def frozen_steps(self) -> int:
        """Number of optimiser steps at the start that update only the heads."""
        return 0

    def refuses(self, job: Job) -> str | None:
        """Refuse a group that is too small, or mini-batches that do not divide the batch."""
        size, prompts = job.training.group_size, job.training.prompts_per_step
        if prompts % self.mini_batches:
            return f"mini_batches = {self.mini_batches} must divide prompts_per_step = {prompts}"
        return (
            None if size >= self.smallest_group else f"needs group_size of at least {self.smallest_group}, not {size}"
        )

    def train(self, run: Run) -> Checkpoint:
        """Run the shared loop."""
        return train_on_policy(run, self)

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Add advantages, targets or filters to a batch; called once per batch, without gradient."""
        return batch

    @abstractmethod
    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The loss of a batch, or of some whole groups of it."""


def train_on_policy(run: Run, method: OnPolicy, step_by: Update | None = None) -> Checkpoint:
    """Train `run.policy` with the method until the suite's batches are used up; `step_by` replaces `update`."""
    policy = run.policy
    heads = Heads(method.needs, policy.hidden_size, run.seed("heads")).to(policy.device)
    run.count(heads)
    optimiser = Optimiser(run, heads, method.learning_rate, method.head_learning_rate)
    reference = policy.reference() if "reference" in method.needs else None
    done = run.resume(optimiser=optimiser)
    for step, problems in enumerate(run.batches(), start=done + 1):
        batch = roll_out(run, policy, problems, step, method.needs)
        with run.phase("update"):
            batch = method.prepare(with_constants(run, batch, heads, reference, method.needs))
            if step == 1:  # later ones may come from a policy that diverged
                checked_batch(batch, type(method).prepare)
            metrics = (step_by or update)(run, batch, heads, method, optimiser)
        run.log(step, {**describe(batch), **metrics})
    return optimiser.checkpoint()


Update = Callable[[Run, Rollouts, Heads, OnPolicy, Optimiser], dict[str, float]]
"""Updates the weights from a prepared batch and returns the metrics to log."""


def roll_out(
    run: Run, policy: TrainablePolicy, problems: Sequence[Problem], step: int, needs: frozenset[Need] = frozenset()
) -> Rollouts:
    """Sample G completions of each problem from `policy` and grade them.

    With the need `greedy`, one of the G completions is greedy and serves as the baseline of the others.
    """
    training = run.job.training
    greedy = "greedy" in needs
    size = training.group_size - greedy
    with run.phase("rollout"):
        generator = torch.Generator().manual_seed(run.seed(f"rollout {step}"))
        noise = torch.rand(len(problems) * size, training.max_completion_tokens, generator=generator)
        prompts = policy.encode([problem.prompt for problem in problems])
        sampled = policy.sample(prompts, noise, temperature=training.temperature)
        completions = grouped(policy.decode(sampled), size)
        baselines = _greedy(run, policy, prompts) if greedy else None
    reward = torch.tensor(run.rewards(problems, completions)).flatten()
    device = sampled.ids.device
    batch = Rollouts(
        group_size=size,
        prompts=prompts,
        ids=sampled.ids,
        mask=sampled.mask,
        terminated=sampled.terminated,
        reward=reward.to(device),
        old_logp=sampled.logp,
        rows=len(noise),
        tokens=float(sampled.mask.sum()),
        limit=training.max_completion_tokens,
    )
    if baselines is not None:
        base = torch.tensor(run.rewards(problems, baselines)).flatten()
        batch = replace(batch, greedy_reward=base.repeat_interleave(size).to(device))
    if "prefix_rewards" in needs:
        batch = replace(batch, prefix_reward=_prefix_rewards(run, policy, problems, sampled, reward).to(device))
    return batch


def grouped(completions: list[Completion], size: int) -> list[list[Completion]]:
    """Split prompt-major completions into one list per prompt."""
    return [completions[i : i + size] for i in range(0, len(completions), size)]


def _greedy(run: Run, policy: TrainablePolicy, prompts: Prompts) -> list[list[Completion]]:
    """One greedy completion of each prompt."""
    silent = torch.zeros(len(prompts.ids), run.job.training.max_completion_tokens)
    completions = policy.decode(policy.sample(prompts, silent, temperature=0.0))
    return grouped(completions, 1)


def _prefix_rewards(
    run: Run, policy: TrainablePolicy, problems: Sequence[Problem], sampled: Sampled, reward: Tensor
) -> Tensor:
    """[B, T+1] reward of each prefix if the completion ended there; the last valid column is `reward`."""
    n = sampled.mask.sum(1).int().tolist()
    rows, width = sampled.mask.shape
    texts = policy.prefixes(sampled)
    graded = run.rewards(
        [problem for problem in problems for _ in range(rows // len(problems))],
        [[Completion(text, t, truncated=False) for t, text in enumerate(row)] for row in texts],
    )
    table = torch.zeros(rows, width + 1)
    for i, row in enumerate(graded):
        table[i, : len(row)] = torch.tensor(row)
        table[i, n[i]] = reward[i]
    return table


@torch.no_grad()
def with_constants(
    run: Run, batch: Rollouts, heads: Heads, reference: TrainablePolicy | None, needs: frozenset[Need]
) -> Rollouts:
    """Add the reference's log-probabilities and the heads' outputs before the update, as far as they are needed."""
    temperature = run.job.training.temperature
    if reference is not None:
        scored = reference.score(
            batch.prompts, batch.ids, batch.mask, temperature=temperature, ends="end_logp" in needs
        )
        batch = replace(batch, ref_logp=scored.logp, ref_end_logp=scored.end_logp)
    if heads.value_head is not None:
        scored = run.policy.score(batch.prompts, batch.ids, batch.mask, temperature=temperature)
        log_z = heads.log_z(scored.prompt_state, batch.group_size)
        batch = replace(batch, old_value=heads.value(scored.states), old_log_z=log_z)
    return batch


def update(run: Run, batch: Rollouts, heads: Heads, method: OnPolicy, optimiser: Optimiser) -> dict[str, float]:
    """Take all optimiser steps over one batch; metrics are means over the steps, or maxima if named `_max`."""
    taken: list[dict[str, float]] = []
    for _ in range(method.passes):
        for part in batch.steps(method.mini_batches):
            if part.tokens:  # a filter may leave nothing to learn from
                frozen = optimiser.steps < method.frozen_steps
                taken.append(optimiser.step(parts_of(run, part, heads, method), frozen_policy=frozen))
    names = taken[0] if taken else {}
    metrics = {
        name: max(one[name] for one in taken) if name.endswith("_max") else sum(one[name] for one in taken) / len(taken)
        for name in names
    }
    return {**metrics, "optim/steps_skipped": float(method.passes * method.mini_batches - len(taken))}


def parts_of(run: Run, batch: Rollouts, heads: Heads, method: OnPolicy) -> Iterator[Callable[[], Loss]]:
    """The loss of each micro-batch, as functions that compute it when called."""
    groups = len(batch.reward) // batch.group_size
    size = run.job.training.micro_batch_groups or groups
    for first in range(0, groups, size):
        part = batch.part(first, min(size, groups - first))

        def loss(part: Rollouts = part) -> Loss:
            return checked_loss(method.loss(part, evaluate_now(run, part, heads, method.needs)), type(method).loss)

        yield loss


def evaluate_now(run: Run, batch: Rollouts, heads: Heads, needs: frozenset[Need]) -> Now:
    """Evaluate the current weights on a batch, with gradient."""
    ids, mask = batch.ids, batch.mask
    longer = "terminal_flow" in needs  # one more column, so that the state behind the last token is read too
    if longer:
        ids, mask = (torch.nn.functional.pad(x, (0, 1)) for x in (ids, mask))
    temperature = run.job.training.temperature
    scored = run.policy.score(batch.prompts, ids, mask, temperature=temperature, ends="end_logp" in needs)
    return Now(
        logp=scored.logp[:, :-1] if longer else scored.logp,
        value=heads.value(scored.states),
        log_z=heads.log_z(scored.prompt_state, batch.group_size),
        flow=heads.flow(scored.states),
        end_logp=scored.end_logp,
    )
