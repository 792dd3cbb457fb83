"""One job on a world: build it, train, compute the exact metrics, write record, learning curve and gallery."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection

from benchmark.contract import FLOOR, TRAINING_PHASES, Phase, Provenance, Record, StepLog
from benchmark.lab.gallery import Pictures, write_gallery
from benchmark.lab.metrics import LAB_METRICS, spent_until
from benchmark.lab.policies import NetworkShape, tables
from benchmark.lab.suite import method_class, network_of
from benchmark.lab.train import TrainedNetworks, train
from benchmark.lab.worlds.catalogue import load_world
from benchmark.lab.worlds.graph import Graph
from benchmark.run.clock import Clock
from benchmark.run.job import JobProgress, Order, Stage, run_job
from benchmark.run.machine_load import LoadWatch
from benchmark.store import provenance
from benchmark.store.digests import digests_of
from benchmark.store.records import job_folder
from benchmark.store.steps import write_steps

__all__ = ["GRADER", "perform", "run_lab_job", "world_digest"]

GRADER = "exact"
"""Nothing is graded: every metric of a world is computed."""


def run_lab_job(stage: Stage, order: Order, pipe: Connection) -> None:
    """The one stage of a job on a world, whose measures are computed and not sampled."""
    del stage
    run_job(order, pipe, perform)


def perform(order: Order, clock: Clock, progress: JobProgress) -> Record:
    """From the order to the record."""
    job = order.job
    write_steps(job_folder(order.results, job), ())  # an earlier attempt's log is not this one's
    progress.enter("load")
    with clock.phase("load"):
        graph = load_world(job.task, order.data)
        method = None if job.algorithm.name == FLOOR else method_class(job.algorithm.target)(**job.algorithm.settings)
        progress.provenance = _provenance(order, graph)
    progress.enter("train")
    watch, load = _Watch(order, clock, progress, graph), LoadWatch(order.jobs)
    asked = network_of(job.model)
    shape = NetworkShape(asked.width, asked.depth, asked.even_start)
    trained = train(tables(graph), method, job.training, job.seed, watch, shape)
    progress.enter("write")
    with clock.phase("write"):
        write_steps(job_folder(order.results, job), watch.steps)
        write_gallery(job_folder(order.results, job), watch.pictures)
    heads = list(trained.networks.heads())
    return Record(
        job=job,
        status="done",
        reason=None,
        wall_seconds=clock.wall_seconds,
        phase_seconds=dict(clock.seconds),
        peak_bytes=dict(clock.peak_bytes),
        counts={
            "completions": trained.trajectories,
            "completion_tokens": trained.transitions,
            "optimiser_steps": trained.updates,
            "trainable_parameters": sum(weight.numel() for weight in trained.networks.policy.parameters()),
            "head_parameters": sum(weight.numel() for weight in heads),
        },
        metrics=_metrics(watch.steps),
        provenance=progress.provenance,
        files=digests_of(job_folder(order.results, job)),
        load=load.seen() if method is not None else None,
    )


class _Watch:
    """Times the phases, keeps the learning curve and the pictures for the gallery."""

    def __init__(self, order: Order, clock: Clock, progress: JobProgress, graph: Graph) -> None:
        self._order, self._clock, self._progress = order, clock, progress
        self.steps: list[StepLog] = []
        self.pictures = Pictures(graph, order.job)
        progress.steps = self.steps

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Everything inside counts for `name`."""
        return self._clock.phase(name)

    def log(self, step: int, metrics: Mapping[str, float], trained: TrainedNetworks) -> None:
        """One point of the learning curve."""
        seconds = sum(self._clock.seconds[phase] for phase in TRAINING_PHASES)
        log = StepLog(step, trained.trajectories, seconds, metrics, tokens=trained.transitions, updates=trained.updates)
        self.steps.append(log)
        with self._clock.phase("write"):
            self.pictures.take(step, trained.networks.whole_forward)
        self._progress.step(step)


def _metrics(steps: list[StepLog]) -> dict[str, float | None]:
    last = steps[-1].metrics
    near = spent_until(steps)
    found = {name: last.get(name) for name in LAB_METRICS}
    difference = last.get("log_z_difference")
    return {
        **found,
        "log_z_error": None if difference is None else abs(difference),
        "trajectories_to_near": None if near is None else near[0],
        "seconds_to_near": None if near is None else near[1],
    }


def _provenance(order: Order, graph: Graph) -> Provenance:
    head, dirty = provenance.commit()
    return Provenance(
        commit=head,
        dirty=dirty,
        version=provenance.package_version(),
        device=provenance.device(order.threads),
        libraries=provenance.libraries(),
        model_digest=order.job.model.source,
        task_digest=world_digest(graph),
        prompt_digest="-",
        grader=GRADER,
        machine=provenance.machine(),
    )


def world_digest(graph: Graph) -> str:
    """SHA-256 over states, rewards and features of a world."""
    content = hashlib.sha256()
    for table in (graph.child, graph.parent, graph.log_reward, graph.features):
        content.update(table.tobytes())
    return content.hexdigest()
