"""The question: problems, the starting model, the budget, the exam, and the suite and jobs made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from benchmark.contract.bounds import Between, OneLine
from benchmark.contract.identity import Identity
from benchmark.contract.task_data import TaskData

Split = Literal["train", "validation", "test"]
Severity = Literal["refuse", "warn", "note"]
Setting = bool | int | float | str | None
Keep = Literal["none", "adapter", "full"]

IMPORTED = "imported"
"""Used in place of a class for a row trained elsewhere, whose completions `bakeoff import` reads."""
PROGRAM = "benchmark.run.program:Program"
"""The class of a row that is trained by a command of its own (`benchmark.suite.programs`)."""
FLOOR = "base_model"
"""The row that is not trained; every other row is compared with it."""
DEFAULT_TIMEOUT_SECONDS = 3600.0
DEFAULT_CHECKPOINT_SECONDS = 60.0
LATER = {"later": True}
"""Metadata of a field that version 0.1 did not have: at its default it is left out of a job's identity."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. An adapter sees only problems of the training split."""

    id: str
    """Unique within its task, and the same in every run and on every machine."""
    prompt: str
    """The text that a policy reads, before any template is applied."""
    gold: str
    """Only the final answer, as the data set writes it (`18`, `\\frac{3}{4}`)."""
    solution: str
    """A worked solution that ends in the task's answer format; supervised methods train on it."""
    kind: str = ""
    """Story type or subject."""
    level: int = 0
    """Difficulty, from 1; 0 if the data set has none."""
    strategies: tuple[str, ...] = ()
    """Keys of the known correct strategies (`benchmark.exam.strategy.key`); empty if unknown."""
    published: str = ""
    """The worked solution as the data set publishes it, where that differs from `solution`."""


@dataclass(frozen=True, slots=True)
class Model:
    """The starting policy, common to all rows of a suite."""

    source: Annotated[str, OneLine(4096)] = "pocket"
    """`pocket`, a local folder, or a name on the Hub."""
    revision: Annotated[str, OneLine(200)] | None = None
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
class Prompt:
    """How a problem becomes what the model reads; what is left out has the default of `benchmark.model.tokens`."""

    preset: str | None = None
    """A published convention (`benchmark.suite.presets`) that fills in what the suite does not say."""
    template: str | None = None
    """Text with `{question}` and, where wanted, `{instruction}`, the task's sentence on how to answer."""
    system: str | None = None
    """System turn of a chat; before everything else where there is no chat template."""
    preamble: str = ""
    """Text before the first example."""
    shots: Annotated[int, Between(0, 1000)] = 0
    """Solved examples before the question: problems of the training split that are then not trained on."""
    shots_as: Literal["text", "turns"] = "text"
    """Examples in the question's text, or as turns of a chat."""
    shots_seed: Annotated[int, Between(0, 2**32 - 1)] = 0
    """Chooses the examples; the same for every job of a task."""
    shots_from: str | None = None
    """Published examples instead of training problems: only a preset names them."""
    published_solutions: bool = False
    """Examples with their solutions as the data set publishes them, GSM8K's `<<48/2=24>>` included."""
    answer_prefix: str = ""
    """Between an example's question and its solution."""
    shot_separator: str = "\n\n"
    """Behind each example."""
    stop: tuple[str, ...] = ()
    """A completion ends where one of these is complete; it and what is behind it are not graded."""
    prefill: str = ""
    """Text the completion begins with, such as `<think>`; it is the prompt's, so it is not trained on."""
    template_arguments: Mapping[str, Setting] = field(default_factory=dict)
    """Passed to the chat template, such as `enable_thinking = false`."""


@dataclass(frozen=True, slots=True)
class Training:
    """The budget and the optimiser that every trained method of a suite shares."""

    steps: Annotated[int, Between(1, 10_000_000)] = 24
    """Number of batches of completions; a method may take several optimiser steps over each."""
    prompts_per_step: Annotated[int, Between(1, 1_000_000)] = 16
    """P, number of distinct problems per batch."""
    group_size: Annotated[int, Between(1, 100_000)] = 8
    """G, number of completions per problem."""
    learning_rate: Annotated[float, Between(0, 10, above=True)] = 1e-4
    """AdamW learning rate of the policy, constant after warm-up; a row may override it."""
    head_learning_rate: Annotated[float, Between(0, 10, above=True)] = 1e-3
    """AdamW learning rate of critics, log Z and flow heads; a row may override it."""
    warmup_steps: Annotated[int, Between(0, 10_000_000)] = 5
    """Number of optimiser steps over which the learning rate rises linearly from 0."""
    max_grad_norm: Annotated[float, Between(0, 1e9, above=True)] = 1.0
    """Largest gradient norm; policy and heads are clipped separately."""
    micro_batch_groups: Annotated[int, Between(1, 1_000_000)] | None = None
    """Groups per backward pass; `None` is the whole batch. Changes memory, not the step."""
    temperature: Annotated[float, Between(0.01, 100)] = 1.0
    """Sampling temperature. Log-probabilities are those of the distribution at this temperature."""
    max_completion_tokens: Annotated[int, Between(1, 10_000_000)] = 80
    """Length limit in tokens. A longer completion is cut and counts as truncated."""
    probe_every: Annotated[int, Between(0, 10_000_000)] = 4
    """Batches between two points of the learning curve; 0 for no curve. Probes do not count as training time."""
    probe_problems: Annotated[int, Between(1, 1_000_000)] = 48
    """Number of validation problems per probe, with two samples each."""

    @property
    def completions(self) -> int:
        """The budget: number of completions that a method may use in training."""
        return self.steps * self.prompts_per_step * self.group_size


@dataclass(frozen=True, slots=True)
class Exam:
    """The exam, common to all policies of a suite."""

    problems: Annotated[int, Between(1, 10_000_000)] | None = None
    """Number of problems, from the start of the test split; `None` is all of them."""
    samples: Annotated[int, Between(1, 100_000)] = 16
    """n, number of sampled completions per problem, in addition to one greedy completion."""
    temperature: Annotated[float, Between(0.01, 100)] = 1.0
    """Sampling temperature; top-p is 1 and top-k is off."""
    max_completion_tokens: Annotated[int, Between(1, 10_000_000)] = 80
    """Length limit in tokens. A longer completion is cut and counts as truncated."""
    batch_completions: Annotated[int, Between(1, 10_000_000)] = 512
    """Number of completions sampled together. Changes memory and speed, not the result."""
    transfer: tuple[str, ...] = field(default=(), metadata=LATER)
    """Further tasks whose test problems every policy answers after its own; nothing is trained on them."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row of a suite after resolving: its class and the values of all its hyper-parameters."""

    name: str
    """The name in the tables."""
    target: str
    """`package.module:Class`, or `IMPORTED`."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """All hyper-parameters, defaults included."""
    changed: tuple[str, ...] = ()
    """Names of the settings whose values differ from the adapter's defaults."""
    needs: tuple[str, ...] = field(default=(), compare=False)
    """What the adapter needs beside the policy. Follows from `target` and `settings`, so it is not compared."""

    @property
    def imported(self) -> bool:
        """Whether the row was trained elsewhere."""
        return self.target == IMPORTED

    @property
    def by_program(self) -> bool:
        """Whether a program of the suite's author trains the row."""
        return self.target == PROGRAM


@dataclass(frozen=True, slots=True)
class Tuning:
    """How settings were chosen, if more than one was tried."""

    trials: Annotated[int, Between(2, 1_000_000)]
    """Number of settings tried, the chosen one included."""
    completions: Annotated[int, Between(1, 10**15)]
    """Training completions used by all trials together."""
    on: Literal["validation"]
    """The split on which the choice was made; the test split is not allowed."""


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
    """Time limit of a job in seconds; a longer job is killed and recorded as `timed_out`."""
    checkpoint_seconds: float = DEFAULT_CHECKPOINT_SECONDS
    """Least time between two checkpoints of a job; 0 writes one after every batch."""
    prompt: Prompt = field(default_factory=Prompt)
    """With everything from its preset filled in."""
    keep: Keep = "none"
    """What of the trained weights stays in the job's folder; never committed."""
    needs_gpu: bool = False
    """Whether the suite is refused where there is no GPU, with the hours it would take without one."""
    tuned: Mapping[str, Tuning] = field(default_factory=dict)
    """By row name, or `training` for shared settings. Absent names were run with one setting only."""
    own_tasks: Mapping[str, OwnTask] = field(default_factory=dict)
    """Tasks that the suite defines itself, by name."""
    planned: tuple[str, ...] = ()
    """Ids of the jobs that the last run planned, in `suite.json` alone: a record of the same cell with another id is
    stale. Empty in files of before it was kept."""


@dataclass(frozen=True, slots=True)
class Job:
    """One row on one task with one seed, and every setting that can change its numbers."""

    id: str
    """`<algorithm>-<task>-s<seed>-<digest of everything below>` (`benchmark.contract.identity.job_id`)."""
    suite: str
    algorithm: Algorithm
    task: str
    seed: int
    model: Model
    training: Training
    exam: Exam
    own_tasks: Mapping[str, OwnTask] = field(default_factory=dict)
    """Of the task and the transfer tasks those that the suite brought along."""
    prompt: Prompt = field(default_factory=Prompt)
    identity: Identity | None = None
    """What the result depends on beside the settings; `None` in records of before it was kept."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between the rows of a suite apart from the method, or one weakness of its design."""

    severity: Severity
    """`refuse`: the table would be meaningless. `warn`: read it with this in mind. `note`: part of the method."""
    message: str
    rows: tuple[str, ...]
    """Names of the rows that differ from the others; empty if all rows are concerned."""
    advice: str
    """What to change, or why nothing needs to be changed."""
