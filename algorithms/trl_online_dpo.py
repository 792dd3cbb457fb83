"""TRL's online DPO, as a reference row: the loss of `paired` with `ties = "first_wins"` in another loop.

Objective    L = −(1/N) Σ_pairs log σ(βM),  M = Σ_t (log π_θ − log π_ref)(y_w) − Σ_t (log π_θ − log π_ref)(y_l)
             y_w is the completion with the higher reward, the first of two with the same
Source       TRL 1.16.0, `trl.experimental.online_dpo`; arXiv:2402.04792
Differences  TRL draws two completions of a row, so a problem has group_size/2 rows in the data set: same problems, same
             completions, same pairs as `paired`. From TRL's defaults: the suite's temperature and optimiser. From
             `paired`: ties raise the first completion, `generate` as the sampler, sampling counted in the update
             seconds. Its log-probabilities ignore the temperature, and its accumulated gradient is a sum where the
             formula has a mean, so it refuses temperatures other than 1 and micro-batches.
Degenerates  as `paired` does; where all rewards are equal it still moves, in a random direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from algorithms._ranges import Positive
from algorithms._trl import TRLRow, sampling
from benchmark.contract import Job

__all__ = ["TRLOnlineDPO"]

UNLIMITED = 2**20
"""Tokens of prompt and completion beyond which TRL would cut the prompt."""


@dataclass(frozen=True, slots=True)
class TRLOnlineDPO(TRLRow):
    """Online DPO by TRL's `OnlineDPOTrainer`."""

    paper: ClassVar[str] = "TRL 1.16.0, OnlineDPOTrainer; arXiv:2402.04792"
    imports: ClassVar[tuple[str, ...]] = (*TRLRow.imports, "trl.experimental.online_dpo.online_dpo_trainer")
    beta: Positive = 0.1
    """β, as in `paired`."""

    def refuses(self, job: Job) -> str | None:
        """Refuse settings under which TRL computes another loss."""
        training = job.training
        if training.group_size % 2:
            return f"needs an even group_size to form pairs, not {training.group_size}"
        if training.temperature != 1:
            return f"scores completions at temperature 1 only, not {training.temperature}"
        if training.micro_batch_groups not in {None, training.prompts_per_step}:
            return "adds up the gradients of micro-batches instead of averaging them: leave out micro_batch_groups"
        return TRLRow.refuses(self, job)

    def classes(self) -> tuple[type[Any], type[Any]]:
        """TRL's trainer and configuration."""
        from trl.experimental.online_dpo import (  # noqa: PLC0415 - seconds, that other rows need not wait
            OnlineDPOConfig,
            OnlineDPOTrainer,
        )

        return OnlineDPOTrainer, OnlineDPOConfig

    def rows(self, job: Job) -> int:
        """One row per pair of the group."""
        return job.training.group_size // 2

    def settings(self, job: Job) -> dict[str, Any]:
        """Every field of `OnlineDPOConfig` that reaches the loss."""
        return {
            **sampling(job),
            "per_device_train_batch_size": job.training.prompts_per_step * self.rows(job),
            "train_sampling_strategy": "sequential",
            "max_new_tokens": job.training.max_completion_tokens,
            "max_length": UNLIMITED,
            "beta": self.beta,
            "loss_type": "sigmoid",
            "missing_eos_penalty": None,
        }
