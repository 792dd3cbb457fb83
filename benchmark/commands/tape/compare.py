"""Compare methods on one tape: gradients, one step from the same weights, and its effect on each completion."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmark.commands.tape.replay import ReplayPolicy, first_gradient, whole_batch
from benchmark.commands.tape.store import Tape, read_tape
from benchmark.contract import Algorithm, Exam, Job, Problem, Setting, Training
from benchmark.errors import ConfigurationError, OffTape
from benchmark.model.load import load_policy
from benchmark.model.policy import LanguagePolicy
from benchmark.suite.registry import build
from benchmark.tasks import load_task

__all__ = ["Effect", "StepSettings", "TapeReport", "as_json", "compare", "compare_tape", "effects_of"]

PairTable = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class StepSettings:
    """How the one step is taken."""

    learning_rate: float = 2e-4
    """Of the policy; that of the suite `pocket`."""
    head_steps: int = 0
    """Optimiser steps that critics, log Z and flow heads learn on the tape first, the policy held still."""
    micro_batch_groups: int | None = None
    """Groups per backward pass; `None` is the whole tape. Changes memory, not the step."""
    data: Path | None = None
    """Folder of real data sets."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The gradient of one method on the tape, and the effect of its first optimiser step."""

    method: str
    target: str
    settings: dict[str, Setting]
    gradient_norm: float
    """Of the policy's weights, before clipping."""
    step_norm: float
    """Norm of the change of the policy's weights."""
    kl_per_completion: float
    """KL(π_before‖π_after) in nats: k3 summed over a completion's tokens, mean over the tape."""
    kl_per_token: float
    """The same, summed over the tape and divided by its tokens."""
    effective_completions: float | None
    """(Σ|Δ|)²/Σ Δ², from 1 to B, with Δ = `push`: over how many completions the step's effect is spread."""
    push: tuple[float, ...]
    """[B] Δ, the change of Σ_t log π by the step, in nats."""
    push_per_token: tuple[float, ...]
    """[B] change of the mean log π of a completion's tokens."""


@dataclass(frozen=True, slots=True)
class TapeReport:
    """Everything that the page, the figures and the JSON say."""

    name: str
    tape: Tape
    problems: tuple[Problem, ...]
    texts: tuple[str, ...] | None
    asked: StepSettings
    effects: tuple[Effect, ...]
    cosine: PairTable
    """Of gradients; `None` where one of them is 0."""
    correlation: PairTable
    """Pearson correlation of Δ over all completions."""
    left_out: dict[str, str]
    """Method → why it is not compared."""


def compare(path: Path, algorithms: Sequence[Algorithm], asked: StepSettings) -> TapeReport:
    """Read a tape, load its policy and problems, and compare. Raises `ConfigurationError`."""
    tape = read_tape(path)
    task = load_task(tape.header.task)
    known = {problem.id: problem for problem in task.load("train", asked.data)}
    missing = [name for name in tape.header.problems if name not in known]
    if missing:
        raise ConfigurationError(
            f"task '{task.name}' has no problem '{missing[0]}' any more, which the tape was recorded with: "
            "record it again with 'bakeoff tape record'."
        )
    problems = tuple(known[name] for name in tape.header.problems)
    policy = load_policy(tape.header.model, task.instruction)
    tape.check(policy, problems)
    name = path.name.removesuffix(".json").removesuffix(".safetensors")
    return compare_tape(name, tape, policy, problems, algorithms, asked)


def compare_tape(
    name: str,
    tape: Tape,
    policy: LanguagePolicy,
    problems: tuple[Problem, ...],
    algorithms: Sequence[Algorithm],
    asked: StepSettings,
) -> TapeReport:
    """All methods on a tape that belongs to this policy, which ends with the weights it began with."""
    effects, gradients, left_out = effects_of(tape, policy, problems, algorithms, asked)
    pushes = torch.tensor([effect.push for effect in effects], dtype=torch.float64)
    return TapeReport(
        name=name,
        tape=tape,
        problems=problems,
        texts=tape.header.texts,
        asked=asked,
        effects=tuple(effects),
        cosine=_cosines(gradients),
        correlation=_cosines([push - push.mean() for push in pushes]),
        left_out=left_out,
    )


def effects_of(
    tape: Tape,
    policy: LanguagePolicy,
    problems: Sequence[Problem],
    algorithms: Sequence[Algorithm],
    asked: StepSettings,
) -> tuple[list[Effect], list[Tensor], dict[str, str]]:
    """Effect and gradient [N] of each method, and the reasons why others have none; restores the policy's weights."""
    start = [weight.detach().clone() for weight in policy.trainable]
    before = _logp(policy, tape, asked)
    effects, gradients, left_out = list[Effect](), list[Tensor](), dict[str, str]()
    for algorithm in algorithms:
        replay = ReplayPolicy(policy.model, policy.tokenizer, policy.prompt, policy.lora, policy.proved(), tape=tape)
        adapter = whole_batch(build(algorithm))
        try:
            gradient = first_gradient(adapter, _job(algorithm, tape, asked), replay, problems, asked.head_steps)
            effects.append(_effect(algorithm, tape, before, _logp(policy, tape, asked), gradient, policy, start))
            gradients.append(gradient)
        except OffTape as error:
            left_out[algorithm.name] = str(error)
        finally:
            with torch.no_grad():
                for weight, value in zip(policy.trainable, start, strict=True):
                    weight.copy_(value)
                    weight.grad = None
    if not effects:
        raise ConfigurationError(
            "no method can be compared on this tape: "
            + " ".join(f"{name}: {reason}" for name, reason in left_out.items())
        )
    return effects, gradients, left_out


def as_json(report: TapeReport) -> bytes:
    """Everything as JSON, numbers to six digits."""
    rounded = json.loads(json.dumps([asdict(effect) for effect in report.effects]), parse_float=_six)
    header = asdict(report.tape.header)
    content = {
        "tape": report.name,
        "learning_rate": report.asked.learning_rate,
        "head_steps": report.asked.head_steps,
        "recorded": {key: value for key, value in header.items() if key not in ("texts", "libraries")},
        "rewards": report.tape.reward.tolist(),
        "tokens": report.tape.sampled.mask.sum(1).int().tolist(),
        "methods": [effect.method for effect in report.effects],
        "gradient_cosine": [[None if x is None else _six(x) for x in row] for row in report.cosine],
        "push_correlation": [[None if x is None else _six(x) for x in row] for row in report.correlation],
        "effects": rounded,
        "left_out": report.left_out,
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, default=str)}" for key, value in content.items())
    return f"{{\n{lines}\n}}\n".encode()


def _six(number: str | float) -> float:
    return float(f"{float(number):.6g}")


def _job(algorithm: Algorithm, tape: Tape, asked: StepSettings) -> Job:
    header = tape.header
    training = Training(
        steps=asked.head_steps + 1,
        prompts_per_step=len(header.problems),
        group_size=header.group_size,
        learning_rate=asked.learning_rate,
        warmup_steps=0,
        micro_batch_groups=asked.micro_batch_groups,
        temperature=header.temperature,
        max_completion_tokens=header.max_completion_tokens,
        probe_every=0,
    )
    return Job("tape", "tape", algorithm, header.task, header.seed, header.model, training, Exam())


@torch.no_grad()
def _logp(policy: LanguagePolicy, tape: Tape, asked: StepSettings) -> Tensor:
    """[B, T] log π of the tape's tokens now, on the CPU."""
    count, group = len(tape.prompts.ids), tape.header.group_size
    size = asked.micro_batch_groups or count
    parts = []
    for first in range(0, count, size):
        rows = slice(first * group, (first + size) * group)
        prompts = type(tape.prompts)(*(tensor[first : first + size].to(policy.device) for tensor in tape.prompts))
        ids, mask = (tensor[rows].to(policy.device) for tensor in (tape.sampled.ids, tape.sampled.mask))
        parts.append(policy.score(prompts, ids, mask, temperature=tape.header.temperature).logp.cpu())
    return torch.cat(parts)


def _effect(
    algorithm: Algorithm,
    tape: Tape,
    before: Tensor,
    after: Tensor,
    gradient: Tensor,
    policy: LanguagePolicy,
    start: Sequence[Tensor],
) -> Effect:
    mask = tape.sampled.mask.double()
    d = (after - before).double() * mask  # [B, T] log π_after − log π_before
    k3 = (torch.expm1(d) - d) * mask  # e^d − 1 − d on tokens of π_before
    push, n = d.sum(1), mask.sum(1).clamp(min=1)
    moved = sum(float((weight.detach() - old).double().pow(2).sum()) for weight, old in _pairs(policy, start))
    spread = float(push.pow(2).sum())
    return Effect(
        method=algorithm.name,
        target=algorithm.target,
        settings=dict(algorithm.settings),
        gradient_norm=float(gradient.double().norm()),
        step_norm=math.sqrt(moved),
        kl_per_completion=float(k3.sum(1).mean()),
        kl_per_token=float(k3.sum() / mask.sum()),
        effective_completions=float(push.abs().sum()) ** 2 / spread if spread else None,
        push=tuple(push.tolist()),
        push_per_token=tuple((push / n).tolist()),
    )


def _pairs(policy: LanguagePolicy, start: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(policy.trainable, start, strict=True))


def _cosines(vectors: Sequence[Tensor]) -> PairTable:
    """Cosine of the angle between each two; `None` beside a vector of length 0."""
    norms = [float(vector.double().norm()) for vector in vectors]

    def cosine(i: int, j: int) -> float | None:
        length = norms[i] * norms[j]
        return float(vectors[i].double() @ vectors[j].double()) / length if length else None

    return tuple(tuple(cosine(i, j) for j in range(len(vectors))) for i in range(len(vectors)))
