"""One stage of a job in its own process: what it returns is the job's record, and so is what it raises.

A job is trained in one process (`benchmark.run.train`) and examined in another one that never imported its method
(`benchmark.run.examine`); `benchmark.run.stages` starts either. Whatever happens inside a stage becomes the status of
a record; what happens *to* its process (killed, timed out) is recorded by `sweep`, which watches it. The one broad
`except` of a run is here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import torch

from benchmark.contract import DEFAULT_CHECKPOINT_SECONDS, Diagnosis, Job, Keep, Provenance, Record, Status, StepLog
from benchmark.errors import Diverged, MethodFault
from benchmark.run import checkpoint, handover
from benchmark.run.clock import Clock
from benchmark.run.doctor import diagnose, last_figures
from benchmark.run.isolation import isolate
from benchmark.run.shortage import is_out_of_memory, is_out_of_space
from benchmark.store.records import write_record

__all__ = ["SAFE_PATH", "JobProgress", "Order", "Perform", "Stage", "run_job", "unfinished"]


SAFE_PATH = "PYTHONSAFEPATH"
"""Keeps Python from putting the current folder first on the module path."""
Stage = Literal["train", "examine"]
"""What one process does of a job."""


@dataclass(frozen=True, slots=True)
class Order:
    """A job, the folder of its data, and the folder for its record."""

    job: Job
    results: Path
    data: Path | None
    threads: int
    device: str = "auto"
    """`auto`, `cpu`, `cuda:1` or `mps`."""
    keep: Keep = "none"
    """Trained weights that stay in the job's folder."""
    texts: bool = False
    """Whether completions of published problems stay, too: not where results are committed."""
    jobs: int = 1
    """Most jobs of the sweep that run at once."""
    scratch: Path | None = None
    """Folder for temporary files of the job's processes, removed by the process that watches them."""
    training_seconds: float | None = None
    """For the examining stage: how long the training stage ran, by the clock of the process that watched it; `None`
    where it ended before an interruption."""
    checkpoint_seconds: float = DEFAULT_CHECKPOINT_SECONDS
    """Least time between two checkpoints; 0 writes one after every batch."""


def run_job(order: Order, pipe: Connection, perform: Perform, fault: Fault | None = None) -> None:
    """Run one stage of the job and leave its record, if it ends there; progress goes through the pipe.

    `perform` is the stage: from its order to the job's record, or `None` where another stage follows. `fault` says in
    one sentence what a method's author did wrong, or `None` where an exception is not of the author's making.
    """
    isolate(order.scratch)
    os.environ.pop(SAFE_PATH, None)  # it is for the server that started this process, not for what a method starts
    torch.set_num_threads(order.threads)
    _be_quiet()
    clock = Clock()
    progress = JobProgress(pipe)
    try:
        record = perform(order, clock, progress)
    # the one place: every failure becomes a recorded status, and so do SystemExit and KeyboardInterrupt of a method
    except BaseException as error:  # noqa: BLE001 - as above
        status, reason = _status_of(error, progress.phase, clock, fault, (order.scratch, order.results))
        record = unfinished(
            order.job,
            status,
            f"{reason} {_how_it_came(order.job, progress.steps)}" if _moved(error) else reason,
            clock=clock,
            provenance=progress.provenance,
            diagnoses=diagnose(progress.steps, order.job.algorithm.settings),
        )
    if record is not None:
        write_record(order.results, record)
        _clean_up(order, record)
    pipe.close()


def _clean_up(order: Order, record: Record) -> None:
    """Behind the record: a hand-over that was refused is made anew, and only a finished job needs no checkpoint."""
    handover.discard(order.results, order.job)
    if record.status == "done":
        checkpoint.discard(order.results, order.job)


def _be_quiet() -> None:
    """Libraries that warn of their own next version would write between the lines of the sweep."""
    for library in ("transformers", "trl", "peft", "huggingface_hub", "datasets", "accelerate"):
        warnings.filterwarnings("ignore", module=rf"{library}(\.|$)")
        logging.getLogger(library).setLevel(logging.ERROR)


def unfinished(
    job: Job,
    status: Status,
    reason: str,
    *,
    clock: Clock | None = None,
    wall_seconds: float = 0.0,
    provenance: Provenance | None = None,
    diagnoses: tuple[Diagnosis, ...] = (),
) -> Record:
    """The record of a job without a result."""
    return Record(
        job=job,
        status=status,
        reason=reason,
        wall_seconds=clock.wall_seconds if clock else wall_seconds,
        phase_seconds=dict(clock.seconds) if clock else {},
        peak_bytes=dict(clock.peak_bytes) if clock else {},
        counts={},
        metrics={},
        provenance=provenance,
        diagnoses=diagnoses,
    )


class JobProgress:
    """Reports progress to the watching process, and keeps it and the log for the record of a failure."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.phase = "load"
        self.provenance: Provenance | None = None
        self.steps: Sequence[StepLog] = ()

    def enter(self, phase: str) -> None:
        """The phase that begins."""
        self.phase = phase
        self._send(0)

    def step(self, step: int) -> None:
        """Batches that are done; of an exam the percentage of its completions."""
        self._send(step)

    def _send(self, step: int) -> None:
        with contextlib.suppress(OSError):  # nobody is watching any more: finish the job all the same
            self._pipe.send_bytes(json.dumps([self.phase, step]).encode())  # never pickled: a reader must not run it


Perform = Callable[[Order, Clock, JobProgress], Record | None]
"""One stage of a job, from its order to the record; `None` where another stage follows."""
Fault = Callable[[BaseException], str | None]
"""What is wrong in a method's own code, in one sentence."""


def _how_it_came(job: Job, steps: Sequence[StepLog]) -> str:
    own = job.algorithm.settings.get("learning_rate")
    return f"{last_figures(steps)} The learning rate is {job.training.learning_rate if own is None else own:g}."


def _status_of(
    error: BaseException, phase: str, clock: Clock, fault: Fault | None, folders: Sequence[Path | None]
) -> tuple[Status, str]:
    if is_out_of_memory(error):
        peak = max(clock.peak_bytes.values(), default=0) / 2**30
        return "out_of_memory", (
            f"out of memory in {phase} after {clock.wall_seconds:.0f} s (peak {peak:.1f} GiB). "
            "Lower 'micro_batch_groups', 'batch_completions' or 'max_completion_tokens'."
        )
    if is_out_of_space(error):
        places = " or ".join(f"'{folder}'" for folder in folders if folder is not None)
        return "failed", f"{error} in {phase}: a disk is full, of {places} or of the file named. Free space on it."
    if isinstance(error, Diverged):
        return "diverged", str(error)
    if isinstance(error, MethodFault):
        return "failed", str(error)
    said = fault(error) if fault is not None else None
    if said is not None:
        return "failed", said
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return "failed", f"{type(error).__name__} in {phase} at {where}: {error}"


def _moved(error: BaseException) -> bool:
    """Whether a number stopped being finite after a step had moved the weights: only then a rate can be the cause."""
    return isinstance(error, Diverged) and error.moved
