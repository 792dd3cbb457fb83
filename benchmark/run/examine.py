"""The examining stage of a job: a fresh process that never imported the method examines the weights it left.

It loads model, task and grader itself, checks what was handed over, and is the only one that writes a `done` record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from benchmark.contract import (
    FLOOR,
    PHASES,
    Evaluation,
    ExamProblems,
    Outcome,
    Problem,
    Provenance,
    Record,
    Split,
    Trained,
)
from benchmark.errors import ConfigurationError, MethodFault
from benchmark.exam.examiner import evaluate, grade_completions
from benchmark.exam.metrics import measure
from benchmark.exam.regrade import cross_grading
from benchmark.model.keep import WEIGHTS, save_weights
from benchmark.model.load import load_policy
from benchmark.model.policy import LanguagePolicy
from benchmark.run import checkpoint, handover
from benchmark.run.canary import SAMPLES, refuse_impossible, test_known, unaccounted
from benchmark.run.clock import Clock
from benchmark.run.devices import torch_device
from benchmark.run.doctor import diagnose
from benchmark.run.exam_batches import ExamBatches
from benchmark.run.identity import grader_version, question_digests
from benchmark.run.job import JobProgress, Order
from benchmark.run.prompting import examples_of
from benchmark.seeds import seed_of
from benchmark.store import provenance
from benchmark.store.digests import digests_of
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import job_folder
from benchmark.store.steps import read_steps
from benchmark.tasks import Task, digest, load_task

__all__ = ["examine"]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a job is examined with."""

    task: Task
    policy: LanguagePolicy
    test: tuple[Problem, ...]
    validation: tuple[Problem, ...]
    """Validation problems that the training process did not hold, as far as the split has any."""
    provenance: Provenance


class _Told:
    """Reports how far an exam is: the sampler charges it with every batch of completions."""

    def __init__(self, progress: JobProgress, completions: int) -> None:
        self._progress, self._all, self._drawn, self._said = progress, completions, 0, 0

    def charge(self, completions: int, tokens: int) -> None:
        """A batch is sampled."""
        del tokens
        self._drawn += completions
        percent = min(100, 100 * self._drawn // self._all)
        if percent > self._said:
            self._said = percent
            self._progress.step(percent)


def examine(order: Order, clock: Clock, progress: JobProgress) -> Record:
    """From the hand-over to the record."""
    job, folder = order.job, job_folder(order.results, order.job)
    progress.enter("load")
    with clock.phase("load"):
        progress.steps = read_steps(folder)
        handed = handover.folder_of(order.results, job)
        trained = handover.read_trained(handed)
        refuse_impossible(trained, job)
        if torch_device(order.device).startswith("cuda"):
            torch.cuda.set_device(torch_device(order.device))
            clock.watch_cuda()
        loaded = _load(order)
        progress.provenance = loaded.provenance
        _refuse_other_start(trained, loaded.provenance)
        handover.put_weights(loaded.policy.model, handover.read_weights(handed))
        kept = ExamBatches(
            checkpoint.folder_of(order.results, job),
            loaded.policy.digest(),
            order.checkpoint_seconds,
            fresh=order.training_seconds is not None,
        )
    progress.enter("evaluate")
    exam = loaded.test[: job.exam.problems]
    if not exam:
        raise ConfigurationError(f"the exam is empty: task '{job.task}' has no test problems.")
    with clock.phase("evaluate"):
        watched = loaded.policy.charged_to(_Told(progress, len(exam) * (1 + job.exam.samples)))
        evaluation = evaluate(watched, job.exam, exam, seed_of(job.seed, job.task), kept)
        metrics = measure(evaluation.outcomes)
        others = cross_grading(evaluation.outcomes, exam)
        known = test_known(evaluation.outcomes, _held_out(order, loaded))
    transferred = _transfer(order, loaded, clock, progress, kept)
    progress.enter("write")
    with clock.phase("write"):
        _write(order, loaded, evaluation)
        write_cross_grading(folder, others)
    trains = job.algorithm.name != FLOOR
    missing, told = unaccounted(trained, order.training_seconds if trains else None)
    phases = {phase: trained.phase_seconds.get(phase, 0.0) + clock.seconds[phase] for phase in PHASES}
    found = (*diagnose(progress.steps, job.algorithm.settings), *(one for one in (known, told) if one is not None))
    return Record(
        job=job,
        status="done",
        reason=None,
        wall_seconds=trained.wall_seconds + missing + clock.wall_seconds,
        phase_seconds=phases | {"other": phases["other"] + missing},
        peak_bytes=_peaks(trained, clock),
        counts=dict(trained.counts),
        declared=trained.declared,
        metrics={**metrics, **transferred},
        provenance=loaded.provenance,
        diagnoses=found,
        resumed=(*trained.resumed, *kept.resumptions),
        files=digests_of(folder),
        load=trained.load if trains else None,
    )


def _load(order: Order) -> _Loaded:
    job = order.job
    task = load_task(job.task, job.own_tasks)
    training, validation, test = (task.load(split, order.data) for split in ("train", "validation", "test"))
    examples = examples_of(job.prompt, job.task, training)
    policy = load_policy(job.model, task.instruction, job.prompt, examples, device=torch_device(order.device))
    head, dirty = provenance.commit()
    shown = policy.render(validation[0].prompt) if validation and (task.generated or order.texts) else None
    source = Provenance(
        commit=head,
        dirty=dirty,
        version=provenance.package_version(),
        device=provenance.device(order.threads, torch_device(order.device)),
        libraries=provenance.libraries(),
        model_digest=policy.digest(),
        task_digest=digest((*training, *validation, *test)),
        prompt_digest=policy.prompt_digest(),
        grader=grader_version(),
        rendered_prompt=shown,
        reading=policy.proved().slower,
        machine=provenance.machine(),
    )
    _refuse_other_data(order, {"train": training, "validation": validation, "test": test})
    probes = job.training.probe_problems
    return _Loaded(task, policy, test, validation[probes : 2 * probes] or validation[:probes], source)


def _refuse_other_data(order: Order, splits: Mapping[Split, tuple[Problem, ...]]) -> None:
    """The problems are those that were planned: a file of them may have been edited since the sweep began."""
    job = order.job
    if job.identity is None:
        return

    def problems(name: str, split: Split) -> tuple[Problem, ...]:
        return splits[split] if name == job.task else load_task(name, job.own_tasks).load(split, order.data)

    task, _ = question_digests(job, problems)
    if task != job.identity.task:
        raise ConfigurationError(
            f"the data of task '{job.task}' was changed while the sweep ran ({job.identity.task[:12]} → {task[:12]}): "
            "run the suite again, its jobs then start from the new data."
        )


def _held_out(order: Order, loaded: _Loaded) -> tuple[Outcome, ...]:
    """Validation problems answered under the exam's conditions, for the canary alone."""
    exam = order.job.exam
    drawn = loaded.policy.complete(
        [problem.prompt for problem in loaded.validation],
        samples=SAMPLES,
        temperature=exam.temperature,
        max_tokens=exam.max_completion_tokens,
        seed=seed_of(order.job.seed, "canary"),
        batch_completions=exam.batch_completions,
    )
    graded = (grade_completions(one, answers) for one, answers in zip(loaded.validation, drawn, strict=True))
    return tuple(outcome for each in graded for outcome in each)


def _refuse_other_start(trained: Trained, source: Provenance) -> None:
    """Training and examination began with the same weights and the same prompt, or the files changed in between."""
    for what, theirs, ours in (
        ("starting weights", trained.model_digest, source.model_digest),
        ("prompt", trained.prompt_digest, source.prompt_digest),
    ):
        if theirs != ours:
            raise MethodFault(
                f"the {what} of the training ({theirs[:12]}) and of the examination ({ours[:12]}) differ: the model "
                "folder changed while the job ran. Leave it alone and run the job again."
            )


def _transfer(
    order: Order, loaded: _Loaded, clock: Clock, progress: JobProgress, kept: ExamBatches
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
            watched = policy.charged_to(_Told(progress, len(problems) * (1 + job.exam.samples)))
            evaluation = evaluate(watched, job.exam, problems, seed_of(job.seed, name), kept)
            found |= {f"transfer/{name}/{metric}": value for metric, value in measure(evaluation.outcomes).items()}
        with clock.phase("write"):
            folder = job_folder(order.results, job)
            write_outcomes(folder, evaluation.outcomes, texts=task.generated or order.texts, task=name)
    return found


def _write(order: Order, loaded: _Loaded, evaluation: Evaluation) -> None:
    folder = job_folder(order.results, order.job)
    texts = loaded.task.generated or order.texts
    write_outcomes(folder, evaluation.outcomes, texts=texts)
    if texts:
        kept = ExamProblems(loaded.provenance.task_digest, loaded.test)
        write_problems(order.results, order.job.suite, order.job.task, kept)
    if order.keep != "none" and order.job.algorithm.name != FLOOR:
        save_weights(loaded.policy, folder / WEIGHTS, order.keep)


def _peaks(trained: Trained, clock: Clock) -> dict[str, int]:
    """The larger of both stages, by phase and kind."""
    both = (trained.peak_bytes, clock.peak_bytes)
    return {name: max(one.get(name, 0) for one in both) for name in sorted({*both[0], *both[1]})}
