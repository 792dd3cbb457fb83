"""The training stage of a job: load the policy, train it under the harness's clock, hand over weights and figures.

This process holds training and validation problems only, and writes no record of a finished job.
"""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from benchmark.adapter import Adapter
from benchmark.contract import FLOOR, Checkpoint, Problem, Trained
from benchmark.errors import ConfigurationError, MethodFault
from benchmark.model.load import load_policy
from benchmark.model.policy import LanguagePolicy
from benchmark.run import handover
from benchmark.run.charging import charged_generation
from benchmark.run.checkpoint import Checkpoints, folder_of
from benchmark.run.clock import Clock
from benchmark.run.compute import Meter
from benchmark.run.devices import torch_device
from benchmark.run.job import JobProgress, Order
from benchmark.run.live_run import LiveRun
from benchmark.run.machine_load import LoadWatch
from benchmark.run.prompting import examples_of, without_examples
from benchmark.store import provenance
from benchmark.store.records import job_folder
from benchmark.store.steps import write_steps
from benchmark.suite.author import refuse_other_checkpoint
from benchmark.suite.code import algorithm_digest
from benchmark.suite.registry import build
from benchmark.tasks import load_task
from benchmark.tasks.withheld import refuse_asked, withheld

__all__ = ["train"]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a job is trained with."""

    policy: LanguagePolicy
    names: tuple[str, ...]
    """Of the weights that training may change."""
    training: tuple[Problem, ...]
    probe: tuple[Problem, ...]
    model_digest: str


def train(order: Order, clock: Clock, progress: JobProgress) -> None:
    """From the order to the hand-over."""
    folder = handover.folder_of(order.results, order.job)
    write_steps(job_folder(order.results, order.job), ())  # an earlier attempt's log comes back with its checkpoint
    handover.discard(order.results, order.job)
    progress.enter("load")
    with clock.phase("load"):
        _refuse_changed(order)
        if torch_device(order.device).startswith("cuda"):
            torch.cuda.set_device(torch_device(order.device))  # what asks for the current device gets this one
            clock.watch_cuda()
        loaded = _load(order)
        adapter = build(order.job.algorithm)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of their own next versions
            for module in adapter.imports:
                importlib.import_module(module)
    progress.enter("train")
    watch = LoadWatch(order.jobs)
    trained = _train(order, loaded, adapter, clock, progress, watch)
    seen = watch.seen()
    with clock.phase("write"):
        weights = {} if order.job.algorithm.name == FLOOR else _weights(loaded)
        handover.refuse_broken(weights)
        handover.leave_weights(folder, weights)
    seconds, peaks = dict(clock.seconds), dict(clock.peak_bytes)
    final = replace(trained, wall_seconds=clock.wall_seconds, phase_seconds=seconds, peak_bytes=peaks, load=seen)
    handover.leave_figures(folder, final)


def _refuse_changed(order: Order) -> None:
    """The method is the one that was planned: its file may have been edited since the sweep began."""
    planned = order.job.identity
    found = planned and algorithm_digest(order.job.algorithm)
    if planned and found != planned.method:
        raise ConfigurationError(
            f"the code of '{order.job.algorithm.name}' was changed while the sweep ran ({planned.method[:12]} → "
            f"{str(found)[:12]}): run the suite again, it then starts from the new code."
        )


def _load(order: Order) -> _Loaded:
    job = order.job
    task = load_task(job.task, job.own_tasks)
    training, validation = (task.load(split, order.data) for split in ("train", "validation"))
    examples = examples_of(job.prompt, job.task, training)
    policy = load_policy(job.model, task.instruction, job.prompt, examples, device=torch_device(order.device))
    rest = without_examples(job.prompt, job.task, training)
    names = tuple(name for name, weight in policy.model.named_parameters() if weight.requires_grad)
    return _Loaded(policy, names, rest, validation[: job.training.probe_problems], policy.digest())


def _train(
    order: Order, loaded: _Loaded, adapter: Adapter, clock: Clock, progress: JobProgress, watch: LoadWatch
) -> Trained:
    """Train, and return what can be said of it at once."""
    checkpoints = Checkpoints(
        folder_of(order.results, order.job), order.job.id, order.checkpoint_seconds, _environment(order)
    )

    def logged(step: int) -> None:
        watch.look()
        with clock.phase("write"):  # whatever ends this process, what it measured is on disk
            write_steps(job_folder(order.results, order.job), run.steps)
        progress.step(step)

    meter = Meter(loaded.policy, models=not adapter.own_loop)
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as scratch, meter:
        run = LiveRun(
            order.job,
            loaded.policy,
            training=loaded.training,
            probe=loaded.probe,
            clock=clock,
            folder=Path(scratch),
            progress=logged,
            meter=meter,
        )
        progress.steps = run.steps
        run.keep_in(checkpoints)
        run.log_start()
        training = nullcontext() if order.job.algorithm.name == FLOOR else clock.phase("other")  # it trains nothing
        with training, charged_generation(loaded.policy, run.budget), withheld("test") as asked:
            checkpoint = adapter.train(run)
        refuse_asked(asked, "test")  # also where the method went on without it
        refuse_other_checkpoint(adapter, checkpoint)
        if run.policy.model is not loaded.policy.model:
            raise MethodFault("'train' put another model into the run's policy: train the one it holds, in place.")
    with clock.phase("write"):
        write_steps(job_folder(order.results, order.job), run.steps)
    return Trained(
        wall_seconds=clock.wall_seconds,
        phase_seconds=dict(clock.seconds),
        peak_bytes=dict(clock.peak_bytes),
        counts=_counts(run, checkpoint, meter),
        model_digest=loaded.model_digest,
        prompt_digest=loaded.policy.prompt_digest(),
        declared=tuple(run.declared or ()),
        earlier_seconds=run.earlier_seconds,
        resumed=checkpoints.resumptions,
    )


def _environment(order: Order) -> str:
    """What the last bits of a training depend on."""
    versions = ", ".join(f"{name} {version}" for name, version in provenance.libraries().items())
    return f"{provenance.device(order.threads, torch_device(order.device))}, {versions}"


def _counts(run: LiveRun, checkpoint: Checkpoint, meter: Meter) -> dict[str, int]:
    trainable = {"trainable_parameters": sum(weight.numel() for weight in run.policy.trainable)}
    if run.declared is not None:
        return {**trainable, **run.declared}
    known = {} if meter.flops is None else {"flops": meter.flops}
    return {
        **known,
        **trainable,
        "completions": run.budget.completions,
        "completion_tokens": run.budget.tokens,
        "prompt_tokens": run.prompt_tokens,
        "rewards": run.rewarded,
        "optimiser_steps": meter.updates,
        "head_parameters": checkpoint.head_parameters,
    }


def _weights(loaded: _Loaded) -> Mapping[str, Tensor]:
    """The weights that training may change. Raises `MethodFault` where it took one away."""
    found = dict(loaded.policy.model.named_parameters())
    for name in loaded.names:
        if name not in found:
            raise MethodFault(f"'train' left the model without its weight '{name}': train run.policy in place.")
    return {name: found[name] for name in loaded.names}
