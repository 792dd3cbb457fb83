"""Expert iteration: collect correct completions, fine-tune the *starting* policy on them, repeat.

Objective    L = −Σ_{i∈D,t} log π_θ / Σ_{i∈D,t} 1,   D: distinct completions with r ≥ threshold of all rounds so far
Source       STaR, arXiv:2203.14465, algorithm 1; on GSM8K arXiv:2403.04642
Differences  the budget of batches is split into `rounds`. A round samples with fixed weights, goes back to the starting
             weights, and learns `epochs` times from everything collected, in steps of as many completions as a batch
             has. Problems that were failed are not rationalised.
Degenerates  if nothing is correct, the policy does not change. With copies kept (`distinct` off) the optimum is π_ref
             restricted to correct completions. With one round per batch and no reset it is `raft.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from algorithms._batch import Loss, Now, Rollouts
from algorithms._buffer import StoredRow, columns_of, packed, row_of, rows_of, stacked, unpacked
from algorithms._describe import describe
from algorithms._heads import Heads
from algorithms._on_policy import OnPolicy, roll_out, update
from algorithms._optimiser import Optimiser
from algorithms._pieces import mean_of_tokens
from algorithms._ranges import Count, Signed
from algorithms._weights import copies, put_back
from benchmark.contract import Checkpoint, Run, Setting

__all__ = ["ExpertIteration"]


@dataclass(frozen=True, slots=True)
class ExpertIteration(OnPolicy):
    """Maximum likelihood on the correct completions collected so far, restarted from the starting policy each round."""

    paper: ClassVar[str] = "arXiv:2203.14465, algorithm 1"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"rounds": 4, "epochs": 1, "distinct": False}
    threshold: Signed = 1.0
    """Smallest reward for which a completion is kept; 1 is correct."""
    rounds: Count = 2
    """Number of rounds of collecting and fine-tuning; arXiv:2403.04642 needs two or three."""
    epochs: Count = 2
    """Passes over the collected completions in each round."""
    distinct: bool = True
    """Keep one of identical completions of a problem."""

    def train(self, run: Run) -> Checkpoint:
        """Per round: collect completions, reset to the starting weights, fine-tune on everything collected."""
        start = copies(run.policy.trainable)
        shuffle = np.random.default_rng(run.seed("expert iteration"))
        collected, counts = _Collected(self.threshold, run.policy.device, distinct=self.distinct), {"steps": 0}
        done = run.resume(collected=collected, shuffle=shuffle, counts=counts)
        ends = {round_ * run.job.training.steps // self.rounds for round_ in range(1, self.rounds + 1)}
        for step, problems in enumerate(run.batches(), start=done + 1):
            fresh = roll_out(run, run.policy, problems, step)
            collected.add([problem.id for problem in problems], fresh)
            metrics = {"batch/collected": float(len(collected.rows))}
            if step in ends and collected.rows:
                with run.phase("update"):
                    put_back(run.policy.trainable, start)
                    optimiser = Optimiser(run, Heads(frozenset(), 0, 0), self.learning_rate, None)
                    for _ in range(self.epochs):
                        for batch in collected.batches(fresh, shuffle):
                            metrics |= update(run, batch, Heads(frozenset(), 0, 0), self, optimiser)
                    counts["steps"] += optimiser.steps
            run.log(step, {**describe(fresh), **metrics})
        return Checkpoint(counts["steps"])

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        return Loss(-mean_of_tokens(now.logp, batch.mask, batch.tokens), {})


@dataclass(slots=True)
class _Collected:
    """Collected correct completions with their prompts."""

    threshold: float
    device: torch.device
    distinct: bool
    rows: list[tuple[Tensor, StoredRow]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Of the problem of each row."""
    known: set[tuple[str, tuple[int, ...]]] = field(default_factory=set)

    def add(self, names: list[str], batch: Rollouts) -> None:
        """Collect the correct rows of a batch whose prompts are named `names`."""
        for index in (batch.reward >= self.threshold).nonzero().flatten().tolist():
            prompt, row = index // batch.group_size, row_of(batch, index)
            key = (names[prompt], tuple(row.ids.tolist()))
            if not self.distinct or key not in self.known:
                self.known.add(key)
                self.names.append(names[prompt])
                self.rows.append((batch.prompts.ids[prompt][batch.prompts.mask[prompt].bool()], row))

    def batches(self, like: Rollouts, shuffle: np.random.Generator) -> Iterator[Rollouts]:
        """One epoch in steps of as many rows as `like` has, each row a group of its own."""
        order = shuffle.permutation(len(self.rows))
        for first in range(0, len(order), like.rows):
            prompts, rows = zip(*(self.rows[i] for i in order[first : first + like.rows]), strict=True)
            yield replace(stacked(like, list(prompts), list(rows)), group_size=1, rows=len(rows))

    def state_dict(self) -> dict[str, Any]:
        """Everything collected."""
        return {
            "names": self.names,
            "prompts": packed([prompt for prompt, _ in self.rows]),
            "rows": columns_of([row for _, row in self.rows]),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        rows = rows_of(state["rows"], self.device)
        self.names = list(state["names"])
        self.rows = list(zip(unpacked(state["prompts"], self.device), rows, strict=True))
        self.known = {(name, tuple(row.ids.tolist())) for name, row in zip(self.names, rows, strict=True)}
