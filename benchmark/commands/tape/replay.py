"""A run whose completions come from a tape: any adapter trains against it unchanged, for one optimiser step.

The policy answers `sample` with the tape's tokens and log-probabilities and does everything else itself; hooks on its
weights add up the gradient until the optimiser has stepped, and then training is over.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmark.adapter import Adapter
from benchmark.commands.tape.store import Tape
from benchmark.contract import Completion, Job, Part, Phase, Problem
from benchmark.errors import OffTape, TrainingStopped
from benchmark.grading import grade_all
from benchmark.model.policy import LanguagePolicy, Prompts
from benchmark.model.sampler import Sampled
from benchmark.run.live_run import CompletionBudget
from benchmark.seeds import seed_of

__all__ = ["ReplayPolicy", "ReplayRun", "first_gradient", "whole_batch"]


@dataclass
class ReplayPolicy(LanguagePolicy):
    """The real policy, except that its completions are the tape's, also in frozen copies."""

    tape: Tape = field(kw_only=True)
    replays: list[float] = field(kw_only=True, default_factory=list)
    """Temperatures that completions were asked for with, also of copies."""

    def sample(self, prompts: Prompts, noise: Tensor, *, temperature: float) -> Sampled:
        """The first completions of each group, as many as `noise` has rows for, or the greedy ones at temperature 0."""
        tape = self.tape
        count = len(tape.prompts.ids)
        if not torch.equal(prompts.ids.cpu(), tape.prompts.ids):
            raise OffTape("asks for completions of other prompts than the tape's, or in another order.")
        if temperature not in (0, tape.header.temperature):
            raise OffTape(f"samples at temperature {temperature}; the tape was recorded at {tape.header.temperature}.")
        size, rest = divmod(len(noise), count)
        held = tape.sampled if temperature else tape.greedy
        group = len(held.ids) // count
        if rest or size > group:
            raise OffTape(f"asks for {len(noise)} completions of {count} prompts; the tape holds {group} of each.")
        self.replays.append(temperature)
        rows = torch.arange(len(held.ids)).view(count, group)[:, :size].flatten()
        longest = int(held.mask[rows].sum(1).max())
        cut = (tensor[rows][:, :longest] if tensor.dim() > 1 else tensor[rows] for tensor in held)
        drawn = Sampled(*(tensor.to(self.device) for tensor in cut))
        self.charge(drawn.mask)
        return drawn

    def snapshot(self) -> LanguagePolicy:
        """A frozen copy that replays too."""
        frozen = super().snapshot()
        return ReplayPolicy(
            frozen.model,
            frozen.tokenizer,
            frozen.prompt,
            frozen.lora,
            self.reading,
            self.till,
            tape=self.tape,
            replays=self.replays,
        )


class ReplayRun:
    """One batch of problems, the tape's, with its rewards; the `Run` of the contract."""

    def __init__(self, job: Job, policy: ReplayPolicy, problems: Sequence[Problem], folder: Path) -> None:
        self.job, self.folder = job, folder
        self.budget = CompletionBudget(job.training.completions)
        self.policy = policy.charged_to(self.budget)
        self._problems = problems
        self._known = _rewards_of(policy, problems)

    def seed(self, purpose: str) -> int:
        """From the tape's seed, task and purpose."""
        return seed_of(self.job.seed, self.job.task, purpose)

    def batches(self, size: int | None = None) -> Iterator[Sequence[Problem]]:
        """The tape's problems, the same in every step."""
        if size not in (None, len(self._problems)):
            raise OffTape(f"asks for batches of {size} problems, not of the tape's {len(self._problems)}.")
        for _ in range(self.job.training.steps):
            yield self._problems

    def resume(self, **parts: Part) -> int:
        """Nothing is kept here: every training begins anew."""
        del parts
        return 0

    def rewards(self, problems: Sequence[Problem], completions: Sequence[Sequence[Completion]]) -> list[list[float]]:
        """Rewards from the tape; other texts, such as prefixes, are graded."""
        unknown = [
            (problem.id, completion.text, problem.gold)
            for problem, row in zip(problems, completions, strict=True)
            for completion in row
            if (problem.id, completion.text) not in self._known
        ]
        verdicts = grade_all([(text, gold) for _, text, gold in unknown], require_marker=True)
        self._known |= {
            (name, text): verdict.reward for (name, text, _), verdict in zip(unknown, verdicts, strict=True)
        }
        return [
            [self._known[problem.id, completion.text] for completion in row]
            for problem, row in zip(problems, completions, strict=True)
        ]

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Nothing is timed."""
        del name
        return contextlib.nullcontext()

    def count(self, heads: object) -> None:
        """Nothing is counted here."""
        del heads

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing is logged."""


def _rewards_of(policy: ReplayPolicy, problems: Sequence[Problem]) -> dict[tuple[str, str], float]:
    """(problem id, text) → reward of everything on the tape."""
    tape, known = policy.tape, {}
    for sampled, reward in ((tape.greedy, tape.greedy_reward), (tape.sampled, tape.reward)):
        size = len(reward) // len(problems)
        names = [problem.id for problem in problems for _ in range(size)]
        for name, completion, value in zip(names, policy.decode(sampled), reward.tolist(), strict=True):
            known[name, completion.text] = value
    return known


class _Stepped(TrainingStopped):
    """Raised when the optimiser has taken its one step."""


def first_gradient(
    adapter: Adapter, job: Job, policy: ReplayPolicy, problems: Sequence[Problem], head_steps: int = 0
) -> Tensor:
    """Train for one optimiser step and return the gradient [N] of the policy's trainable weights, before any clipping.

    Leaves the policy as that step left it. With `head_steps` the heads of a method that has any, and they alone, first
    learn for so many steps. Raises `OffTape` when the method does not learn from the tape.
    """
    refusal = adapter.refuses(job)
    if refusal:
        raise OffTape(f"{refusal}.")
    with _Watch(policy.trainable, head_steps) as watch, tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        try:
            adapter.train(ReplayRun(job, policy, problems, Path(folder)))
        except _Stepped:
            if not policy.replays:
                raise OffTape("learns without sampling.") from None
            return torch.cat([gradient.flatten().float().cpu() for gradient in watch.gradients])
    raise OffTape("takes no optimiser step on this tape.")


class _Watch:
    """Adds up the gradients of `weights` over all backward passes, and raises `_Stepped` behind an optimiser's step.

    Before that, `head_steps` steps of an optimiser that also moves other weights are undone for the watched ones.
    """

    def __init__(self, weights: Sequence[torch.nn.Parameter], head_steps: int) -> None:
        self._weights, self._undo = weights, head_steps
        self._start = [weight.detach().clone() for weight in weights] if head_steps else []
        self.gradients = [torch.zeros_like(weight) for weight in weights]

    def __enter__(self) -> Self:
        self._hooks = [
            weight.register_hook(self._adding(total))  # type: ignore[no-untyped-call]
            for weight, total in zip(self._weights, self.gradients, strict=True)
        ]
        self._hooks.append(register_optimizer_step_post_hook(self._stepped))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    @staticmethod
    def _adding(total: Tensor) -> Callable[[Tensor], None]:
        def add(gradient: Tensor) -> None:
            total.add_(gradient.detach())

        return add

    def _stepped(self, optimiser: torch.optim.Optimizer, *_: Any) -> None:  # noqa: ANN401 - what torch passes a hook
        moved = {id(weight) for group in optimiser.param_groups for weight in group["params"]}
        watched = {id(weight) for weight in self._weights}
        if not moved & watched:
            return
        if not self._undo or moved <= watched:
            raise _Stepped
        self._undo -= 1
        with torch.no_grad():
            for weight, value, total in zip(self._weights, self._start, self.gradients, strict=True):
                weight.copy_(value)
                total.zero_()
                optimiser.state.pop(weight, None)


def whole_batch(adapter: Adapter) -> Adapter:
    """The adapter with one optimiser step a batch, where it has that field: gradients then refer to the same batch."""
    names = {item.name for item in dataclasses.fields(adapter)}  # type: ignore[arg-type]
    return dataclasses.replace(adapter, mini_batches=1) if "mini_batches" in names else adapter  # type: ignore[type-var]
