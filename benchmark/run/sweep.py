"""Run many jobs at once, each stage in its own process, and watch them. Every planned job ends with a record.

Processes start from one clean server process that has loaded torch, so a start costs a fork and not an import. The
server never imports a method: the examining stage of a job does not inherit what its training stage did.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Protocol

from benchmark.contract import Job, Record, Status
from benchmark.run import handover
from benchmark.run.doctor import diagnose
from benchmark.run.job import SAFE_PATH, Order, Stage, unfinished
from benchmark.run.stages import run_stage
from benchmark.store.records import forget, has_record, is_done, job_folder, read_record, read_steps, write_record

__all__ = ["Watcher", "sweep"]

TICK_SECONDS = 0.5
PRELOADED = ("benchmark.run.stages", "transformers.models.qwen2.modeling_qwen2")
"""What the server process has loaded before the first job; a model of another kind is imported by its jobs."""

LONGEST_MESSAGE = 1000
"""Bytes of one message of a job's progress."""


RunStage = Callable[[Stage, Order, Connection], None]


class Watcher(Protocol):
    """What a display of the sweep implements."""

    def started(self, job: Job) -> None:
        """A process runs the job."""
        ...

    def progress(self, job: Job, phase: str, step: int) -> None:
        """How far it is."""
        ...

    def finished(self, record: Record) -> None:
        """Its record is written."""
        ...


@dataclass(slots=True)
class _Active:
    order: Order
    stages: tuple[Stage, ...]
    """The one that runs, and those after it."""
    process: BaseProcess
    pipe: Connection
    start: float
    """When the job began."""
    stage_start: float

    @property
    def examines(self) -> bool:
        """Whether a record of a finished job may come of what runs now."""
        return len(self.stages) == 1


def sweep(
    orders: Sequence[Order],
    *,
    workers: int,
    timeout_seconds: float,
    watcher: Watcher,
    devices: Sequence[str] = ("auto",),
    run: RunStage = run_stage,
    stages: tuple[Stage, ...] = ("train", "examine"),
) -> list[Record]:
    """Run the jobs, at most `workers` at a time, and return their records in the order they ended.

    Each job gets the one of `devices` that has the fewest running jobs. `run` is what a process calls, once for each of
    the `stages`, one process after the other; the last one leaves the job's record, an earlier one only where the job
    ends in it.

    An interrupt ends the running jobs. Finished jobs keep their records, so the next sweep continues from there.
    """
    context = _context(run)
    waiting, records = list(orders), list[Record]()
    active: list[_Active] = []
    try:
        while waiting or active:
            while waiting and len(active) < workers:
                busy = [one.order.device for one in active]
                order = replace(waiting.pop(0), device=min(devices, key=busy.count))
                forget(order.results, order.job)  # an earlier attempt's record is not this one's
                active.append(_start(context, order, run, _left(order, stages), time.monotonic()))
                watcher.started(active[-1].order.job)
            sentinels = [one.process.sentinel for one in active]
            wait([*sentinels, *(one.pipe for one in active if not one.pipe.closed)], timeout=TICK_SECONDS)
            still = []
            for one in active:
                record = _look_at(one, timeout_seconds, watcher)
                if isinstance(record, Order):
                    still.append(_start(context, record, run, one.stages[1:], one.start))
                elif record is None:
                    still.append(one)
                else:
                    records.append(record)
                    watcher.finished(record)
            active = still
    finally:
        for one in active:
            one.process.kill()
            one.process.join()
    return records


def _left(order: Order, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages that an interrupted attempt has not finished."""
    return stages[-1:] if handover.is_complete(order.results, order.job) else stages


def _context(run: RunStage) -> ForkServerContext | SpawnContext:
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, run.__module__])
    _start_server()
    return context


def _start_server() -> None:
    """Start the server without the current folder on its path: a folder `benchmark` in it is none of ours."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


def _start(
    context: ForkServerContext | SpawnContext, order: Order, run: RunStage, stages: tuple[Stage, ...], since: float
) -> _Active:
    """Start the first of the stages, of a job that began at `since`."""
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=run, args=(stages[0], order, theirs), name=order.job.id)
    process.start()  # returns when the process runs: the first one waits for the server
    theirs.close()
    return _Active(order, stages, process, ours, since, time.monotonic())


def _look_at(one: _Active, timeout_seconds: float, watcher: Watcher) -> Record | Order | None:
    """Forward the job's progress; return its record once it has ended, or the order for its next stage."""
    _drain(one, watcher)
    elapsed = time.monotonic() - one.start
    if one.process.is_alive():
        if elapsed <= timeout_seconds:
            return None
        one.process.kill()
        one.process.join()
        return _give_up(
            one, "timed_out", f"still running after {elapsed:.0f} s; raise 'timeout_seconds' or lower the budget."
        )
    one.process.join()
    _drain(one, watcher)
    one.pipe.close()
    if not one.examines and is_done(one.order.results, one.order.job):
        return _give_up(one, "failed", "the training stage wrote a record 'done', which only the examiner does.")
    result = _left_behind(one) if one.process.exitcode == 0 else None
    return result or _give_up(one, "failed", _death(one.process.exitcode or 0, elapsed))


def _left_behind(one: _Active) -> Record | Order | None:
    """The record of a job that ended, or the order for its next stage; `None` where a stage left neither."""
    order = one.order
    if has_record(order.results, order.job):
        return read_record(job_folder(order.results, order.job))
    if not one.examines and handover.is_complete(order.results, order.job):
        return replace(order, training_seconds=time.monotonic() - one.stage_start)
    return None


def _drain(one: _Active, watcher: Watcher) -> None:
    try:
        while one.pipe.poll():
            phase, step = json.loads(one.pipe.recv_bytes(LONGEST_MESSAGE))
            watcher.progress(one.order.job, str(phase), int(step))
    except (EOFError, OSError, ValueError, TypeError, RecursionError):  # gone, or no message of ours
        return


def _give_up(one: _Active, status: Status, reason: str) -> Record:
    job = one.order.job
    if one.examines and is_done(one.order.results, job):  # it died after its record was complete
        return read_record(job_folder(one.order.results, job))
    diagnoses = diagnose(read_steps(job_folder(one.order.results, job)), job.algorithm.settings)
    record = unfinished(job, status, reason, wall_seconds=time.monotonic() - one.start, diagnoses=diagnoses)
    write_record(one.order.results, record)
    return record


def _death(exitcode: int, elapsed: float) -> str:
    if exitcode < 0:
        name = signal.Signals(-exitcode).name
        hint = (
            " The system may have run out of memory: lower '--workers' or the batch sizes." if name == "SIGKILL" else ""
        )
        return f"its process was ended by {name} after {elapsed:.0f} s.{hint}"
    return (
        f"its process ended with exit code {exitcode} after {elapsed:.0f} s without a record; its messages are above."
    )
