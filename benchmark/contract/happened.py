"""What happens in a job: completions, verdicts, the step log, and the record that is written whatever happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.contract.asked import Exam, Job

Status = Literal["done", "failed", "out_of_memory", "timed_out", "diverged", "refused"]
Phase = Literal["load", "rollout", "reward", "update", "evaluate", "write"]
VerdictKind = Literal["correct", "wrong", "no_answer", "undecided", "error"]

PHASES: tuple[Phase, ...] = ("load", "rollout", "reward", "update", "evaluate", "write")
TRAINING_PHASES: tuple[Phase, ...] = ("rollout", "reward", "update")


GREEDY = -1
"""The sample number of a greedy completion."""


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
    """Model FLOPs of training so far (`benchmark.run.flops`); `None` where a trainer of its own hides them."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A known way of going wrong, recognised in a step log by `benchmark.run.doctor`."""

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
    """Defined in `benchmark.exam.metrics`; computed again from the outcomes by anyone. Empty unless `done`."""
    provenance: Provenance | None
    """`None` when the job died before it could say."""
    diagnoses: tuple[Diagnosis, ...] = ()
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
