"""What jobs depend on beside their settings, known before the first of them runs (`benchmark.contract.Identity`)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path

from benchmark.contract import Identity, Job, Model, Problem, Split, Suite, job_id
from benchmark.grading import GRADER, math_verify_version
from benchmark.model.hub import hub_commit
from benchmark.model.pocket import POCKET
from benchmark.model.tokens import format_of
from benchmark.run.prompting import examples_of
from benchmark.store.provenance import numbers_version
from benchmark.suite.code import algorithm_digest
from benchmark.tasks import load_task
from benchmark.tasks.task import SPLITS

__all__ = [
    "differences",
    "grader_version",
    "identified",
    "identity_of",
    "problems_digest",
    "question_digests",
    "same_question",
    "with_identity",
]

WORDS = {
    "method": "the method's code",
    "task": "the task's data",
    "model": "the model's files",
    "prompt": "the prompt",
    "grader": "the grader",
    "version": "the package's version",
}
ReadSplit = Callable[[str, Split], tuple[Problem, ...]]
_NOT_HASHED = (".", "__pycache__")
"""How names begin that are no part of a model: version control, caches, what an editor leaves."""


def identified(suite: Suite, jobs: Sequence[Job], data: Path | None) -> tuple[Job, ...]:
    """The jobs with their identities, and with the names that follow from them.

    Reads the data of their tasks and every file of the model folder. Raises `ConfigurationError` and `MalformedRow`
    for what cannot be read.
    """
    loaded: dict[tuple[str, Split], tuple[Problem, ...]] = {}

    def problems(name: str, split: Split) -> tuple[Problem, ...]:
        if (name, split) not in loaded:
            loaded[name, split] = load_task(name, suite.own_tasks).load(split, data)
        return loaded[name, split]

    shared: dict[str, tuple[str, str]] = {}
    found = []
    for job in jobs:
        if job.task not in shared:
            shared[job.task] = question_digests(job, problems)
        task, prompt = shared[job.task]
        known = Identity("", task, "", "", grader_version(), numbers_version())
        if not job.algorithm.imported:
            method, model = algorithm_digest(job.algorithm), model_digest(job.model)
            known = dataclasses.replace(known, method=method, model=model, prompt=prompt)
        found.append(with_identity(job, known))
    return tuple(found)


def with_identity(job: Job, identity: Identity) -> Job:
    """The job with this identity, and the name that follows from it."""
    known = dataclasses.replace(job, identity=identity)
    return dataclasses.replace(known, id=job_id(known))


def identity_of(suite: Suite, job: Job, data: Path | None) -> Job:
    """One job with its identity."""
    (found,) = identified(suite, (job,), data)
    return found


def differences(now: Identity | None, then: Identity | None) -> tuple[str, ...]:
    """What changed from one identity to another, in words."""
    if now is None or then is None:
        return () if now is then else ("it was made before identities were kept",)
    before, after = dataclasses.asdict(then), dataclasses.asdict(now)
    return tuple(
        f"{words} changed ({_short(before[name])} → {_short(after[name])})"
        for name, words in WORDS.items()
        if before[name] != after[name]
    )


def same_question(one: Job, other: Job) -> bool:
    """Whether two jobs have all settings in common, the suite included; what was there beside them may differ."""
    return _bare(one) == _bare(other)


def _bare(job: Job) -> Job:
    return dataclasses.replace(job, id="", identity=None)


def _short(value: str) -> str:
    return value[:12] if len(value) == hashlib.sha256().digest_size * 2 else value


def grader_version() -> str:
    """Name and version of the grader and of Math-Verify, which it asks last."""
    return f"{GRADER}, math-verify {math_verify_version() or 'not installed'}"


# --- digests -------------------------------------------------------------------------------------------------------


def question_digests(job: Job, problems: ReadSplit) -> tuple[str, str]:
    """Digests of a task's problems and of its prompts, those of the transfer tasks among them."""
    training = problems(job.task, "train")
    examples = examples_of(job.prompt, job.task, training)
    parts = [problems_digest(problems(job.task, split)) for split in SPLITS]
    formats = []
    for name in dict.fromkeys((job.task, *job.exam.transfer)):
        task = load_task(name, job.own_tasks)
        shown = format_of(job.model, job.prompt, task.instruction, examples)
        formats.append([name, task.answer_format, dataclasses.asdict(shown)])
        if name != job.task:
            parts.append(problems_digest(problems(name, "test")))
    return _digest(parts), _digest(formats)


def problems_digest(problems: Iterable[Problem]) -> str:
    """SHA-256 over everything that is trained on, asked or shown of each problem, in their order."""
    total = hashlib.sha256()
    for one in problems:
        shown = [one.id, one.prompt, one.gold, one.solution, one.published, one.kind, one.level]
        total.update(json.dumps(shown).encode() + b"\n")
    return total.hexdigest()


def model_digest(model: Model) -> str:
    """SHA-256 over every file of the model's folder, or over the name and the commit of a repository on the Hub."""
    folder = POCKET if model.source == "pocket" else Path(model.source)
    if folder.is_dir():
        files = sorted(path for path in folder.rglob("*") if path.is_file() and _is_part(path.relative_to(folder)))
        return _digest([[path.relative_to(folder).as_posix(), _file_digest(path, *_state(path))] for path in files])
    return _digest([model.source, _commit(model.source, model.revision)])


def _is_part(path: Path) -> bool:
    return not any(part.startswith(_NOT_HASHED) for part in path.parts)


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4096)
def _file_digest(path: Path, changed: int, size: int) -> str:
    del changed, size
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _commit(source: str, revision: str | None) -> str:
    return hub_commit(source, revision) or revision or "unknown"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
