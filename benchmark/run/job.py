"""One job in its own process: load, train, examine, write the record. The one broad `except` of the repository is here.

Whatever happens inside a job becomes the status of its record; what happens *to* its process (killed, timed out) is
recorded by `sweep`, which watches it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from benchmark.adapter import Adapter
from benchmark.contract import (
    FLOOR,
    Checkpoint,
    Diagnosis,
    Evaluation,
    ExamProblems,
    Job,
    Keep,
    Problem,
    Provenance,
    Record,
    Status,
    StepLog,
)
from benchmark.errors import Diverged, MethodFault
from benchmark.exam.metrics import measure
from benchmark.exam.regrade import cross_grading
from benchmark.grading import GRADER, math_verify_version
from benchmark.model.keep import WEIGHTS, save_weights
from benchmark.model.load import load_policy
from benchmark.model.policy import LanguagePolicy
from benchmark.run.clock import Clock
from benchmark.run.compute import Meter
from benchmark.run.devices import torch_device
from benchmark.run.doctor import diagnose, last_figures
from benchmark.run.live_run import LiveRun
from benchmark.run.prompting import examples_of, without_examples
from benchmark.seeds import seed_of
from benchmark.store import provenance
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import job_folder, write_record, write_steps
from benchmark.suite.author import fault_of, refuse_other_checkpoint
from benchmark.suite.registry import build
from benchmark.tasks import Task, digest, load_task

__all__ = ["SAFE_PATH", "JobProgress", "Order", "Perform", "run_job", "unfinished"]


SAFE_PATH = "PYTHONSAFEPATH"
"""Keeps Python from putting the current folder first on the module path."""


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


@dataclass(slots=True)
class _Loaded:
    """The policy, problems and provenance that a job has loaded."""

    task: Task
    policy: LanguagePolicy
    training: tuple[Problem, ...]
    probe: tuple[Problem, ...]
    provenance: Provenance


def run_job(order: Order, pipe: Connection, perform: Perform | None = None) -> None:
    """Run the job and leave its record; progress goes through the pipe as `(phase, step)`.

    `perform` is what a job is, from its order to its record; `None` trains an adapter on a task and examines it.
    """
    os.environ.pop(SAFE_PATH, None)  # it is for the server that started this process, not for what a method starts
    torch.set_num_threads(order.threads)
    _be_quiet()
    write_steps(job_folder(order.results, order.job), ())  # an earlier attempt's log is not this one's
    clock = Clock()
    progress = JobProgress(order.job, clock, pipe)
    try:
        record = (perform or _perform)(order, clock, progress)
    except Exception as error:  # noqa: BLE001 - the one place: every failure becomes a recorded status
        status, reason = _status_of(error, progress.phase, clock, order.job.algorithm.target)
        record = unfinished(
            order.job,
            status,
            f"{reason} {_how_it_came(order.job, progress.steps)}" if _moved(error) else reason,
            clock=clock,
            provenance=progress.provenance,
            diagnoses=diagnose(progress.steps, order.job.algorithm.settings),
        )
    write_record(order.results, record)
    pipe.close()


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

    def __init__(self, job: Job, clock: Clock, pipe: Connection) -> None:
        self._job, self._clock, self._pipe = job, clock, pipe
        self.phase = "load"
        self.provenance: Provenance | None = None
        self.steps: Sequence[StepLog] = ()

    def enter(self, phase: str) -> None:
        """The phase that begins."""
        self.phase = phase
        self._send(0)

    def step(self, step: int) -> None:
        """Batches that are done."""
        self._send(step)

    def _send(self, step: int) -> None:
        with contextlib.suppress(OSError):  # nobody is watching any more: finish the job all the same
            self._pipe.send((self.phase, step))


Perform = Callable[[Order, Clock, JobProgress], Record]
"""A job, from its order to its record."""


def _perform(order: Order, clock: Clock, progress: JobProgress) -> Record:
    job = order.job
    progress.enter("load")
    with clock.phase("load"):
        if torch_device(order.device).startswith("cuda"):
            torch.cuda.set_device(torch_device(order.device))  # what asks for the current device gets this one
            clock.watch_cuda()
        adapter = build(job.algorithm)
        loaded = _load(order)
        progress.provenance = loaded.provenance
    progress.enter("train")
    run, counts = _train(order, loaded, adapter, clock, progress)
    with clock.phase("load"):  # while a method trains, no test problem is kept anywhere
        exam = loaded.task.load("test", order.data)[: job.exam.problems]
    progress.enter("evaluate")
    with clock.phase("evaluate"):
        _refuse_broken(loaded.policy)
        evaluation = adapter.evaluate(loaded.policy, job.exam, exam, seed_of(job.seed, job.task))
        metrics = measure(evaluation.outcomes)
        others = cross_grading(evaluation.outcomes, exam)
    transferred = _transfer(order, loaded, adapter, clock, progress)
    progress.enter("write")
    with clock.phase("write"):
        _write(order, loaded, run, evaluation)
        write_cross_grading(job_folder(order.results, job), others)
        if loaded.task.generated or order.texts:
            kept = ExamProblems(loaded.provenance.task_digest, tuple(loaded.task.load("test", order.data)))
            write_problems(order.results, job.suite, job.task, kept)
    return Record(
        job=job,
        status="done",
        reason=None,
        wall_seconds=clock.wall_seconds,
        phase_seconds=dict(clock.seconds),
        peak_bytes=dict(clock.peak_bytes),
        counts=counts,
        metrics={**metrics, **transferred},
        provenance=loaded.provenance,
        diagnoses=diagnose(run.steps, job.algorithm.settings),
    )


def _train(
    order: Order, loaded: _Loaded, adapter: Adapter, clock: Clock, progress: JobProgress
) -> tuple[LiveRun, dict[str, int]]:
    def logged(step: int) -> None:
        with clock.phase("write"):  # whatever ends this process, what it measured is on disk
            write_steps(job_folder(order.results, order.job), run.steps)
        progress.step(step)

    meter = Meter(loaded.policy, models=not adapter.own_loop)
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as scratch, meter:
        run = LiveRun(
            order.job,
            loaded.policy,
            training=loaded.training,
            probe=loaded.probe,
            clock=clock,
            folder=Path(scratch),
            progress=logged,
            meter=meter,
        )
        progress.steps = run.steps
        run.log_start()
        checkpoint = adapter.train(run)
        refuse_other_checkpoint(adapter, checkpoint)
    return run, _counts(run, checkpoint, meter)


def _transfer(
    order: Order, loaded: _Loaded, adapter: Adapter, clock: Clock, progress: JobProgress
) -> dict[str, float | None]:
    """The same exam on the test problems of other tasks: metrics as `transfer/<task>/<metric>`, outcomes beside."""
    job, found = order.job, dict[str, float | None]()
    for name in job.exam.transfer:
        if name == job.task:
            continue
        progress.enter("evaluate")
        with clock.phase("load"):
            task = load_task(name, job.own_tasks)
            problems = task.load("test", order.data)[: job.exam.problems]
            policy = loaded.policy.asked_as(job.model, job.prompt, task.instruction)
        with clock.phase("evaluate"):
            evaluation = adapter.evaluate(policy, job.exam, problems, seed_of(job.seed, name))
            found |= {f"transfer/{name}/{metric}": value for metric, value in measure(evaluation.outcomes).items()}
        with clock.phase("write"):
            folder = job_folder(order.results, job)
            write_outcomes(folder, evaluation.outcomes, texts=task.generated or order.texts, task=name)
    return found


def _counts(run: LiveRun, checkpoint: Checkpoint, meter: Meter) -> dict[str, int]:
    known = {} if meter.flops is None else {"flops": meter.flops}
    return {
        **known,
        "completions": run.budget.completions,
        "completion_tokens": run.budget.tokens,
        "prompt_tokens": run.prompt_tokens,
        "optimiser_steps": meter.updates,
        "trainable_parameters": sum(weight.numel() for weight in run.policy.trainable),
        "head_parameters": checkpoint.head_parameters,
    }


def _load(order: Order) -> _Loaded:
    job = order.job
    task = load_task(job.task, job.own_tasks)
    training, validation, test = (task.load(split, order.data) for split in ("train", "validation", "test"))
    examples = examples_of(job.prompt, job.task, training)
    policy = load_policy(job.model, task.instruction, job.prompt, examples, device=torch_device(order.device))
    rest = without_examples(job.prompt, job.task, training)
    head, dirty = provenance.commit()
    grader = f"{GRADER}, math-verify {math_verify_version() or 'not installed'}"
    source = Provenance(
        commit=head,
        dirty=dirty,
        version=provenance.package_version(),
        device=provenance.device(order.threads, torch_device(order.device)),
        libraries=provenance.libraries(),
        model_digest=policy.digest(),
        task_digest=digest((*training, *validation, *test)),
        prompt_digest=policy.prompt_digest(),
        grader=grader,
        rendered_prompt=_shown(policy, validation, kept=task.generated or order.texts),
    )
    probe = validation[: job.training.probe_problems]
    return _Loaded(task, policy, rest, probe, source)


def _shown(policy: LanguagePolicy, problems: Sequence[Problem], *, kept: bool) -> str | None:
    """The whole text the model reads for the first validation problem; `None` where its text may not be kept."""
    return policy.render(problems[0].prompt) if problems and kept else None


def _write(order: Order, loaded: _Loaded, run: LiveRun, evaluation: Evaluation) -> None:
    folder = job_folder(order.results, order.job)
    write_outcomes(folder, evaluation.outcomes, texts=loaded.task.generated or order.texts)
    write_steps(folder, run.steps)
    if order.keep != "none" and order.job.algorithm.name != FLOOR:
        save_weights(loaded.policy, folder / WEIGHTS, order.keep)


def _refuse_broken(policy: LanguagePolicy) -> None:
    if not all(torch.isfinite(weight).all() for weight in policy.model.parameters()):
        raise Diverged("some weights are not finite after training: lower 'learning_rate'.")


def _how_it_came(job: Job, steps: Sequence[StepLog]) -> str:
    own = job.algorithm.settings.get("learning_rate")
    return f"{last_figures(steps)} The learning rate is {job.training.learning_rate if own is None else own:g}."


def _status_of(error: Exception, phase: str, clock: Clock, target: str) -> tuple[Status, str]:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        peak = max(clock.peak_bytes.values(), default=0) / 2**30
        return "out_of_memory", (
            f"out of memory in {phase} after {clock.wall_seconds:.0f} s (peak {peak:.1f} GiB). "
            "Lower 'micro_batch_groups', 'batch_completions' or 'max_completion_tokens'."
        )
    if isinstance(error, Diverged):
        return "diverged", str(error)
    if isinstance(error, MethodFault):
        return "failed", str(error)
    fault = fault_of(error, target)
    if fault is not None:
        return "failed", fault
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return "failed", f"{type(error).__name__} in {phase} at {where}: {error}"


def _moved(error: Exception) -> bool:
    """Whether a number stopped being finite after a step had moved the weights: only then a rate can be the cause."""
    return isinstance(error, Diverged) and error.moved
