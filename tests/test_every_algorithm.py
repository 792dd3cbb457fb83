"""What holds for every algorithm of the catalogue, and for the template."""

import copy
import dataclasses
from importlib import import_module
from pathlib import Path

import pytest
import torch

from algorithms import CATALOGUE
from algorithms._contract import LOSS_RULES
from algorithms._on_policy import OnPolicy
from algorithms.expert_iteration import ExpertIteration
from benchmark.commands.exact_world.rules import CLASS_RULES
from benchmark.contract import Exam, Job, Model, Training
from benchmark.errors import BudgetSpent, Diverged
from benchmark.model.policy import LanguagePolicy
from benchmark.run.charging import charged_generation
from benchmark.run.clock import Clock
from benchmark.run.live_run import LiveRun
from benchmark.suite.registry import adapter_class, build, resolve
from benchmark.tasks import load_task

TRAINING = Training(steps=2, prompts_per_step=4, group_size=4, warmup_steps=0, max_completion_tokens=48, probe_every=0)
TARGETS = {**CATALOGUE, "template": "algorithms.template:Template"}
PROBLEMS = load_task("competition").load("train")[:64]


def live(policy, target, folder, *, rewards=None, **changes):
    settings = {"class": target}
    algorithm = resolve("x", settings)
    training = dataclasses.replace(TRAINING, **changes)
    job = Job("x", "suite", algorithm, "competition", 0, Model(), training, Exam())
    fresh = LanguagePolicy(copy.deepcopy(policy.model), policy.tokenizer)
    run = LiveRun(
        job, fresh, training=PROBLEMS, probe=PROBLEMS[:4], clock=Clock(), folder=folder, progress=lambda _: None
    )
    if rewards is not None:
        run.rewards = lambda _, completions: [[rewards(c) for c in row] for row in completions]
    return run, build(algorithm)


def weights(run):
    return torch.cat([weight.detach().flatten().clone() for weight in run.policy.model.parameters()])


@pytest.fixture(params=sorted(TARGETS))
def target(request):
    return TARGETS[request.param]


def test_trains_within_its_budget_and_moves_the_policy(target, pocket, tmp_path):
    run, adapter = live(pocket, target, tmp_path)
    before = weights(run)
    with charged_generation(run.policy, run.budget):  # as in a job: TRL's rows sample with the model's own generate
        checkpoint = adapter.train(run)
    moved = not torch.equal(before, weights(run))
    trained = target != CATALOGUE["base_model"]
    assert moved == trained
    assert run.budget.completions == (TRAINING.completions if trained else 0)
    assert [step.step for step in run.steps] == ([1, 2] if trained else [])
    if isinstance(adapter, ExpertIteration):
        return  # its steps follow from what it collected
    per_batch = adapter.passes * adapter.mini_batches if isinstance(adapter, OnPolicy) else 1
    skipped = sum(step.metrics.get("optim/steps_skipped", 0) for step in run.steps)
    assert checkpoint.steps == len(run.steps) * per_batch - skipped


def test_same_seed_gives_the_same_weights(target, pocket, tmp_path):
    first, second = (live(pocket, target, tmp_path) for _ in range(2))
    for run, adapter in (first, second):
        adapter.train(run)
    assert torch.equal(weights(first[0]), weights(second[0]))


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_survives_equal_rewards(target, pocket, tmp_path, reward):
    run, adapter = live(pocket, target, tmp_path, rewards=lambda _: reward)
    adapter.train(run)
    assert torch.isfinite(weights(run)).all()


def test_one_micro_batch_or_many_make_the_same_step(target, pocket, tmp_path):
    results = []
    for groups in (None, 1):
        run, adapter = live(pocket, target, tmp_path, steps=1, micro_batch_groups=groups)
        if reason := adapter.refuses(run.job):
            pytest.skip(reason)
        before = weights(run)
        adapter.train(run)
        results.append(weights(run) - before)
    whole, parts = results
    # Adam divides by the gradient's own size, so rounding shows in weights with gradients near 0: compare as vectors
    assert (whole - parts).norm() <= 0.02 * whole.norm()


def test_cannot_overspend(target, pocket, tmp_path):
    if target == CATALOGUE["base_model"]:
        pytest.skip("spends nothing")
    run, adapter = live(pocket, target, tmp_path)
    run.budget.charge(1, 1)
    with charged_generation(run.policy, run.budget), pytest.raises(BudgetSpent, match="same budget"):
        adapter.train(run)


def test_a_broken_policy_is_called_diverged(target, pocket, tmp_path):
    if target == CATALOGUE["base_model"]:
        pytest.skip("computes nothing")
    run, adapter = live(pocket, target, tmp_path)
    run.policy.proved()  # as before any training; a model that is broken from the start is refused
    with torch.no_grad():
        run.policy.trainable[-1].fill_(float("nan"))
    with pytest.raises(Diverged):
        adapter.train(run)


def adapter_of(target):
    cls = adapter_class(target)
    return cls(**{**{item.name: item.default for item in dataclasses.fields(cls)}, **cls.exact_settings})


@pytest.mark.parametrize("rule", CLASS_RULES, ids=lambda rule: rule.__name__)
def test_keeps_the_rules_for_every_class(target, rule):
    assert rule(adapter_of(target)) is None
    assert rule(adapter_class(target)()) is None


@pytest.mark.parametrize("rule", LOSS_RULES, ids=lambda rule: rule.__name__)
def test_its_loss_keeps_the_rules_of_the_shared_loop(target, rule):
    if not isinstance(adapter_of(target), OnPolicy):
        pytest.skip("trains in another way")
    assert rule(adapter_of(target)) is None
    assert rule(adapter_class(target)()) is None


def test_is_documented_as_our_files_are(target):
    module = import_module(target.partition(":")[0])
    positions = [module.__doc__.index(part) for part in ("Objective", "Source", "Differences", "Degenerates")]
    assert positions == sorted(positions)
    assert len(Path(module.__file__).read_text(encoding="utf-8").splitlines()) <= 150


def test_half_of_the_algorithm_files_fit_on_two_screens():
    sizes = sorted(
        len(Path(import_module(t.partition(":")[0]).__file__).read_text().splitlines()) for t in TARGETS.values()
    )
    assert sizes[len(sizes) // 2] <= 90


def test_extra_heads_are_counted(pocket, tmp_path):
    run, adapter = live(pocket, CATALOGUE["gflownet_tb"], tmp_path)
    checkpoint = adapter.train(run)
    size = run.policy.hidden_size
    assert (
        checkpoint.head_parameters == 2 * size + size * size + size + size + 1
    )  # LayerNorm, Linear(H, H), Linear(H, 1)


def test_ppo_explores_the_clip_in_its_second_pass(pocket, tmp_path):
    run, adapter = live(pocket, CATALOGUE["ppo"], tmp_path, learning_rate=3e-3)
    adapter.train(run)
    assert run.steps[-1].metrics["policy/clip_fraction"] > 0
