"""Starts a stage of a job in the process that was made for it: training, or the examination that never saw a method."""

from __future__ import annotations

from multiprocessing.connection import Connection

from benchmark.contract import Record
from benchmark.errors import MethodFault
from benchmark.importing import is_imported
from benchmark.run.clock import Clock
from benchmark.run.examine import examine
from benchmark.run.job import JobProgress, Order, Stage, run_job
from benchmark.run.train import train
from benchmark.suite.author import fault_of

__all__ = ["run_stage"]


def run_stage(stage: Stage, order: Order, pipe: Connection) -> None:
    """Run one stage of the job. It leaves the hand-over to the next stage, or the job's record."""
    if stage == "train":
        run_job(order, pipe, train, lambda error: fault_of(error, order.job.algorithm.target))
    else:
        run_job(order, pipe, _examine_alone)


def _examine_alone(order: Order, clock: Clock, progress: JobProgress) -> Record:
    """The examination, in a process in which the method's module was not imported, neither before nor by a task."""
    record = examine(order, clock, progress)
    target = order.job.algorithm.target
    if is_imported(target):
        raise MethodFault(
            f"the examiner's process imported the method '{target}', because a task of the suite imports its file: "
            "write task and method in files of their own, of which neither imports the other."
        )
    return record
