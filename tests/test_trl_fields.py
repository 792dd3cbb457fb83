"""Every setting TRL adds to transformers' own was looked at: pinned, or said not to reach the loss."""

import copy
import dataclasses

import pytest
import torch

from algorithms._trl_bridge import preserve_global_state
from benchmark.contract import Exam, Job, Model, Training
from benchmark.model.policy import LanguagePolicy
from benchmark.run.clock import Clock
from benchmark.run.live_run import LiveRun
from benchmark.suite.registry import build, resolve
from benchmark.tasks import load_task

TRAINING = Training(
    steps=2, prompts_per_step=4, group_size=6, micro_batch_groups=2, max_completion_tokens=40, probe_every=0
)
PINNED_ALWAYS = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": None,
    "repetition_penalty": 1.0,
    "generation_kwargs": None,
    "disable_dropout": True,
    "use_vllm": False,
    "reward_weights": None,
}
PINNED_GROUPS = {
    **PINNED_ALWAYS,
    "num_generations": 6,
    "steps_per_generation": 2,  # 4 groups in micro-batches of 2
    "generation_batch_size": 24,  # 4 groups of 6
    "shuffle_dataset": False,
    "max_completion_length": 40,
    "mask_truncated_completions": False,
    "sync_ref_model": False,
    "router_aux_loss_coef": 0.0,
    "model_init_kwargs": None,
    "num_iterations": 1,
    "epsilon": 0.2,
    "epsilon_high": None,
}
PINNED = {
    "trl_grpo": {
        **PINNED_GROUPS,
        "loss_type": "grpo",
        "beta": 0.0,
        "delta": None,
        "scale_rewards": "group",
        "multi_objective_aggregation": "sum_then_normalize",
        "importance_sampling_level": "token",
        "off_policy_mask_threshold": None,
        "use_bias_correction_kl": False,
        "top_entropy_quantile": 1.0,
        "entropy_coef": 0.0,
        "use_adaptive_entropy": False,
        "cast_lm_head_to_fp32": False,
    },
    "trl_rloo": {**PINNED_GROUPS, "beta": 0.02, "normalize_advantages": False, "reward_clip_range": None},
    "trl_online_dpo": {
        **PINNED_ALWAYS,
        "max_new_tokens": 40,
        "max_length": 2**20,
        "beta": 0.1,
        "loss_type": "sigmoid",
        "missing_eos_penalty": None,
    },
}
# Does not touch the loss, and why.
VLLM = (
    "vllm_enable_sleep_mode",
    "vllm_group_port",
    "vllm_gpu_memory_utilization",
    "vllm_mode",
    "vllm_model_impl",
    "vllm_server_base_url",
    "vllm_server_host",
    "vllm_server_port",
    "vllm_server_timeout",
    "vllm_structured_outputs_regex",
    "vllm_tensor_parallel_size",
)
UNTOUCHED_ALWAYS = {
    **dict.fromkeys(VLLM, "vLLM is off"),
    "cache_implementation": "speed",
    "ds3_gather_for_generation": "DeepSpeed is off",
    "trust_remote_code": "the policy is loaded before",
}
UNTOUCHED_GROUPS = {
    **UNTOUCHED_ALWAYS,
    "vllm_max_model_length": "vLLM is off",
    "chat_template_kwargs": "prompts arrive rendered",
    "num_generations_eval": "TRL evaluates nothing here",
    "pad_to_multiple_of": "padding is masked",
    "ref_model_mixup_alpha": "sync_ref_model is off",
    "ref_model_sync_steps": "sync_ref_model is off",
    "log_completions": "log",
    "log_multimodal": "log",
    "log_unique_prompts": "log",
    "num_completions_to_print": "log",
    "use_transformers_continuous_batching": "engine of the sampler",
    "transformers_continuous_batching_config": "engine of the sampler",
    "use_transformers_paged": "engine of the sampler",
}
UNTOUCHED = {
    "trl_grpo": {
        **UNTOUCHED_GROUPS,
        "sapo_temperature_neg": "another loss_type",
        "sapo_temperature_pos": "another loss_type",
        "vespo_k_neg": "another loss_type",
        "vespo_k_pos": "another loss_type",
        "vespo_lambda_neg": "another loss_type",
        "vespo_lambda_pos": "another loss_type",
        "entropy_coef_min": "use_adaptive_entropy is off",
        "entropy_coef_max": "use_adaptive_entropy is off",
        "entropy_coef_delta": "use_adaptive_entropy is off",
        "entropy_target": "use_adaptive_entropy is off",
        "max_tool_calling_iterations": "no tools",
        "vllm_importance_sampling_correction": "vLLM is off",
        "vllm_importance_sampling_mode": "vLLM is off",
        "vllm_importance_sampling_clip_max": "vLLM is off",
        "vllm_importance_sampling_clip_min": "vLLM is off",
        "vllm_importance_sampling_cap": "vLLM is off",
        "log_completions_hub_repo": "log",
    },
    "trl_rloo": UNTOUCHED_GROUPS,
    "trl_online_dpo": {
        **UNTOUCHED_ALWAYS,
        "model_init_kwargs": "the policy is loaded before",
        "reward_model_path": "the reward is a function",
    },
}
# TRL changes these defaults of transformers; they are pinned too.
CHANGED = {
    "bf16": False,
    "gradient_checkpointing": False,
    "learning_rate": None,  # unused: the optimiser is handed over
    "logging_steps": 1,
    "remove_unused_columns": False,
}
NAMES = sorted(PINNED)


@pytest.fixture
def run_of(pocket, tmp_path):
    """A live run of a row on a copy of the pocket policy."""

    def live(name, settings, **changes):
        training = dataclasses.replace(TRAINING, **changes)
        job = Job("x", "x", resolve(name, settings), "grade_school", 0, Model(), training, Exam())
        return LiveRun(
            job,
            LanguagePolicy(copy.deepcopy(pocket.model), pocket.tokenizer),
            training=load_task("grade_school").load("train")[:32],
            probe=(),
            clock=Clock(),
            folder=tmp_path,
            progress=lambda _: None,
        )

    return live


@pytest.fixture
def trainer_of(run_of):
    """A row's trainer, built but not started."""

    def built(name, **changes):
        whole = {"micro_batch_groups": None} if name == "trl_online_dpo" else {}
        run = run_of(name, {}, **whole, **changes)
        with preserve_global_state():
            return build(run.job.algorithm)._built(run), run

    return built


def fields_of(cls):
    return {field.name: field for field in dataclasses.fields(cls)}


def config_of(name):
    with preserve_global_state():  # importing TRL draws from Python's generator
        return build(resolve(name, {})).classes()[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_was_looked_at(name):
    from transformers import TrainingArguments

    added = set(fields_of(config_of(name))) - set(fields_of(TrainingArguments))
    assert not set(PINNED[name]) & set(UNTOUCHED[name])
    assert added == set(PINNED[name]) | set(UNTOUCHED[name])


@pytest.mark.parametrize("name", NAMES)
def test_every_changed_default_was_looked_at(name):
    from transformers import TrainingArguments

    theirs = fields_of(TrainingArguments)
    changed = {
        key
        for key, field in fields_of(config_of(name)).items()
        if key in theirs
        and field.default != theirs[key].default
        and field.default_factory == theirs[key].default_factory
    }
    assert changed == set(CHANGED)


@pytest.mark.parametrize("name", NAMES)
def test_the_trainer_runs_with_what_is_pinned(name, trainer_of):
    trainer, _ = trainer_of(name)
    for key, value in PINNED[name].items():
        assert vars(trainer.args)[key] == value, key
    for key, value in CHANGED.items():
        assert value is None or vars(trainer.args)[key] == value, key


@pytest.mark.parametrize("name", NAMES)
def test_pinned_means_passed(name):
    """A default that happens to be right today is not a pin."""
    adapter = build(resolve(name, {}))
    job = Job("x", "x", resolve(name, {}), "grade_school", 0, Model(), TRAINING, Exam())
    assert set(PINNED[name]) <= set(adapter.settings(job))


@pytest.mark.parametrize("name", NAMES)
def test_the_optimiser_is_the_one_of_the_shared_loop(name, trainer_of):
    trainer, _ = trainer_of(name)
    adam, schedule = trainer.optimizer, trainer.lr_scheduler
    assert [(group["weight_decay"], group["betas"], group["eps"]) for group in adam.param_groups] == [
        (0.0, (0.9, 0.999), 1e-8)
    ]
    # steps 1 to 6 with a warm-up of 5 to 1e-4
    rates = []
    for _ in range(6):
        rates.append(schedule.get_last_lr()[0])
        adam.step()
        schedule.step()
    assert rates == pytest.approx([2e-5, 4e-5, 6e-5, 8e-5, 1e-4, 1e-4])
    assert trainer.args.max_grad_norm == TRAINING.max_grad_norm


@pytest.mark.parametrize("name", NAMES)
def test_problems_come_in_the_order_of_every_other_method(name, trainer_of):
    trainer, run = trainer_of(name)
    wanted = [run.policy.render(problem.prompt) for batch in run.batches() for problem in batch]
    rows = [trainer.train_dataset[index]["prompt"] for index in trainer._get_train_sampler(trainer.train_dataset)]
    # every problem 6 times in TRL's groups; a group serves both micro-batches of its step, so its block comes twice
    copies = 3 if name == "trl_online_dpo" else 6
    blocks = [wanted[:4], wanted[4:]] if name == "trl_online_dpo" else [wanted[:4], wanted[:4], wanted[4:], wanted[4:]]
    assert rows == [prompt for block in blocks for prompt in block for _ in range(copies)]


NATIVE = {
    "trl_grpo": ("grpo", {"advantage_eps": 1e-4}),
    "trl_rloo": ("rloo", {}),
    "trl_online_dpo": ("paired", {"ties": "first_wins"}),
}


@pytest.mark.parametrize("name", NAMES)
def test_one_step_on_our_completions_moves_the_weights_as_ours_does(name, trainer_of, run_of):
    """From the reward to the weights: TRL's loop with our sampler, and the shared loop."""
    native = run_of(*NATIVE[name], steps=1, micro_batch_groups=None)
    before = weights(native)
    build(native.job.algorithm).train(native)
    trainer, run = trainer_of(name, steps=1)
    trainer._generate = generator_of(run, pairs=name == "trl_online_dpo", tools=name == "trl_grpo")
    with preserve_global_state():
        trainer.train()
    moved, mine = weights(run) - before, weights(native) - before
    assert mine.norm() > 0
    # Adam divides by the gradient's own size, so rounding shows in weights with gradients near 0: compare as vectors
    assert (moved - mine).norm() <= 0.005 * mine.norm()
    shared = set(run.steps[0].metrics) & set(native.steps[0].metrics) - {"policy/entropy"}  # ours is of the samples
    assert {"loss", "reward/mean", "completion/length_mean", "optim/grad_norm_policy"} <= shared
    for metric in shared:
        assert run.steps[0].metrics[metric] == pytest.approx(native.steps[0].metrics[metric], abs=2e-4), metric


def weights(run):
    return torch.cat([weight.detach().flatten().clone() for weight in run.policy.model.parameters()])


def generator_of(run, *, pairs, tools):
    """TRL's `_generate`, answered by our sampler with the noise of the shared loop's first step."""
    policy, training = run.policy, run.job.training
    rows = training.prompts_per_step * training.group_size
    prompts = policy.encode([problem.prompt for problem in next(run.batches())])
    generator = torch.Generator().manual_seed(run.seed("rollout 1"))
    noise = torch.rand(rows, training.max_completion_tokens, generator=generator)
    sampled = policy.sample(prompts, noise, temperature=1.0)
    ids, seen = (tensor.repeat_interleave(training.group_size, 0) for tensor in prompts)
    if pairs:
        order = torch.tensor([*range(0, rows, 2), *range(1, rows, 2)])  # all first ones, then all second ones
        return lambda *_: (ids[order], seen[order], sampled.ids[order], sampled.mask[order].long(), None)
    asked = [row[mask.bool()].tolist() for row, mask in zip(ids, seen, strict=True)]
    answers = [row[mask.bool()].tolist() for row, mask in zip(sampled.ids, sampled.mask, strict=True)]
    texts = [completion.text for completion in policy.decode(sampled)]
    return lambda *_: (asked, answers, None, texts, None, {}, None, None) if tools else (asked, answers, texts)


def test_what_trl_cannot_do_is_refused():
    def refusal(name, model=None, **changes):
        training = dataclasses.replace(Training(), **changes)
        job = Job("x", "x", resolve(name, {}), "grade_school", 0, model or Model(), training, Exam())
        return build(resolve(name, {})).refuses(job)

    for name in NAMES:
        assert refusal(name) is None
        assert "lora_rank" in refusal(name, Model(lora_rank=4))
    assert "at least 2" in refusal("trl_grpo", group_size=1)
    assert "must divide" in refusal("trl_rloo", micro_batch_groups=3)
    assert refusal("trl_rloo", micro_batch_groups=4) is None
    assert "even" in refusal("trl_online_dpo", group_size=3)
    assert "temperature" in refusal("trl_online_dpo", temperature=0.7)
    assert "averaging" in refusal("trl_online_dpo", micro_batch_groups=4)
