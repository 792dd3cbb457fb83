"""Run many jobs at once, each stage in its own process, and watch them. Every planned job ends with a record.

Several launchers may work on one folder of results: each job is claimed by one of them (`benchmark.run.claims`), and
the others read its record.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Protocol

from benchmark.contract import Job, Record, Status
from benchmark.errors import BadRecord
from benchmark.run import handover
from benchmark.run.claims import Claims, claim_path
from benchmark.run.doctor import diagnose
from benchmark.run.job import Order, Stage, unfinished
from benchmark.run.scratch import make_scratch
from benchmark.run.stage_process import RunStage, StageProcess, Starter
from benchmark.run.stages import run_stage
from benchmark.run.stopping import Stop, Stopped, stop_signals
from benchmark.store.atomic import remove_unfinished
from benchmark.store.records import forget, has_record, job_folder, read_record, record_stamp, write_record
from benchmark.store.steps import read_steps

__all__ = ["Watcher", "sweep"]

TICK_SECONDS = 0.5
LOOK_SECONDS = 2.0
"""Between two looks at jobs that other launchers run."""


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

    def elsewhere(self, jobs: int, holder: str) -> None:
        """Nothing is left but jobs that other launchers run; `holder` is one of these."""
        ...


@dataclass(slots=True, eq=False)
class _Active:
    order: Order
    stages: tuple[Stage, ...]
    """The one that runs, and those after it."""
    running: StageProcess
    scratch: Path
    start: float
    """When the job began."""
    stage_start: float
    phase: str = "start"

    @property
    def examines(self) -> bool:
        """Whether a record of a finished job may come of what runs now."""
        return len(self.stages) == 1

    @property
    def claim(self) -> Path:
        """The file by which it is ours."""
        return claim_path(self.order.results, self.order.job)


def sweep(
    orders: Sequence[Order],
    *,
    workers: int,
    timeout_seconds: float,
    watcher: Watcher,
    devices: Sequence[str] = ("auto",),
    run: RunStage = run_stage,
    stages: tuple[Stage, ...] = ("train", "examine"),
    claims: Claims | None = None,
) -> list[Record]:
    """Run the jobs, at most `workers` at a time, and return their records in the order they ended.

    Each job gets the one of `devices` that has the fewest running jobs. `run` is what a process calls, once for each of
    the `stages`, one process after the other; the last one leaves the job's record, an earlier one only where the job
    ends in it.

    A job that another launcher runs is waited for, and its record is among those returned; it is run here if that
    launcher leaves none.

    Raises `Stopped` after TERM, HUP or INT: the running jobs are ended and recorded as `interrupted`. Finished jobs
    keep their records, so the next sweep goes on from there. Raises `BadRecord` where the folder of the results was
    removed meanwhile.
    """
    here = [replace(one, results=one.results.resolve(), data=one.data and one.data.resolve()) for one in orders]
    starter = Starter(run, threads=max((one.threads for one in orders), default=1))
    with stop_signals() as stop, claims or Claims() as held:
        one = _Sweep(starter, held, watcher, stages, workers, tuple(devices), timeout_seconds, stop)
        return one.run(here)


@dataclass(slots=True)
class _Sweep:
    starter: Starter
    claims: Claims
    watcher: Watcher
    stages: tuple[Stage, ...]
    workers: int
    devices: tuple[str, ...]
    timeout_seconds: float
    stop: Stop
    active: list[_Active] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    elsewhere: list[Order] = field(default_factory=list)
    """Jobs that other launchers have claimed."""
    stamps: dict[str, object] = field(default_factory=dict)
    """Which record each job had when the sweep began."""
    why: str = "the sweep ended early by an error of its own"
    looked: float = 0.0
    told: bool = False

    def run(self, orders: Sequence[Order]) -> list[Record]:
        """All of them, to the last record."""
        self.stamps = {one.job.id: record_stamp(one.results, one.job) for one in orders}
        waiting = list(orders)
        try:
            while waiting or self.active or self.elsewhere:
                self.stop.raise_if_asked()
                self._fill(waiting)
                things = [item for one in self.active for item in one.running.waits_on()]
                if things:
                    wait(things, timeout=TICK_SECONDS)
                elif self.active or self.elsewhere:
                    time.sleep(TICK_SECONDS)
                for one in tuple(self.active):
                    self._look_at(one)
            self.stop.raise_if_asked()
        except Stopped as stopped:
            self.why = f"the sweep was ended by {stopped}"
            raise
        finally:
            self.stop.refuse_more()
            for one in tuple(self.active):
                self._interrupt(one)
        self._refuse_removed(orders)
        return self.records

    def _fill(self, waiting: list[Order]) -> None:
        """Start jobs while there is room: those that nobody runs first, then those that others have given back."""
        while waiting and len(self.active) < self.workers:
            order = waiting.pop(0)
            if not self._try(order):
                self.elsewhere.append(order)
        now = time.monotonic()
        if self.elsewhere and len(self.active) < self.workers and now - self.looked > LOOK_SECONDS:
            self.looked = now
            self.elsewhere = [
                order for order in self.elsewhere if len(self.active) >= self.workers or not self._try(order)
            ]
            if self.elsewhere and not self.active and not self.told:
                first = self.elsewhere[0]
                self.watcher.elsewhere(len(self.elsewhere), self.claims.holder(claim_path(first.results, first.job)))
                self.told = True

    def _try(self, order: Order) -> bool:
        """Claim a job and start it, or read the record that another launcher has made; `False` while one runs it."""
        claim = claim_path(order.results, order.job)
        if not self.claims.take(claim):
            return False
        record = self._made_elsewhere(order)
        if record is not None:
            self._ended(order, record)
            return True
        remove_unfinished(job_folder(order.results, order.job))
        forget(order.results, order.job)  # an earlier attempt's record is not this one's
        busy = [one.order.device for one in self.active]
        scratch = make_scratch()
        order = replace(order, device=min(self.devices, key=busy.count), scratch=scratch)
        left = self.stages[-1:] if handover.is_complete(order.results, order.job) else self.stages
        if self._start(order, left, scratch):
            self.watcher.started(order.job)
        return True

    def _made_elsewhere(self, order: Order) -> Record | None:
        """The record that another launcher has left since this sweep began, unless it was interrupted."""
        stamp = record_stamp(order.results, order.job)
        if stamp is None:
            return None
        try:
            record = read_record(job_folder(order.results, order.job))
        except BadRecord:  # what cannot be read is made again
            return None
        new = stamp != self.stamps[order.job.id] and record.status != "interrupted"
        return record if new or record.status == "done" else None

    def _start(self, order: Order, stages: tuple[Stage, ...], scratch: Path, since: float | None = None) -> bool:
        """Start the first of the stages, of a job that began at `since`; record where no process can be made.

        A job begins when its first process runs: the time in which the server loads torch is none of its own.
        """
        try:
            running = self.starter.start(stages[0], order)
        except (OSError, EOFError) as error:
            shutil.rmtree(scratch, ignore_errors=True)
            reason = f"no process could be started for it: {error or type(error).__name__}. Lower '--workers'."
            record = unfinished(order.job, "failed", reason)
            write_record(order.results, record)
            self._ended(order, record)
            return False
        now = time.monotonic()
        self.active.append(_Active(order, stages, running, scratch, now if since is None else since, now))
        return True

    def _look_at(self, one: _Active) -> None:
        """Forward the job's progress; where its process has ended, start the next stage or tell of its record."""
        self._forward(one)
        elapsed = time.monotonic() - one.start
        if one.running.is_alive():
            if self.claims.is_lost(one.claim):  # somebody else runs it by now
                self._close(one)
                self.claims.release(one.claim)
                self.elsewhere.append(one.order)
            elif elapsed > self.timeout_seconds:
                self._close(one)
                reason = f"still running after {elapsed:.0f} s; raise 'timeout_seconds' or lower the budget."
                self._ended(one.order, _recorded(one, "timed_out", reason))
            return
        self._forward(one)
        one.running.end()  # whatever it has started and left behind
        following = self._following(one)
        if following is None:
            self._close(one)
            self._ended(one.order, _result(one, elapsed))
        else:
            self.active.remove(one)
            self._start(following, one.stages[1:], one.scratch, one.start)

    def _following(self, one: _Active) -> Order | None:
        """The order for the next stage, where this one has left what that needs."""
        order = one.order
        if one.examines or one.running.process.exitcode != 0 or has_record(order.results, order.job):
            return None
        if not handover.is_complete(order.results, order.job):
            return None
        return replace(order, training_seconds=time.monotonic() - one.stage_start)

    def _forward(self, one: _Active) -> None:
        for phase, step in one.running.messages():
            one.phase = phase
            self.watcher.progress(one.order.job, phase, step)

    def _ended(self, order: Order, record: Record) -> None:
        """The record is on disk: tell, and let others see that the job is free."""
        self.records.append(record)
        self.claims.release(claim_path(order.results, order.job))
        self.watcher.finished(record)

    def _close(self, one: _Active) -> None:
        """End a job's process and remove its temporary files; it is no running job from now on."""
        self.active.remove(one)
        one.running.end()
        shutil.rmtree(one.scratch, ignore_errors=True)

    def _interrupt(self, one: _Active) -> None:
        """End a job and record that; a disk that takes no record must not keep the other jobs alive."""
        self._close(one)
        reason = (
            f"{self.why} after {time.monotonic() - one.start:.0f} s of this job, in {one.phase}. "
            "Run the same command again to go on."
        )
        with contextlib.suppress(OSError, BadRecord):
            if not self.claims.is_lost(one.claim):
                _recorded(one, "interrupted", reason)
        self.claims.release(one.claim)

    def _refuse_removed(self, orders: Sequence[Order]) -> None:
        ours = {one.job.id: one for one in orders}
        gone = [one.job for one in self.records if not has_record(ours[one.job.id].results, one.job)]
        if gone:
            folder = job_folder(ours[gone[0].id].results, gone[0]).parent
            raise BadRecord(
                f"{folder}: {len(gone)} of {len(self.records)} records that were written there are gone: the folder "
                "was removed or emptied while the suite ran. Run the same command again; it runs what is missing."
            )


def _result(one: _Active, elapsed: float) -> Record:
    """The record that the job has left, or one that says how it ended."""
    order = one.order
    if has_record(order.results, order.job):
        try:
            record = read_record(job_folder(order.results, order.job))
        except BadRecord as error:
            return _recorded(one, "failed", f"it left a record that cannot be read: {error}")
        if one.examines or record.status != "done":
            return record
        return _recorded(one, "failed", "the training stage wrote a record 'done', which only the examiner does.")
    return _recorded(one, "failed", one.running.death(elapsed))


def _recorded(one: _Active, status: Status, reason: str) -> Record:
    """Write how a job ended; the record of one that was complete before that stays."""
    order, job = one.order, one.order.job
    folder = job_folder(order.results, job)
    with contextlib.suppress(BadRecord):
        if one.examines and has_record(order.results, job) and (done := read_record(folder)).status == "done":
            return done
    try:
        diagnoses = diagnose(read_steps(folder), job.algorithm.settings)
    except BadRecord:  # a job that was killed may have left anything
        diagnoses = ()
    record = unfinished(job, status, reason, wall_seconds=time.monotonic() - one.start, diagnoses=diagnoses)
    write_record(order.results, record)
    return record
