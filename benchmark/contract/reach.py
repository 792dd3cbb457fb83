"""Protocols of what an adapter may use while it trains, and of what the examiner needs of a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmark.contract.asked import Job, Problem
from benchmark.contract.happened import Completion, Phase
from benchmark.contract.resumed import KeptBatches, Part

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from benchmark.model.policy import Prompts, Scored
    from benchmark.model.sampler import Sampled


class Policy(Protocol):
    """What the examiner needs of a policy; `benchmark.model.policy.LanguagePolicy` is the one there is."""

    def complete(
        self,
        prompts: Sequence[str],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        seed: int,
        batch_completions: int,
        kept: KeptBatches | None = None,
    ) -> list[list[Completion]]:
        """`samples` completions of each prompt. Temperature 0 is greedy. Batches in `kept` are not sampled again."""
        ...


class TrainablePolicy(Protocol):
    """What an adapter may ask of the policy it trains. P prompts of L tokens, B completions of T, H the hidden width.

    `benchmark.model.policy.LanguagePolicy` is a language model; the exact world has a table of logits.
    """

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    @property
    def hidden_size(self) -> int:
        """H, the width of the states that critics and flow heads read."""
        ...

    @property
    def trainable(self) -> list[torch.nn.Parameter]:
        """The weights that training may change."""
        ...

    def encode(self, prompts: Sequence[str]) -> Prompts:
        """Prompts as tokens, [P, L]."""
        ...

    def encode_completions(self, texts: Sequence[str], limit: int) -> Sampled:
        """Given texts as if they had been sampled, [B, T] with T at most `limit`; they count against the budget."""
        ...

    def sample(self, prompts: Prompts, noise: Tensor, *, temperature: float) -> Sampled:
        """Completions from the current weights, one for each row of the uniform `noise` [B, T]; 0 is greedy.

        They count against the budget, also those of copies. Raises `BudgetSpent`.
        """
        ...

    def decode(self, sampled: Sampled) -> list[Completion]:
        """Texts with their token counts, B of them."""
        ...

    def prefixes(self, sampled: Sampled) -> list[list[str]]:
        """Texts of all prefixes of each completion, after 0, 1, … n tokens."""
        ...

    def score(self, prompts: Prompts, ids: Tensor, mask: Tensor, *, temperature: float, ends: bool = False) -> Scored:
        """Log-probabilities of given completions [B, T], with gradient; `ends` asks for log π(end) of every prefix."""
        ...

    def snapshot(self) -> TrainablePolicy:
        """A frozen copy of the weights as they are now."""
        ...

    def reference(self) -> TrainablePolicy:
        """The frozen starting policy."""
        ...


class Budget(Protocol):
    """The completions of a method, charged where they are sampled or given; a method reads it and charges nothing.

    `sample`, `complete` and `encode_completions` of the policy and of its copies charge it, and so does the model's own
    `generate`. What exceeds the budget raises `BudgetSpent`.
    """

    @property
    def completions_left(self) -> int:
        """Completions that may still be used."""
        ...

    @property
    def completions(self) -> int:
        """Completions used so far."""
        ...

    @property
    def tokens(self) -> int:
        """Tokens of these completions, end tokens included."""
        ...


class Till(Protocol):
    """Where a policy charges what it samples."""

    def charge(self, completions: int, tokens: int) -> None:
        """Count completions. Raises `BudgetSpent` if they would exceed the suite's budget."""
        ...


class Run(Protocol):
    """A running job as its adapter sees it: without test split, grader, clock or other jobs."""

    job: Job

    @property
    def policy(self) -> TrainablePolicy:
        """What is trained, in place."""
        ...

    @property
    def budget(self) -> Budget:
        """The remaining budget."""
        ...

    folder: Path
    """Scratch folder of this job, outside the results; removed when the job ends."""

    def seed(self, purpose: str) -> int:
        """A 63-bit seed for one purpose, the same for every algorithm of the suite."""
        ...

    def batches(self, size: int | None = None) -> Iterator[Sequence[Problem]]:
        """`training.steps` batches of `size` training problems (P when `None`).

        The order depends only on the job's seed; every problem is used once before any is used again.
        """
        ...

    def resume(self, **parts: Part) -> int:
        """Name everything that changes while the method trains, so that an interrupted job goes on where it was.

        Call it once, when all parts are made and before the first batch. A part has `state_dict` and `load_state_dict`
        (torch's optimisers, modules, schedulers), or is a generator of torch or numpy, or a dict of plain values. The
        policy's trained weights, the budget, the counts, the clock, the log and the global generators are kept anyway.

        Returns the last step that was logged before the interruption, with every part and the policy as they were then,
        or 0 at a fresh start; `batches` goes on behind it:

            done = run.resume(adam=adam)
            for step, problems in enumerate(run.batches(), start=done + 1):

        `log` ends a step: checkpoints are written there. A method that never calls `resume` begins anew. Raises
        `MethodFault` for a part whose state is not made of tensors, arrays, numbers, texts, lists, tuples and dicts.
        """
        ...

    def rewards(self, problems: Sequence[Problem], completions: Sequence[Sequence[Completion]]) -> list[list[float]]:
        """Rewards in [0, 1], one per completion, from the grader of the exam; counted, and timed as phase `reward`."""
        ...

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Time everything inside the block as `rollout`, `reward` or `update`; what is in none of them is `other`.

        `benchmark.contract.happened.Phase` defines them. Raises `MethodFault` for another phase.
        """
        ...

    def count(self, heads: torch.nn.Module) -> None:
        """Count the work of these heads in the job's FLOPs; the policy and its copies are counted anyway."""
        ...

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log one finished batch; a checkpoint may be written and the learning curve probed here.

        Raises `Diverged` if a metric is not finite.
        """
        ...
