"""What an adapter may touch while it trains, and what the examiner needs of a policy, as protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from benchmark.contract.asked import Job, Problem
from benchmark.contract.happened import Completion, Phase


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
    ) -> list[list[Completion]]:
        """`samples` completions of each prompt. Temperature 0 is greedy."""
        ...


class Budget(Protocol):
    """Counts what a method spends and refuses more than its share."""

    completions_left: int

    def spend(self, completions: int, tokens: int) -> None:
        """Raises `BudgetSpent` when more than the suite's completions would be used."""
        ...


class Run(Protocol):
    """A live job, as its adapter sees it: no test split, no grader, no clock to set, no other jobs."""

    job: Job
    policy: Any
    """`benchmark.model.policy.LanguagePolicy`, typed loosely because this module loads no torch."""

    @property
    def budget(self) -> Budget:
        """What may still be spent."""
        ...

    folder: Path
    """Scratch space of this job, outside the results; removed when the job ends."""

    def seed(self, purpose: str) -> int:
        """A seed for one purpose, the same for every algorithm of the suite."""
        ...

    def batches(self, size: int | None = None) -> Iterator[Sequence[Problem]]:
        """`training.steps` batches of `size` training problems (P when `None`).

        The order depends on the job's seed alone; each problem comes once before any comes again.
        """
        ...

    def rewards(self, problems: Sequence[Problem], completions: Sequence[Sequence[Completion]]) -> list[list[float]]:
        """The examiner's verdict as a number in [0, 1] for each completion, on the `reward` clock."""
        ...

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Everything inside is on that phase's clock."""
        ...

    def count(self, heads: Any) -> None:  # noqa: ANN401 - a torch module; this module loads no torch
        """Weights beside the policy whose work belongs in the job's FLOPs; the policy and its copies are counted."""
        ...

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Record one batch; the harness may take a probe for the learning curve here. Raises `Diverged` on NaN."""
        ...
