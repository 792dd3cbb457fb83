"""A training that is stopped anywhere and goes on ends as if nothing had happened, to the last bit, for every method."""

import json
import shutil
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_every_algorithm import TARGETS, TRAINING, live, weights

from algorithms import CATALOGUE
from algorithms.sft import SFT
from benchmark.contract import Completion, Resumption
from benchmark.errors import MethodFault
from benchmark.run import checkpoint
from benchmark.run.checkpoint import Checkpoints, Interval
from benchmark.run.compute import Meter
from benchmark.run.exam_batches import ExamBatches
from benchmark.run.state_tree import from_node, to_node

STEPS = 3
SETTINGS = {
    # more than one round of collecting, an older searcher, and warm-up that is not over when the training stops
    "expert_iteration": {"rounds": 3},
    "tba": {"sync_every": 2},
    "gflownet_pg": {"trust_radius": 0.01},
}
BEGIN_ANEW = {"base_model", "trl_grpo", "trl_rloo", "trl_online_dpo"}
"""Rows without a loop of ours."""


class StoppedHereError(Exception):
    """The process is gone."""


def attempt(pocket, folder, target, *, stop=None, **settings):
    """One attempt at the same job; `stop` ends it behind the log of that step. Returns the run and its checkpoints."""
    run, adapter = live(pocket, target, folder, steps=STEPS, warmup_steps=3, probe_every=2)
    adapter = type(adapter)(**settings) if settings else adapter
    checkpoints = Checkpoints(folder / "checkpoints", run.job.id, 0.0, "here")
    run.keep_in(checkpoints)
    progress = []
    run._progress = progress.append
    if stop is not None:
        stop_behind(run, stop)
    meter = Meter(run.policy, models=not adapter.own_loop)
    run._meter = meter
    with meter:
        run.log_start()
        with suppress(StoppedHereError):
            adapter.train(run)
    return run, checkpoints, progress


def stop_behind(run, step):
    plain = run.log

    def log(number, metrics):
        plain(number, metrics)
        if number == step:
            raise StoppedHereError

    run.log = log


def figures(run):
    """Everything but seconds and bytes."""
    steps = [(one.step, one.completions, one.tokens, one.updates, one.flops, dict(one.metrics)) for one in run.steps]
    meter = run._meter
    spent = (run.budget.completions, run.budget.tokens, run.prompt_tokens, run.rewarded, meter.updates, meter.flops)
    return steps, spent


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("stop", [1, 2])
def test_every_method_goes_on_as_if_nothing_had_happened(name, stop, pocket, tmp_path):
    settings = SETTINGS.get(name, {})
    whole, _, _ = attempt(pocket, tmp_path / "whole", TARGETS[name], **settings)
    attempt(pocket, tmp_path / "cut", TARGETS[name], stop=stop, **settings)
    again, checkpoints, progress = attempt(pocket, tmp_path / "cut", TARGETS[name], **settings)
    assert torch.equal(weights(whole), weights(again))
    assert figures(whole) == figures(again)
    (said,) = checkpoints.resumptions
    if name in BEGIN_ANEW:
        assert said == Resumption("train", 0, "the method keeps no checkpoints.")
    else:
        assert said == Resumption("train", stop)
        assert progress == list(range(stop + 1, STEPS + 1))  # what was done is not done again
