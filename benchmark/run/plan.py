"""The plan of a run: which jobs of a suite are done, refused, awaited or to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from benchmark.contract import Finding, Job, Record, Suite
from benchmark.run.job import Order, unfinished
from benchmark.run.progress import Display, clock_text
from benchmark.run.sweep import processors, sweep
from benchmark.store.records import adopt, is_done, job_folder, read_record, write_record, write_suite
from benchmark.suite.fairness import compare_rows, overlaps
from benchmark.suite.load import jobs_of, load_suite, suite_path
from benchmark.suite.registry import build, resolve

__all__ = ["Plan", "carry_out", "make_plan"]


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

    def describe(self) -> str:
        """`36 jobs, 9 done, 27 to run, 2 at a time, about 8 min`."""
        total = len(self.done) + len(self.refused) + len(self.to_run) + len(self.awaited)
        parts = [f"{self.suite.name}: {total} jobs", f"{len(self.done)} done"]
        if self.refused:
            parts.append(f"{len(self.refused)} refused")
        if self.awaited:
            parts.append(f"{len(self.awaited)} not imported yet")
        parts.append(f"{len(self.to_run)} to run")
        if self.to_run:
            parts.append(f"{self.workers} at a time")
            seconds = self._expected_seconds()
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

    def _expected_seconds(self) -> float | None:
        """Estimate from the finished jobs; `None` if there is none."""
        seconds = [read_record(job_folder(self.results, job)).wall_seconds for job in self.done]
        known = [each for each in seconds if each is not None]
        return sum(known) / len(known) * len(self.to_run) / self.workers if known else None


def make_plan(name: str, *, results: Path, data: Path | None, workers: int | None, threads: int) -> Plan:
    """Read the suite, check its data and its fairness, and see what is done. Raises `ConfigurationError`.

    A job that another suite in the same folder has finished is reused.
    """
    suite = load_suite(suite_path(name), resolve)
    jobs = jobs_of(suite)
    done = tuple(job for job in jobs if is_done(results, job) or adopt(results, job))
    missing = [job for job in jobs if job not in done]
    left = [job for job in missing if not job.algorithm.imported]
    refusals = {job.id: build(job.algorithm).refuses(job) for job in left}
    leaks = overlaps(sorted({job.task for job in left}), data)
    return Plan(
        suite=suite,
        results=results,
        data=data,
        workers=min(workers or _default_workers(), max(1, len(left))),
        threads=threads,
        done=done,
        refused=tuple((job, reason) for job in left if (reason := refusals[job.id]) is not None),
        to_run=tuple(job for job in left if refusals[job.id] is None),
        findings=(*leaks, *compare_rows(suite)),
        awaited=tuple(job for job in missing if job.algorithm.imported),
    )


def carry_out(plan: Plan, console: Console) -> Sequence[Record]:
    """Run the jobs to run and return the records of this suite's jobs that did not finish."""
    write_suite(plan.results, plan.suite)
    refused = [unfinished(job, "refused", reason) for job, reason in plan.refused]
    for record in refused:
        write_record(plan.results, record)
    orders = [Order(job, plan.results, plan.data, plan.threads) for job in plan.to_run]
    with Display(console, plan.to_run, plan.workers) as display:
        records = sweep(orders, workers=plan.workers, timeout_seconds=plan.suite.timeout_seconds, watcher=display)
    return [record for record in (*refused, *records) if record.status != "done"]


def _default_workers() -> int:
    return torch.cuda.device_count() or processors()
