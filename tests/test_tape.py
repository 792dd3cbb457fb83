"""One tape to every method: what must be parallel is, what must be 0 is, and a wrong tape is refused."""

import copy
import json
from dataclasses import dataclass, replace

import pytest
import torch
from typer.testing import CliRunner

from algorithms import CATALOGUE
from algorithms._on_policy import roll_out
from benchmark.adapter import Adapter
from benchmark.cli import app
from benchmark.commands.tape.compare import StepSettings, compare, compare_tape, effects_of
from benchmark.commands.tape.figures import shown_problems
from benchmark.commands.tape.page import effects_table, same_direction, write_page
from benchmark.commands.tape.record import TapeRequest, record, record_from
from benchmark.commands.tape.replay import ReplayPolicy
from benchmark.commands.tape.store import files_of, read_tape, write_tape
from benchmark.contract import Checkpoint, Exam, Job, Model, Training
from benchmark.errors import ConfigurationError
from benchmark.model.load import load_policy
from benchmark.model.policy import LanguagePolicy
from benchmark.run.clock import Clock
from benchmark.run.live_run import LiveRun
from benchmark.suite.registry import resolve
from benchmark.tasks import load_task

PROMPTS, GROUP, LIMIT = 4, 4, 60
WANTED = TapeRequest(prompts=PROMPTS, group_size=GROUP, max_completion_tokens=LIMIT, seed=3)
TASK = load_task("grade_school")


@pytest.fixture(scope="module")
def tape():
    made = record(WANTED)
    groups = made.reward.view(PROMPTS, GROUP)
    assert (groups != groups[:, :1]).any(), "this tape teaches nothing: choose another seed"
    return made


@pytest.fixture(scope="module")
def problems(tape):
    known = {problem.id: problem for problem in TASK.load("train")}
    return tuple(known[name] for name in tape.header.problems)


@pytest.fixture
def asked_of(tape, problems, pocket):
    """Effects and gradients of methods given as name → settings, `class` for another name of a known class."""

    def ask(methods, on=tape, asked=StepSettings(), policy=None):  # noqa: B008 - frozen
        algorithms = [resolve(name, settings) for name, settings in methods.items()]
        return effects_of(on, policy or own(pocket), problems, algorithms, asked)

    return ask


def own(policy):
    return LanguagePolicy(copy.deepcopy(policy.model), policy.tokenizer)


def cosine(one, other):
    return float(one.double() @ other.double() / (one.double().norm() * other.double().norm()))


def of(name, **settings):
    return {"class": CATALOGUE[name], **settings}


# --- the tape ------------------------------------------------------------------------------------------------------


def test_a_tape_is_the_batch_a_run_begins_with(tape, pocket, tmp_path):
    training = Training(steps=1, prompts_per_step=PROMPTS, group_size=GROUP, max_completion_tokens=LIMIT, probe_every=0)
    job = Job("x", "suite", resolve("grpo", {}), "grade_school", WANTED.seed, Model(), training, Exam())
    split = TASK.load("train")
    run = LiveRun(job, pocket, training=split, probe=(), clock=Clock(), folder=tmp_path, progress=lambda _: None)
    batch = roll_out(run, pocket, next(run.batches()), 1)
    assert torch.equal(batch.ids, tape.sampled.ids)
    assert torch.equal(batch.old_logp, tape.sampled.logp)
    assert torch.equal(batch.reward, tape.reward)


def test_written_and_read_back_is_the_same(tape, tmp_path):
    for name in ("one", "two"):
        write_tape(tmp_path / name, tape)
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "two.safetensors").read_bytes()
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    for path in (tmp_path / "one", tmp_path / "one.json", tmp_path / "one.safetensors"):
        back = read_tape(path)
        assert back.header == tape.header
        for mine, its in zip((*back.prompts, *back.sampled), (*tape.prompts, *tape.sampled), strict=True):
            assert torch.equal(mine, its)
        assert torch.equal(back.ref_logp, tape.ref_logp)
        assert torch.equal(back.greedy_reward, tape.greedy_reward)


def test_reference_and_sampling_log_probabilities_agree_where_the_reference_is_the_policy(tape):
    assert torch.allclose(tape.ref_logp, tape.sampled.logp, atol=1e-4)


def edited(path, **changes):
    held = json.loads(path.read_text())
    path.write_text(json.dumps({**held, **changes}))


def test_what_is_not_a_whole_tape_is_refused(tape, tmp_path):
    with pytest.raises(ConfigurationError, match="no tape"):
        read_tape(tmp_path / "none")
    numbers, words = files_of(tmp_path / "tape")
    for changes, message in (
        ({"schema_version": 2}, "schema 1"),
        ({"numbers": "0"}, "other numbers"),
        ({"seed": "three"}, "seed: "),
        ({"group_size": 2}, r"'completion_ids' is torch.int32 \[16, .*expected torch.int32 \[8, "),
    ):
        write_tape(tmp_path / "tape", tape)
        edited(words, **changes)
        with pytest.raises(ConfigurationError, match=message):
            read_tape(tmp_path / "tape")
    write_tape(tmp_path / "tape", tape)
    numbers.write_bytes(numbers.read_bytes()[:-8])
    with pytest.raises(ConfigurationError, match="other numbers"):
        read_tape(tmp_path / "tape")


def test_other_weights_and_other_problems_are_refused(tape, problems, pocket):
    tape.check(pocket, problems)
    with pytest.raises(ConfigurationError, match="the problems have digest"):
        tape.check(pocket, problems[::-1])
    other = own(pocket)
    with torch.no_grad():
        other.trainable[0][0] += 1
    with pytest.raises(ConfigurationError, match=r"weights have digest .* tape was recorded with"):
        tape.check(other, problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"prompts": 10**6}, "holds"), ({"group_size": 1}, "at least 2"), ({"temperature": 0}, "abo")],
)
def test_what_cannot_be_recorded_is_said(change, message):
    with pytest.raises(ConfigurationError, match=message):
        record(replace(WANTED, **change))


# --- the replay ----------------------------------------------------------------------------------------------------


def test_fewer_samples_are_the_first_of_each_group_and_greedy_ones_are_greedy(tape, pocket):
    replay = ReplayPolicy(pocket.model, pocket.tokenizer, tape=tape)
    fewer = replay.sample(tape.prompts, torch.zeros(PROMPTS * (GROUP - 1), LIMIT), temperature=1.0)
    rows = [row for row in range(PROMPTS * GROUP) if row % GROUP < GROUP - 1]
    width = fewer.ids.shape[1]
    assert torch.equal(fewer.ids, tape.sampled.ids[rows][:, :width])
    assert fewer.mask.sum() == tape.sampled.mask[rows].sum()
    greedy = replay.sample(tape.prompts, torch.zeros(PROMPTS, LIMIT), temperature=0.0)
    assert torch.equal(greedy.ids, tape.greedy.ids)


def test_every_method_is_compared_but_those_without_samples_and_the_weights_come_back(asked_of, tape, pocket):
    policy = own(pocket)
    effects, gradients, left_out = asked_of({name: {} for name in CATALOGUE}, policy=policy)
    assert set(left_out) == {"base_model", "sft", "trl_grpo", "trl_rloo", "trl_online_dpo"}
    assert "no optimiser step" in left_out["base_model"]
    assert "asks for batches of" in left_out["sft"]
    assert [effect.method for effect in effects] == [name for name in CATALOGUE if name not in left_out]
    assert all(torch.isfinite(gradient).all() and gradient.any() for gradient in gradients)
    assert policy.digest() == tape.header.model_digest
    # Adam's first step is at most the learning rate in each weight; a hair more by rounding
    most = 2e-4 * sum(weight.numel() for weight in policy.trainable) ** 0.5
    assert all(0 < effect.step_norm <= 1.01 * most for effect in effects)


def test_a_gradient_is_the_whole_losss_and_unclipped(asked_of, tape, pocket):
    # RAFT: −Σ over tokens of correct completions of log π, divided by their number
    policy = own(pocket)
    keep = tape.sampled.mask * (tape.reward == 1).float().unsqueeze(1)
    scored = policy.score(tape.prompts, tape.sampled.ids, tape.sampled.mask, temperature=1.0)
    (-(scored.logp * keep).sum() / keep.sum()).backward()
    expected = torch.cat([weight.grad.flatten() for weight in policy.trainable])
    _, (gradient, large), _ = asked_of({"raft": {}, "gflownet_tb": {}})
    assert torch.allclose(gradient, expected, atol=1e-6)
    assert large.norm() > 1  # where the optimiser clips


@dataclass(frozen=True, slots=True)
class Greedy(Adapter):
    """Wants twice what a tape holds."""

    paper = "none"

    def train(self, run):
        problems = next(run.batches())
        prompts = run.policy.encode([problem.prompt for problem in problems])
        run.policy.sample(prompts, torch.zeros(2 * PROMPTS * GROUP, LIMIT), temperature=1.0)
        return Checkpoint(0)


@dataclass(frozen=True, slots=True)
class Blind(Adapter):
    """Learns from nothing."""

    paper = "none"

    def train(self, run):
        optimiser = torch.optim.SGD(run.policy.trainable, lr=1.0)
        sum(weight.sum() for weight in run.policy.trainable).backward()
        optimiser.step()
        raise AssertionError("goes on behind its first step")


def test_an_outside_method_that_does_not_fit_is_left_out_with_the_reason(asked_of):
    methods = {"grpo": {}, f"{__name__}:Greedy": {}, f"{__name__}:Blind": {}}
    _, _, left_out = asked_of(methods)
    assert "32 completions of 4 prompts; the tape holds 4 of each" in left_out["Greedy"]
    assert left_out["Blind"] == "learns without sampling."


# --- the methods ---------------------------------------------------------------------------------------------------

PLAIN_DAPO = of("dapo", dynamic_sampling=False, overlong_share=0.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of("grpo"), of("gspo")),  # ratio 1
        (PLAIN_DAPO, of("cispo")),
        (of("dr_grpo"), of("rloo", kl_coef=0.0)),  # leave-one-out is G/(G−1) times centred
        (of("tba"), of("gflownet_vargrad")),  # all fresh, τ = β
        (of("raft"), of("gflownet_tb")),  # log Z = 0 and π = π_ref: δ = −r/τ
    ],
)
def test_methods_that_are_parallel_on_policy(asked_of, one, other):
    _, (a, b, odd), _ = asked_of({"one": one, "other": other, "odd": of("remax")})
    assert cosine(a, b) == pytest.approx(1, abs=1e-5)
    assert cosine(a, odd) < 0.99


def test_rloo_is_dr_grpo_times_limit_and_leave_one_out(asked_of):
    # Dr. GRPO divides by L_max = 60 tokens: RLOO is 60·G/(G−1) = 60·4/3 = 80 times as long
    _, (centred, out), _ = asked_of({"dr_grpo": {}, "rloo": {"kl_coef": 0.0}})
    assert torch.allclose(out, 80 * centred, rtol=1e-3, atol=1e-4 * float(out.abs().max()))


def test_tba_is_rloo_with_its_kl_also_away_from_the_reference(asked_of, monkeypatch):
    still = LanguagePolicy.snapshot

    def drifted(self):
        frozen = still(self)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in frozen.model.parameters():
                weight.add_(0.02 * torch.randn(weight.shape, generator=generator))
        return frozen

    monkeypatch.setattr(LanguagePolicy, "snapshot", drifted)
    methods = {"tba": {"beta": 0.25, "sync_every": 1}, "rloo": {"kl_coef": 0.25}, "plain": of("rloo", kl_coef=0.0)}
    _, (tba, with_kl, without), _ = asked_of(methods)
    assert cosine(tba, with_kl) == pytest.approx(1, abs=1e-5)
    assert cosine(tba, without) < 0.99


def test_the_naive_gflownet_does_not_see_rewards(asked_of, tape):
    flipped = replace(tape, reward=1 - tape.reward)
    methods = {"gflownet_naive": {}, "dr_grpo": {}}
    _, (naive, ours), _ = asked_of(methods)
    _, (blind, theirs), _ = asked_of(methods, on=flipped)
    assert torch.equal(naive, blind)
    assert torch.allclose(ours, -theirs, atol=1e-6)  # (1 − r) centred is −(r centred)


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_equal_groups_teach_grpo_nothing_and_trajectory_balance_only_success(asked_of, tape, problems, pocket, reward):
    equal = replace(tape, reward=torch.full_like(tape.reward, reward))
    (grpo, tb), (none, some), left_out = asked_of({"grpo": {}, "gflownet_tb": {}, "dapo": {}}, on=equal)
    assert not none.any()
    assert (grpo.gradient_norm, grpo.step_norm, grpo.kl_per_token, grpo.effective_completions) == (0, 0, 0, None)
    assert bool(some.norm() > 1e-2) == bool(reward)
    assert tb.gradient_norm == pytest.approx(float(some.double().norm()), rel=1e-6)
    assert left_out == {"dapo": "takes no optimiser step on this tape."}
    algorithms = [resolve(name, {}) for name in ("grpo", "gflownet_tb")]
    found = compare_tape("equal", equal, own(pocket), problems, algorithms, StepSettings())
    assert found.cosine[0] == (None, None)
    assert same_direction(found) == []


def test_correct_completions_rise_and_wrong_ones_fall(asked_of, tape):
    (effect,), _, _ = asked_of({"dr_grpo": {}})
    right = tape.reward == 1
    push = torch.tensor(effect.push)
    assert push[right].mean() > 0 > push[~right].mean()
    assert effect.effective_completions == pytest.approx(float(push.abs().sum() ** 2 / (push**2).sum()), rel=1e-5)
    per_token = push / tape.sampled.mask.sum(1)
    assert list(effect.push_per_token) == pytest.approx(per_token.tolist(), rel=1e-5)
    tokens = float(tape.sampled.mask.sum()) / len(push)
    assert effect.kl_per_completion == pytest.approx(effect.kl_per_token * tokens, rel=1e-5)
    assert effect.kl_per_token > 0


def test_micro_batches_give_the_same_gradient(asked_of):
    methods = {name: {} for name in ("grpo", "dapo", "ppo", "flowrl")}
    _, whole, _ = asked_of(methods)
    _, parts, _ = asked_of(methods, asked=StepSettings(micro_batch_groups=1))
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one, other, atol=1e-5 * float(one.norm()))


def test_heads_can_learn_first_while_the_policy_stands_still(asked_of):
    methods = {"ppo": {}, "grpo": {}}
    (_, one), (critic, plain), _ = asked_of(methods)
    (_, two), (learned, same), _ = asked_of(methods, asked=StepSettings(head_steps=3))
    assert 0.5 < cosine(critic, learned) < 0.9999
    assert torch.equal(plain, same)
    assert one.push == two.push


def test_lora_adapters_are_compared_by_their_own_weights(tape, problems):
    policy = load_policy(Model(lora_rank=2), "")
    adapted = record_from(policy, TASK, problems, replace(WANTED, model=Model(lora_rank=2)))
    assert torch.equal(adapted.sampled.ids, tape.sampled.ids)  # a fresh adapter changes nothing
    algorithms = [resolve(name, {}) for name in ("dr_grpo", "rloo", "gflownet_db")]
    effects, gradients, _ = effects_of(adapted, policy, problems, algorithms, StepSettings(learning_rate=1e-3))
    assert len(gradients[0]) == sum(weight.numel() for weight in policy.trainable) < 1e5
    assert cosine(*gradients[:2]) == pytest.approx(1, abs=1e-4)
    assert effects[0].kl_per_token > 0
    assert policy.digest() == adapted.header.model_digest


# --- the report ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(tape, problems, pocket):
    algorithms = [resolve(name, {}) for name in ("sft", "dr_grpo", "rloo", "remax")]
    return compare_tape("t", tape, own(pocket), problems, algorithms, StepSettings())


def test_the_page_says_it_and_is_the_same_bytes_again(report, tmp_path):
    path = write_page(report, tmp_path / "one")
    write_page(report, tmp_path / "two")
    files = ["tape-t.json", "tape-t.md", "tape-t/correlation.svg", "tape-t/cosine.svg", "tape-t/pushes.svg"]
    assert sorted(f.relative_to(tmp_path / "one").as_posix() for f in (tmp_path / "one").rglob("*.*")) == files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    text = path.read_text()
    assert "`dr_grpo` and `rloo`" in text
    assert "| `sft` | asks for batches of 16 problems" in text
    assert report.problems[shown_problems(report)[0]].prompt[:40] in text
    numbers = json.loads((tmp_path / "one" / "tape-t.json").read_text())
    assert numbers["methods"] == ["dr_grpo", "rloo", "remax"]
    assert numbers["gradient_cosine"][0][1] == pytest.approx(1, abs=1e-4)
    assert len(numbers["effects"][2]["push"]) == PROMPTS * GROUP


def test_texts_of_published_problems_are_not_shown(report, tmp_path):
    text = write_page(replace(report, texts=None), tmp_path).read_text()
    assert not any(problem.prompt[:40] in text for problem in report.problems)


def test_shares_and_means_of_pushes_are_those_of_the_tape(report):
    row = effects_table(report).rows[0]
    right = [push for push, r in zip(report.effects[0].push, report.tape.reward.tolist(), strict=True) if r == 1]
    assert row[6] == f"{sum(right) / len(right):+.2f}".replace("-", "−")
    assert row[8].startswith(f"{100 * sum(push > 0 for push in right) / len(right):.0f}")


def test_the_command_line_records_compares_and_says_what_is_wrong(tmp_path):
    runner, path = CliRunner(), str(tmp_path / "tapes" / "small")
    made = runner.invoke(app, ["tape", "record", path, "--prompts", "2", "--group-size", "4", "--seed", "3"])
    assert made.exit_code == 0, made.output
    assert made.output.startswith("8 completions")
    asked = ["tape", "compare", path, "grpo", "sft", "--reports", str(tmp_path / "reports")]
    done = runner.invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "left out: sft" in done.output
    assert (tmp_path / "reports" / "tape-small.md").exists()
    wrong = runner.invoke(app, ["tape", "compare", str(tmp_path / "none"), "grpo"])
    assert isinstance(wrong.exception, ConfigurationError)
    with pytest.raises(ConfigurationError, match=r"no method can be compared .*base_model: takes no optimiser step"):
        compare(tmp_path / "tapes" / "small", [resolve("base_model", {})], StepSettings())
