"""What a run of a suite of worlds will do, and doing it: the sweep, records and display of every other suite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmark.contract import Identity, Job, Record, Suite
from benchmark.lab.job import GRADER, run_lab_job, world_digest
from benchmark.lab.suite import lab_suite_path, load_lab_suite, refusal
from benchmark.lab.worlds.catalogue import TREES, load_world
from benchmark.run.devices import processors
from benchmark.run.durations import Durations
from benchmark.run.identity import with_identity
from benchmark.run.job import Order, unfinished
from benchmark.run.plan import Plan, planned
from benchmark.run.progress import Display
from benchmark.run.stale import stale_records
from benchmark.run.sweep import sweep
from benchmark.store.provenance import numbers_version
from benchmark.store.records import is_done, job_folder, read_record, write_record, write_suite
from benchmark.suite.code import method_digest
from benchmark.suite.load import jobs_of

__all__ = ["carry_out_lab", "lab_jobs", "make_lab_plan"]


def make_lab_plan(name: str, *, results: Path, data: Path | None, workers: int | None) -> Plan:
    """Read the suite and see what is done. Raises `ConfigurationError`."""
    suite = load_lab_suite(lab_suite_path(name))
    jobs = lab_jobs(suite, data)
    done = tuple(job for job in jobs if is_done(results, job))
    left = [job for job in jobs if job not in done]
    refusals = {job.id: refusal(job, is_tree=job.task in TREES) for job in left}
    return Plan(
        suite=suite,
        results=results,
        data=data,
        workers=min(workers or processors(), max(1, len(left))),
        threads=1,
        done=done,
        refused=tuple((job, reason) for job in left if (reason := refusals[job.id]) is not None),
        to_run=tuple(job for job in left if refusals[job.id] is None),
        findings=(),
        stale=stale_records(results, left),
    )


def lab_jobs(suite: Suite, data: Path | None) -> tuple[Job, ...]:
    """The jobs with their identities; a network is made from its shape, and a world asks no prompt."""
    worlds = {name: world_digest(load_world(name, data)) for name in suite.tasks}
    return tuple(
        with_identity(
            job,
            Identity(method_digest(job.algorithm.target), worlds[job.task], "", "", GRADER, numbers_version()),
        )
        for job in jobs_of(suite)
    )


def carry_out_lab(plan: Plan, console: Console) -> Sequence[Record]:
    """Run what is to run; returns the records of this suite's jobs that are not done, refused ones left out.

    A world on which a method has nothing to do is no failure of the run: its record says why.
    """
    write_suite(plan.results, planned(plan))
    for job, reason in plan.refused:
        write_record(plan.results, unfinished(job, "refused", reason))
    orders = [Order(job, plan.results, plan.data, plan.threads, jobs=plan.workers) for job in plan.to_run]
    past = Durations()
    for job in plan.done:
        past.add(read_record(job_folder(plan.results, job)))
    with Display(console, plan.to_run, plan.workers, past) as display:
        records = sweep(
            orders,
            workers=plan.workers,
            timeout_seconds=plan.suite.timeout_seconds,
            watcher=display,
            run=run_lab_job,
            stages=("examine",),
        )
    return [record for record in records if record.status != "done"]
