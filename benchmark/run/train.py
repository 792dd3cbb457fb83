"""The training stage of a job: load the policy, train it under the harness's clock, hand over weights and figures.

This process holds training and validation problems only, and writes no record of a finished job.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmark.adapter import Adapter
from benchmark.contract import FLOOR, Checkpoint, Problem, Trained
from benchmark.errors import MethodFault
from benchmark.model.load import load_policy
from benchmark.model.policy import LanguagePolicy
from benchmark.run import handover
from benchmark.run.clock import Clock
from benchmark.run.compute import Meter
from benchmark.run.devices import torch_device
from benchmark.run.job import JobProgress, Order
from benchmark.run.live_run import LiveRun
from benchmark.run.prompting import examples_of, without_examples
from benchmark.store.records import job_folder, write_steps
from benchmark.suite.author import refuse_other_checkpoint
from benchmark.suite.registry import build
from benchmark.tasks import load_task

__all__ = ["train"]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a job is trained with."""

    policy: LanguagePolicy
    training: tuple[Problem, ...]
    probe: tuple[Problem, ...]
    model_digest: str


def train(order: Order, clock: Clock, progress: JobProgress) -> None:
    """From the order to the hand-over."""
    write_steps(job_folder(order.results, order.job), ())  # an earlier attempt's log is not this one's
    handover.discard(order.results, order.job)
    progress.enter("load")
    with clock.phase("load"):
        if torch_device(order.device).startswith("cuda"):
            torch.cuda.set_device(torch_device(order.device))  # what asks for the current device gets this one
            clock.watch_cuda()
        loaded = _load(order)
        model, names = loaded.policy.model, _trained_names(loaded.policy)
        adapter = build(order.job.algorithm)
    progress.enter("train")
    counts = _train(order, loaded, adapter, clock, progress)
    with clock.phase("write"):
        if loaded.policy.model is not model:
            raise MethodFault("'train' put another model into run.policy: train the one it holds, in place.")
        weights = {} if order.job.algorithm.name == FLOOR else _weights(loaded.policy, names)
        handover.refuse_broken(weights)
        digest = loaded.policy.prompt_digest()
    trained = Trained(
        clock.wall_seconds, dict(clock.seconds), dict(clock.peak_bytes), counts, loaded.model_digest, digest
    )
    handover.hand_over(handover.folder_of(order.results, order.job), weights, trained)


def _load(order: Order) -> _Loaded:
    job = order.job
    task = load_task(job.task, job.own_tasks)
    training, validation = (task.load(split, order.data) for split in ("train", "validation"))
    examples = examples_of(job.prompt, job.task, training)
    policy = load_policy(job.model, task.instruction, job.prompt, examples, device=torch_device(order.device))
    rest = without_examples(job.prompt, job.task, training)
    return _Loaded(policy, rest, validation[: job.training.probe_problems], policy.digest())


def _train(order: Order, loaded: _Loaded, adapter: Adapter, clock: Clock, progress: JobProgress) -> dict[str, int]:
    def logged(step: int) -> None:
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
        run.log_start()
        checkpoint = adapter.train(run)
        refuse_other_checkpoint(adapter, checkpoint)
    with clock.phase("write"):
        write_steps(job_folder(order.results, order.job), run.steps)
    return _counts(run, checkpoint, meter)


def _counts(run: LiveRun, checkpoint: Checkpoint, meter: Meter) -> dict[str, int]:
    known = {} if meter.flops is None else {"flops": meter.flops}
    return {
        **known,
        "completions": run.budget.completions,
        "completion_tokens": run.budget.tokens,
        "prompt_tokens": run.prompt_tokens,
        "optimiser_steps": meter.updates,
        "trainable_parameters": sum(weight.numel() for weight in run.policy.trainable),
        "head_parameters": checkpoint.head_parameters,
    }


def _trained_names(policy: LanguagePolicy) -> tuple[str, ...]:
    return tuple(name for name, weight in policy.model.named_parameters() if weight.requires_grad)


def _weights(policy: LanguagePolicy, names: tuple[str, ...]) -> Mapping[str, Tensor]:
    """The weights that training may change. Raises `MethodFault` where it took one away."""
    found = dict(policy.model.named_parameters())
    for name in names:
        if name not in found:
            raise MethodFault(f"'train' left the model without its weight '{name}': train run.policy in place.")
    return {name: found[name] for name in names}
