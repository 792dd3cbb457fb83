"""What a job keeps on disk while it runs, so that it can go on from there after an interruption."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from benchmark.contract.happened import Completion, Phase, StepLog

if TYPE_CHECKING:
    import numpy as np
    import torch


class Stateful(Protocol):
    """An object whose state can be taken out and put back, as torch's optimisers, modules and schedulers are."""

    def state_dict(self) -> Mapping[str, Any]:
        """The state: tensors, arrays, numbers, texts, `None`, and lists, tuples and dicts of these."""
        ...

    def load_state_dict(self, state: Any, /) -> object:  # noqa: ANN401 - what `state_dict` gave
        """Put back what `state_dict` gave."""
        ...


Part: TypeAlias = "Stateful | torch.Generator | np.random.Generator | MutableMapping[str, Any]"
"""What a method names to the harness so that it survives an interruption; a mapping holds plain values and tensors."""


class KeptBatches(Protocol):
    """Completions of an exam that were sampled before the job was interrupted, by the name of their batch."""

    def get(self, batch: str) -> list[Completion] | None:
        """The completions of a finished batch; `None` for one that must be sampled."""
        ...

    def put(self, batch: str, completions: Sequence[Completion]) -> None:
        """A batch has been sampled."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Counters, clock and log of a training between two batches; weights and the method's state lie beside it."""

    job: str
    """Id of the job."""
    environment: str
    """Device and versions of libraries, on which the last bits of a number depend."""
    step: int
    """Of the last batch that was logged."""
    batches: int
    """Batches of problems handed out."""
    completions: int
    tokens: int
    prompt_tokens: int
    rewards: int
    wall_seconds: float
    phase_seconds: Mapping[Phase, float]
    peak_bytes: Mapping[str, int]
    updates: int
    """Optimiser steps on the policy."""
    passes: tuple[tuple[int, ...], ...]
    """Tokens and rows through each watched model and matrix (`benchmark.run.compute`)."""
    log: tuple[StepLog, ...]
