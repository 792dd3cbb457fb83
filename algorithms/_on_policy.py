"""The one loop of all methods that learn from their own samples: sample → reward → loss → step.

Same rollouts, same optimiser, same reward, same counting for everybody; a method contributes what it needs beside the
policy, a preparation of the batch (advantages, targets) and a loss. Both are pure functions of tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._heads import Heads
from algorithms._optimiser import Optimiser
from algorithms._pieces import sum_of_tokens
from benchmark.contract import Checkpoint, Problem, Run
from benchmark.policy import LanguagePolicy

__all__ = ["Method", "train_on_policy"]


class Method(Protocol):
    """What a method gives to the loop."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the loop must provide beside the policy."""
        ...

    @property
    def passes(self) -> int:
        """μ, optimiser steps over each batch."""
        ...

    @property
    def learning_rate(self) -> float | None:
        """Of the policy; `None` takes the suite's."""
        ...

    @property
    def head_learning_rate(self) -> float:
        """Of the extra heads."""
        ...

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Once per batch, without gradient: advantages, targets."""
        ...

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """Of a batch or of whole groups of one."""
        ...


def train_on_policy(run: Run, method: Method) -> Checkpoint:
    """Train `run.policy` with the method until the suite's batches are used up."""
    policy: LanguagePolicy = run.policy
    heads = Heads(method.needs, policy.hidden_size, run.seed("heads")).to(policy.device)
    optimiser = Optimiser(run, heads, method.learning_rate, method.head_learning_rate)
    reference = policy.reference() if "reference" in method.needs else None
    for step, problems in enumerate(run.batches(), start=1):
        batch = roll_out(run, problems, step)
        with run.phase("update"):
            batch = method.prepare(with_constants(batch, policy, heads, reference, run.job.training.temperature))
            metrics: dict[str, float] = {}
            for _ in range(method.passes):
                metrics = optimiser.step(parts_of(run, batch, heads, method))
        run.log(step, {**describe(batch), **metrics})
    return optimiser.checkpoint()


def roll_out(run: Run, problems: Sequence[Problem], step: int) -> Rollouts:
    """G completions of each problem with their rewards, paid from the budget."""
    policy: LanguagePolicy = run.policy
    training = run.job.training
    rows = len(problems) * training.group_size
    with run.phase("rollout"):
        generator = torch.Generator().manual_seed(run.seed(f"rollout {step}"))
        noise = torch.rand(rows, training.max_completion_tokens, generator=generator)
        prompts = policy.encode([problem.prompt for problem in problems])
        sampled = policy.sample(prompts, noise, temperature=training.temperature)
        completions = policy.decode(sampled)
        run.budget.spend(rows, sum(completion.tokens for completion in completions))
    size = training.group_size
    rewards = run.rewards(problems, [completions[i : i + size] for i in range(0, rows, size)])
    return Rollouts(
        group_size=size,
        prompts=prompts,
        ids=sampled.ids,
        mask=sampled.mask,
        terminated=sampled.terminated,
        reward=torch.tensor(rewards, device=sampled.ids.device).flatten(),
        old_logp=sampled.logp,
        rows=rows,
        tokens=float(sampled.mask.sum()),
    )


@torch.no_grad()
def with_constants(
    batch: Rollouts, policy: LanguagePolicy, heads: Heads, reference: LanguagePolicy | None, temperature: float
) -> Rollouts:
    """The batch with the reference's log-probabilities and the critic's values, where they are needed."""
    if reference is not None:
        scored = reference.score(batch.prompts, batch.ids, batch.mask, temperature=temperature)
        batch = replace(batch, ref_logp=scored.logp)
    if heads.value_head is not None:
        scored = policy.score(batch.prompts, batch.ids, batch.mask, temperature=temperature)
        batch = replace(batch, old_value=heads.value(scored.states))
    return batch


def parts_of(run: Run, batch: Rollouts, heads: Heads, method: Method) -> Iterator[Callable[[], Loss]]:
    """The loss of each micro-batch, not yet computed."""
    groups = batch.rows // batch.group_size
    size = run.job.training.micro_batch_groups or groups
    for first in range(0, groups, size):
        part = batch.part(first, min(size, groups - first))

        def loss(part: Rollouts = part) -> Loss:
            scored = run.policy.score(part.prompts, part.ids, part.mask, temperature=run.job.training.temperature)
            log_z = heads.log_z(scored.prompt_state, part.group_size)
            return method.loss(part, Now(scored.logp, heads.value(scored.states), log_z))

        yield loss


def describe(batch: Rollouts) -> dict[str, float]:
    """What every method logs about its rollouts."""
    groups = batch.reward.view(-1, batch.group_size)
    lengths = batch.mask.sum(1)
    metrics: dict[str, Tensor] = {
        "reward/mean": batch.reward.mean(),
        "reward/frac_groups_all_equal": (groups == groups[:, :1]).all(1).float().mean(),
        "completion/length_mean": lengths.mean(),
        "completion/frac_truncated": 1 - batch.terminated.float().mean(),
        "policy/entropy": -(batch.old_logp * batch.mask).sum() / batch.tokens,
    }
    if batch.ref_logp is not None:
        metrics["policy/kl_ref_k1"] = sum_of_tokens(batch.old_logp - batch.ref_logp, batch.mask).mean()
    return {name: float(value) for name, value in metrics.items()}
