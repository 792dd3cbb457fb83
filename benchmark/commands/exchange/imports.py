"""Another program's completions → a record of a suite: matched to the exam, graded anew, marked as imported.

Training happened elsewhere, so seconds, bytes, counts and FLOPs are unknown and stay undefined. Texts are kept for
generated tasks only, as everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.commands.exchange.matching import Matched, match
from benchmark.commands.exchange.rows import read_drawn
from benchmark.contract import GREEDY, Completion, ExamProblems, Job, Outcome, Problem, Provenance, Record, Suite
from benchmark.errors import ConfigurationError, MalformedRow, UnknownName
from benchmark.exam.examiner import grade_completions
from benchmark.exam.metrics import measure
from benchmark.exam.regrade import cross_grading
from benchmark.grading import GRADER, math_verify_version
from benchmark.store import provenance
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import is_done, job_folder, read_record, write_record, write_suite
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
    kind: str
    """A key of `rows.FORMATS`."""
    partial: bool = False
    """Leave out rows that ask no problem of the exam, in place of refusing them."""


def import_files(
    files: Sequence[Path], suite: Suite, asked: ImportRequest, results: Path, data: Path | None = None
) -> tuple[Record, int]:
    """Write the record, and return it with the number of rows that were left out.

    Raises `ConfigurationError` for a cell the suite does not have or that is filled, `MalformedRow` for the files.
    """
    job = _job(suite, asked)
    if is_done(results, job):
        old = read_record(job_folder(results, job)).imported
        raise ConfigurationError(
            f"{job.id} is there already, from {old}: delete {job_folder(results, job)} to import it again."
        )
    task = load_task(job.task, job.own_tasks)
    splits = [task.load(split, data) for split in ("train", "validation", "test")]
    problems = splits[2][: job.exam.problems]
    found = match(read_drawn(list(files), asked.kind), problems, job.exam.samples)
    _refuse_unmatched(found, asked, problems)
    outcomes = _graded(found, problems, job.exam.samples)
    record = _record(job, outcomes, _source(files, asked.kind), digest([one for split in splits for one in split]))
    write_suite(results, suite)
    write_outcomes(job_folder(results, job), outcomes, texts=task.generated)
    write_cross_grading(job_folder(results, job), cross_grading(outcomes, problems))
    if task.generated and record.provenance is not None:
        write_problems(results, suite.name, task.name, ExamProblems(record.provenance.task_digest, tuple(splits[2])))
    write_record(results, record)
    return record, len(found.unmatched)


def _job(suite: Suite, asked: ImportRequest) -> Job:
    ours = [one.name for one in suite.algorithms if one.imported]
    if asked.method not in ours:
        line = f"write '{asked.method} = {{ imported = true }}' under [algorithms] of the suite."
        if not ours or asked.method in {one.name for one in suite.algorithms}:
            raise ConfigurationError(f"'{asked.method}' is no imported row of suite '{suite.name}': {line}")
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
    if found.unmatched and not (asked.partial and found.completions):
        shown = ", ".join(found.unmatched[:SHOWN]) + (", …" if len(found.unmatched) > SHOWN else "")
        raise MalformedRow(
            f"{len(found.unmatched)} rows ask none of the {len(problems)} problems of '{asked.task}' in this exam, or "
            f"cannot be told apart by text: {shown}. Leave them out, or say --partial."
        )


def _graded(found: Matched, problems: Sequence[Problem], samples: int) -> list[Outcome]:
    """All outcomes in the order of the exam; refuses an exam that is not whole."""
    greedy = {id_ for id_, is_greedy in found.completions if is_greedy}
    outcomes: list[Outcome] = []
    for problem in problems:
        drawn = found.completions.get((problem.id, False), ())
        if len(drawn) != samples:
            raise MalformedRow(
                f"problem '{problem.id}' has {len(drawn)} samples, but the suite's exam has {samples} of each of its "
                f"{len(problems)} problems; a smaller exam cannot be compared."
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


def _source(files: Sequence[Path], kind: str) -> str:
    """`lm-eval samples_x.jsonl (SHA-256 0123456789ab)`."""
    names = [f"{file.name} (SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()[:12]})" for file in files]
    return f"{kind} {', '.join(names)}"
