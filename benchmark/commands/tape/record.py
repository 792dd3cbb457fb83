"""Make a tape: problems, completions of the starting policy, their log-probabilities and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmark.commands.tape.store import Header, Tape
from benchmark.contract import Model, Problem
from benchmark.errors import ConfigurationError
from benchmark.grading import GRADER, grade_all, math_verify_version
from benchmark.model.load import load_policy
from benchmark.model.policy import LanguagePolicy, Prompts
from benchmark.model.sampler import Sampled
from benchmark.seeds import seed_of
from benchmark.store import provenance
from benchmark.tasks import Task, digest, load_task

__all__ = ["TapeRequest", "record", "record_from"]


@dataclass(frozen=True, slots=True)
class TapeRequest:
    """What to record."""

    task: str = "grade_school"
    prompts: int = 32
    """P, problems of the training split."""
    group_size: int = 8
    """G, completions of each."""
    seed: int = 0
    temperature: float = 1.0
    max_completion_tokens: int = 80
    model: Model = field(default_factory=Model)
    data: Path | None = None
    """Folder of real data sets."""


def record(wanted: TapeRequest) -> Tape:
    """The batch with which a job of that seed and batch size would begin. Raises `ConfigurationError`."""
    for name, value, least in (("prompts", wanted.prompts, 1), ("group-size", wanted.group_size, 2)):
        if value < least:
            raise ConfigurationError(f"--{name} = {value}: expected at least {least}.")
    if wanted.temperature <= 0:
        raise ConfigurationError(f"--temperature = {wanted.temperature}: expected above 0; greedy ones are added.")
    if wanted.max_completion_tokens < 1:
        raise ConfigurationError(f"--max-completion-tokens = {wanted.max_completion_tokens}: expected at least 1.")
    task = load_task(wanted.task)
    problems = _chosen(task.load("train", wanted.data), wanted)
    return record_from(load_policy(wanted.model, task.instruction), task, problems, wanted)


def record_from(policy: LanguagePolicy, task: Task, problems: Sequence[Problem], wanted: TapeRequest) -> Tape:
    """Completions of these problems from this policy."""
    prompts = policy.encode([problem.prompt for problem in problems])
    generator = torch.Generator().manual_seed(seed_of(wanted.seed, wanted.task, "rollout 1"))
    noise = torch.rand(len(problems) * wanted.group_size, wanted.max_completion_tokens, generator=generator)
    sampled = policy.sample(prompts, noise, temperature=wanted.temperature)
    greedy = policy.sample(prompts, noise[: len(problems)], temperature=0.0)
    texts = tuple(completion.text for completion in policy.decode(sampled))
    with torch.no_grad():
        scored = policy.reference().score(prompts, sampled.ids, sampled.mask, temperature=wanted.temperature)
    return Tape(
        header=_header(policy, task, problems, wanted, texts),
        prompts=Prompts(*(tensor.cpu() for tensor in prompts)),
        sampled=Sampled(*(tensor.cpu() for tensor in sampled)),
        ref_logp=scored.logp.cpu(),
        reward=_rewards(problems, texts),
        greedy=Sampled(*(tensor.cpu() for tensor in greedy)),
        greedy_reward=_rewards(problems, [completion.text for completion in policy.decode(greedy)]),
    )


def _chosen(training: Sequence[Problem], wanted: TapeRequest) -> list[Problem]:
    if wanted.prompts > len(training):
        raise ConfigurationError(f"--prompts = {wanted.prompts}: the training split holds {len(training)}.")
    order = np.random.default_rng(seed_of(wanted.seed, wanted.task, "batches")).permutation(len(training))
    return [training[index] for index in order[: wanted.prompts].tolist()]


def _rewards(problems: Sequence[Problem], texts: Sequence[str]) -> torch.Tensor:
    """[B] the examiner's verdict, 1 for correct, else 0."""
    size = len(texts) // len(problems)
    golds = [problem.gold for problem in problems for _ in range(size)]
    verdicts = grade_all(list(zip(texts, golds, strict=True)), require_marker=True)
    return torch.tensor([verdict.reward for verdict in verdicts])


def _header(
    policy: LanguagePolicy, task: Task, problems: Sequence[Problem], wanted: TapeRequest, texts: tuple[str, ...]
) -> Header:
    return Header(
        model=wanted.model,
        model_digest=policy.digest(),
        prompt_digest=policy.prompt_digest(),
        task=wanted.task,
        task_digest=digest(problems),
        problems=tuple(problem.id for problem in problems),
        group_size=wanted.group_size,
        seed=wanted.seed,
        temperature=wanted.temperature,
        max_completion_tokens=wanted.max_completion_tokens,
        grader=f"{GRADER}, math-verify {math_verify_version() or 'not installed'}",
        version=provenance.package_version(),
        libraries=dict(provenance.libraries()),
        texts=texts if task.generated else None,
    )
