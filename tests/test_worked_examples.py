"""All worked examples of `examples/algorithm.json`, through the very functions training uses; none may be left out.

Inputs are poisoned at padded positions. The numbers come from an independent implementation, compared with TRL, verl,
AReaL, FlowRL's release, gfn-lm-tuning, GFN-PG, TBA and torchgfn.
"""

from dataclasses import replace

import pytest
import torch
from worked import EXAMPLES, IDS, case

from algorithms._batch import Now
from algorithms._flow import GFlowNet, log_reward
from algorithms._normalise import leave_one_out, normalised
from algorithms._pieces import gae, k1, k2, k3, masked, returns, token_rewards
from algorithms._trust_region import natural_step
from algorithms.cispo import CISPO
from algorithms.dapo import DAPO, informative, soft_overlong_penalty
from algorithms.dr_grpo import DrGRPO
from algorithms.flowrl import FlowRL
from algorithms.gflownet_db import DetailedBalance
from algorithms.gflownet_naive import NaiveGFlowNet
from algorithms.gflownet_pg import PolicyGradientGFlowNet
from algorithms.gflownet_subtb import SubTrajectoryBalance
from algorithms.gflownet_subtb_prefix import prefix_balance
from algorithms.gflownet_tb import TrajectoryBalance
from algorithms.gflownet_vargrad import VarGrad
from algorithms.grpo import GRPO
from algorithms.grpo_areal import GRPOAReaL
from algorithms.gspo import GSPO
from algorithms.paired import Paired
from algorithms.ppo import PPO
from algorithms.raft import RAFT
from algorithms.reinforce_pp import ReinforcePP
from algorithms.remax import ReMax
from algorithms.rloo import RLOO
from algorithms.sft import negative_log_likelihood
from algorithms.tba import TBA
from algorithms.template import Template
from benchmark.model.policy import label_and_end_logp

TRL_EPS = 1e-4
LOSSES = {
    "grpo.clip_only": GRPO(advantage_eps=TRL_EPS),
    "grpo.kl_k3": GRPO(advantage_eps=TRL_EPS, kl_weight=0.04),
    "grpo.kl_k3_is_corrected": GRPO(advantage_eps=TRL_EPS, kl_weight=0.04, kl_correction=True),
    "grpo.graded.kl_k3_is_corrected": GRPO(advantage_eps=TRL_EPS, kl_weight=0.04, kl_correction=True),
    "grpo.seed001_areal_pipeline": GRPOAReaL(),
    "dr_grpo": DrGRPO(),
    "dapo.token_mean_clip_higher": DAPO(dynamic_sampling=False, overlong_share=0.0),
    "dapo.dynamic_sampling_filter": DAPO(overlong_share=0.0),
    "gspo.paper_eps": GSPO(clip_low=3e-4, clip_high=4e-4),
    "gspo.wide_eps": GSPO(clip_low=0.1, clip_high=0.1),
    "cispo.max_5": CISPO(),
    "cispo.max_1.2": CISPO(ratio_max=1.2, ratio_min=0.8),
    "rloo.beta_0": RLOO(kl_coef=0.0),
    "rloo.beta_0.05": RLOO(kl_coef=0.05),
    "reinforce_pp": ReinforcePP(),
    "reinforce_pp.baseline": ReinforcePP(group_baseline=True),
    "remax": ReMax(),
    "ppo.gamma_1.lambda_0.95": PPO(kl_coef=0.05),
    "ppo.gamma_1.lambda_1": PPO(kl_coef=0.05, lam=1.0),
    "ppo.gamma_0.99.lambda_0.9": PPO(kl_coef=0.05, gamma=0.99, lam=0.9),
    "paired.tie_drop.pairs_total": Paired(),
    "paired.tie_drop.pairs_informative": Paired(count="informative"),
    "paired.tie_first_wins.pairs_total": Paired(ties="first_wins"),
    "raft.all_correct": RAFT(),
    "raft.first_best_of_group": RAFT(selection="best_of_n"),
    "gflownet_tb.main": TrajectoryBalance(tau=0.5),
    "gflownet_tb.graded": TrajectoryBalance(tau=1.0, ref_power=0.0),
    "gflownet_tb.vargrad.main": VarGrad(tau=0.5),
    "gflownet_tb.vargrad.graded": VarGrad(tau=1.0, ref_power=0.0),
    "gflownet_db.main.transition_mean": DetailedBalance(tau=0.5, ref_relative=False),
    "gflownet_db.main.trajectory_sum": DetailedBalance(tau=0.5, ref_relative=False, reduction="trajectory_sum"),
    "gflownet_db.graded.transition_mean": DetailedBalance(tau=1.0, ref_power=0.0),
    "gflownet_db.graded.trajectory_sum": DetailedBalance(tau=1.0, ref_power=0.0, reduction="trajectory_sum"),
    "gflownet_db.main.ref_relative": DetailedBalance(tau=0.5),
    "gflownet_db.graded.ref_relative": DetailedBalance(tau=1.0),
    "gflownet_subtb.main.lambda_0.9": SubTrajectoryBalance(tau=0.5, ref_relative=False, lam=0.9),
    "gflownet_subtb.main.lambda_1": SubTrajectoryBalance(tau=0.5, ref_relative=False, lam=1.0),
    "gflownet_subtb.graded.lambda_0.9": SubTrajectoryBalance(tau=1.0, ref_power=0.0, lam=0.9),
    "gflownet_subtb.graded.lambda_1": SubTrajectoryBalance(tau=1.0, ref_power=0.0, lam=1.0),
    "tba.main": TBA(beta=0.05),
    "tba.graded": TBA(beta=0.5),
    "gflownet_naive.main.code": NaiveGFlowNet(),
    "gflownet_naive.main.log_inverse": NaiveGFlowNet(variant="log_inverse"),
    "gflownet_naive.graded.code": NaiveGFlowNet(),
    "gflownet_naive.graded.log_inverse": NaiveGFlowNet(variant="log_inverse"),
    "flowrl.is_paper": FlowRL(beta=15.0),
    "flowrl.is_released": FlowRL(beta=15.0, weight="released"),
    "flowrl.is_recipe": FlowRL(beta=15.0, weight="recipe"),
    "flowrl.is_none": FlowRL(beta=15.0, weight="none"),
    "flowrl.recipe_clip10": FlowRL(beta=15.0, weight="recipe"),
}
PG = {
    f"gflownet_pg.{batch}.lambda_{text}": PolicyGradientGFlowNet(tau=tau, ref_power=power, lam=lam, ref_relative=False)
    for batch, tau, power in (("main", 0.5, 1.0), ("graded", 1.0, 0.0))
    for text, lam in (("0.99", 0.99), ("1", 1.0))
}
ADVANTAGES = tuple(name for name in IDS if name.startswith(("reward_norm.", "trl_advantages.")))
LOG_REWARDS = tuple(name for name in IDS if name.startswith("log_reward."))
PREFIX = ("gflownet_subtb.modified.lambda_1", "gflownet_subtb.modified.lambda_0.9")
SINGLE = {
    "grpo.on_policy_ratio_one",
    "grpo.seed000_listing",
    "dapo.soft_overlong_penalty",
    "ppo.dual_clip",
    "kl_estimators",
    "sft.token_mean",
    "gflownet_fm.graded",
    "gflownet_pg.trpo_step",
    "substrate.eos_log_prob",
}


def close(found, expected, tolerance=1e-6):
    return torch.allclose(torch.as_tensor(found), torch.tensor(expected, dtype=torch.float64), rtol=0.0, atol=tolerance)


def test_no_example_is_left_out():
    assert len(IDS) == len(EXAMPLES["examples"]) == 99
    assert {*LOSSES, *PG, *ADVANTAGES, *LOG_REWARDS, *PREFIX, *SINGLE} == set(IDS)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradients(name):
    one = case(name)
    loss = one.agrees(LOSSES[name])
    prepared = LOSSES[name].prepare(one.batch)
    if "clip_fraction" in one.expected:
        assert loss.metrics["policy/clip_fraction"].item() == pytest.approx(one.expected["clip_fraction"], abs=1e-6)
    if "advantages" in one.expected:
        expected = one.vector("advantages")
        found = prepared.advantage if expected.dim() == 2 else prepared.advantage[:, 0]
        assert close(masked(found, prepared.mask) if expected.dim() == 2 else found, one.expected["advantages"])
    if "keep" in one.expected:
        assert close(prepared.keep, one.expected["keep"])
    if "value_loss" in one.expected:
        assert loss.metrics["value/loss"].item() == pytest.approx(one.expected["value_loss"], abs=1e-6)
        assert close(masked(prepared.target, prepared.mask), one.expected["returns"])


@pytest.mark.parametrize("name", ADVANTAGES)
def test_advantages(name):
    one = case(name)
    config, reward, group = one.config, one.data["rewards"], one.group
    if "scale_rewards" in config:
        level = config["scale_rewards"]
        found = normalised(reward, group, "group", level, eps=config["eps"], raw_std=level == "batch")
    elif config["mean_leave1out"]:
        found = leave_one_out(reward, group)
    else:
        unbiased = config["std_unbiased"]
        found = normalised(
            reward, group, config["mean_level"], config["std_level"], eps=config["eps"], unbiased=unbiased
        )
    assert close(found, one.expected["advantages"])


@pytest.mark.parametrize("name", LOG_REWARDS)
def test_log_rewards(name):
    one = case(name)
    config = one.config
    found = log_reward(one.batch, config["temperature"], config["ref_power"], config.get("floor"))
    assert close(found, one.expected["log_reward"])


@pytest.mark.parametrize("name", PG)
def test_policy_gradient_gflownet(name):
    one = case(name)
    leaves = one.leaves()
    batch = PG[name].prepare(one.on_policy)
    loss = PG[name].loss(batch, one.now(leaves))
    assert close(batch.advantage, one.expected["advantages"])
    assert close(masked(batch.target, batch.mask), one.expected["value_targets"])
    for part, key in (("gfn/policy_loss", "policy"), ("gfn/log_z_loss", "log_z"), ("value/loss", "value")):
        assert loss.metrics[part].item() == pytest.approx(one.expected[f"{key}_loss"], abs=1e-6)
    loss.total.backward()
    for key, expected in one.expected["grads"].items():
        assert close(leaves[key].grad, expected), key


@pytest.mark.parametrize("name", PREFIX)
def test_prefix_terminating_balance(name):
    one = case(name)
    n = torch.tensor(EXAMPLES["batches"]["prefix"]["n_content"])
    logp, end = (one.data[key].clone().requires_grad_() for key in ("logps", "log_term"))
    t = torch.arange(end.shape[1])
    valid = (t[:-1] < n.unsqueeze(1)).double()
    passed = torch.cat((torch.zeros(3, 1, dtype=torch.float64), masked(logp, valid).cumsum(1)), 1)
    graded = (t <= n.unsqueeze(1)).double()
    weights = sum(one.config["lam"] ** (k - j - 1) for m in n.tolist() for k in range(m + 1) for j in range(k))
    loss = prefix_balance(one.data["log_reward_prefix"] - end - passed, graded, one.config["lam"], weights)
    assert loss.item() == pytest.approx(one.expected["loss"], abs=1e-6)
    loss.backward()
    assert close(logp.grad, one.expected["grads"]["logps"])
    assert close(end.grad, one.expected["grads"]["log_term"])


def test_on_policy_ratio_is_one():
    one = case("grpo.on_policy_ratio_one")
    one.agrees(GRPO(advantage_eps=TRL_EPS), one.on_policy)


def test_the_listing_of_the_documents_is_the_template_with_biased_deviations():
    one = case("grpo.seed000_listing")
    advantage = normalised(one.data["rewards"], one.group, "group", "group", eps=1e-6, unbiased=False)
    leaves = one.leaves()
    total = Template().loss(one.batch.with_advantage(advantage), one.now(leaves)).total * one.batch.rows
    assert total.item() == pytest.approx(one.expected["loss"], abs=1e-6)
    total.backward()
    assert close(leaves["logps"].grad, one.expected["grads"]["logps"])


def test_soft_overlong_penalty():
    one = case("dapo.soft_overlong_penalty")
    assert close(soft_overlong_penalty(one.data["lengths"], 100, 20), one.expected["penalty"])


def test_dynamic_sampling_keeps_informative_groups():
    one = case("dapo.dynamic_sampling_filter")
    assert close(informative(one.data["rewards"], one.group)[:: one.group], one.expected["keep_group"])


def test_dual_clip():
    one = case("ppo.dual_clip")
    advantage = normalised(one.data["rewards"], one.group, "group", "group", eps=TRL_EPS)
    leaves = one.leaves()
    batch = replace(one.batch.with_advantage(advantage), target=one.batch.old_value)
    total = PPO(dual_clip=3.0, value_weight=0.0).loss(batch, one.now(leaves)).total
    assert total.item() == pytest.approx(one.expected["loss"], abs=1e-6)
    total.backward()
    assert close(leaves["logps"].grad, one.expected["grads"]["logps"])


def test_kl_estimators():
    one = case("kl_estimators")
    for name, estimate in (("k1", k1), ("k2", k2), ("k3", k3)):
        assert close(estimate(one.data["logps"], one.data["ref_logps"], one.batch.mask), one.expected[name])


def test_sft_token_mean():
    one = case("sft.token_mean")
    leaves = one.leaves()
    loss = negative_log_likelihood(leaves["logps"], one.batch.mask, one.batch.tokens)
    assert loss.item() == pytest.approx(one.expected["loss"], abs=1e-6)
    loss.backward()
    assert close(leaves["logps"].grad, one.expected["grads"]["logps"])


@pytest.mark.parametrize("name", ["reinforce_pp", "reinforce_pp.baseline", "ppo.gamma_1.lambda_0.95"])
def test_token_rewards_and_returns(name):
    one = case(name)
    batch, method = one.batch, LOSSES[name]
    reward = batch.reward
    if one.config.get("group_mean_baseline"):
        reward = normalised(reward, one.group, "group", "none", eps=0.0)
    to_ref = k1(batch.old_logp, batch.ref_logp, batch.mask)
    rewards = token_rewards(reward, to_ref, batch.mask, method.kl_coef)
    assert close(rewards, one.expected["token_rewards"])
    if name.startswith("reinforce"):
        assert close(returns(rewards, batch.mask, 1.0), one.expected["returns"])
    else:
        assert close(gae(rewards, batch.old_value, batch.mask, 1.0, 0.95), one.expected["advantages_raw"])


@pytest.mark.parametrize("name", [name for name in IDS if name.startswith("flowrl.")])
def test_flowrl_parts(name):
    one = case(name)
    method = LOSSES[name]
    batch = method.prepare(one.batch)
    assert close(batch.advantage[:, 0], one.expected["r_hat"])
    metrics = method.loss(batch, one.now(one.leaves())).metrics
    assert metrics["gfn/delta_mean"].item() == pytest.approx(one.vector("delta").mean().item(), abs=1e-6)
    weight = one.vector("importance_weight")
    assert metrics["flowrl/weight_mean"].item() == pytest.approx(weight.mean().item(), abs=1e-6)
    assert metrics["flowrl/weight_max"].item() == pytest.approx(weight.max().item(), abs=1e-6)


def test_flow_matching_is_detailed_balance_with_logsumexp_flows():
    one = case("gflownet_fm.graded")
    edges = one.data["edge_logits"].clone().requires_grad_()
    logp = edges.log_softmax(-1).gather(-1, one.data["actions"].long().unsqueeze(-1)).squeeze(-1)
    method = DetailedBalance(tau=1.0, ref_power=0.0)
    loss = method.loss(one.batch, Now(logp, flow=edges.logsumexp(-1))).total
    assert loss.item() == pytest.approx(one.expected["loss"], abs=1e-6)
    loss.backward()
    assert close(edges.grad, one.expected["grads"]["edge_logits"])


def test_trust_region_step():
    one = case("gflownet_pg.trpo_step")
    logits, advantage = one.data["logits"], one.data["advantages"]
    p = logits.softmax(0)
    gradient = p * (advantage - (p * advantage).sum())
    assert close(gradient, one.expected["gradient"])

    def curvature(v):  # Hessian of KL(p_old‖p) in the logits
        return [p * v[0] - p * (p * v[0]).sum()]

    step = natural_step(curvature, [gradient], one.config["delta"])[0]
    step = step - step.mean()  # the direction along which no probability moves is free
    assert close(-step, one.expected["step"])
    new = (logits + step).softmax(0)
    assert close(logits + step, one.expected["new_logits"])
    assert (p * (p.log() - new.log())).sum().item() == pytest.approx(one.expected["kl_old_new"], abs=1e-6)
    assert (new * advantage).sum().item() == pytest.approx(one.expected["surrogate_new"], abs=1e-6)


def test_end_of_sequence_log_probability():
    one = case("substrate.eos_log_prob")
    logits = one.data["hidden"] @ one.data["lm_head_weight"].T
    labels = one.data["labels"].long()
    logp, end = label_and_end_logp(logits, labels, torch.tensor([4]), one.config["temperature"], ends=True)
    assert close(logp, one.expected["label_logps"])
    assert close(end, one.expected["log_term"])


def test_a_temperature_no_float_can_carry_is_refused():
    class Job:
        class training:  # noqa: N801 - stands for a job's training settings
            group_size = 8
            prompts_per_step = 6

    for method in (TrajectoryBalance, VarGrad, DetailedBalance, SubTrajectoryBalance):
        assert issubclass(method, GFlowNet)
        assert "at least 0.001" in method(tau=1e-4).refuses(Job)
        assert "from 0 to 1" in method(ref_power=2.0).refuses(Job)
        assert method().refuses(Job) is None
    assert GSPO().refuses(Job) == "mini_batches = 4 must divide prompts_per_step = 6"
