"""Relations between methods that hold exactly, on random batches in float64 with poisoned padding.

Each needs the adapters' own `prepare` and `loss` alone.
"""

from dataclasses import replace
from importlib import import_module

import pytest
import torch
from batches import POISON, as_now, gradients, on_policy, poisoned, random_batch, random_now

from algorithms import CATALOGUE
from algorithms._batch import Now
from algorithms._flow import anchors, pair_weights, tempered, terminal
from algorithms._normalise import leave_one_out
from algorithms._on_policy import OnPolicy
from algorithms._pieces import gae, k3, masked, sum_of_tokens, token_rewards
from algorithms.cispo import CISPO
from algorithms.dapo import DAPO
from algorithms.dr_grpo import DrGRPO
from algorithms.flowrl import FlowRL
from algorithms.gflownet_db import DetailedBalance
from algorithms.gflownet_naive import NaiveGFlowNet
from algorithms.gflownet_pg import PolicyGradientGFlowNet
from algorithms.gflownet_subtb import SubTrajectoryBalance
from algorithms.gflownet_tb import TrajectoryBalance
from algorithms.gflownet_vargrad import VarGrad
from algorithms.grpo import GRPO
from algorithms.gspo import GSPO
from algorithms.paired import Paired
from algorithms.ppo import PPO
from algorithms.raft import RAFT
from algorithms.reinforce_pp import ReinforcePP
from algorithms.remax import ReMax
from algorithms.rloo import RLOO
from algorithms.tba import TBA
from algorithms.template import Template

TARGETS = {**CATALOGUE, "template": "algorithms.template:Template"}
CLASSES = {name: vars(import_module(t.partition(":")[0]))[t.partition(":")[2]] for name, t in TARGETS.items()}
METHODS = {name: cls() for name, cls in CLASSES.items() if issubclass(cls, OnPolicy)} | {
    "grpo with KL": GRPO(kl_weight=0.1),
    "paired, informative": Paired(count="informative"),
    "paired, Bradley-Terry": Paired(labels="bradley_terry"),
    "raft, best of n": RAFT(selection="best_of_n"),
    "detailed balance, sums": DetailedBalance(reduction="trajectory_sum"),
}
SIZE = 4
KAPPA = (SIZE - 1) / SIZE


@pytest.fixture(params=[0, 1])
def batch(request):
    return random_batch(request.param)


@pytest.fixture
def leaves(batch):
    return random_now(batch)


def logp_gradient(method, batch, leaves):
    return gradients(method, batch, leaves)["logp"]


def same(one, other, tolerance=1e-10):
    assert one.abs().max() > 1e-6
    assert torch.allclose(one, other, rtol=0, atol=tolerance)


def test_leave_one_out_is_a_multiple_of_the_centred_reward(batch):
    r = batch.reward.view(-1, SIZE)
    same(leave_one_out(batch.reward, SIZE).view(-1, SIZE), (r - r.mean(1, keepdim=True)) / KAPPA)


def test_on_policy_gspo_is_grpo_and_cispo_is_dapo(batch, leaves):
    fresh = on_policy(batch, leaves)
    same(logp_gradient(GSPO(advantage_eps=1e-5), fresh, leaves), logp_gradient(GRPO(), fresh, leaves))
    dapo = DAPO(dynamic_sampling=False, overlong_share=0.0)
    same(logp_gradient(CISPO(), fresh, leaves), logp_gradient(dapo, fresh, leaves))


def test_on_policy_dr_grpo_is_a_multiple_of_rloo(batch, leaves):
    fresh = on_policy(batch, leaves)
    rloo = logp_gradient(RLOO(kl_coef=0.0), fresh, leaves)
    same(logp_gradient(DrGRPO(), fresh, leaves), KAPPA / fresh.limit * rloo)


def test_grpo_at_ratio_one_has_the_gradient_of_its_normalised_advantage(batch, leaves):
    fresh = on_policy(batch, leaves)
    advantage = GRPO().prepare(fresh).advantage
    expected = masked(-advantage / (fresh.rows * fresh.mask.sum(1, keepdim=True)), fresh.mask)
    same(logp_gradient(GRPO(), fresh, leaves), expected)
    loss = GRPO().loss(GRPO().prepare(fresh), as_now(leaves, SIZE)).total
    assert loss.item() == pytest.approx(-advantage[:, 0].mean().item(), abs=1e-12)


def test_tba_is_a_multiple_of_rloo_with_the_kl_in_the_reward(batch, leaves):
    fresh = on_policy(batch, leaves)
    rloo = logp_gradient(RLOO(kl_coef=0.3), fresh, leaves)
    same(logp_gradient(TBA(beta=0.3), fresh, leaves), 2 / 0.3 * KAPPA * rloo)


def test_vargrad_is_tba(batch, leaves):
    same(logp_gradient(VarGrad(tau=0.3), batch, leaves), logp_gradient(TBA(beta=0.3), batch, leaves))


def test_a_constant_per_prompt_changes_nothing_in_the_group_form(batch, leaves):
    shifted = replace(batch, reward=batch.reward + torch.arange(4.0).double().repeat_interleave(SIZE))
    same(logp_gradient(VarGrad(), batch, leaves), logp_gradient(VarGrad(), shifted, leaves), 1e-9)


def test_one_token_completions_make_all_balances_one(leaves):
    batch = random_batch(3, width=1)
    leaves = random_now(batch)
    leaves["log_z"] = leaves["flow"][:, 0].detach().view(-1, SIZE)[:, 0].clone()
    leaves["flow"] = torch.stack((leaves["log_z"].repeat_interleave(SIZE), leaves["flow"][:, 1].detach()), 1)
    tb = logp_gradient(TrajectoryBalance(), batch, leaves)
    same(logp_gradient(DetailedBalance(ref_relative=False), batch, leaves), tb)
    same(logp_gradient(DetailedBalance(), batch, leaves), tb)
    same(logp_gradient(SubTrajectoryBalance(), batch, leaves), tb)
    flow = FlowRL(beta=4.0, normalise_rewards=False, weight="none")
    same(logp_gradient(flow, batch, leaves), tb)


def test_residuals_of_stretches_add_up_and_the_longest_is_trajectory_balance(batch, leaves):
    now = as_now(leaves, SIZE)
    steps, end = terminal(batch, now, 0.25, 1.0, None, relative=False)
    a, exists = anchors(now.flow, steps, end, batch.mask)
    delta = a[:, :-1] - a[:, 1:]
    n = batch.mask.sum(1, keepdim=True).long()
    whole = a[:, 0] - a.gather(1, n).squeeze(1)
    same(whole, sum_of_tokens(delta, batch.mask))
    expected = now.flow[:, 0] + sum_of_tokens(now.logp, batch.mask) - end
    same(whole, expected)
    pairs = (exists.sum(1) * (exists.sum(1) - 1) / 2).sum()
    assert pair_weights(exists, 1.0).sum() == pairs


def test_large_lambda_is_trajectory_balance_and_small_lambda_detailed_balance(batch, leaves):
    leaves["log_z"] = leaves["flow"][:, 0].detach().view(-1, SIZE)[:, 0].clone()
    head = leaves["log_z"].repeat_interleave(SIZE).unsqueeze(1)
    leaves["flow"] = torch.cat((head, leaves["flow"][:, 1:].detach()), 1)
    tb = logp_gradient(TrajectoryBalance(), batch, leaves)
    same(logp_gradient(SubTrajectoryBalance(lam=1e9, ref_relative=False), batch, leaves), tb, 1e-6)
    one_length = replace(batch, mask=torch.ones_like(batch.mask), tokens=float(batch.mask.numel()))
    one_length = poisoned(one_length)
    db = logp_gradient(DetailedBalance(), one_length, leaves)
    same(logp_gradient(SubTrajectoryBalance(lam=1e-12), one_length, leaves), db, 1e-9)


def test_relative_flows_are_another_parametrisation(batch, leaves):
    # f = log F − Σ log π_ref makes the same residuals
    before = torch.cat((torch.zeros(batch.rows, 1).double(), masked(batch.ref_logp, batch.mask).cumsum(1)), 1)
    shifted = {**leaves, "flow": (leaves["flow"] - before).detach()}
    same(
        logp_gradient(DetailedBalance(ref_relative=False), batch, leaves),
        logp_gradient(DetailedBalance(), batch, shifted),
    )


def test_policy_gradient_without_critic_is_half_of_trajectory_balance_less_past_costs(batch, leaves):
    fresh = on_policy(batch, leaves)
    fresh = replace(fresh, old_value=torch.zeros_like(fresh.mask), old_log_z=leaves["log_z"].repeat_interleave(SIZE))
    method = PolicyGradientGFlowNet(lam=1.0, ref_relative=False)
    prepared = method.prepare(fresh)
    uncentred = gae(method._costs(fresh), fresh.old_value, fresh.mask, 1.0, 1.0)
    prepared = replace(prepared, advantage=uncentred)
    mine = {name: leaf.detach().clone().requires_grad_() for name, leaf in leaves.items()}
    method.loss(prepared, as_now(mine, SIZE)).total.backward()
    tb = gradients(TrajectoryBalance(), fresh, leaves)
    logp = masked(leaves["logp"].detach(), fresh.mask)
    past = logp.cumsum(1) - logp
    same(mine["logp"].grad, tb["logp"] / 2 - masked(past, fresh.mask) / fresh.rows)
    same(mine["log_z"].grad, tb["log_z"] / 2)


def test_all_importance_weights_agree_on_policy(batch, leaves):
    fresh = on_policy(batch, leaves)
    first = logp_gradient(FlowRL(), fresh, leaves)
    for weight in ("released", "recipe", "none"):
        same(logp_gradient(FlowRL(weight=weight), fresh, leaves), first)
    assert not torch.allclose(logp_gradient(FlowRL(weight="released"), batch, leaves), first)


def test_ppo_without_critic_and_kl_credits_every_token_with_the_reward(batch):
    rewards = token_rewards(batch.reward, torch.zeros_like(batch.mask), batch.mask, 0.0)
    advantage = gae(rewards, torch.zeros_like(batch.mask), batch.mask, 1.0, 1.0)
    same(advantage, masked(batch.reward.unsqueeze(1).expand_as(batch.mask), batch.mask))
    plain = replace(batch, old_value=torch.zeros_like(batch.mask))
    mine = PPO(kl_coef=0.0, lam=1.0).prepare(plain).advantage
    same(mine, ReinforcePP(kl_coef=0.0).prepare(plain).advantage)


def test_raft_is_a_policy_gradient_with_the_verdict_as_advantage(batch, leaves):
    fresh = on_policy(batch, leaves)
    verdict = fresh.reward.unsqueeze(1).expand_as(fresh.mask)
    expected = masked(-verdict, fresh.mask) / (fresh.reward * fresh.mask.sum(1)).sum()
    same(logp_gradient(RAFT(), fresh, leaves), expected)


def test_pairs_cost_log_two_at_the_reference(batch):
    at_reference = Now(batch.ref_logp.clone())
    informative = Paired(count="informative")
    loss = informative.loss(informative.prepare(batch), at_reference).total
    assert loss.item() == pytest.approx(torch.log(torch.tensor(2.0)).item(), abs=1e-6)


def test_pairs_push_by_half_beta(batch):
    logp = batch.ref_logp.clone().requires_grad_()
    method = Paired(beta=0.1)
    method.loss(method.prepare(batch), Now(logp)).total.backward()
    r = batch.reward.view(-1, 2)
    sign = torch.sign(r[:, 0] - r[:, 1])
    push = torch.stack((-sign, sign), 1).flatten().unsqueeze(1) * 0.05 / (batch.rows / 2)
    same(logp.grad, masked(push.expand_as(batch.mask), batch.mask))


def test_floor_and_exp_are_one_family_for_right_and_wrong(batch):
    floor = 1e-3
    tau = -1 / torch.log(torch.tensor(floor, dtype=torch.float64)).item()
    gap = tempered(batch.reward, 1.0, floor) - tempered(batch.reward, tau, None)
    assert torch.allclose(gap, gap[0].expand_as(gap), atol=1e-12)


def test_k3_times_ratio_has_the_gradient_of_k2(batch, leaves):
    fresh = on_policy(batch, leaves)
    equal = replace(fresh, reward=torch.ones_like(fresh.reward))
    corrected = logp_gradient(GRPO(kl_weight=1.0, kl_correction=True), equal, leaves)
    d = leaves["logp"].detach() - fresh.ref_logp
    same(corrected, masked(d / (fresh.rows * fresh.mask.sum(1, keepdim=True)), fresh.mask))
    assert (k3(fresh.ref_logp, fresh.ref_logp, fresh.mask) == 0).all()
    assert (k3(leaves["logp"].detach(), fresh.ref_logp, fresh.mask)[fresh.mask.bool()] > 0).all()


SILENT = {
    "grpo": GRPO(),
    "dr_grpo": DrGRPO(),
    "gspo": GSPO(),
    "cispo": CISPO(),
    "rloo": RLOO(kl_coef=0.0),
    "paired": Paired(),
    "template": Template(),
    "areal": METHODS["grpo_areal"],
}


@pytest.mark.parametrize("name", SILENT)
def test_a_baseline_inside_the_group_learns_nothing_from_groups_of_equal_rewards(name, batch, leaves):
    equal = replace(batch, reward=torch.tensor([1.0, 0.0, 1.0, 0.0]).double().repeat_interleave(SIZE))
    gradient = gradients(SILENT[name], equal, leaves).get("logp")
    assert gradient is None or torch.equal(gradient, torch.zeros_like(gradient))


def test_dynamic_sampling_leaves_a_batch_of_equal_rewards_out(batch):
    equal = replace(batch, reward=torch.tensor([1.0, 0.0, 1.0, 0.0]).double().repeat_interleave(SIZE))
    assert DAPO().prepare(equal).tokens == 0


@pytest.mark.parametrize(
    "method", [ReinforcePP(), PPO(), RAFT(), TrajectoryBalance(), VarGrad(), DetailedBalance(), SubTrajectoryBalance()]
)
def test_a_baseline_outside_the_group_learns_from_groups_of_equal_rewards(method, batch, leaves):
    equal = replace(batch, reward=torch.tensor([1.0, 0.0, 1.0, 0.0]).double().repeat_interleave(SIZE))
    assert logp_gradient(method, equal, leaves).abs().max() > 1e-6


@pytest.mark.parametrize("variant", ["code", "log_inverse"])
def test_the_naive_loss_is_zero_for_any_policy_and_reads_no_reward(batch, leaves, variant):
    method = NaiveGFlowNet(variant=variant)
    factor = 1 if variant == "code" else 2
    passed = torch.cat((torch.zeros(batch.rows, 1).double(), masked(leaves["logp"], batch.mask).cumsum(1)), 1)
    balanced = {**leaves, "flow": (0.7 + factor * passed).detach()}
    assert method.loss(batch, as_now(balanced, SIZE)).total.item() == pytest.approx(0, abs=1e-20)
    other = replace(batch, reward=1 - batch.reward)
    assert torch.equal(logp_gradient(method, batch, leaves), logp_gradient(method, other, leaves))


def test_the_naive_loss_raises_unlikely_tokens_most(batch, leaves):
    flat = {**leaves, "flow": torch.zeros_like(leaves["flow"])}
    expected = masked(
        2 * leaves["logp"].detach() / batch.tokens, batch.mask
    )  # descent adds −2·log π, the more the rarer
    same(logp_gradient(NaiveGFlowNet(), batch, flat), expected)


@pytest.mark.parametrize("name", METHODS)
def test_padding_does_not_matter(name, batch, leaves):
    method = METHODS[name]
    other = poisoned(batch, -POISON)
    valid = batch.mask.bool()
    spoilt = {
        key: torch.where(valid, leaf, POISON).detach() if leaf.shape == valid.shape else leaf
        for key, leaf in leaves.items()
    }
    one, two = gradients(method, batch, leaves), gradients(method, other, spoilt)
    for key, gradient in one.items():
        assert torch.allclose(gradient, two[key], atol=1e-9), key
    assert (one["logp"][~valid] == 0).all() if "logp" in one else True


@pytest.mark.parametrize("name", METHODS)
def test_the_order_of_groups_does_not_matter(name, batch, leaves):
    method = METHODS[name]
    order = torch.arange(batch.rows).view(-1, SIZE).flip(0).flatten()
    swapped = permuted(batch, order)
    moved = {key: (leaf.flip(0) if key == "log_z" else leaf[order]).detach() for key, leaf in leaves.items()}
    one, two = gradients(method, batch, leaves), gradients(method, swapped, moved)
    for key, gradient in one.items():
        expected = gradient.flip(0) if key == "log_z" else gradient[order]
        assert torch.allclose(two[key], expected, atol=1e-10), key


ORDERED = {"raft, best of n", "paired", "paired, informative", "paired, Bradley-Terry"}


@pytest.mark.parametrize("name", sorted(set(METHODS) - ORDERED))
def test_the_order_within_a_group_does_not_matter(name, batch, leaves):
    method = METHODS[name]
    order = torch.arange(batch.rows).view(-1, SIZE).flip(1).flatten()
    moved = {key: (leaf if key == "log_z" else leaf[order]).detach() for key, leaf in leaves.items()}
    one, two = gradients(method, batch, leaves), gradients(method, permuted(batch, order), moved)
    for key, gradient in one.items():
        assert torch.allclose(two[key], gradient if key == "log_z" else gradient[order], atol=1e-10), key


def permuted(batch, order):
    names = [name for name in batch.__dataclass_fields__ if isinstance(getattr(batch, name), torch.Tensor)]
    return replace(batch, **{name: getattr(batch, name)[order] for name in names})


@pytest.mark.parametrize("cuts", [[(0, 1), (1, 3)], [(g, 1) for g in range(4)]])
@pytest.mark.parametrize("name", METHODS)
def test_accumulated_gradients_are_those_of_one_batch(name, batch, leaves, cuts):
    method = METHODS[name]
    whole, parts = gradients(method, batch, leaves), gradients(method, batch, leaves, cuts)
    assert whole.keys() == parts.keys()
    for key, gradient in whole.items():
        assert torch.allclose(gradient, parts[key], atol=1e-12), key


@pytest.mark.parametrize("name", METHODS)
def test_mini_batches_are_steps_of_their_own(name, batch):
    method = METHODS[name]
    prepared = method.prepare(batch)
    steps = list(prepared.steps(2))
    assert [len(step.reward) for step in steps] == [step.rows for step in steps] == [8, 8]
    assert sum(step.tokens for step in steps) == pytest.approx(prepared.tokens)
    assert sum(step.total_weight for step in steps) == pytest.approx(prepared.total_weight)
    with pytest.raises(ValueError, match="choose a divisor"):
        next(prepared.steps(3))


def test_remax_teaches_against_the_greedy_completion(batch, leaves):
    fresh = on_policy(batch, leaves)
    push = (fresh.greedy_reward - fresh.reward).unsqueeze(1) / fresh.rows
    same(logp_gradient(ReMax(), fresh, leaves), masked(push.expand_as(fresh.mask), fresh.mask))


def test_length_shaping_does_not_bring_an_uninformative_group_back(batch, leaves):
    reward = batch.reward.view(-1, SIZE).clone()
    reward[0], reward[1] = 1.0, torch.tensor([1.0, 0.0, 0.0, 1.0])
    shaped = replace(batch, reward=reward.flatten())
    method = DAPO(overlong_share=0.6)
    prepared = method.prepare(shaped)
    assert prepared.advantage[:SIZE].abs().max() > 0  # lengths differ, so the shaped rewards do
    assert prepared.tokens == (prepared.mask.sum(1) * prepared.keep).sum() < batch.tokens
    gradient = logp_gradient(method, shaped, leaves)
    assert (gradient[:SIZE] == 0).all()
    assert gradient[SIZE : 2 * SIZE].abs().max() > 0
