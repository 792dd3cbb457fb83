"""The shared loop around the losses: what it hands over, counts, skips, freezes, and keeps apart."""

import copy
import dataclasses
from dataclasses import replace

import pytest
import torch
from batches import random_batch
from test_every_algorithm import PROBLEMS, live, weights

from algorithms import CATALOGUE
from algorithms._batch import Loss
from algorithms._buffer import Buffer
from algorithms._heads import Heads
from algorithms._on_policy import evaluate_now, roll_out, train_on_policy, update, with_constants
from algorithms._optimiser import Optimiser
from algorithms._trust_region import step_share
from algorithms.dapo import DAPO
from algorithms.expert_iteration import ExpertIteration
from algorithms.flowrl import FlowRL
from algorithms.gflownet_db import DetailedBalance
from algorithms.gflownet_pg import PolicyGradientGFlowNet
from algorithms.gflownet_tb import TrajectoryBalance
from algorithms.grpo import GRPO
from algorithms.ppo import PPO
from benchmark.seeds import seed_of

CPU = torch.device("cpu")


def rollouts(pocket, folder, name="grpo", **changes):
    run, adapter = live(pocket, CATALOGUE[name], folder, **changes)
    return run, adapter, roll_out(run, run.policy, PROBLEMS[:4], 1, adapter.needs)


@pytest.mark.parametrize("head", ["value", "log_z", "flow"])
def test_heads_read_the_policy_and_do_not_move_it(pocket, tmp_path, head):
    need = {"value": "value_head", "log_z": "log_z_head", "flow": "flow_head"}[head]
    run, _, batch = rollouts(pocket, tmp_path)
    heads = Heads({need}, run.policy.hidden_size, 0)
    with torch.no_grad():
        for weight in heads.parameters():
            weight.add_(0.1)  # the zero last layer alone would hide a leak
    now = evaluate_now(run, batch, heads, frozenset({need}))
    run.policy.model.zero_grad()
    getattr(now, head).sum().backward()
    assert all(weight.grad is None for weight in run.policy.trainable)
    assert all(weight.grad is not None for weight in heads.parameters())


def test_flowrls_log_z_reaches_the_policy_as_its_release_does(pocket, tmp_path):
    run, _, batch = rollouts(pocket, tmp_path)
    heads = Heads(FlowRL().needs, run.policy.hidden_size, 0)
    with torch.no_grad():
        heads.log_z_head[-1].weight.fill_(0.1)
    evaluate_now(run, batch, heads, FlowRL().needs).log_z.sum().backward()
    assert any(weight.grad is not None and weight.grad.any() for weight in run.policy.trainable)


def test_remax_pays_its_greedy_completion_from_the_group(pocket, tmp_path):
    run, _, batch = rollouts(pocket, tmp_path, "remax")
    assert batch.group_size == 3
    assert run.budget.completions == 16
    silent = torch.zeros(4, 48)
    greedy = run.policy.decode(run.policy.sample(batch.prompts, silent, temperature=0.0))
    expected = run.rewards(PROBLEMS[:4], [[completion] for completion in greedy])
    assert batch.greedy_reward.view(4, 3)[:, 0].tolist() == [row[0] for row in expected]


def test_every_prefix_is_graded_and_the_last_is_the_completion(pocket, tmp_path):
    _, _, batch = rollouts(pocket, tmp_path, "gflownet_subtb_prefix")
    n = batch.mask.sum(1).long()
    assert batch.prefix_reward.shape == (16, batch.mask.shape[1] + 1)
    assert torch.equal(batch.prefix_reward.gather(1, n.unsqueeze(1)).squeeze(1), batch.reward)
    assert (batch.prefix_reward[:, 0] == 0).all()
    row = int(batch.reward.argmax())
    assert batch.reward[row] == 1
    # without its end-of-sequence token the text is the same, so it was right one token earlier too
    assert batch.prefix_reward[row, n[row] - 1] == 1


def test_a_state_behind_the_last_token_is_read_for_the_naive_flow(pocket, tmp_path):
    run, method, batch = rollouts(pocket, tmp_path, "gflownet_naive")
    heads = Heads(method.needs, run.policy.hidden_size, 0)
    heads.flow_head[-1].weight.data.fill_(0.1)
    longer = evaluate_now(run, batch, heads, method.needs)
    plain = evaluate_now(run, batch, heads, frozenset({"flow_head"}))
    assert longer.flow.shape[1] == batch.mask.shape[1] + 1 == plain.flow.shape[1] + 1
    assert torch.allclose(longer.logp, plain.logp, atol=1e-5)
    assert torch.allclose(longer.flow[:, :-1] * batch.mask, plain.flow * batch.mask, atol=1e-4)


def test_a_batch_without_signal_makes_no_step_and_is_counted(pocket, tmp_path):
    run, adapter = live(pocket, CATALOGUE["dapo"], tmp_path, rewards=lambda _: 0.0)
    before = weights(run)
    checkpoint = adapter.train(run)
    assert checkpoint.steps == 0
    assert torch.equal(weights(run), before)
    assert [step.metrics["optim/steps_skipped"] for step in run.steps] == [1.0, 1.0]
    assert [step.metrics["batch/frac_rows_kept"] for step in run.steps] == [0.0, 0.0]


def test_mini_batches_and_passes_are_optimiser_steps(pocket, tmp_path):
    run, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
    assert train_on_policy(run, GRPO(passes=2, mini_batches=4)).steps == 2 * 2 * 4
    assert run.steps[0].metrics["policy/ratio_max"] > 1.0001  # the later steps are off-policy


def test_the_first_step_over_a_batch_is_on_policy(pocket, tmp_path):
    run, adapter = live(pocket, CATALOGUE["grpo"], tmp_path)
    adapter.train(run)
    assert run.steps[0].metrics["policy/ratio_max"] == pytest.approx(1, abs=1e-3)
    assert run.steps[0].metrics["policy/clip_fraction"] == 0


def test_the_critic_may_learn_before_the_policy_moves(pocket, tmp_path):
    run, _ = live(pocket, CATALOGUE["ppo"], tmp_path)
    before = weights(run)
    checkpoint = train_on_policy(run, PPO(value_warmup_steps=4))
    assert torch.equal(weights(run), before)  # two batches of two passes
    run, _ = live(pocket, CATALOGUE["ppo"], tmp_path)
    assert train_on_policy(run, PPO(value_warmup_steps=3)).steps == checkpoint.steps == 4
    assert not torch.equal(weights(run), before)


@pytest.mark.parametrize("method", [PPO(), TrajectoryBalance(), DetailedBalance(), FlowRL()])
def test_heads_resume_bit_for_bit(pocket, tmp_path, method):
    run, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
    batch = roll_out(run, run.policy, PROBLEMS[:4], 1)

    def start():
        heads = Heads(method.needs, run.policy.hidden_size, 7)
        return heads, Optimiser(run, heads, None, 1e-2)

    def move(heads, optimiser, times):
        reference = run.policy.reference()
        for _ in range(times):
            update(
                run,
                method.prepare(with_constants(run, batch, heads, reference, method.needs)),
                heads,
                method,
                optimiser,
            )

    heads, optimiser = start()
    move(heads, optimiser, 1)
    policy = {name: weight.clone() for name, weight in run.policy.model.state_dict().items()}
    assert optimiser.checkpoint().head_parameters == sum(weight.numel() for weight in heads.parameters())
    state = copy.deepcopy(optimiser.state_dict())
    move(heads, optimiser, 1)
    expected = [weight.clone() for weight in heads.parameters()]
    run.policy.model.load_state_dict(policy)
    again, resumed = start()
    resumed.load_state_dict(state)
    assert resumed.steps == state["steps"] == method.passes
    move(again, resumed, 1)
    for one, other in zip(expected, again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_heads_have_their_own_learning_rate(pocket, tmp_path):
    moved = {}
    for rate in (1e-3, 1e-2):
        run, _ = live(pocket, CATALOGUE["ppo"], tmp_path, steps=1)
        heads = Heads({"value_head"}, run.policy.hidden_size, 0)
        before = heads.value_head[-1].bias.clone()
        optimiser = Optimiser(run, heads, None, rate)
        batch = roll_out(run, run.policy, PROBLEMS[:4], 1)
        batch = PPO(passes=1).prepare(with_constants(run, batch, heads, run.policy.reference(), PPO().needs))
        update(run, batch, heads, PPO(passes=1), optimiser)
        moved[rate] = (heads.value_head[-1].bias - before).abs().item()
    assert moved[1e-2] == pytest.approx(10 * moved[1e-3], rel=1e-3)  # Adam's first step is the rate itself


class _Linear:
    """A run whose policy is one weight, and whose loss is −weight: the step is the learning rate."""

    def __init__(self, **changes):
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.policy = self
        self.trainable = [self.weight]
        self.job = self
        defaults = {"learning_rate": 0.1, "warmup_steps": 4, "max_grad_norm": 1.0, "head_learning_rate": 1.0}
        self.training = dataclasses.make_dataclass("T", [*defaults])(**(defaults | changes))

    def step(self, optimiser, slope=1.0):
        before = self.weight.item()
        metrics = optimiser.step([lambda: Loss(-slope * self.weight.sum(), {})])
        return self.weight.item() - before, metrics


def test_the_learning_rate_rises_linearly():
    run = _Linear()
    optimiser = Optimiser(run, Heads(frozenset(), 1, 0), None, None)
    moves = [run.step(optimiser)[0] for _ in range(6)]
    # Adam moves by the rate when the gradient is constant: ¼, ½, ¾ of 0.1, then all of it
    assert moves == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1], rel=1e-4)


def test_the_gradient_is_clipped_and_the_share_of_clipped_steps_logged():
    run = _Linear(max_grad_norm=0.5)
    optimiser = Optimiser(run, Heads(frozenset(), 1, 0), None, None)
    seen = []
    run.weight.register_hook(lambda gradient: seen.append(gradient.clone()))
    clipped = []
    adam = optimiser._adam.step
    optimiser._adam.step = lambda: (clipped.append(run.weight.grad.clone()), adam())
    metrics = run.step(optimiser, slope=4.0)[1]
    assert seen[0].item() == -4.0
    assert clipped[0].item() == pytest.approx(-0.5, rel=1e-4)
    assert metrics["optim/grad_norm_policy"] == 4.0
    assert metrics["optim/frac_steps_clipped"] == 1.0
    assert run.step(optimiser, slope=0.1)[1]["optim/frac_steps_clipped"] == 0.0


def test_methods_meet_the_same_problems_and_the_same_noise(pocket, tmp_path):
    seen = {}
    for name in ("grpo", "flowrl"):
        run, _ = live(pocket, CATALOGUE[name], tmp_path)
        run.job = replace(run.job, algorithm=replace(run.job.algorithm, name=name))
        seen[name] = ([[p.id for p in batch] for batch in run.batches()], run.seed("rollout 1"))
        assert run.seed("rollout 1") == seed_of(0, "competition", "rollout 1")
    assert seen["grpo"] == seen["flowrl"]
    ids = [identity for batch in seen["grpo"][0] for identity in batch]
    assert len(set(ids)) == len(ids)


def test_a_buffer_keeps_distinct_completions_and_draws_whole_groups():
    batch = random_batch(0, groups=2, group=3)
    batch = replace(batch, ids=torch.arange(30).view(6, 5))
    batch = replace(batch, ids=torch.where(torch.arange(6).unsqueeze(1) == 1, batch.ids[0], batch.ids))
    lengths = torch.tensor([2, 2, 5, 3, 1, 4])
    batch = replace(batch, mask=(torch.arange(5) < lengths.unsqueeze(1)).double())
    buffer = Buffer(2, 0, CPU)
    buffer.add(["a", "b"], batch, version=1)
    assert len(buffer) == 4  # rows 0 and 1 are copies; of prompt b's three the oldest is dropped
    assert buffer.draw(0.0, 1)[0] is batch  # nothing older yet
    buffer.add(["c", "d"], replace(batch, reward=batch.reward + 10), version=2)
    drawn, ages = buffer.draw(0.0, 5)
    assert set(ages) == {4}
    assert (drawn.reward < 10).all()
    rows = [tuple(row[: int(n)].tolist()) for row, n in zip(drawn.ids, drawn.mask.sum(1), strict=True)]
    assert set(rows) <= {tuple(range(2)), (10, 11, 12, 13, 14), (20,), (25, 26, 27, 28)}
    fresh, ages = buffer.draw(1.0, 5)
    assert fresh.reward.min() >= 10
    assert set(ages) == {3}


def test_fresh_share_is_the_share_of_fresh_groups():
    batch = replace(random_batch(0, groups=4), ids=torch.arange(80).view(16, 5))
    buffer = Buffer(10, 0, CPU)
    buffer.add(list("abcd"), batch, 1)
    buffer.add(list("efgh"), replace(batch, ids=batch.ids + 100), 2)
    shares = [sum(row[0] >= 100 for row in buffer.draw(0.75, 3)[0].ids.tolist()) / 16 for _ in range(200)]
    assert sum(shares) / 200 == pytest.approx(0.75, abs=0.05)


def test_a_buffer_goes_on_with_the_same_rows_and_draws():
    batch = replace(random_batch(0, groups=4), ids=torch.arange(80).view(16, 5))
    buffer, again = Buffer(3, 0, CPU), Buffer(3, 1, CPU)
    again.load_state_dict(buffer.state_dict())  # an empty one
    assert len(again) == 0
    buffer.add(list("abcd"), batch, 1)
    buffer.draw(0.5, 1)
    again.load_state_dict(buffer.state_dict())
    assert len(again) == len(buffer) == 12  # four prompts, three of four completions each
    newest = replace(batch, ids=batch.ids + 100)
    for one in (buffer, again):
        one.add(list("efga"), newest, 2)
    for step in (3, 4, 5):
        (expected, ages), (found, others) = buffer.draw(0.5, step), again.draw(0.5, step)
        assert ages == others
        for name in ("ids", "mask", "old_logp", "reward", "terminated"):
            one, other = getattr(expected, name), getattr(found, name)
            assert one.dtype == other.dtype
            assert torch.equal(one, other)
        assert torch.equal(expected.prompts.ids, found.prompts.ids)


def test_dapo_penalises_length_before_the_group_is_compared():
    batch = random_batch(2, width=8)
    equal = replace(batch, reward=torch.ones_like(batch.reward))
    prepared = DAPO(dynamic_sampling=False).prepare(equal)
    lengths = batch.mask.sum(1)
    # L_max = 8, L_c = 2: 6 tokens cost nothing, 7 cost ½, 8 cost 1
    penalty = torch.where(lengths <= 6, 0.0, (6 - lengths) / 2)
    centred = (penalty.view(-1, 4) - penalty.view(-1, 4).mean(1, keepdim=True)).flatten()
    assert torch.equal(torch.sign(prepared.advantage[:, 0]), torch.sign(centred))


def test_a_trust_region_step_stays_in_its_region_and_lowers_the_loss(pocket, tmp_path):
    run, _ = live(pocket, CATALOGUE["gflownet_pg"], tmp_path, steps=1)
    method = PolicyGradientGFlowNet(trust_radius=0.01)
    before = weights(run)
    method.train(run)
    metrics = run.steps[0].metrics
    assert metrics["trust/step_share"] > 0
    assert not torch.equal(before, weights(run))
    after, _ = live(pocket, CATALOGUE["gflownet_pg"], tmp_path, steps=1)
    batch = roll_out(after, after.policy, PROBLEMS[:4], 1)
    drawn = run.policy.score(batch.prompts, batch.ids, batch.mask, temperature=1.0)
    log_ratio = (drawn.logp - batch.old_logp) * batch.mask
    kl = ((log_ratio.exp() - 1 - log_ratio) * batch.mask).sum(1).mean()
    assert 0.001 < kl <= 0.0101  # the same seed draws the batch the step was made for


def test_expert_iteration_learns_from_distinct_correct_completions_from_the_start(pocket, tmp_path):
    run, adapter = live(pocket, CATALOGUE["expert_iteration"], tmp_path, steps=2)
    before = weights(run)
    checkpoint = adapter.train(run)
    collected = [step.metrics["batch/collected"] for step in run.steps]
    correct = [step.metrics["reward/mean"] * 16 for step in run.steps]
    assert 0 < collected[0] <= correct[0]
    assert collected[1] <= correct[0] + correct[1]
    # two rounds of two epochs, each in steps of at most 16 completions
    assert checkpoint.steps == sum(2 * -(-int(count) // 16) for count in collected)
    one, _ = live(pocket, CATALOGUE["expert_iteration"], tmp_path, steps=2)
    ExpertIteration(learning_rate=0.0).train(one)
    assert torch.equal(weights(one), before)


def test_expert_iteration_goes_back_to_the_start_each_round(pocket, tmp_path):
    run, _ = live(pocket, CATALOGUE["expert_iteration"], tmp_path, steps=2, rewards=lambda _: 1.0)
    start = weights(run)
    moved = []
    log = run.log
    run.log = lambda step, metrics: (moved.append(weights(run)), log(step, metrics))
    ExpertIteration(rounds=2, epochs=1).train(run)
    first, second = (float((after - start).norm()) for after in moved)
    # one step of AdamW in round one and two in round two: had round two gone on from round one, it would be three
    assert second < 2.5 * first


def test_a_step_is_halved_until_it_is_acceptable_and_not_taken_where_it_never_is():
    """From w = 1 along -8: w = -7, -3, -1, 0 for the shares 1, 1/2, 1/4, 1/8; the weights come back each time."""
    weight, step = torch.tensor([1.0]), torch.tensor([-8.0])
    tried = []

    def positive():
        tried.append(float(weight))
        return float(weight) >= -0.5

    assert step_share([weight], [step], positive) == 0.125
    assert tried == [-7.0, -3.0, -1.0, 0.0]
    assert float(weight) == 1.0
    assert step_share([weight], [step], lambda: False) == 0.0
    assert float(weight) == 1.0
