"""Starts a stage of a job in the process that was made for it: training, or the examination that never saw a method."""

from __future__ import annotations

from multiprocessing.connection import Connection

from benchmark.run.examine import examine
from benchmark.run.job import Order, Stage, run_job
from benchmark.run.train import train
from benchmark.suite.author import fault_of

__all__ = ["run_stage"]


def run_stage(stage: Stage, order: Order, pipe: Connection) -> None:
    """Run one stage of the job. It leaves the hand-over to the next stage, or the job's record."""
    if stage == "train":
        run_job(order, pipe, train, lambda error: fault_of(error, order.job.algorithm.target))
    else:
        run_job(order, pipe, examine)
