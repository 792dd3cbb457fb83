"""The running job as its adapter sees it: implements the contract's `Run`.

Completions are charged by the policy that samples them, rewards are counted where they are given, and time is measured
around the whole of `train`: a method reports nothing of what it spends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import SupportsFloat

import numpy as np
from torch import nn

from benchmark.contract import (
    METHOD_PHASES,
    TRAINING_PHASES,
    Completion,
    Job,
    OneLine,
    Part,
    Phase,
    Problem,
    StepLog,
    TrainingState,
)
from benchmark.errors import BudgetSpent, ConfigurationError, Diverged, MethodFault
from benchmark.grading import grade_all
from benchmark.model.policy import LanguagePolicy
from benchmark.run.checkpoint import Checkpoints
from benchmark.run.clock import Clock
from benchmark.run.compute import Meter
from benchmark.run.parts import gathered, put_back, why_unfit
from benchmark.run.state_tree import to_node
from benchmark.seeds import seed_of
from benchmark.store.steps import RESERVED_METRICS

__all__ = ["CompletionBudget", "LiveRun"]

PROBE_SAMPLES = 2
NAME = OneLine(200)
"""Of a metric that a method logs."""


PROBED = "probe/accuracy"


class CompletionBudget:
    """Number of completions a method may still use; equal for all trained methods of a suite."""

    def __init__(self, completions: int) -> None:
        self._granted = completions
        self._completions = self._tokens = 0

    @property
    def completions_left(self) -> int:
        """Completions that may still be used."""
        return self._granted - self._completions

    @property
    def completions(self) -> int:
        """Completions used so far."""
        return self._completions

    @property
    def tokens(self) -> int:
        """Tokens of these completions, end tokens included."""
        return self._tokens

    def charge(self, completions: int, tokens: int) -> None:
        """Count completions. Raises `BudgetSpent` if they would exceed the suite's budget.

        Called where completions are made: by policies, and around the model's own `generate`.
        """
        if completions < 0 or tokens < 0:
            raise ValueError(f"{completions} completions of {tokens} tokens: no count is negative")
        if completions > self.completions_left:
            raise BudgetSpent(
                f"asked for {completions} completions with {self.completions_left} of {self._granted} left: "
                "every method of a suite has the same budget, steps × prompts_per_step × group_size."
            )
        self._completions += completions
        self._tokens += tokens


class LiveRun:
    """Training problems, reward, budget, seeds and log of one job, without test split, grader or other jobs."""

    def __init__(
        self,
        job: Job,
        policy: LanguagePolicy,
        *,
        training: Sequence[Problem],
        probe: Sequence[Problem],
        clock: Clock,
        folder: Path,
        progress: Callable[[int], None],
        meter: Meter | None = None,
    ) -> None:
        self.job, self.folder = job, folder
        self.budget = CompletionBudget(job.training.completions)
        self.policy = policy.charged_to(self.budget)
        self.steps: list[StepLog] = []
        self.prompt_tokens = 0
        """Prompt tokens of the problems handed out, each counted once."""
        self.rewarded = 0
        """Completions graded, prefixes among them."""
        self.earlier_seconds = 0.0
        """What an interrupted attempt had spent at the checkpoint from which this one went on."""
        self.declared: Mapping[str, int] | None = None
        """What a row's own program says that it spent; `None` where the harness counts."""
        self._probed_policy = policy  # probes are the harness's: nothing is charged for them
        self._training, self._probe, self._clock, self._progress = training, probe, clock, progress
        self._meter = meter
        self._checkpoints: Checkpoints | None = None
        self._parts: Mapping[str, Part] | None = None
        """What the method named; `None` until it did, and then there is no checkpoint."""
        self._handed = self._skipped = 0
        """Batches handed out, and how many of them an interrupted attempt had."""
        self._orders = 0
        """How often batches were asked for from the start."""

    @property
    def problems(self) -> Sequence[Problem]:
        """All training problems, for a program that makes its own batches."""
        return self._training

    @property
    def probe_problems(self) -> Sequence[Problem]:
        """The validation problems of the learning curve."""
        return self._probe

    def declare(self, spent: Mapping[str, int]) -> None:
        """What a row's own program spent, by its own word; completions beyond the budget raise `BudgetSpent`."""
        self.declared = spent
        self.budget.charge(spent.get("completions", 0), spent.get("completion_tokens", 0))

    def note_resident(self, resident: int | None) -> None:
        """Bytes of processes that work for this job, if known, beside those of its own process."""
        self._clock.note_resident(resident)

    def keep_in(self, checkpoints: Checkpoints) -> None:
        """Write checkpoints from now on, and go on from them."""
        self._checkpoints = checkpoints

    def seed(self, purpose: str) -> int:
        """A seed from the job's seed, task and purpose, independent of the algorithm."""
        return seed_of(self.job.seed, self.job.task, purpose)

    def batches(self, size: int | None = None) -> Iterator[Sequence[Problem]]:
        """`training.steps` batches of `size` problems: whole passes over the training split, each in a new order."""
        size = size or self.job.training.prompts_per_step
        if size > len(self._training):
            raise ConfigurationError(
                f"a batch of {size} problems from a training split of {len(self._training)}: lower 'prompts_per_step'."
            )
        generator = np.random.default_rng(self.seed("batches"))
        order: list[int] = []
        self._orders += 1
        for place in range(self.job.training.steps):
            if len(order) < size:  # the rest of a pass is dropped: no batch holds a problem twice
                order = generator.permutation(len(self._training)).tolist()
            chosen, order = order[:size], order[size:]
            if place < self._skipped:
                continue
            self._handed = place + 1
            batch = [self._training[index] for index in chosen]
            self.prompt_tokens += int(self.policy.encode([problem.prompt for problem in batch]).mask.sum())
            yield batch

    def resume(self, **parts: Part) -> int:
        """Name what changes while the method trains; returns the last step of an interrupted attempt, or 0."""
        self._parts = parts
        if self._checkpoints is None:
            return 0
        to_node(gathered(self.policy.model, parts), {}, "state")  # refused now rather than after a minute
        saved = self._checkpoints.newest(lambda one: why_unfit(one.tree, self.policy.model, parts))
        if saved is None:
            return 0
        self._go_on(saved.state)
        put_back(saved.tree, self.policy.model, parts)
        return saved.state.step

    def rewards(self, problems: Sequence[Problem], completions: Sequence[Sequence[Completion]]) -> list[list[float]]:
        """1 for completions that the grader accepts, else 0."""
        with self._clock.phase("reward"):
            pairs = [(c.text, problem.gold) for problem, row in zip(problems, completions, strict=True) for c in row]
            self.rewarded += len(pairs)
            verdicts = iter(grade_all(pairs, require_marker=True))
            return [[next(verdicts).reward for _ in row] for row in completions]

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Time everything inside the block as `rollout`, `reward` or `update`."""
        if name not in METHOD_PHASES:
            raise MethodFault(
                f"'{name}' is not a method's phase to enter: it divides its time into {', '.join(METHOD_PHASES)}, and "
                "what is in none of them is counted as other."
            )
        return self._clock.phase(name)

    def count(self, heads: nn.Module) -> None:
        """Count the linear layers of a method's heads in its FLOPs."""
        if self._meter is not None:
            self._meter.watch(heads)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log one batch. Raises `Diverged` if a metric is not finite, `MethodFault` for a name that is taken."""
        _refuse_names(step, metrics)
        bad = {name: value for name, value in metrics.items() if not math.isfinite(value)}
        if bad:
            raise Diverged(
                f"step {step}: " + ", ".join(f"{name} = {value}" for name, value in sorted(bad.items())) + "."
            )
        every = self.job.training.probe_every
        probed = self._probed() if every and (step % every == 0 or step == self.job.training.steps) else {}
        self.steps.append(self._point(step, {**metrics, **probed}))
        self._progress(step)
        if self._checkpoints is not None and self._parts is not None and self._orders <= 1 and self._checkpoints.due():
            with self._clock.phase("write"):
                self._checkpoints.write(
                    self._state(self._checkpoints.environment), gathered(self.policy.model, self._parts)
                )

    def log_start(self) -> None:
        """The learning curve's first point, before any training."""
        if self.job.training.probe_every:
            self.steps.append(self._point(0, self._probed()))

    def _state(self, environment: str) -> TrainingState:
        return TrainingState(
            job=self.job.id,
            environment=environment,
            step=self.steps[-1].step,
            batches=self._handed,
            completions=self.budget.completions,
            tokens=self.budget.tokens,
            prompt_tokens=self.prompt_tokens,
            rewards=self.rewarded,
            wall_seconds=self._clock.wall_seconds,
            phase_seconds=dict(self._clock.seconds),
            peak_bytes=dict(self._clock.peak_bytes),
            updates=self._meter.updates if self._meter else 0,
            passes=self._meter.passes if self._meter else (),
            log=tuple(self.steps),
        )

    def _go_on(self, state: TrainingState) -> None:
        """Counters, clock and log as they were; what this attempt spent until now is added to the seconds."""
        self.budget.charge(state.completions - self.budget.completions, state.tokens - self.budget.tokens)
        self.prompt_tokens, self.rewarded = state.prompt_tokens, state.rewards
        self._handed = self._skipped = state.batches
        self.earlier_seconds = sum(state.phase_seconds.values())
        self._clock.add(state.phase_seconds, state.wall_seconds, state.peak_bytes)
        if self._meter is not None:
            self._meter.restore(state.updates, state.passes)
        self.steps[:] = state.log

    def _point(self, step: int, metrics: Mapping[str, float]) -> StepLog:
        return StepLog(
            step,
            self.budget.completions,
            sum(self._clock.seconds[phase] for phase in TRAINING_PHASES),
            metrics,
            tokens=self.budget.tokens,
            updates=self._updates(),
            flops=self._meter.flops if self._meter else None,
        )

    def _updates(self) -> int | None:
        """Optimiser steps so far, counted by the meter, or as a row's own program declares them."""
        if self.declared is not None:
            return self.declared.get("optimiser_steps")
        return self._meter.updates if self._meter else None

    def _probed(self) -> dict[str, float]:
        """Accuracy on validation problems, with the same random numbers at every probe and for every method."""
        with self._clock.phase("evaluate"), self._meter.paused() if self._meter else nullcontext():
            answers = self._probed_policy.complete(
                [problem.prompt for problem in self._probe],
                samples=PROBE_SAMPLES,
                temperature=self.job.exam.temperature,
                max_tokens=self.job.exam.max_completion_tokens,
                seed=self.seed("probe"),
                batch_completions=self.job.exam.batch_completions,
            )
            pairs = [(c.text, problem.gold) for problem, row in zip(self._probe, answers, strict=True) for c in row]
            verdicts = grade_all(pairs, require_marker=True)
            return {PROBED: sum(verdict.reward for verdict in verdicts) / len(verdicts)}


def _refuse_names(step: object, metrics: Mapping[str, float]) -> None:
    """A step log has one column for each metric beside its own, and numbers in all of them."""
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise MethodFault(f"run.log({step!r}, …): a step is a whole number from 0, the batches that are finished.")
    for name, value in metrics.items():
        if not isinstance(name, str) or not NAME.holds(name):
            raise MethodFault(f"run.log({step}, …): {name!r} names no metric: expected {NAME}.")
        if name in RESERVED_METRICS or name == PROBED:
            raise MethodFault(
                f"run.log({step}, …): '{name}' is a column of the harness in the step log: name the metric otherwise, "
                f"as in 'mine/{name}'."
            )
        if not isinstance(value, SupportsFloat):
            raise MethodFault(f"run.log({step}, …): '{name}' is a {type(value).__name__}, not a number.")
