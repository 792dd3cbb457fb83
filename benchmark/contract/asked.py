"""What is asked: problems, the starting model, the budget, the exam, and the suite and jobs made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from benchmark.contract.bounds import Between, Text
from benchmark.contract.task_data import TaskData

Split = Literal["train", "validation", "test"]
Severity = Literal["refuse", "warn", "note"]
Setting = bool | int | float | str | None

IMPORTED = "imported"
"""In place of a class: the row was trained and sampled elsewhere, and `bakeoff import` brings its completions."""
FLOOR = "base_model"
"""The row that trains nothing; every other one is measured against it."""
DEFAULT_TIMEOUT_SECONDS = 3600.0
LATER = {"later": True}
"""Metadata of a field that version 0.1 did not have: at its default it is left out of a job's identity."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem as the examiner knows it; an adapter sees those of the training split only."""

    id: str
    """Stable within its task: the same in every run and on every machine."""
    prompt: str
    """The text a policy reads, before any chat template."""
    gold: str
    """The final answer alone, as the data set writes it (`18`, `\\frac{3}{4}`)."""
    solution: str
    """A worked solution that ends in the task's answer format; what supervised methods learn from."""
    kind: str = ""
    """Story type or subject."""
    level: int = 0
    """Difficulty from 1; 0 where the data set has none."""
    strategies: tuple[str, ...] = ()
    """Keys of the known correct strategies (`benchmark.exam.strategy.key`); empty where nobody knows them."""


@dataclass(frozen=True, slots=True)
class Model:
    """The one starting policy of a suite."""

    source: Annotated[str, Text(4096)] = "pocket"
    """`pocket`, a local folder, or a name on the Hub."""
    revision: Annotated[str, Text(200)] | None = None
    """Commit of the Hub repository; `None` takes the newest and records which that was."""
    lora_rank: Annotated[int, Between(1, 65_536)] | None = None
    """Rank of LoRA adapters on all linear layers; `None` trains every weight."""
    lora_alpha: Annotated[int, Between(1, 1_000_000)] = 16
    """LoRA scale numerator (scale = alpha / rank)."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the weights."""
    chat: bool = False
    """Wrap prompts in the tokenizer's chat template."""


@dataclass(frozen=True, slots=True)
class Training:
    """The budget and the optimiser that every trained method of a suite shares."""

    steps: Annotated[int, Between(1, 10_000_000)] = 24
    """Batches of completions; a method may take several optimiser passes over each."""
    prompts_per_step: Annotated[int, Between(1, 1_000_000)] = 16
    """P, distinct problems in a batch."""
    group_size: Annotated[int, Between(1, 100_000)] = 8
    """G, completions of each problem."""
    learning_rate: Annotated[float, Between(0, 10, above=True)] = 1e-4
    """AdamW step size of the policy, constant after warm-up; a method that names its own overrides it."""
    head_learning_rate: Annotated[float, Between(0, 10, above=True)] = 1e-3
    """AdamW step size of critics, log Z and flow heads; a method that names its own overrides it."""
    warmup_steps: Annotated[int, Between(0, 10_000_000)] = 5
    """Optimiser steps over which the rate rises linearly from 0."""
    max_grad_norm: Annotated[float, Between(0, 1e9, above=True)] = 1.0
    """Gradient clip, policy and heads separately."""
    micro_batch_groups: Annotated[int, Between(1, 1_000_000)] | None = None
    """Groups per backward pass; `None` is the whole batch. Does not change the step, only its memory."""
    temperature: Annotated[float, Between(0.01, 100)] = 1.0
    """Sampling temperature; log-probabilities are those of the tempered distribution."""
    max_completion_tokens: Annotated[int, Between(1, 10_000_000)] = 80
    """A longer completion is cut and counts as truncated."""
    probe_every: Annotated[int, Between(0, 10_000_000)] = 4
    """Batches between two points of the learning curve; 0 draws none. Probes are not on the training clock."""
    probe_problems: Annotated[int, Between(1, 1_000_000)] = 48
    """Validation problems in a probe, two samples each."""

    @property
    def completions(self) -> int:
        """All completions a method may spend."""
        return self.steps * self.prompts_per_step * self.group_size


@dataclass(frozen=True, slots=True)
class Exam:
    """How every policy of a suite is examined."""

    problems: Annotated[int, Between(1, 10_000_000)] | None = None
    """Problems of the test split, from its start; `None` is all of them."""
    samples: Annotated[int, Between(1, 100_000)] = 16
    """n, sampled completions of each problem, beside one greedy completion."""
    temperature: Annotated[float, Between(0.01, 100)] = 1.0
    """Sampling temperature; top-p is 1 and top-k is off."""
    max_completion_tokens: Annotated[int, Between(1, 10_000_000)] = 80
    """A longer completion is cut and counts as truncated."""
    batch_completions: Annotated[int, Between(1, 10_000_000)] = 512
    """Completions sampled together; changes memory and speed, not the result."""
    transfer: tuple[str, ...] = field(default=(), metadata=LATER)
    """Further tasks whose test problems every policy answers after its own; nothing is trained on them."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row of a suite, resolved: the class and every hyper-parameter it will run with."""

    name: str
    """The name in the tables."""
    target: str
    """`package.module:Class`, or `IMPORTED`."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """All hyper-parameters, defaults included."""
    changed: tuple[str, ...] = ()
    """Names of the settings the suite changed from the adapter's defaults."""
    needs: tuple[str, ...] = field(default=(), compare=False)
    """What the adapter asks for beside the policy; follows from `target` and `settings`, so it is not compared."""

    @property
    def imported(self) -> bool:
        """Whether nothing of it runs here."""
        return self.target == IMPORTED


@dataclass(frozen=True, slots=True)
class Tuning:
    """What it cost to choose settings, when more than one was tried."""

    trials: Annotated[int, Between(2, 1_000_000)]
    """Settings that were tried, the chosen one included."""
    completions: Annotated[int, Between(1, 10**15)]
    """Training completions that all trials spent together."""
    on: Literal["validation"]
    """The split they were chosen by; the test split is none of the choices."""


OwnTask = str | TaskData
"""A task from outside the catalogue: `package.module:TASK`, `file.py:TASK`, or a table of files and columns."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The whole question: algorithms × tasks × seeds from one model, one budget, one exam."""

    name: str
    algorithms: tuple[Algorithm, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=Training)
    exam: Exam = field(default_factory=Exam)
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    """A job that runs longer is killed and recorded as `timed_out`."""
    tuned: Mapping[str, Tuning] = field(default_factory=dict)
    """By algorithm, or `training` for the settings all share; a name that is absent was given one setting."""
    own_tasks: Mapping[str, OwnTask] = field(default_factory=dict)
    """Tasks that the suite brings along, by name."""


@dataclass(frozen=True, slots=True)
class Job:
    """One cell of a suite with every setting that can move its numbers."""

    id: str
    """`<algorithm>-<task>-s<seed>-<digest of everything below>`."""
    suite: str
    algorithm: Algorithm
    task: str
    seed: int
    model: Model
    training: Training
    exam: Exam
    own_tasks: Mapping[str, OwnTask] = field(default_factory=dict)
    """Of the task and the transfer tasks those that the suite brought along."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One way, besides the method, in which the rows of a suite are not alike or its numbers are weak."""

    severity: Severity
    """`refuse`: the table would mean nothing. `warn`: read it with this in mind. `note`: part of the method."""
    message: str
    rows: tuple[str, ...]
    """Rows that differ from the rest; empty where it concerns all."""
    advice: str
    """What to change, or why nothing needs to be changed."""
