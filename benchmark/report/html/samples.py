"""What the sample browser shows: the judged completions of every finished job, thinned while they are read.

The rule, where all would be too many: the greedy completion and the first samples of each problem, one less at a time
down to `FEWEST_SAMPLES`; then the first problems of each exam, a tenth less at a time. It is the same for every job, so
that methods stay comparable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmark.store.outcomes import OUTCOMES, SAMPLES, outcomes_of, read_columns, read_texts
from benchmark.store.records import job_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Outcome, Record

__all__ = ["SampledRun", "Share", "exam_size", "narrowed", "read_runs", "thinned"]

MOST_ROWS = 400_000
"""Completions in one page."""
MOST_BYTES = 10_000_000
"""Of the packed completions in one page, which then opens in a second."""
FEWEST_SAMPLES = 4
"""Samples of a problem that are kept while problems can still be left out."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of every exam is shown: its first `problems`, of each the greedy one and samples below `samples`."""

    problems: int
    samples: int

    @property
    def smaller(self) -> Share:
        """The next step of the rule."""
        if self.samples > FEWEST_SAMPLES or self.problems <= 1:
            return replace(self, samples=max(1, self.samples - 1))
        return replace(self, problems=self.problems * 9 // 10)


@dataclass(frozen=True, slots=True)
class SampledRun:
    """One finished job as the browser shows it."""

    method: str
    task: str
    seed: int
    job: str
    outcomes: tuple[Outcome, ...]
    texts: bool
    """Whether the completions were kept; without them every `text` is empty."""


def exam_size(records: Sequence[Record]) -> Share:
    """The largest exam any of them sat, from their metrics alone."""
    problems = max((int(one.metrics.get("problems") or 0) for one in records), default=0)
    return Share(problems, max((int(one.metrics.get("samples") or 0) for one in records), default=0))


def narrowed(evidence: Evidence, rows: int = MOST_ROWS, size: int = MOST_BYTES) -> Share:
    """The largest share that fits, judged by the sizes of exams and files before any outcome is read.

    A file's compressed bytes are taken for its part of the page, and four characters of base64 for three of them.
    """
    share = exam_size(evidence.done)
    whole = sum(_rows(one, share) for one in evidence.done)
    stored = sum(_stored(job_folder(evidence.results, one.job)) for one in evidence.done) * 4 / 3
    while share != Share(1, 1):
        shown = sum(_rows(one, share) for one in evidence.done)
        if shown <= rows and (not whole or stored * shown / whole <= size):
            break
        share = share.smaller
    return share


def read_runs(evidence: Evidence, share: Share) -> Iterator[SampledRun]:
    """The share of every finished job whose outcomes were kept, in the suite's order.

    Raises BadRecord for a file that cannot be read.
    """
    for task in evidence.suite.tasks:
        for method in evidence.methods:
            for record in evidence.cell(method, task):
                folder = job_folder(evidence.results, record.job)
                if record.status == "done" and (folder / OUTCOMES).exists():
                    outcomes, texts = _first(folder, record, share)
                    yield SampledRun(method, task, record.job.seed, record.job.id, outcomes, texts)


def thinned(run: SampledRun, share: Share) -> SampledRun:
    """A smaller share of what was read."""
    kept = _within([one.problem for one in run.outcomes], [one.sample for one in run.outcomes], share)
    return replace(run, outcomes=tuple(run.outcomes[place] for place in kept))


def _rows(record: Record, share: Share) -> int:
    problems, samples = (int(record.metrics.get(name) or 0) for name in ("problems", "samples"))
    return min(problems, share.problems) * (1 + min(samples, share.samples))


def _stored(folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in (OUTCOMES, SAMPLES) if (folder / name).exists())


def _within(problems: Sequence[str], samples: Sequence[int], share: Share) -> list[int]:
    """Places of the outcomes that the share holds."""
    shown = set(list(dict.fromkeys(problems))[: share.problems])
    rows = enumerate(zip(problems, samples, strict=True))
    return [place for place, (problem, sample) in rows if sample < share.samples and problem in shown]


def _first(folder: Path, record: Record, share: Share) -> tuple[tuple[Outcome, ...], bool]:
    """What is shown of a job, and whether its texts are there; reads no further: outcomes lie problem by problem."""
    most = 1 + share.problems * (1 + int(record.metrics.get("samples") or 0))
    found = read_columns(folder, most)
    if len(found.problem) == most and len(set(found.problem)) <= share.problems:
        found = read_columns(folder)
    shown = found.at(_within(found.problem, found.sample, share))
    if not (folder / SAMPLES).exists():
        return outcomes_of(shown), False
    return outcomes_of(shown, read_texts(folder, shown)), True
