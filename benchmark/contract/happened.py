"""Results of a job: completions, verdicts, the step log, and the record that every job leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from benchmark.contract.asked import Exam, Job

Status = Literal["done", "failed", "out_of_memory", "timed_out", "diverged", "refused", "interrupted"]
Phase = Literal["load", "rollout", "reward", "update", "other", "evaluate", "write"]
"""What a job's time and memory are counted for; every second counts once.

    load      reading model, tokenizer and problems, importing the method and what it declares (`Adapter.imports`)
    rollout   sampling completions to learn from, and turning them into text
    reward    grading completions
    update    everything from graded completions to changed weights: log-probabilities, losses, gradients, steps
    other     the rest of a method's `train`; its seconds count as training, whatever it does in them
    evaluate  probes of the learning curve, and the exam
    write     step log, hand-over, outcomes and records

`train` runs under the harness's clock. A method divides its own time into `rollout`, `reward` and `update`, which may
be nested: the inner one counts. `load`, `evaluate` and `write` are the harness's.
"""
VerdictKind = Literal["correct", "wrong", "no_answer", "undecided", "error"]

PHASES: tuple[Phase, ...] = ("load", "rollout", "reward", "update", "other", "evaluate", "write")
TRAINING_PHASES: tuple[Phase, ...] = ("rollout", "reward", "update", "other")
METHOD_PHASES: tuple[Phase, ...] = ("rollout", "reward", "update")
"""Those that a method may enter."""


GREEDY = -1
"""The sample number of a greedy completion."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The grade of one completion. Training reward and exam use the same grader."""

    kind: VerdictKind
    """`undecided` and `error` give no reward but are counted separately from `wrong`."""
    answer: str | None
    """The extracted final answer, or `None`."""
    route: str
    """How the verdict was reached (`exact`, `algebra`, `math_verify`, …), or why there is none."""
    seconds: float = 0.0
    normal: str | None = None
    """The answer in the grader's normal form, in which equal answers are equal texts, or `None`."""

    @property
    def reward(self) -> float:
        """1 for a correct completion, else 0."""
        return 1.0 if self.kind == "correct" else 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled text."""

    text: str
    tokens: int
    """Number of tokens, including the end-of-sequence token if there is one."""
    truncated: bool
    """Whether it was cut at the length limit, without an end-of-sequence token."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One completion of the exam, graded."""

    problem: str
    """Problem id."""
    sample: int
    """0 … n-1 for samples, `GREEDY` for the greedy completion."""
    verdict: VerdictKind
    answer: str | None
    route: str
    tokens: int | None
    truncated: bool | None
    """Whether it was cut at the length limit. `tokens` and `truncated` are `None` in imported completions."""
    strategy: str | None
    """Key of the solution's equation graph at level `expr`; `None` if none could be read."""
    text: str = ""
    """The completion's text; empty if the outcomes were read without their samples file."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All outcomes of one exam."""

    exam: Exam
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What `train` returns. The exam uses only the policy's weights."""

    steps: int
    """Number of optimiser steps taken on the policy."""
    head_parameters: int = 0
    """Number of trainable weights beside the policy's."""


@dataclass(frozen=True, slots=True)
class StepLog:
    """One point of the step log, written after every batch."""

    step: int
    """Number of finished batches; 0 is the start."""
    completions: int
    """Completions used so far."""
    seconds: float
    """Training seconds so far (`TRAINING_PHASES`)."""
    metrics: Mapping[str, float]
    """Named as in the glossary, `reward/mean`, `policy/kl_ref_k1`, …; `probe/accuracy` where a probe was taken."""
    tokens: int | None = None
    """Completion tokens used so far. `tokens` and `updates` are `None` in logs that predate their counting."""
    updates: int | None = None
    """Optimiser steps on the policy so far."""
    flops: int | None = None
    """Model FLOPs of training so far (`benchmark.run.flops`); `None` if a foreign trainer hides them."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A known failure pattern of training, recognised in a step log by `benchmark.run.doctor`."""

    name: str
    evidence: str
    """The figures on which the diagnosis rests, with their steps."""
    next_step: str
    """What to try first."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The environment in which a record was made."""

    commit: str | None
    dirty: bool | None
    """Whether the working tree differed from the commit in a file that is not a result or a report."""
    version: str
    """Version of this package. Numbers are comparable within one minor version."""
    device: str
    """Processor or GPU, in words, with the number of threads used."""
    libraries: Mapping[str, str]
    model_digest: str
    """SHA-256 over the starting weights."""
    task_digest: str
    """SHA-256 over the problems of every split that was read."""
    prompt_digest: str
    """SHA-256 over the format in which a problem becomes the model's input."""
    grader: str
    """Name and version of the grader."""
    rendered_prompt: str | None = None
    """The whole text that the model read for the first validation problem; `None` where it may not be kept."""
    machine: str | None = None
    """Digest of host name, processor and memory: the same for jobs of one machine; `None` in records of before it."""
    reading: str | None = None
    """Slower ways in which the model had to be read, and why; `None` where the fastest ones were taken."""


@dataclass(frozen=True, slots=True)
class MachineLoad:
    """What else the machine did while a job trained, as far as the harness saw it; marks seconds that say little."""

    processors: int
    """Those that the job might use."""
    jobs: int
    """Most jobs of this sweep at once, this one included."""
    average: float | None
    """Largest load average over one minute: processes that run or wait for a processor. `None` where none is kept."""
    waited_seconds: float | None
    """For how long the training thread was ready but had no processor; `None` where the kernel does not say."""

    def busy(self, training_seconds: float) -> bool:
        """Whether the seconds are those of a busy machine.

        More processes than processors by one or more, or over 5 % of the training time spent in waiting for one.
        """
        crowded = self.average is not None and self.average >= self.processors + 1
        waited = self.waited_seconds is not None and self.waited_seconds > 0.05 * max(training_seconds, 1.0)
        return crowded or waited


@dataclass(frozen=True, slots=True)
class Resumption:
    """One further attempt at a job that had been interrupted."""

    stage: Literal["train", "examine"]
    went_on_from: int
    """Batches that need not be done again, of training or of the exam; 0 where the stage began anew."""
    note: str = ""
    """Why the stage began anew, which checkpoint was left out and why, or what differed since; empty if nothing."""


@dataclass(frozen=True, slots=True)
class Record:
    """The result of one job. Every planned job has a record, whatever its status."""

    job: Job
    status: Status
    reason: str | None
    """Why the status is not `done`, written for the user; `None` if it is `done`."""
    wall_seconds: float | None
    """When imported, what the importer said of the training; `None` where nothing was said."""
    phase_seconds: Mapping[Phase, float]
    """Seconds per phase; they add up to `wall_seconds` within 5 %."""
    peak_bytes: Mapping[str, int]
    """Per phase and kind: `rss/update`, `allocated/rollout`, `reserved/update`, …; 0 is never written for "unknown"."""
    counts: Mapping[str, int]
    """`completions`, `completion_tokens`, `prompt_tokens` (of the problems handed out, each once), `optimiser_steps`,
    `rewards` (completions graded in training, prefixes among them), `flops` (left out where unknown),
    `trainable_parameters`, `head_parameters`. Records of before it was counted have no `rewards`."""
    metrics: Mapping[str, float | None]
    """Metrics of the exam (`benchmark.exam.metrics`), computable from the outcomes. Empty unless `done`."""
    provenance: Provenance | None
    """`None` if the job ended before it was known."""
    diagnoses: tuple[Diagnosis, ...] = ()
    """Failure patterns found in the step log, also of unfinished jobs."""
    schema_version: int = 1
    declared: tuple[str, ...] = ()
    """Names in `counts` that a row's own program declared, and nobody measured."""
    resumed: tuple[Resumption, ...] = ()
    """Attempts at the job after the first one, which was interrupted."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of outcomes, texts and steps beside the record (`benchmark.store.digests`); empty unless `done`."""
    load: MachineLoad | None = None
    """`None` where nothing was trained here, and in records of before it was kept."""
    imported: str | None = None
    """Format, names and SHA-256 of the files its completions came in; seconds, bytes and counts are then unknown, and
    the provenance knows only what graded them. `None` for a job that ran here."""

    @property
    def training_seconds(self) -> float | None:
        """Rollout, reward, update and other; when imported, what the importer said, if anything."""
        if self.imported is not None:
            return self.wall_seconds
        return sum(self.phase_seconds.get(phase, 0.0) for phase in TRAINING_PHASES)
