"""Speed, side by side in one process: our sampler and `generate`, our loop and TRL's.

`nox -s bench`. Figures are ratios within a group; bare seconds of a shared machine mean nothing.
"""

import copy
import time

import pytest
import torch

from algorithms import CATALOGUE
from benchmark.contract import Exam, Job, Model, Training
from benchmark.exam.strategy.key import strategy_of
from benchmark.grading import grade_all
from benchmark.model.policy import LanguagePolicy
from benchmark.run.clock import Clock
from benchmark.run.live_run import LiveRun
from benchmark.suite.registry import build, resolve
from benchmark.tasks import load_task

PROBLEMS = load_task("grade_school").load("train")
TOKENS = 80
ROUNDS = {"rounds": 5, "iterations": 1, "warmup_rounds": 1}


@pytest.mark.benchmark(group="sample 16 prompts × 8, same lengths")
@pytest.mark.parametrize("who", ["ours", "generate"])
def test_sampler(benchmark, pocket, who):
    prompts = pocket.encode([problem.prompt for problem in PROBLEMS[:16]])
    noise = torch.rand(128, TOKENS, generator=torch.Generator().manual_seed(0))
    rows = [tensor.repeat_interleave(8, 0) for tensor in prompts]

    def generate():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return pocket.model.generate(
                input_ids=rows[0], attention_mask=rows[1], do_sample=True, max_new_tokens=TOKENS, top_k=0, top_p=1.0
            )

    benchmark.pedantic(
        (lambda: pocket.sample(prompts, noise, temperature=1.0)) if who == "ours" else generate, **ROUNDS
    )


@pytest.mark.benchmark(group="one GRPO step, 16 prompts × 8")
def test_our_loop(benchmark, pocket, tmp_path):
    training = Training(steps=1, prompts_per_step=16, group_size=8, max_completion_tokens=TOKENS, probe_every=0)

    def setup():
        policy = LanguagePolicy(copy.deepcopy(pocket.model), pocket.tokenizer)
        algorithm = resolve("grpo", {})
        job = Job("x", "x", algorithm, "grade_school", 0, Model(), training, Exam())
        run = LiveRun(job, policy, training=PROBLEMS, probe=(), clock=Clock(), folder=tmp_path, progress=lambda _: None)
        return (run,), {}

    benchmark.pedantic(build(resolve("grpo", {})).train, setup=setup, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="one GRPO step, 16 prompts × 8")
@pytest.mark.filterwarnings("ignore")
def test_trl_loop(benchmark, pocket, tmp_path):
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    golds = {problem.prompt + "\n": problem.gold for problem in PROBLEMS}
    data = Dataset.from_list([{"prompt": prompt} for prompt in golds])

    def reward(prompts, completions, **_):
        verdicts = grade_all([(text, golds[prompt]) for prompt, text in zip(prompts, completions, strict=True)])
        return [verdict.reward for verdict in verdicts]

    settings = dict(  # noqa: C408 - keyword arguments, as they are passed on
        output_dir=str(tmp_path),
        per_device_train_batch_size=128,
        num_generations=8,
        max_completion_length=TOKENS,
        max_steps=1,
        learning_rate=1e-4,
        beta=0.0,
        epsilon=0.2,
        loss_type="grpo",
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_dropout=True,
        disable_tqdm=True,
    )

    def setup():
        trainer = GRPOTrainer(
            model=copy.deepcopy(pocket.model),
            reward_funcs=reward,
            args=GRPOConfig(**settings),
            train_dataset=data,
            processing_class=pocket.tokenizer,
        )
        return (trainer,), {}

    with torch.random.fork_rng():
        benchmark.pedantic(lambda trainer: trainer.train(), setup=setup, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="structural keys of 2,000 worked solutions")
@pytest.mark.parametrize("form", ["plain", "annotated"])
def test_strategies(benchmark, form):
    """Four steps in words, as long as a solution of a grade school problem. Processor time: others may be at work."""
    texts = [_worded(number, annotated=form == "annotated") for number in range(2_000)]
    assert strategy_of(*texts[0]).expr == "((5*(12+17))-2-(1/4*28))"
    spent = []

    def read():
        started = time.process_time()
        for text, answer in texts:
            strategy_of(text, answer)
        spent.append(time.process_time() - started)

    benchmark.pedantic(read, **ROUNDS)
    benchmark.extra_info["solutions_per_processor_second"] = round(len(texts) / min(spent))


def _worded(number, *, annotated):
    first, second, third = 12 + number % 7, 17 + number % 5, 28 + 4 * (number % 9)
    both = first + second
    steps = [
        ("Ana first counts all pens in both boxes, so she has ", f"{first}+{second}", both),
        (" pens.\nShe fills five more rows in the same way, which makes ", f"{both}*5", 5 * both),
        (" pens.\nHer brother takes a quarter of the other pile, that is ", f"{third}/4", third // 4),
        (" pens.\nIn the end she keeps ", f"{5 * both}-{third // 4}-2", 5 * both - third // 4 - 2),
    ]
    text = "".join(
        f"{words}{left} = {f'<<{left}={value}>>' if annotated else ''}{value}" for words, left, value in steps
    )
    return f"{text} pens.\n#### {steps[-1][2]}", str(steps[-1][2])


@pytest.mark.benchmark(group="one step of each method, 16 prompts × 8")
@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "base_model"])
def test_methods(benchmark, pocket, tmp_path, name):
    training = Training(steps=1, prompts_per_step=16, group_size=8, max_completion_tokens=TOKENS, probe_every=0)

    def setup():
        policy = LanguagePolicy(copy.deepcopy(pocket.model), pocket.tokenizer)
        job = Job("x", "x", resolve(name, {}), "grade_school", 0, Model(), training, Exam())
        run = LiveRun(job, policy, training=PROBLEMS, probe=(), clock=Clock(), folder=tmp_path, progress=lambda _: None)
        return (run,), {}

    benchmark.pedantic(build(resolve(name, {})).train, setup=setup, rounds=3, warmup_rounds=1)
