"""Losses against numbers one can check on paper; full batches are in `test_worked_examples.py`."""

import math
from dataclasses import replace

import pytest
import torch

import algorithms._trust_region
from algorithms._batch import Now, Rollouts
from algorithms._flow import anchors, pair_weights, tempered, terminal
from algorithms._normalise import group_normalised, normalised
from algorithms._pieces import gae, k3, token_rewards, whiten
from algorithms._trust_region import trust_region_update
from algorithms.flowrl import FlowRL
from algorithms.gflownet_pg import PolicyGradientGFlowNet
from algorithms.gflownet_subtb_prefix import PrefixSubTrajectoryBalance
from algorithms.gflownet_tb import TrajectoryBalance
from algorithms.grpo import GRPO
from algorithms.ppo import PPO
from algorithms.reinforce_pp import ReinforcePP
from algorithms.sft import negative_log_likelihood
from algorithms.template import Template
from benchmark.model.policy import Prompts

GROUP = 2
POISON = 1e4


def leaf(rows):
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def batch():
    """One prompt, two completions of 2 and 1 tokens; the second row's second column is poisoned padding."""
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    return Rollouts(
        group_size=GROUP,
        prompts=Prompts(torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.long)),
        ids=torch.zeros(2, 2, dtype=torch.long),
        mask=mask,
        terminated=torch.tensor([True, True]),
        reward=torch.tensor([1.0, 0.0], dtype=torch.float64),
        old_logp=torch.tensor([[-1.0, -2.0], [-0.5, POISON]], dtype=torch.float64),
        ref_logp=torch.tensor([[-1.2, -1.9], [-0.7, -POISON]], dtype=torch.float64),
        old_value=torch.tensor([[0.4, 0.6], [0.3, POISON]], dtype=torch.float64),
        rows=2,
        tokens=3.0,
    )


def test_grpo_by_hand(batch):
    # A = (1 - 0.5)/(0.70710678 + 1e-5) = ±0.70709678; ratios e^0.1, e^-0.1 | e^0.3 = 1.349859
    logp = leaf([[-0.9, -2.1], [-0.2, -POISON]])
    method = GRPO()
    loss = method.loss(method.prepare(batch), Now(logp)).total
    a = 0.5 / (math.sqrt(0.5) + 1e-5)
    # row 1: ½(−1.105171a − 0.904837a); row 2, A < 0: max(ρa, 1.2a) = 1.349859a; mean over 2 rows
    expected = (0.5 * (-math.exp(0.1) - math.exp(-0.1)) * a + math.exp(0.3) * a) / 2
    assert loss.item() == pytest.approx(expected, abs=1e-12)
    loss.backward()
    # descent must raise the log-probability of the correct completion and lower the wrong one's
    assert (logp.grad[0] < 0).all()
    assert logp.grad[1, 0] == pytest.approx(math.exp(0.3) * a / 2, abs=1e-12)
    assert logp.grad[1, 1] == 0


def test_grpo_clips_where_it_should(batch):
    # A > 0 and ρ = e^0.5 > 1.2: the term is −1.2A, without gradient
    logp = leaf([[-0.5, -2.0], [-0.5, 0.0]])
    method = GRPO()
    method.loss(method.prepare(batch), Now(logp)).total.backward()
    assert logp.grad[0, 0] == 0
    assert logp.grad[0, 1] < 0


def test_grpo_k3_by_hand(batch):
    # on-policy ratio 1; d = log π − log π_ref = 0.2, −0.1 | 0.2 and k3 = e^{−d} + d − 1
    method = GRPO(kl_weight=0.5)
    logp = batch.old_logp.clone().requires_grad_()
    loss = method.loss(method.prepare(batch), Now(logp)).total
    k3 = [math.exp(-d) + d - 1 for d in (0.2, -0.1, 0.2)]
    # the surrogate is −A_i per row: −a + a = 0
    assert loss.item() == pytest.approx(0.5 * ((k3[0] + k3[1]) / 2 + k3[2]) / 2, abs=1e-12)


def test_ppo_by_hand(batch):
    method = PPO(kl_coef=0.1)
    prepared = method.prepare(batch)
    # token rewards: −0.1·(0.2, −0.1) + (0, 1) = (−0.02, 1.01) | −0.1·0.2 + 0 = −0.02
    # δ_2 = 1.01 − 0.6 = 0.41; δ_1 = −0.02 + 0.6 − 0.4 = 0.18; A_1 = 0.18 + 0.95·0.41 = 0.5695 | A = −0.02 − 0.3 = −0.32
    raw = [0.5695, 0.41, -0.32]
    mean = sum(raw) / 3
    scale = 1 / math.sqrt(sum((x - mean) ** 2 for x in raw) / 2 + 1e-8)
    white = [(x - mean) * scale for x in raw]
    found = prepared.advantage[batch.mask.bool()].tolist()
    assert found == pytest.approx(white, abs=1e-12)
    assert prepared.target[batch.mask.bool()].tolist() == pytest.approx([0.9695, 1.01, -0.02], abs=1e-12)
    logp = batch.old_logp.clone().requires_grad_()
    value = leaf([[0.9, 0.5], [0.35, -POISON]])
    loss = method.loss(prepared, Now(logp, value=value))
    # V moves 0.5 from 0.4: clipped to 0.6, so (0.6 − 0.9695)² counts, not (0.9 − 0.9695)²
    squares = [(0.6 - 0.9695) ** 2, (0.5 - 1.01) ** 2, (0.35 + 0.02) ** 2]
    assert loss.metrics["value/loss"].item() == pytest.approx(0.5 * sum(squares) / 3, abs=1e-12)
    assert loss.total.item() == pytest.approx(-sum(white) / 3 + 0.1 * 0.5 * sum(squares) / 3, abs=1e-12)
    loss.total.backward()
    assert logp.grad[batch.mask.bool()].tolist() == pytest.approx([-a / 3 for a in white], abs=1e-12)
    assert value.grad[0, 0] == 0
    assert value.grad[0, 1].item() == pytest.approx(0.1 * (0.5 - 1.01) / 3, abs=1e-12)
    assert value.grad[1, 1] == 0


def test_gflownet_by_hand(batch):
    logp, log_z = leaf([[-0.9, -2.1], [-0.2, POISON]]), leaf([0.5, 0.5])
    loss = TrajectoryBalance(tau=0.25).loss(batch, Now(logp, log_z=log_z)).total
    # row 1: 0.5 − 3.0 − (4 − 3.1) = −3.4; row 2: 0.5 − 0.2 − (0 − 0.7) = 1.0
    assert loss.item() == pytest.approx(((-3.4) ** 2 + 1.0**2) / 2, abs=1e-12)
    loss.backward()
    assert logp.grad.tolist() == [pytest.approx([-3.4, -3.4]), pytest.approx([1.0, 0.0])]
    assert log_z.grad.tolist() == pytest.approx([-3.4, 1.0])


def test_flowrl_by_hand(batch):
    logp, log_z = leaf([[-0.9, -2.1], [-0.2, POISON]]), leaf([0.5, 0.5])
    method = FlowRL(beta=3.0)
    loss = method.loss(method.prepare(batch), Now(logp, log_z=log_z)).total
    r = 0.5 / (math.sqrt(0.5) + 1e-6)
    # row 1: 0.5 + (−3.0 + 3.1)/2 − 3r, w = e^0 = 1; row 2: 0.5 + (−0.2 + 0.7) + 3r, w = e^0.3 clamped to 1.2
    delta = [0.5 + 0.05 - 3 * r, 0.5 + 0.5 + 3 * r]
    assert loss.item() == pytest.approx((delta[0] ** 2 + 1.2 * delta[1] ** 2) / 2, abs=1e-12)
    loss.backward()
    # the weight is constant; each token gets w·2δ/(n·B)
    assert logp.grad.tolist() == [pytest.approx([delta[0] / 2] * 2), pytest.approx([1.2 * delta[1], 0.0])]


def test_sft_by_hand():
    logp = leaf([[-0.9, -2.1], [-0.2, POISON]])
    loss = negative_log_likelihood(logp, torch.tensor([[1.0, 1.0], [1.0, 0.0]]), 3.0)
    assert loss.item() == pytest.approx(3.2 / 3)
    loss.backward()
    assert logp.grad.tolist() == [pytest.approx([-1 / 3] * 2), pytest.approx([-1 / 3, 0.0])]


def test_template_by_hand(batch):
    logp = leaf([[-0.9, -2.1], [-0.2, POISON]])
    method = Template()
    loss = method.loss(method.prepare(batch), Now(logp)).total
    # A = ±0.5: −(0.5·(−3.0) − 0.5·(−0.2))/2
    assert loss.item() == pytest.approx(0.7)


@pytest.mark.parametrize("method", [GRPO(), Template()])
def test_equal_rewards_teach_a_centred_method_nothing(batch, method):
    for reward in (0.0, 1.0, 0.1):
        logp = batch.old_logp.clone().requires_grad_()
        same = replace(batch, reward=torch.full_like(batch.reward, reward))
        method.loss(method.prepare(same), Now(logp)).total.backward()
        assert torch.equal(logp.grad, torch.zeros_like(logp))


def test_flowrl_on_one_token_with_equal_lengths_is_trajectory_balance(batch):
    # n = 1, w = 1, raw reward: δ = log Z + log π − βr − log π_ref, trajectory balance with τ = 1/β
    one = batch.part(0, 1)
    one = replace(one, mask=torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64))
    logp, log_z = one.old_logp.clone(), torch.tensor([0.5, 0.5], dtype=torch.float64)
    raw = replace(one, advantage=one.reward.unsqueeze(1).expand_as(one.mask))
    flow = FlowRL(beta=4.0).loss(raw, Now(logp, log_z=log_z)).total
    balance = TrajectoryBalance(tau=0.25).loss(one, Now(logp, log_z=log_z)).total
    assert flow.item() == pytest.approx(balance.item(), abs=1e-12)


def test_ppo_without_critic_and_kl_gives_the_reward_everywhere():
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    rewards = token_rewards(torch.tensor([0.7, -0.2]), torch.zeros(2, 3), mask, 0.0)
    assert rewards.tolist() == [pytest.approx([0, 0, 0.7]), pytest.approx([-0.2, 0, 0])]
    advantage = gae(rewards, torch.zeros(2, 3), mask, 1.0, 1.0)
    assert advantage.tolist() == [pytest.approx([0.7] * 3), pytest.approx([-0.2, 0, 0])]


def test_group_normalisation_and_its_guard():
    # group (1, 0, 0, 1): mean ½, unbiased std √(1/3) = 0.577350
    found = group_normalised(torch.tensor([1.0, 0, 0, 1, 0.3, 0.3, 0.3, 0.3]), 4, 1e-5)
    assert found.tolist() == pytest.approx([0.866010, -0.866010, -0.866010, 0.866010, 0, 0, 0, 0], abs=1e-5)
    assert torch.equal(found[4:], torch.zeros(4))
    with pytest.raises(ValueError, match="at least 2"):
        group_normalised(torch.tensor([1.0]), 1, 1e-5)


@pytest.mark.parametrize("mean", ["group", "batch"])
def test_rounding_makes_no_signal_of_equal_rewards(mean):
    reward = torch.full((3,), 0.1, dtype=torch.float64)
    assert (reward - reward.mean()).abs().max() > 0  # 0.1 + 0.1 + 0.1 is not 0.3
    for std in ("group", "none"):
        assert torch.equal(normalised(reward, 3, mean, std, eps=1e-5), torch.zeros(3, dtype=torch.float64))


def test_whitening_ignores_padding():
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    found = whiten(torch.tensor([[1.0, 2.0], [3.0, float("nan")]]), mask)
    assert found.tolist() == [pytest.approx([-1, 0], abs=1e-6), pytest.approx([1, 0], abs=1e-6)]


# --- what a review's mutations survived ------------------------------------------------------------------------------


def policy_gradient(batch, advantage, **settings):
    """A batch and a method with costs of this advantage on every token."""
    zeros = torch.zeros_like(batch.mask)
    prepared = replace(
        batch,
        advantage=torch.full_like(batch.mask, advantage),
        target=zeros,
        old_value=zeros,
        old_log_z=torch.zeros(2, dtype=torch.float64),
    )
    return prepared, PolicyGradientGFlowNet(tau=0.5, **settings)


@pytest.mark.parametrize(
    ("shift", "advantage", "factor"),
    [
        (0.5, 2.0, math.exp(0.5)),  # costs are minimised: max(ρA, clamp(ρ)A) with A > 0 keeps the large ratio
        (-0.5, 2.0, 0.8),  # and stops at 1 - ε, where making the token still rarer would pay no more
        (0.5, -2.0, 1.2),  # A < 0: stopped at 1 + ε
        (-0.5, -2.0, math.exp(-0.5)),
    ],
)
def test_the_policy_gradient_gflownet_clips_on_both_sides(batch, shift, advantage, factor):
    prepared, method = policy_gradient(batch, advantage, clip=0.2)
    now = Now(batch.old_logp + shift, value=prepared.old_value, log_z=prepared.old_log_z)
    # three valid tokens over two rows: (2 + 1)/2 · factor · A
    assert method.policy_loss(prepared, now).item() == pytest.approx(1.5 * factor * advantage, abs=1e-12)
    assert method.loss(prepared, now).metrics["gfn/policy_loss"].item() == pytest.approx(1.5 * factor * advantage)


def test_reinforce_pp_discounts_by_gamma(batch):
    # rewards −0.1·(0.2, −0.1) + (0, 1) = (−0.02, 1.01) | −0.02; γ = ½: (−0.02 + 0.505, 1.01) | −0.02
    prepared = ReinforcePP(kl_coef=0.1, gamma=0.5).prepare(batch)
    gain = torch.tensor([0.485, 1.01, -0.02], dtype=torch.float64)
    white = (gain - gain.mean()) / torch.sqrt(gain.var() + 1e-8)
    assert prepared.advantage[batch.mask.bool()].tolist() == pytest.approx(white.tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("d", "value"), [(25.0, math.exp(-20) + 20 - 1), (-25.0, math.exp(20) - 20 - 1), (19.0, math.exp(-19) + 19 - 1)]
)
def test_k3_is_clamped_at_twenty_on_both_sides(d, value):
    mask = torch.ones(1, 1, dtype=torch.float64)
    assert k3(torch.full_like(mask, d), torch.zeros_like(mask), mask).item() == pytest.approx(value, rel=1e-12)


def test_the_reward_floor_is_tempered_too():
    reward = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    # log(max(r, 0.1))/τ with τ = ¼: 4·log 0.1, 4·log 0.5, 0
    assert tempered(reward, 0.25, 0.1).tolist() == pytest.approx([4 * math.log(0.1), 4 * math.log(0.5), 0], abs=1e-12)
    assert tempered(reward, 0.25, None).tolist() == [0, 2, 4]


def test_prefixes_are_graded_every_so_many_tokens_and_at_the_end(batch):
    mask = torch.tensor([[1.0] * 6, [1.0] * 4 + [0.0] * 2])
    long = replace(batch, mask=mask, terminated=torch.tensor([False, True]))
    # cut at 6 tokens: 0, 2, 4, 6; ended with 3 tokens of content: 0, 2 and the 3rd, which always is
    assert PrefixSubTrajectoryBalance(stride=2)._graded(long).tolist() == [[1, 0, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 0, 0]]
    assert PrefixSubTrajectoryBalance(stride=1)._graded(long).sum(1).tolist() == [7, 4]


@pytest.mark.parametrize("power", [0.5, 0.25, 1.0])
def test_flows_relative_to_a_fraction_of_the_reference_leave_every_residual_as_it_is(batch, power):
    now = Now(leaf([[-0.9, -2.1], [-0.2, POISON]]))
    flow = torch.tensor([[0.3, -0.4], [0.7, POISON]], dtype=torch.float64)
    inside = torch.where(batch.mask.bool(), batch.ref_logp, 0.0)
    before = torch.cat((torch.zeros(2, 1, dtype=torch.float64), inside[:, :-1].cumsum(1)), 1)
    found = {}
    for relative in (True, False):
        steps, end = terminal(batch, now, 0.25, power, None, relative=relative)
        f = flow if relative else flow + power * before
        a, _ = anchors(f, steps, end, batch.mask)
        found[relative] = (a[:, :-1] - a[:, 1:])[batch.mask.bool()].tolist()
    assert found[True] == pytest.approx(found[False], abs=1e-12)
    # first row, first token, relative: f(s_0) + (log π − a·log π_ref) − f(s_1) = 0.3 + (−0.9 + 1.2a) + 0.4
    assert found[True][0] == pytest.approx(0.3 - 0.9 + 1.2 * power + 0.4, abs=1e-12)


def test_powers_of_lambda_are_in_the_precision_of_the_loss():
    weight = pair_weights(torch.ones(1, 8, dtype=torch.float64), 0.9)
    assert weight.dtype == torch.float64
    assert weight[0, 0, 7].item() == pytest.approx(0.9**6, abs=1e-15)
    assert weight[0].tril().sum() == 0


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("method", [PPO(), PolicyGradientGFlowNet()], ids=["ppo", "gflownet_pg"])
def test_gradients_of_the_critic_are_finite_whatever_padding_holds(batch, method, poison):
    filled = replace(
        batch,
        old_value=torch.where(batch.mask.bool(), 0.5, poison).double(),
        old_log_z=torch.zeros(2, dtype=torch.float64),
    )
    prepared = method.prepare(filled)
    value = leaf([[0.4, 0.6], [0.3, poison]])
    log_z = leaf([0.0, 0.0])
    logp = batch.old_logp.clone().requires_grad_()
    loss = method.loss(prepared, Now(logp, value=value, log_z=log_z)).total
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(value.grad).all()
    assert value.grad[1, 1] == 0
    assert (value.grad[batch.mask.bool()] != 0).all()


def test_the_line_search_of_the_trust_region_looks_at_the_policy_alone(batch, monkeypatch):
    prepared, method = policy_gradient(batch, 1.0, trust_radius=0.01)
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)

    class Policy:
        trainable = (weight,)

    class AnyRun:
        policy = Policy()

    def now(*_):  # every step that makes the costly tokens rarer moves the critic far from its target
        worse = 1e6 * weight.detach().abs().expand_as(batch.mask)
        return Now(batch.old_logp + weight, value=worse, log_z=prepared.old_log_z)

    monkeypatch.setattr(algorithms._trust_region, "evaluate_now", now)
    monkeypatch.setattr(algorithms._trust_region, "update", lambda *_: {})
    found = trust_region_update(AnyRun(), prepared, None, method, None, radius=0.01, objective=method.policy_loss)
    assert found["trust/step_share"] > 0
    assert weight.item() < 0
