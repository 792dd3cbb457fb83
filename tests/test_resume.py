"""A training that is stopped anywhere and goes on ends as if nothing had happened, to the last bit."""

import dataclasses
import json
import shutil
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_every_algorithm import TARGETS, live, weights

from algorithms import CATALOGUE
from algorithms.sft import SFT
from benchmark.contract import Completion, Resumption
from benchmark.errors import MethodFault
from benchmark.run import checkpoint
from benchmark.run.checkpoint import Checkpoints, Pace
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
    """One attempt at the same job, which `stop` ends behind the log of that step: run, checkpoints, steps logged."""
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
def test_every_method_goes_on_as_if_nothing_had_happened(name, pocket, tmp_path):
    settings = SETTINGS.get(name, {})
    whole, _, _ = attempt(pocket, tmp_path / "whole", TARGETS[name], **settings)
    for stop in (1, 2):
        attempt(pocket, tmp_path / "cut", TARGETS[name], stop=stop, **settings)
    again, checkpoints, progress = attempt(pocket, tmp_path / "cut", TARGETS[name], **settings)
    assert torch.equal(weights(whole), weights(again))
    assert figures(whole) == figures(again)
    if name in BEGIN_ANEW:
        anew = Resumption("train", 0, "the method keeps no checkpoints.")
        assert checkpoints.resumptions == (anew, anew)
    else:
        assert checkpoints.resumptions == (Resumption("train", 1), Resumption("train", 2))
        assert progress == [STEPS]  # what was done is not done again


@dataclasses.dataclass(frozen=True, slots=True)
class Forgetful(SFT):
    """Names nothing of what changes."""

    def train(self, run):
        run.resume = lambda **_: type(run).resume(run)
        return SFT.train(self, run)


def test_what_a_method_does_not_name_is_missed(pocket, tmp_path):
    """The comparison above sees an optimiser that was left behind."""
    target = f"{__name__}:Forgetful"
    whole, _, _ = attempt(pocket, tmp_path / "whole", target)
    attempt(pocket, tmp_path / "cut", target, stop=2)
    again, _, _ = attempt(pocket, tmp_path / "cut", target)
    assert not torch.equal(weights(whole), weights(again))


def test_seconds_and_peaks_of_all_attempts_are_counted(pocket, tmp_path):
    first, _, _ = attempt(pocket, tmp_path, CATALOGUE["sft"], stop=2)
    again, _, _ = attempt(pocket, tmp_path, CATALOGUE["sft"])
    saved = first.steps[-1].seconds
    assert again.steps[:3] == first.steps  # probe at 0, steps 1 and 2, with their seconds
    assert again.steps[3].seconds > saved > 0
    assert again.earlier_seconds >= saved
    assert again._clock.wall_seconds >= sum(again._clock.seconds.values()) >= again.earlier_seconds
    assert again._clock.peak_bytes["rss/update"] >= 50 * 2**20


def test_a_batch_is_handed_out_once(pocket, tmp_path):
    run, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
    expected = [[problem.id for problem in batch] for batch in run.batches()]
    tokens = run.prompt_tokens

    def begin():
        one, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
        one.keep_in(Checkpoints(tmp_path / "checkpoints", one.job.id, 0.0, "here"))
        return one, one.resume()

    run, done = begin()
    assert done == 0
    found = [[problem.id for problem in next(run.batches())]]
    run.log(1, {})
    run, done = begin()
    assert done == 1
    found += [[problem.id for problem in batch] for batch in run.batches()]
    assert (found, run.prompt_tokens) == (expected, tokens)


def test_a_method_that_orders_its_batches_twice_begins_anew(pocket, tmp_path):
    """Which of the two orders a checkpoint would go on with cannot be known."""
    run, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
    run.keep_in(Checkpoints(tmp_path / "checkpoints", run.job.id, 0.0, "here"))
    run.resume()
    next(run.batches())
    next(run.batches())
    run.log(1, {})
    assert not list((tmp_path / "checkpoints").glob("step-*"))


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cut(pocket, tmp_path):
    """A job that was interrupted behind its second step; returns the folder of its checkpoints."""
    attempt(pocket, tmp_path, CATALOGUE["sft"], stop=2)
    return tmp_path / "checkpoints"


def resumed_from(pocket, folder):
    _, checkpoints, _ = attempt(pocket, folder.parent, CATALOGUE["sft"])
    (said,) = checkpoints.resumptions
    return said


def test_the_last_two_are_kept(pocket, tmp_path):
    attempt(pocket, tmp_path, CATALOGUE["sft"])
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["attempts.json", "step-00000002", "step-00000003"]


@pytest.mark.parametrize("name", ["state.json", "tree.json", "tensors.safetensors", "sums.json"])
@pytest.mark.parametrize("harm", ["shorter", "empty", "gone", "other"])
def test_a_damaged_checkpoint_is_left_out_and_the_one_before_it_taken(name, harm, pocket, cut):
    path = cut / "step-00000002" / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        flipped = bytes([*content[:-1], content[-1] ^ 1])
        path.write_bytes({"shorter": content[: len(content) // 2], "empty": b"", "other": flipped}[harm])
    said = resumed_from(pocket, cut)
    assert said.went_on_from == 1
    assert said.note.startswith("the checkpoint of step-00000002 was left out: ")


def test_without_any_whole_checkpoint_training_begins_anew(pocket, cut):
    for path in cut.glob("step-*/tensors.safetensors"):
        path.unlink()
    said = resumed_from(pocket, cut)
    assert said.went_on_from == 0
    assert said.note.count("was left out") == 2
    assert said.note.endswith("there was no checkpoint to go on from.")


def signed_again(folder):
    (folder / "sums.json").write_text(json.dumps(checkpoint._sums(folder)), encoding="utf-8")


def test_a_checkpoint_of_another_job_is_left_out(pocket, cut):
    folder = cut / "step-00000002"
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    (folder / "state.json").write_text(json.dumps({**state, "job": "somebody_else"}), encoding="utf-8")
    signed_again(folder)
    said = resumed_from(pocket, cut)
    assert said.went_on_from == 1
    assert "it is of job 'somebody_else'" in said.note


def test_a_checkpoint_of_other_weights_is_left_out(pocket, cut):
    folder = cut / "step-00000002"
    tensors = load_file(folder / "tensors.safetensors")
    name = next(name for name in tensors if name.startswith("state.0-weights."))
    save_file({**tensors, name: torch.zeros(3)}, folder / "tensors.safetensors")
    signed_again(folder)
    said = resumed_from(pocket, cut)
    assert said.went_on_from == 1
    assert "it holds other weights than the model" in said.note


def test_a_checkpoint_of_other_parts_is_left_out(pocket, cut):
    run, _ = live(pocket, CATALOGUE["sft"], cut.parent)
    run.keep_in(Checkpoints(cut, run.job.id, 0.0, "here"))
    assert run.resume(momentum={"kept": 1}) == 0
    assert "it holds the parts optimiser, not momentum" in run._checkpoints.resumptions[0].note


def test_another_machine_is_said(pocket, cut):
    run, _ = live(pocket, CATALOGUE["sft"], cut.parent)
    checkpoints = Checkpoints(cut, run.job.id, 0.0, "there")
    assert checkpoints.newest(lambda _: None).state.step == 2
    assert checkpoints.resumptions == (Resumption("train", 2, "the checkpoint was written on here, not there."),)


def test_a_killed_writing_leaves_the_checkpoints_before_it(pocket, cut):
    shutil.copytree(cut / "step-00000002", cut / ".writing-x")
    (cut / ".writing-x" / "sums.json").unlink()
    assert resumed_from(pocket, cut) == Resumption("train", 2)
    assert not list(cut.glob(".writing-*"))


# --- states ----------------------------------------------------------------------------------------------------------


def there_and_back(value):
    tensors = {}
    node = json.loads(json.dumps(to_node(value, tensors, "state")))
    return from_node(node, tensors)


def test_a_state_comes_back_as_it_was():
    state = {
        "flags": (True, None, 3, 0.1, -float("inf"), 2**200, "text"),
        3: {"nested": [1, [2, ()], {}], ("a", 1): "pair"},
        "tensor": torch.arange(6, dtype=torch.bfloat16).view(2, 3),
        "array": np.arange(4, dtype=np.uint32).reshape(2, 2),
        "number": np.int64(7),
    }
    found = there_and_back(state)
    assert list(found) == list(state)
    assert found["flags"] == state["flags"]
    assert found[3] == state[3]
    assert type(found[3]["nested"][1][1]) is tuple
    assert torch.equal(found["tensor"], state["tensor"])
    assert found["tensor"].dtype == torch.bfloat16
    assert (found["array"] == state["array"]).all()
    assert found["array"].dtype == np.uint32
    assert found["number"] == 7


@pytest.mark.parametrize("value", [{1, 2}, object(), np.array(["a"]), 1j, lambda: 0])
def test_a_state_that_is_no_data_is_refused_before_the_first_batch(value, pocket, tmp_path):
    run, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
    run.keep_in(Checkpoints(tmp_path / "checkpoints", run.job.id, 60.0, "here"))
    with pytest.raises(MethodFault, match=r"state\.1-parts\.0-mine\.0-x is of type .* which a checkpoint cannot hold"):
        run.resume(mine={"x": value})


def test_generators_and_tensors_that_share_memory_go_on(pocket, tmp_path):
    def parts():
        whole = torch.zeros(8)
        return {
            "torch_": torch.Generator().manual_seed(1),
            "numpy_": np.random.default_rng(1),
            "mersenne": np.random.Generator(np.random.MT19937(1)),
            "views": {"whole": whole, "half": whole[:4], "count": 0},
        }

    def begin(named):
        run, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
        run.keep_in(Checkpoints(tmp_path / "checkpoints", run.job.id, 0.0, "here"))
        return run, run.resume(**named)

    first, again = parts(), parts()
    run, _ = begin(first)
    for _ in range(3):  # the state is that of the middle of a stream
        torch.rand(3, generator=first["torch_"])
        first["numpy_"].random(3)
        first["mersenne"].random(3)
    first["views"]["count"] = 5
    first["views"]["half"].fill_(2.0)
    run.log(1, {})
    expected = draws(first)
    _, done = begin(again)
    assert done == 1
    assert draws(again) == expected
    assert again["views"]["count"] == 5
    assert again["views"]["whole"].tolist() == [2.0] * 4 + [0.0] * 4


def draws(parts):
    return (
        torch.rand(4, generator=parts["torch_"]).tolist(),
        parts["numpy_"].random(4).tolist(),
        parts["mersenne"].random(4).tolist(),
    )


# --- when to write ---------------------------------------------------------------------------------------------------


def test_writing_costs_less_than_a_hundredth(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("benchmark.run.checkpoint.time.monotonic", lambda: now[0])
    pace = Pace(60.0)
    found = []
    for now[0] in (59.9, 60.0):
        found.append(pace.due())
    pace.done(3.0)  # 100 × 3 s are longer than 60 s
    for now[0] in (60.0 + 299.9, 60.0 + 300.0):
        found.append(pace.due())
    assert found == [False, True, False, True]
    always = Pace(0.0)
    always.done(3.0)
    assert always.due()


# --- the exam --------------------------------------------------------------------------------------------------------


def answers(policy, kept, **changes):
    settings = {"samples": 2, "temperature": 1.0, "max_tokens": 8, "seed": 5, "batch_completions": 4} | changes
    return policy.complete(["1+1=", "2+2=", "3+3=", "4+4=", "5+5="], kept=kept, **settings)


def counted(policy, monkeypatch):
    """Every batch that is sampled, as its number of rows."""
    rows, plain = [], type(policy).sample

    def sample(self, prompts, noise, *, temperature):
        rows.append(len(noise))
        return plain(self, prompts, noise, temperature=temperature)

    monkeypatch.setattr(type(policy), "sample", sample)
    return rows


def test_an_exam_goes_on_behind_its_finished_batches(pocket, tmp_path, monkeypatch):
    expected = answers(pocket, None)
    rows = counted(pocket, monkeypatch)
    answers(pocket, ExamBatches(tmp_path, "w", 0.0, fresh=True))
    assert rows == [4, 4, 2]
    (tmp_path / "exam" / "5-2-1-4.json").write_text("torn", encoding="utf-8")
    again = ExamBatches(tmp_path, "w", 0.0, fresh=False)
    assert answers(pocket, again) == expected
    assert rows == [4, 4, 2, 2]  # the torn one alone
    assert again.resumptions == (Resumption("examine", 2),)


@pytest.mark.parametrize(
    ("weights_", "fresh", "changes"), [("v", False, {}), ("w", True, {}), ("w", False, {"seed": 6})]
)
def test_batches_of_other_weights_other_seeds_or_planted_in_training_are_not_used(
    weights_, fresh, changes, pocket, tmp_path, monkeypatch
):
    planted = ExamBatches(tmp_path, "w", 0.0, fresh=True)
    for first in (0, 2, 4):
        planted.put(f"5-2-1-{first}", [Completion("#### 1", 1, truncated=False)] * 4)
    rows = counted(pocket, monkeypatch)
    answers(pocket, ExamBatches(tmp_path, weights_, 0.0, fresh=fresh), **changes)
    assert rows == [4, 4, 2]


def test_short_exams_write_nothing(pocket, tmp_path):
    answers(pocket, ExamBatches(tmp_path, "w", 60.0, fresh=True))
    assert not list((tmp_path / "exam").iterdir())
