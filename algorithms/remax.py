"""ReMax: REINFORCE with the greedy completion's reward as baseline.

Objective    L = (1/B) Σ_i Σ_t max(−ρA, −clamp(ρ, 1−ε, 1+ε)·A),   A_i = r_i − r_greedy(x_i)
Source       arXiv:2310.10505, algorithm 1
Differences  one greedy and G − 1 sampled completions of each prompt, so that the baseline counts against the same
             budget; the paper samples one completion. ρ = 1 in the paper, as here in a single pass.
Degenerates  if the greedy completion is wrong, this is REINFORCE without baseline. If it is right, only wrong samples
             have a gradient; entropy rises and sampled accuracy stays below greedy accuracy. A group of equal rewards
             still has a gradient if the greedy reward differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import OnPolicy
from algorithms._pieces import mean_of_rows, sum_of_tokens
from algorithms._ranges import Coefficient
from algorithms._surrogate import token_surrogate
from benchmark.contract.aim import Aim

__all__ = ["ReMax"]


@dataclass(frozen=True, slots=True)
class ReMax(OnPolicy):
    """REINFORCE with the greedy completion's reward as baseline."""

    paper: ClassVar[str] = "arXiv:2310.10505, algorithm 1"
    smallest_group: ClassVar[int] = 2
    clip: Coefficient = 0.2
    """ε; has no effect in a single pass."""

    @property
    def needs(self) -> frozenset[Need]:
        """A greedy completion of each prompt."""
        return frozenset({"greedy"})

    def aim(self) -> Aim:
        """All mass on the best completions."""
        return Aim("best", credit="reward")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute advantages: reward minus the greedy completion's reward."""
        assert batch.greedy_reward is not None
        return batch.with_advantage(batch.reward - batch.greedy_reward)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        return Loss(mean_of_rows(sum_of_tokens(surrogate.term, batch.mask), batch.rows), surrogate.metrics)
