"""Base of the reference rows: one of TRL's trainers with the suite's problems, reward, budget, optimiser and seed.

Only public constructor arguments are used. The problems are those of every other method, in the same order. AdamW and
its warm-up are built here and passed in, so they equal those of `_optimiser.py`. Sampling is `generate` with a global
generator seeded from the job, so the completions differ from the shared loop's. Rollouts happen inside the trainer and
count as `update` in seconds and bytes; rewards and probes are measured apart. Importing TRL counts as `load`, making
its trainer as `other`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from transformers import PrinterCallback

from algorithms._ranges import Rate
from algorithms._trl_bridge import Bridge, preserve_global_state
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Job, Problem, Run
from benchmark.errors import ConfigurationError
from benchmark.model.policy import LanguagePolicy

__all__ = ["TRLRow", "group_of_completions", "sampling"]


@dataclass(frozen=True, slots=True)
class TRLRow(Adapter):
    """One of TRL's trainers as a row. A subclass names the trainer and pins every setting that reaches its loss."""

    own_loop: ClassVar[bool] = True
    imports: ClassVar[tuple[str, ...]] = ("datasets",)

    learning_rate: Rate | None = None
    """Of the policy; `None` takes the suite's."""

    def refuses(self, job: Job) -> str | None:
        """Refuse what TRL's trainers cannot do here."""
        training = job.training
        part = training.micro_batch_groups or training.prompts_per_step
        if job.model.lora_rank is not None:
            return "TRL's rows train all weights: leave out lora_rank, or this row"
        if job.prompt.stop:
            return "TRL's rows know no stop strings: leave out [prompt] stop, or this row"
        if training.group_size < 2:
            return f"needs group_size of at least 2, not {training.group_size}"
        if training.prompts_per_step % part:
            return f"micro_batch_groups = {part} must divide prompts_per_step = {training.prompts_per_step}"
        return None

    @abstractmethod
    def classes(self) -> tuple[type[Any], type[Any]]:
        """TRL's trainer class and its configuration class, imported on call."""

    @abstractmethod
    def settings(self, job: Job) -> dict[str, Any]:
        """Every setting that reaches the loss of this trainer."""

    def rows(self, job: Job) -> int:
        """Rows of TRL's data set per problem; 1 if the trainer repeats a prompt for its group."""
        del job
        return 1

    def train(self, run: Run) -> Checkpoint:
        """Train in TRL's own loop."""
        with preserve_global_state():
            trainer = self._built(run)
            with run.phase("update"):
                trainer.train()
        model = _language_policy(run).model
        model.eval()
        vars(model).pop("forward", None)  # TRL replaces it on the instance
        return Checkpoint(int(trainer.state.global_step))

    def _built(self, run: Run) -> Any:  # noqa: ANN401 - TRL's trainers share no type
        from datasets import Dataset  # noqa: PLC0415 - listing and planning need neither TRL nor its data sets

        trainer_class, config_class = self.classes()
        problems = [problem for batch in run.batches() for problem in batch for _ in range(self.rows(run.job))]
        bridge = Bridge(run, problems)
        trainer = trainer_class(
            model=_language_policy(run).model,
            args=config_class(**_plumbing(run), **self.settings(run.job)),
            reward_funcs=bridge.reward,
            train_dataset=Dataset.from_list(_prompts(run, problems)),
            processing_class=_language_policy(run).tokenizer,
            optimizers=_optimiser(run, self.learning_rate),
            callbacks=[bridge],
        )
        trainer.remove_callback(PrinterCallback)
        bridge.ends = frozenset(trainer.eos_token_ids)
        return trainer


def sampling(job: Job) -> dict[str, Any]:
    """Settings that sample from π at the suite's temperature, without top-p, top-k or dropout."""
    return {
        "temperature": job.training.temperature,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": None,
        "repetition_penalty": 1.0,
        "generation_kwargs": None,
        "disable_dropout": True,
        "use_vllm": False,
        "reward_weights": None,
    }


def group_of_completions(job: Job) -> dict[str, Any]:
    """Settings that sample G completions per problem, all problems of a step together, accumulating micro-batches."""
    training = job.training
    part = training.micro_batch_groups or training.prompts_per_step
    return {
        **sampling(job),
        "num_generations": training.group_size,
        "per_device_train_batch_size": part * training.group_size,
        "gradient_accumulation_steps": training.prompts_per_step // part,
        "steps_per_generation": None,
        "generation_batch_size": None,
        "shuffle_dataset": False,
        "max_completion_length": training.max_completion_tokens,
        "mask_truncated_completions": False,
        "sync_ref_model": False,
        "router_aux_loss_coef": 0.0,
        "model_init_kwargs": {"revision": job.model.revision} if job.model.revision else None,
    }


def _plumbing(run: Run) -> dict[str, Any]:
    """Settings of transformers' trainer that every row shares."""
    training = run.job.training
    return {
        "output_dir": str(run.folder),
        "max_steps": training.steps,
        "max_grad_norm": training.max_grad_norm,
        "seed": run.seed("trl") % 2**32,  # numpy takes no more
        "bf16": False,  # the weights keep the suite's type, and nothing is cast around them
        "gradient_checkpointing": False,
        "use_cpu": run.policy.device.type == "cpu",
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
        "save_strategy": "no",
    }


def _optimiser(run: Run, rate: float | None) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """AdamW with the warm-up of the shared loop: step k of W uses k/W of the learning rate."""
    training = run.job.training
    rate = training.learning_rate if rate is None else rate
    adam = torch.optim.AdamW(run.policy.trainable, lr=rate, weight_decay=0.0)
    warmup = max(1, training.warmup_steps)
    return adam, torch.optim.lr_scheduler.LambdaLR(adam, lambda done: min(1.0, (done + 1) / warmup))


def _prompts(run: Run, problems: Sequence[Problem]) -> list[dict[str, object]]:
    """Rows of TRL's data set: the rendered prompt, and the number of its problem.

    Raises `ConfigurationError` where TRL would tokenise it otherwise than the examiner does.
    """
    policy = _language_policy(run)
    texts = [policy.render(problem.prompt) for problem in problems]
    tokenizer = policy.tokenizer
    if tokenizer(texts[0]).input_ids != policy.encode([problems[0].prompt]).ids[0].tolist():
        raise ConfigurationError(
            "this tokenizer puts other special tokens around a prompt when TRL calls it than when the examiner does: "
            "TRL's rows would train on other prompts than they are examined on. Leave them out with this model."
        )
    return [{"prompt": text, "problem": number} for number, text in enumerate(texts)]


def _language_policy(run: Run) -> LanguagePolicy:
    """The policy, which a trainer of transformers' needs whole: a table of logits will not do."""
    if not isinstance(run.policy, LanguagePolicy):
        raise ConfigurationError(
            f"TRL trains language models, not a {type(run.policy).__name__}: run this method in a suite."
        )
    return run.policy
