"""The plan of a run: which jobs of a suite are done, refused, awaited or to run."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from benchmark.contract import Finding, Job, Problem, Record, Suite
from benchmark.errors import ConfigurationError
from benchmark.importing import foreign_code
from benchmark.run import checkpoint, handover
from benchmark.run.devices import checked_device, default_workers, devices_of
from benchmark.run.durations import Durations
from benchmark.run.identity import identified
from benchmark.run.job import Order, unfinished
from benchmark.run.progress import Display, clock_text
from benchmark.run.ready import refuse_unfit
from benchmark.run.seals import Seals
from benchmark.run.stale import Stale, stale_records
from benchmark.run.sweep import sweep
from benchmark.store.provenance import committed
from benchmark.store.records import adopt, forget, is_done, job_folder, read_record, write_record, write_suite
from benchmark.suite.fairness import compare_rows, compare_splits, unreadable_golds
from benchmark.suite.load import jobs_of, load_suite, suite_path
from benchmark.suite.registry import build, resolve
from benchmark.suite.source import Changes
from benchmark.tasks import load_task
from benchmark.tasks.task import SPLITS

__all__ = ["Plan", "carry_out", "make_plan", "planned"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of a suite by what will happen to them."""

    suite: Suite
    results: Path
    data: Path | None
    workers: int
    threads: int
    done: tuple[Job, ...]
    refused: tuple[tuple[Job, str], ...]
    """Refused jobs with their reasons."""
    to_run: tuple[Job, ...]
    findings: tuple[Finding, ...]
    """Findings of the fairness check."""
    awaited: tuple[Job, ...] = ()
    """Jobs of imported rows whose completions have not been imported yet; they are never run."""
    device: str = "auto"
    """Where the jobs compute: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`."""
    again: tuple[Job, ...] = ()
    """Those of `to_run` that are done and will be replaced."""
    stale: tuple[Stale, ...] = ()
    """Results of cells of `to_run`, `refused` and `awaited` that stay on disk and are used no more."""

    def jobs(self) -> tuple[Job, ...]:
        """All jobs of the suite."""
        return (*self.done, *(job for job, _ in self.refused), *self.to_run, *self.awaited)

    @property
    def total(self) -> int:
        """Number of jobs of the suite."""
        return len(self.jobs())

    def ended(self) -> int:
        """Number of jobs that are done by now."""
        return sum(is_done(self.results, job) for job in self.jobs())

    def describe(self) -> str:
        """`36 jobs, 9 done, 27 to run, 2 at a time, about 8 min`."""
        parts = [f"{self.suite.name}: {self.total} jobs", f"{len(self.done)} done"]
        if self.stale:
            parts.append(f"{len(self.stale)} stale")
        if self.refused:
            parts.append(f"{len(self.refused)} refused")
        if self.awaited:
            parts.append(f"{len(self.awaited)} not imported yet")
        parts.append(f"{len(self.to_run)} to run")
        if self.to_run:
            parts.append(f"{self.workers} at a time")
            if self.device != "auto":
                parts.append(f"on {self.device}")
            seconds = self.expected_seconds()
            if seconds:
                parts.append(f"about {clock_text(seconds)}")
        return ", ".join(parts)

    def awaiting(self, asked: str) -> list[str]:
        """For each job that waits for an import, the command that brings it; `asked` is the suite as it was named."""
        return [
            f"not imported yet: bakeoff import FILE --as {job.algorithm.name} --suite {asked} "
            f"--task {job.task} --seed {job.seed} --format lm-eval"
            for job in self.awaited
        ]

    def expected_seconds(self) -> float | None:
        """Estimate from the finished jobs; `None` if a kind of job has none.

        A row that trains nothing says nothing of one that trains.
        """
        past = Durations()
        for job in (*self.done, *self.again):
            past.add(read_record(job_folder(self.results, job)))
        expected = [past.of(job) for job in self.to_run]
        known = [seconds for seconds in expected if seconds is not None]
        return sum(known) / self.workers if expected and len(known) == len(expected) else None


def make_plan(
    name: str,
    *,
    results: Path,
    data: Path | None,
    workers: int | None,
    threads: int,
    device: str = "auto",
    changes: Changes | None = None,
    force: bool = False,
) -> Plan:
    """Read the suite, check its data and its fairness, and see what is done. Raises `ConfigurationError`.

    A job that another suite in the same folder has finished is reused, unless `force` asks to run it again.
    """
    device = checked_device(device)
    suite = load_suite(suite_path(name), resolve, changes)
    jobs = identified(suite, jobs_of(suite), data)
    over = tuple(job for job in jobs if force and not job.algorithm.imported and is_done(results, job))
    done = tuple(
        job for job in jobs if job not in over and (is_done(results, job) or (not force and adopt(results, job)))
    )
    missing = [job for job in jobs if job not in done]
    left = [job for job in missing if not job.algorithm.imported]
    refusals = {job.id: refusal(job) for job in left}
    leaks = examine_tasks(suite, sorted({job.task for job in left}), data)
    refuse_unfit(suite, [job for job in left if refusals[job.id] is None], data, device)
    return Plan(
        suite=suite,
        results=results,
        data=data,
        workers=min(workers or default_workers(device, threads), max(1, len(left))),
        threads=threads,
        done=done,
        refused=tuple((job, reason) for job in left if (reason := refusals[job.id]) is not None),
        to_run=tuple(job for job in left if refusals[job.id] is None),
        findings=(*leaks, *compare_rows(suite)),
        awaited=tuple(job for job in missing if job.algorithm.imported),
        device=device,
        again=over,
        stale=stale_records(results, missing),
    )


def planned(plan: Plan) -> Suite:
    """The suite with the ids of its jobs: what else lies in its folder is of another question or another code."""
    return replace(plan.suite, planned=tuple(sorted(job.id for job in plan.jobs())))


def carry_out(plan: Plan, console: Console) -> Sequence[Record]:
    """Run the jobs to run and return the records of this suite's jobs that did not finish."""
    write_suite(plan.results, planned(plan))
    refused = [unfinished(job, "refused", reason) for job, reason in plan.refused]
    for record in refused:
        write_record(plan.results, record)
    past = Durations()
    for job in (*plan.done, *plan.again):
        past.add(read_record(job_folder(plan.results, job)))
    for job in plan.again:  # a result that is being replaced is none until it is there again
        forget(plan.results, job)
        checkpoint.discard(plan.results, job)
        handover.discard(plan.results, job)
    texts = not committed(plan.results)
    orders = [
        Order(
            job,
            plan.results,
            plan.data,
            plan.threads,
            plan.device,
            plan.suite.keep,
            texts,
            plan.workers,
            checkpoint_seconds=plan.suite.checkpoint_seconds,
        )
        for job in plan.to_run
    ]
    seals = Seals(plan.results, plan.done)
    try:
        with Display(console, plan.to_run, plan.workers, past) as display:
            records = sweep(
                orders,
                workers=plan.workers,
                timeout_seconds=plan.suite.timeout_seconds,
                watcher=_Sealing(display, seals),
                devices=devices_of(plan.device),
            )
    finally:  # also of a sweep that is interrupted
        changed = {record.job.id: record for record in seals.broken()}
    ended = {record.job.id: record for record in (*refused, *records)} | changed
    return [record for record in ended.values() if record.status != "done"]


class _Sealing:
    """Passes the sweep's events on to the display, and seals each job that has ended."""

    def __init__(self, display: Display, seals: Seals) -> None:
        self.started, self.progress, self.elsewhere = display.started, display.progress, display.elsewhere
        self._display, self._seals = display, seals

    def finished(self, record: Record) -> None:
        """Its record is written."""
        self._seals.put(record.job)
        self._display.finished(record)


def refusal(job: Job) -> str | None:
    """Why the method cannot do this job, in its own words."""
    adapter = build(job.algorithm)
    cls = type(adapter)
    with foreign_code(f"asking {cls.__name__} whether it can do the job", inspect.getsourcefile(cls)):
        return adapter.refuses(job)


def examine_tasks(suite: Suite, names: Sequence[str], data: Path | None) -> tuple[Finding, ...]:
    """Read all data the jobs will read, and say what is wrong with it.

    Test problems that are also trained on are findings, those of transfer tasks among them, and so are gold answers of
    a suite's own tasks that the grader cannot read. Raises `ConfigurationError` for a task that nothing can be trained
    on, a training split smaller than a batch, and a learning curve without validation problems.
    """
    found: list[Finding] = []
    for name in names:
        train, validation, test = _splits(suite, name, data)
        leaks = compare_splits(name, train, validation, test)
        found += leaks
        if any(one.severity == "refuse" for one in leaks):
            continue  # what the exam repeats is said first: nothing else about these files matters before
        _refuse_too_few(suite, name, train, validation, test)
        for other in suite.exam.transfer:
            if other != name:
                asked = load_task(other, suite.own_tasks).load("test", data)
                seen = compare_splits(f"{name} → {other}", train, validation, asked)
                found += [replace(one, severity="warn") for one in seen]  # the suite's own table stays valid
    for name in (*names, *suite.exam.transfer) if names else ():
        if name in suite.own_tasks:
            task = load_task(name, suite.own_tasks)
            found += unreadable_golds(name, task.answer_format, task.load("test", data)[: suite.exam.problems])
    return tuple(found)


def _splits(suite: Suite, name: str, data: Path | None) -> list[tuple[Problem, ...]]:
    task = load_task(name, suite.own_tasks)
    if task.exam_only:
        raise ConfigurationError(
            f"task '{name}' is an exam, nothing can be trained on it: take it out of 'tasks' and write "
            f"'transfer = [\"{name}\"]' under [exam]."
        )
    return [task.load(split, data) for split in SPLITS]


def _refuse_too_few(
    suite: Suite, name: str, train: Sequence[Problem], validation: Sequence[Problem], test: Sequence[Problem]
) -> None:
    """Splits that are too small for what the suite does with them."""
    if not test:
        raise ConfigurationError(f"task '{name}' has no test problems, so that nothing can be examined: add rows.")
    wanted = suite.training.prompts_per_step
    if len(train) < wanted:
        raise ConfigurationError(
            f"[training] prompts_per_step = {wanted}, but task '{name}' has {len(train)} for training: lower it."
        )
    if suite.training.probe_every and not validation:
        raise ConfigurationError(
            f"task '{name}' has no validation problems for the learning curve: add rows, or set probe_every = 0."
        )
