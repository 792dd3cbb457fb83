"""TRL's RLOO, as a reference row: the loss of `rloo` in another loop.

Objective    L = (1/B) Σ_i max(−w_i·A_i, −clamp(w_i, 1−ε, 1+ε)·A_i),  w_i = exp(Σ_t (log π_θ − log π_old))
             A_i = R_i − mean of the others,  R_i = r_i − β·Σ_t (log π_old − log π_ref)
Source       TRL 1.16.0, `RLOOTrainer`; arXiv:2402.14740
Differences  from TRL's defaults: β = 0.02 as in `rloo` (theirs is 0.05), the suite's optimiser, no dropout. From
             `rloo`: `generate` as the sampler, a second pass over the completions for π_old, and sampling counted in
             the update seconds. TRL loads the reference from where the policy came from.
Degenerates  as `rloo` does. A difference between the two rows beyond the interval over seeds means a fault in one loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from algorithms._ranges import Coefficient
from algorithms._trl import TRLRow, group_of_completions
from benchmark.contract import Job

__all__ = ["TRLRLOO"]


@dataclass(frozen=True, slots=True)
class TRLRLOO(TRLRow):
    """RLOO by TRL's `RLOOTrainer`."""

    paper: ClassVar[str] = "TRL 1.16.0, RLOOTrainer; arXiv:2402.14740"
    imports: ClassVar[tuple[str, ...]] = (*TRLRow.imports, "trl.trainer.rloo_trainer")
    kl_coef: Coefficient = 0.02
    """β of the KL in the reward, as in `rloo`."""
    clip: Coefficient = 0.2
    """ε, as in `rloo`."""

    def classes(self) -> tuple[type[Any], type[Any]]:
        """TRL's trainer and configuration."""
        from trl import RLOOConfig, RLOOTrainer  # noqa: PLC0415 - seconds, that other rows need not wait

        return RLOOTrainer, RLOOConfig

    def settings(self, job: Job) -> dict[str, Any]:
        """Every field of `RLOOConfig` that reaches the loss."""
        return {
            **group_of_completions(job),
            "beta": self.kl_coef,
            "epsilon": self.clip,
            "epsilon_high": None,
            "num_iterations": 1,
            "normalize_advantages": False,
            "reward_clip_range": None,
        }
