"""Every value that is handed from one part of the harness to the next, and the protocols an algorithm works against.

Standard library only. Hand-over values are frozen: a step reads them and makes new ones. `None` means "undefined"
and is printed as a dash; it never means zero. The order below is the order in which a comparison makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Split = Literal["train", "validation", "test"]
Status = Literal["done", "failed", "out_of_memory", "timed_out", "diverged", "refused"]
Phase = Literal["load", "rollout", "reward", "update", "evaluate", "write"]
VerdictKind = Literal["correct", "wrong", "no_answer", "undecided", "error"]
Decision = Literal["better", "worse", "undecided"]
Severity = Literal["refuse", "warn", "note"]
Spread = Literal["seeds", "problems", "seeds and problems"]
Setting = bool | int | float | str | None

IMPORTED = "imported"
"""In place of a class: the row was trained and sampled elsewhere, and `bakeoff import` brings its completions."""
FLOOR = "base_model"
"""The row that trains nothing; every other one is measured against it."""
PHASES: tuple[Phase, ...] = ("load", "rollout", "reward", "update", "evaluate", "write")
DEFAULT_TIMEOUT_SECONDS = 3600.0
TRAINING_PHASES: tuple[Phase, ...] = ("rollout", "reward", "update")


# --- what is asked -------------------------------------------------------------------------------------------------


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
    """Keys of the known correct strategies (`benchmark.strategies`); empty where nobody knows them."""


@dataclass(frozen=True, slots=True)
class Model:
    """The one starting policy of a suite."""

    source: str = "pocket"
    """`pocket`, a local folder, or a name on the Hub."""
    revision: str | None = None
    """Commit of the Hub repository; `None` takes the newest and records which that was."""
    lora_rank: int | None = None
    """Rank of LoRA adapters on all linear layers; `None` trains every weight."""
    lora_alpha: int = 16
    """LoRA scale numerator (scale = alpha / rank)."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the weights."""
    chat: bool = False
    """Wrap prompts in the tokenizer's chat template."""


@dataclass(frozen=True, slots=True)
class Training:
    """The budget and the optimiser that every trained method of a suite shares."""

    steps: int = 24
    """Batches of completions; a method may take several optimiser passes over each."""
    prompts_per_step: int = 16
    """P, distinct problems in a batch."""
    group_size: int = 8
    """G, completions of each problem."""
    learning_rate: float = 1e-4
    """AdamW step size of the policy, constant after warm-up; a method that names its own overrides it."""
    head_learning_rate: float = 1e-3
    """AdamW step size of critics, log Z and flow heads; a method that names its own overrides it."""
    warmup_steps: int = 5
    """Optimiser steps over which the rate rises linearly from 0."""
    max_grad_norm: float = 1.0
    """Gradient clip, policy and heads separately."""
    micro_batch_groups: int | None = None
    """Groups per backward pass; `None` is the whole batch. Does not change the step, only its memory."""
    temperature: float = 1.0
    """Sampling temperature; log-probabilities are those of the tempered distribution."""
    max_completion_tokens: int = 80
    """A longer completion is cut and counts as truncated."""
    probe_every: int = 4
    """Batches between two points of the learning curve; 0 draws none. Probes are not on the training clock."""
    probe_problems: int = 48
    """Validation problems in a probe, two samples each."""

    @property
    def completions(self) -> int:
        """All completions a method may spend."""
        return self.steps * self.prompts_per_step * self.group_size


@dataclass(frozen=True, slots=True)
class Exam:
    """How every policy of a suite is examined."""

    problems: int | None = None
    """Problems of the test split, from its start; `None` is all of them."""
    samples: int = 16
    """n, sampled completions of each problem, beside one greedy completion."""
    temperature: float = 1.0
    """Sampling temperature; top-p is 1 and top-k is off."""
    max_completion_tokens: int = 80
    """A longer completion is cut and counts as truncated."""
    batch_completions: int = 512
    """Completions sampled together; changes memory and speed, not the result."""


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

    trials: int
    """Settings that were tried, the chosen one included."""
    completions: int
    """Training completions that all trials spent together."""
    on: Literal["validation"]
    """The split they were chosen by; the test split is none of the choices."""


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


@dataclass(frozen=True, slots=True)
class Finding:
    """One way, besides the method, in which the rows of a suite are not alike or its numbers are weak."""

    severity: Severity
    """`refuse`: the table would mean nothing. `warn`: read it with this in mind. `note`: part of the method."""
    what: str
    arms: tuple[str, ...]
    """Rows that differ from the rest; empty where it concerns all."""
    do: str


# --- what happens --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the examiner says of one completion. Training reward and examination use the same one."""

    kind: VerdictKind
    """`undecided` and `error` are not `wrong`: they earn no reward and are counted apart."""
    answer: str | None
    """The extracted final answer; `None` without one."""
    route: str
    """How the verdict was reached (`exact`, `algebra`, `math_verify`, …) or why it could not be."""
    seconds: float = 0.0
    normal: str | None = None
    """The answer in the grader's normal form, in which equal answers are equal texts; `None` where it has none."""

    @property
    def reward(self) -> float:
        """1 for a correct completion, else 0."""
        return 1.0 if self.kind == "correct" else 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled text."""

    text: str
    tokens: int
    """Valid tokens, the end-of-sequence token included when there is one."""
    truncated: bool
    """Cut at the length limit, without an end-of-sequence token."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One completion of the exam, judged."""

    problem: str
    """Problem id."""
    sample: int
    """0 … n-1 for samples, -1 for the greedy completion."""
    verdict: VerdictKind
    answer: str | None
    route: str
    tokens: int | None
    truncated: bool | None
    """This and the one before are `None` in imported completions."""
    strategy: str | None
    """Key of the solution's equation graph at level `expr`; `None` where none could be read."""
    text: str = ""
    """The completion; empty in outcomes read back without their samples file."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All outcomes of one exam."""

    exam: Exam
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What an adapter leaves behind. Its influence ends with the policy's weights."""

    steps: int
    """Optimiser steps taken on the policy."""
    path: Path | None = None
    """Folder of the extra heads and the optimiser, where the method has any; gone with the job's scratch space."""
    head_parameters: int = 0
    """Trainable weights beside the policy's; never examined."""


@dataclass(frozen=True, slots=True)
class StepLog:
    """One point of training: written by the loop at every batch."""

    step: int
    """Batches finished, from 1; 0 is the start."""
    completions: int
    """Completions spent so far."""
    seconds: float
    """Training seconds so far (rollout + reward + update)."""
    metrics: Mapping[str, float]
    """Named as in the glossary, `reward/mean`, `policy/kl_ref_k1`, …; `probe/accuracy` where a probe was taken."""
    tokens: int | None = None
    """Completion tokens spent so far; this and the next are `None` in logs from before they were counted."""
    updates: int | None = None
    """Optimiser steps on the policy so far."""
    flops: int | None = None
    """Model FLOPs of training so far (`benchmark.flops`); `None` where a trainer of its own hides them."""


@dataclass(frozen=True, slots=True)
class Illness:
    """A known way of going wrong, recognised in a step log by `benchmark.doctor`."""

    name: str
    evidence: str
    """Figures with their steps."""
    next_step: str
    """What to try first."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where and with what a record was made."""

    commit: str | None
    dirty: bool | None
    """Whether the working tree differed from the commit in a file that is not a result or a report."""
    version: str
    """Of this package: numbers are comparable within one minor version."""
    device: str
    """In words: processor or GPU, with the number of threads used."""
    libraries: Mapping[str, str]
    model_digest: str
    """SHA-256 over the starting weights."""
    task_digest: str
    """SHA-256 over the problems of all splits that were read."""
    prompt_digest: str
    """SHA-256 over how a problem becomes the model's input."""
    grader: str
    """Name and version."""


@dataclass(frozen=True, slots=True)
class Record:
    """One job's outcome. There is one for every planned job, whatever happened."""

    job: Job
    status: Status
    reason: str | None
    """Why the status is not `done`, for the person at the terminal; `None` when it is."""
    wall_seconds: float | None
    """`None` when imported."""
    phase_seconds: Mapping[Phase, float]
    """Per phase; they add up to the wall seconds within 5 %."""
    peak_bytes: Mapping[str, int]
    """Per phase and kind: `rss/update`, `allocated/rollout`, `reserved/update`, …; 0 is never written for "unknown"."""
    counts: Mapping[str, int]
    """`completions`, `completion_tokens`, `prompt_tokens` (of the problems handed out, each once), `optimiser_steps`,
    `flops` (left out where unknown), `trainable_parameters`, `head_parameters`."""
    metrics: Mapping[str, float | None]
    """Names and definitions in `benchmark.metrics`; computed again from the outcomes by anyone. Empty unless `done`."""
    provenance: Provenance | None
    """`None` when the job died before it could say."""
    diagnoses: tuple[Illness, ...] = ()
    """What the doctor found in the step log, also of a job that did not finish."""
    schema_version: int = 1
    imported: str | None = None
    """Format, names and SHA-256 of the files its completions came in; seconds, bytes and counts are then unknown, and
    the provenance knows only what graded them. `None` for a job that ran here."""

    @property
    def training_seconds(self) -> float | None:
        """Rollout + reward + update; `None` when imported."""
        if self.imported is not None:
            return None
        return sum(self.phase_seconds.get(phase, 0.0) for phase in TRAINING_PHASES)


# --- what is concluded ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    mean: float | None
    low: float | None
    high: float | None
    done: int
    """Seeds that finished and define the number."""
    planned: int
    problems: int | None = None
    """Problems of the exam behind each seed; `None` for a number that is not taken per problem."""
    samples: int | None = None
    """Completions of each problem."""
    over: Spread = "seeds"
    """What the interval speaks of: other seeds, other problems, or both."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One method against another on one task and metric, paired by seed and problem."""

    metric: str
    task: str
    method: str
    against: str
    difference: Estimate
    """`method` minus `against`."""
    decision: Decision
    p_value: float | None = None
    """Two-sided, of this pair alone; `None` without two seeds in common."""
    adjusted: float | None = None
    """After Holm over all pairs of the task and metric, those with the floor apart; the decision follows it."""
    reason: str = ""
    """Why the decision is what it is, in words."""


# --- what an adapter may touch -------------------------------------------------------------------------------------


class Policy(Protocol):
    """What the examiner needs of a policy; `benchmark.policy.LanguagePolicy` is the one there is."""

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
    """`benchmark.policy.LanguagePolicy`, typed loosely because this module loads no torch."""

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
