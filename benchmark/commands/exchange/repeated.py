"""One run is one seed: a file that was imported for another seed of the row is refused, under any name or packing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from benchmark.contract import Job, Outcome
from benchmark.errors import ConfigurationError
from benchmark.store.outcomes import OUTCOMES, read_outcomes
from benchmark.store.records import job_folder, read_records

__all__ = ["refuse_repeated", "source_of"]

_DIGEST = re.compile(r"SHA-256 ([0-9a-f]{12})")


def source_of(files: Sequence[Path], kind: str) -> str:
    """`lm-eval samples_x.jsonl (SHA-256 0123456789ab)`, as a record keeps it. Raises for a file that is not there."""
    for file in files:
        if not file.is_file():
            raise ConfigurationError(f"{file}: no such file.")
    names = [f"{file.name} (SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()[:12]})" for file in files]
    return f"{kind} {', '.join(names)}"


def refuse_repeated(results: Path, job: Job, source: str, outcomes: Sequence[Outcome] | None = None) -> None:
    """Raises `ConfigurationError` where another seed of the row and task has one of the files, or equal outcomes.

    Three copies of one run would be read as three runs that agree: no spread over seeds, and a verdict from it.
    """
    if not (results / job.suite).is_dir():
        return
    digests = set(_DIGEST.findall(source))
    for record in read_records(results, job.suite):
        other = record.job
        if record.imported is None or other.id == job.id or other.seed == job.seed:
            continue
        if (other.algorithm.name, other.task) != (job.algorithm.name, job.task):
            continue
        same_file = bool(digests & set(_DIGEST.findall(record.imported)))
        if same_file or (outcomes is not None and _equal(job_folder(results, other), outcomes)):
            what = "this very file" if same_file else "the same outcomes, completion by completion,"
            raise ConfigurationError(
                f"seed {other.seed} of '{job.algorithm.name}' on '{job.task}' has {what} from {record.imported}: "
                f"every seed is a training run of its own. Give the file of another run for seed {job.seed}."
            )


def _equal(folder: Path, outcomes: Sequence[Outcome]) -> bool:
    if not (folder / OUTCOMES).exists():
        return False
    known = read_outcomes(folder)
    texts = bool(known) and bool(known[0].text)
    return [_key(one, texts=texts) for one in known] == [_key(one, texts=texts) for one in outcomes]


def _key(one: Outcome, *, texts: bool) -> tuple[object, ...]:
    """What is kept of a completion, its text where it was kept."""
    return (one.problem, one.sample, one.verdict, one.answer, one.route, one.strategy, one.text if texts else "")
