"""Turn completions of another program into a record: matched to the exam, graded again, marked as imported.

Training happened elsewhere: seconds, completions and the learning curve are what the importer tells
(`exchange.training`), bytes and FLOPs are unknown and stay undefined. Texts are kept for generated tasks only, as
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark.commands.exchange.matching import Matched, match
from benchmark.commands.exchange.readers.registry import Asked, read_samples
from benchmark.commands.exchange.repeated import refuse_repeated, source_of
from benchmark.commands.exchange.training import Told, read_training
from benchmark.contract import (
    GREEDY,
    Completion,
    ExamProblems,
    Job,
    Outcome,
    Problem,
    Provenance,
    Record,
    Suite,
    cell_of,
)
from benchmark.errors import BadRecord, ConfigurationError, MalformedRow, UnknownName
from benchmark.exam.examiner import grade_completions
from benchmark.exam.metrics import measure
from benchmark.exam.regrade import cross_grading
from benchmark.grading import GRADER, math_verify_version
from benchmark.run.identity import identity_of
from benchmark.store import provenance
from benchmark.store.digests import digests_of
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import is_done, job_folder, read_record, read_suite, write_record, write_suite
from benchmark.store.steps import write_steps
from benchmark.suite.load import jobs_of
from benchmark.tasks import digest, load_task

__all__ = ["ImportRequest", "import_files"]

UNKNOWN = "unknown"
SHOWN = 3


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """Which cell of a suite the files are for."""

    method: str
    task: str
    seed: int
    reading: Asked = field(default_factory=Asked)
    """How the files are read."""
    training: Told = field(default_factory=Told)
    """What the importer tells of the training."""
    partial: bool = False
    """Leave out rows that match no problem of the exam, instead of refusing them."""


def import_files(
    files: Sequence[Path], suite: Suite, asked: ImportRequest, results: Path, data: Path | None = None
) -> tuple[Record, int]:
    """Write the record, and return it with the number of rows that were left out.

    Raises `ConfigurationError` for a cell the suite does not have or that is filled, `MalformedRow` for the files.
    """
    job = identity_of(suite, _job(suite, asked), data)
    if is_done(results, job):
        old = read_record(job_folder(results, job)).imported
        raise ConfigurationError(
            f"{job.id} exists already, from {old}: delete {job_folder(results, job)} to import it again."
        )
    task = load_task(job.task, job.own_tasks)
    splits = [task.load(split, data) for split in ("train", "validation", "test")]
    problems = splits[2][: job.exam.problems]
    trained = read_training(asked.training)
    source = source_of(files, asked.reading.name)
    refuse_repeated(results, job, source)
    found = match(read_samples(files, asked.reading), problems, job.exam.samples)
    _refuse_unmatched(found, asked, problems)
    outcomes = _graded(found, problems, job.exam.samples)
    refuse_repeated(results, job, source, outcomes)
    record = _record(job, outcomes, source, digest([one for split in splits for one in split]))
    record = replace(record, wall_seconds=trained.seconds, counts=trained.counts)
    write_suite(results, _planned(results, suite, job))
    write_steps(job_folder(results, job), trained.steps)
    write_outcomes(job_folder(results, job), outcomes, texts=task.generated)
    write_cross_grading(job_folder(results, job), cross_grading(outcomes, problems))
    if task.generated and record.provenance is not None:
        write_problems(results, suite.name, task.name, ExamProblems(record.provenance.task_digest, tuple(splits[2])))
    record = replace(record, files=digests_of(job_folder(results, job)))
    write_record(results, record)
    return record, len(found.unmatched)


def _planned(results: Path, suite: Suite, job: Job) -> Suite:
    """The suite with this job among those that were planned before, in place of an older one of its cell."""
    try:
        before = read_suite(results, suite.name).planned
    except BadRecord:  # not there yet, or written over
        before = ()
    kept = [id_ for id_ in before if cell_of(id_) != cell_of(job.id)]
    return replace(suite, planned=tuple(sorted([*kept, job.id])))


def _job(suite: Suite, asked: ImportRequest) -> Job:
    ours = [one.name for one in suite.algorithms if one.imported]
    if asked.method not in ours:
        line = f"write '{asked.method} = {{ imported = true }}' under [algorithms] of the suite."
        if not ours or asked.method in {one.name for one in suite.algorithms}:
            raise ConfigurationError(f"'{asked.method}' is not an imported row of suite '{suite.name}': {line}")
        raise UnknownName("imported row", asked.method, ours, f"Or {line}")
    if asked.task not in suite.tasks:
        raise UnknownName("task of this suite", asked.task, suite.tasks)
    if asked.seed not in suite.seeds:
        raise ConfigurationError(
            f"--seed {asked.seed}: suite '{suite.name}' has the seeds {', '.join(map(str, suite.seeds))}."
        )
    wanted = (asked.method, asked.task, asked.seed)
    return next(job for job in jobs_of(suite) if (job.algorithm.name, job.task, job.seed) == wanted)


def _refuse_unmatched(found: Matched, asked: ImportRequest, problems: Sequence[Problem]) -> None:
    if not found.rows:
        raise MalformedRow("the files hold no rows.")
    if found.unmatched and not (asked.partial and found.completions):
        shown = ", ".join(found.unmatched[:SHOWN]) + (", …" if len(found.unmatched) > SHOWN else "")
        raise MalformedRow(
            f"{len(found.unmatched)} rows match none of the {len(problems)} problems of '{asked.task}', or "
            f"cannot be matched by their text: {shown}. Remove them, or leave them out with --partial."
        )


def _graded(found: Matched, problems: Sequence[Problem], samples: int) -> list[Outcome]:
    """All outcomes in the order of the exam; refuses an exam that is not whole.

    An exam without any samples is one of greedy completions alone.
    """
    greedy = {id_ for id_, is_greedy in found.completions if is_greedy}
    wanted = samples if any(not is_greedy for _, is_greedy in found.completions) or not greedy else 0
    outcomes: list[Outcome] = []
    for problem in problems:
        drawn = found.completions.get((problem.id, False), ())
        if len(drawn) != wanted:
            raise MalformedRow(
                f"problem '{problem.id}' has {len(drawn)} samples, but the suite's exam has {samples} of each of its "
                f"{len(problems)} problems; a smaller exam cannot be compared."
                + (" Greedy completions alone are an exam, too: say --greedy if these are." if not greedy else "")
            )
        if greedy and problem.id not in greedy:
            raise MalformedRow(
                f"problem '{problem.id}' has no greedy completion, others have: give all or none of them."
            )
        first = found.completions.get((problem.id, True), ())
        texts = [Completion(text, tokens=0, truncated=False) for text in (*first, *drawn)]
        outcomes += grade_completions(problem, texts, first=GREEDY if first else 0)
    return [replace(one, tokens=None, truncated=None) for one in outcomes]


def _record(job: Job, outcomes: Sequence[Outcome], source: str, task_digest: str) -> Record:
    head, dirty = provenance.commit()
    grader = Provenance(
        commit=head,
        dirty=dirty,
        version=provenance.package_version(),
        device=UNKNOWN,
        libraries={},
        model_digest=UNKNOWN,
        task_digest=task_digest,
        prompt_digest=UNKNOWN,
        grader=f"{GRADER}, math-verify {math_verify_version() or 'not installed'}",
    )
    return Record(
        job=job,
        status="done",
        reason=None,
        wall_seconds=None,
        phase_seconds={},
        peak_bytes={},
        counts={},
        metrics=measure(outcomes),
        provenance=grader,
        imported=source,
    )
