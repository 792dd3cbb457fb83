"""Our losses, gradients, advantages and log-probabilities are TRL's on one batch, through TRL's own code.

Real trainers of TRL 1.16, of which only the sampler, the reward and the network are replaced: from rewards and
log-probabilities on, everything is theirs. In float64, so that hardly anything but a formula can differ.
"""

import copy
from dataclasses import replace

import pytest
import torch

from algorithms._batch import Now, Rollouts
from algorithms._trl_bridge import preserve_global_state
from algorithms.cispo import CISPO
from algorithms.dapo import DAPO, soft_overlong_penalty
from algorithms.dr_grpo import DrGRPO
from algorithms.grpo import GRPO
from algorithms.gspo import GSPO
from algorithms.paired import Paired
from algorithms.rloo import RLOO
from benchmark.model.policy import Prompts
from benchmark.tasks import load_task

PROMPTS, GROUP, TOKENS, LIMIT = 3, 4, 6, 10
ROWS = PROMPTS * GROUP
LENGTHS = [6, 1, 3, 5, 2, 6, 4, 4, 1, 2, 6, 3]
REWARDS = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.5, 0.5]  # the last group teaches nothing
PLAIN = {"loss_type": "grpo", "use_bias_correction_kl": False}
TRL_EPS = 1e-4
CLOSE = {"atol": 1e-7, "rtol": 0.0}  # TRL takes √(4/3) of its deviation in float32: 1.5e-8


def noise(seed, scale):
    return scale * torch.randn(ROWS, TOKENS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def batch():
    old = -noise(0, 1.0).abs()
    mask = (torch.arange(TOKENS) < torch.tensor(LENGTHS).unsqueeze(1)).double()
    return Rollouts(
        group_size=GROUP,
        prompts=Prompts(torch.ones(PROMPTS, 2, dtype=torch.long), torch.ones(PROMPTS, 2, dtype=torch.long)),
        ids=torch.full((ROWS, TOKENS), 5),
        mask=mask,
        terminated=torch.ones(ROWS, dtype=torch.bool),
        reward=torch.tensor(REWARDS, dtype=torch.float64),
        old_logp=old,
        ref_logp=old + noise(1, 0.3),
        rows=ROWS,
        tokens=float(sum(LENGTHS)),
        limit=LIMIT,
    )


@pytest.fixture
def leaf(batch):
    """log π_θ [B, T]: some ratios beyond every clip, some inside."""
    return (batch.old_logp + noise(2, 0.25)).requires_grad_()


@pytest.fixture
def trainer(pocket, tmp_path):
    """One of TRL's trainers on a copy of the pocket policy."""

    def built(name, **settings):
        with preserve_global_state():
            import trl
            from datasets import Dataset
            from trl.experimental import online_dpo

            home = online_dpo if name == "OnlineDPO" else trl
            group = {} if name == "OnlineDPO" else {"num_generations": GROUP, "max_completion_length": LIMIT}
            config = getattr(home, f"{name}Config")(
                output_dir=str(tmp_path),
                per_device_train_batch_size=ROWS,
                max_steps=1,
                bf16=False,
                gradient_checkpointing=False,
                use_cpu=True,
                report_to="none",
                **{**group, **settings},
            )
            made = getattr(home, f"{name}Trainer")(
                model=copy.deepcopy(pocket.model),
                args=config,
                reward_funcs=lambda **_: [],
                train_dataset=Dataset.from_list([{"prompt": "1 + 1\n"}] * ROWS),
                processing_class=pocket.tokenizer,
            )
        made.model.train()
        made.current_gradient_accumulation_steps = 1
        return made

    return built


def theirs(trainer, batch, leaf):
    """Loss and gradient [B, T] by TRL, from rewards and log-probabilities; and its advantages [B]."""
    completions = [[5] * n for n in LENGTHS]
    texts = ["x"] * ROWS
    prompts = [[1, 1]] * ROWS
    generated = (prompts, completions, texts)
    if type(trainer).__name__ == "GRPOTrainer":
        generated = (prompts, completions, None, texts, None, {}, None, None)
    reference = trainer.ref_model

    def score(model, *_, **__):
        now = leaf if torch.is_grad_enabled() else batch.old_logp
        return (batch.ref_logp if reference is not None and model is reference else now), torch.zeros_like(leaf), None

    trainer._generate = lambda _: generated
    trainer._calculate_rewards = lambda *_: batch.reward.unsqueeze(1)
    trainer._get_per_token_logps_and_entropies = score
    with preserve_global_state():
        inputs = trainer._generate_and_score_completions([{"prompt": "1 + 1\n"} for _ in range(ROWS)])
    if type(trainer).__name__ == "GRPOTrainer":
        inputs["old_per_token_logps"] = batch.old_logp  # TRL leaves it out where it would be the current one
    loss = trainer._compute_loss(trainer.model, inputs)
    return loss, torch.autograd.grad(loss, leaf)[0], inputs["advantages"]


def ours(method, batch, leaf):
    batch = batch if "reference" in method.needs else replace(batch, ref_logp=None)
    prepared = method.prepare(batch)
    loss = method.loss(prepared, Now(leaf))
    return loss, torch.autograd.grad(loss.total, leaf)[0], prepared.advantage


CASES = {
    "grpo": (GRPO(advantage_eps=TRL_EPS), PLAIN),
    "grpo_k3": (GRPO(advantage_eps=TRL_EPS, kl_weight=0.1), {**PLAIN, "beta": 0.1}),
    "grpo_k3_corrected": (
        GRPO(advantage_eps=TRL_EPS, kl_weight=0.1, kl_correction=True),
        {**PLAIN, "beta": 0.1, "use_bias_correction_kl": True},
    ),
    "grpo_batch_std": (
        GRPO(advantage_eps=TRL_EPS, std_level="batch", raw_std=True),
        {**PLAIN, "scale_rewards": "batch"},
    ),
    "grpo_no_std": (GRPO(std_level="none"), {**PLAIN, "scale_rewards": "none"}),
    "dapo": (
        DAPO(advantage_eps=TRL_EPS, overlong_share=0.0, dynamic_sampling=False),
        {**PLAIN, "loss_type": "dapo", "epsilon_high": 0.28},
    ),
    "dr_grpo": (DrGRPO(), {**PLAIN, "loss_type": "dr_grpo", "scale_rewards": "none"}),
    "dr_grpo_k3": (DrGRPO(kl_weight=0.1), {**PLAIN, "loss_type": "dr_grpo", "scale_rewards": "none", "beta": 0.1}),
    "cispo": (CISPO(advantage_eps=TRL_EPS, ratio_max=1.2), {**PLAIN, "loss_type": "cispo", "epsilon_high": 1.2}),
    "gspo": (
        GSPO(advantage_eps=TRL_EPS, clip_low=0.05, clip_high=0.1),
        {**PLAIN, "importance_sampling_level": "sequence", "epsilon": 0.05, "epsilon_high": 0.1},
    ),
    "rloo": (RLOO(kl_coef=0.0), {"beta": 0.0}),
    "rloo_k1": (RLOO(kl_coef=0.05), {"beta": 0.05}),
}


@pytest.mark.parametrize("case", CASES)
def test_loss_gradient_and_advantages_are_trls(case, trainer, batch, leaf):
    method, settings = CASES[case]
    made = trainer("RLOO" if case.startswith("rloo") else "GRPO", **settings)
    loss, gradient, advantage = theirs(made, batch, leaf)
    mine, my_gradient, my_advantage = ours(method, batch, leaf)
    assert 0 < mine.metrics["policy/clip_fraction"] < 1  # ratios on both sides of the clip
    torch.testing.assert_close(my_advantage[:, 0], advantage, **CLOSE)
    torch.testing.assert_close(mine.total, loss, **CLOSE)
    torch.testing.assert_close(my_gradient * batch.mask, gradient * batch.mask, **CLOSE)
    assert gradient.abs().max() > 1e-3
    assert (my_gradient[batch.mask == 0] == 0).all()


def test_the_comparison_can_fail(trainer, batch, leaf):
    _, gradient, _ = theirs(trainer("GRPO", **PLAIN, beta=0.1), batch, leaf)
    _, other, _ = ours(GRPO(advantage_eps=TRL_EPS, kl_weight=0.1, kl_correction=True), batch, leaf)
    assert (gradient - other).abs().max() > 1e-4


def test_paired_is_trls_online_dpo(trainer, batch, leaf):
    made = trainer("OnlineDPO", beta=0.1)
    order = torch.tensor([*range(0, ROWS, 2), *range(1, ROWS, 2)])  # TRL: all first ones, then all second ones
    ids, mask = batch.ids[order], batch.mask[order].long()
    pairs = ROWS // 2
    made._generate = lambda *_: (torch.ones(ROWS, 2), torch.ones(ROWS, 2), ids, mask, None)
    made._forward = lambda model, *_: batch.ref_logp[order] if model is made.ref_model else leaf[order]
    made._calculate_rewards_from_functions = lambda **_: batch.reward[order]
    loss = made.training_step(made.model, {"prompt": ["1 + 1\n"] * pairs})
    method = Paired(ties="first_wins")
    mine, my_gradient, _ = ours(method, batch, leaf)
    torch.testing.assert_close(mine.total.detach(), loss, **CLOSE)
    torch.testing.assert_close(my_gradient, leaf.grad * batch.mask, **CLOSE)
    assert leaf.grad.abs().max() > 1e-3
    # 1 > 0, 0 < 1, 0 = 0, 0 < 1, ½ = ½, ½ = ½: three ties of six pairs, which push the first completion up
    assert (my_gradient[4] < 0)[: LENGTHS[4]].all()


def test_soft_overlong_penalty_is_trls():
    with preserve_global_state():
        from trl.rewards import get_soft_overlong_punishment
    lengths = list(range(81))
    found = get_soft_overlong_punishment(80, 20)(completion_ids=[[0] * n for n in lengths])
    assert soft_overlong_penalty(torch.tensor(lengths, dtype=torch.float64), 80, 20).tolist() == pytest.approx(found)
    assert found[70] == -0.5  # (80 − 20 − 70)/20


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("name", ["GRPO", "RLOO"])
def test_log_probabilities_are_trls(name, temperature, pocket, trainer):
    prompts = pocket.encode([problem.prompt for problem in load_task("grade_school").load("train")[:PROMPTS]])
    uniform = torch.rand(ROWS, 40, generator=torch.Generator().manual_seed(0))
    sampled = pocket.sample(prompts, uniform, temperature=temperature)
    rows = [tensor.repeat_interleave(GROUP, 0) for tensor in prompts]
    made = trainer(name, temperature=temperature, beta=0.0, disable_dropout=True)
    with torch.no_grad():
        found, _, _ = made._get_per_token_logps_and_entropies(
            made.model,
            torch.cat((rows[0], sampled.ids), 1),
            torch.cat((rows[1], sampled.mask.long()), 1),
            sampled.ids.shape[1],
        )
        mine = pocket.score(prompts, sampled.ids, sampled.mask, temperature=temperature).logp
    assert sampled.mask.sum() > ROWS
    torch.testing.assert_close(mine, found * sampled.mask, atol=1e-5, rtol=0)
    torch.testing.assert_close(sampled.logp, found * sampled.mask, atol=1e-5, rtol=0)


def test_log_probabilities_are_those_of_selective_log_softmax(pocket):
    with preserve_global_state():
        from trl.trainer.utils import selective_log_softmax
    prompts = pocket.encode([problem.prompt for problem in load_task("competition").load("train")[:2]])
    sampled = pocket.sample(prompts, torch.rand(4, 30, generator=torch.Generator().manual_seed(1)), temperature=0.7)
    ids = torch.cat((prompts.ids.repeat_interleave(2, 0), sampled.ids), 1)
    seen = torch.cat((prompts.mask.repeat_interleave(2, 0), sampled.mask.long()), 1)
    with torch.no_grad():
        logits = pocket.model(input_ids=ids, attention_mask=seen, position_ids=(seen.cumsum(1) - 1).clamp(min=0)).logits
        mine = pocket.score(prompts, sampled.ids, sampled.mask, temperature=0.7).logp
    found = selective_log_softmax(logits[:, prompts.ids.shape[1] - 1 : -1], sampled.ids, temperature=0.7)
    torch.testing.assert_close(mine, found * sampled.mask, atol=1e-5, rtol=0)
