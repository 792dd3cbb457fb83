"""TRL's GRPO, as a reference row: the loss of `grpo` in another loop.

Objective    L = (1/B) Σ_i (1/n_i) Σ_t [ max(−ρA, −clamp(ρ, 1−ε, 1+ε)·A) + β·k3 ]
             A_i = (r_i − mean)/(std + 1e-4)
Source       TRL 1.16.0, `GRPOTrainer` with loss_type = "grpo"; arXiv:2402.03300, eq. 3
Differences  from TRL's defaults: loss_type (theirs is "dapo"), the suite's optimiser, no dropout, plain k3. From
             `grpo`: 1e-4 beside std where `grpo` has 1e-5, `generate` as the sampler, and sampling counted in the
             update seconds. With β > 0 TRL loads the reference from where the policy came from.
Degenerates  as `grpo` does. A difference between the two rows beyond the interval over seeds means a fault in one loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from algorithms._ranges import Coefficient
from algorithms._trl import TRLRow, group_of_completions
from benchmark.contract import Job

__all__ = ["TRLGRPO"]


@dataclass(frozen=True, slots=True)
class TRLGRPO(TRLRow):
    """GRPO by TRL's `GRPOTrainer`."""

    paper: ClassVar[str] = "TRL 1.16.0, GRPOTrainer; arXiv:2402.03300, eq. 3"
    imports: ClassVar[tuple[str, ...]] = (*TRLRow.imports, "trl.trainer.grpo_trainer")
    clip: Coefficient = 0.2
    """ε, as in `grpo`."""
    kl_weight: Coefficient = 0.0
    """β, as in `grpo`."""

    def classes(self) -> tuple[type[Any], type[Any]]:
        """TRL's trainer and configuration."""
        from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415 - seconds, that other rows need not wait

        return GRPOTrainer, GRPOConfig

    def settings(self, job: Job) -> dict[str, Any]:
        """Every field of `GRPOConfig` that reaches the loss."""
        return {
            **group_of_completions(job),
            "loss_type": "grpo",
            "beta": self.kl_weight,
            "epsilon": self.clip,
            "epsilon_high": None,
            "delta": None,
            "num_iterations": 1,
            "scale_rewards": "group",
            "multi_objective_aggregation": "sum_then_normalize",
            "importance_sampling_level": "token",
            "off_policy_mask_threshold": None,
            "use_bias_correction_kl": False,
            "top_entropy_quantile": 1.0,
            "entropy_coef": 0.0,
            "use_adaptive_entropy": False,
            "cast_lm_head_to_fp32": False,
        }
