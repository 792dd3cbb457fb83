"""ReMax: REINFORCE with the greedy completion's reward as baseline.

Objective    L = (1/B) Σ_i Σ_t max(−ρA, −clamp(ρ, 1−ε, 1+ε)·A),   A_i = r_i − r_greedy(x_i)
Source       arXiv:2310.10505, algorithm 1
Differences  one greedy and G − 1 sampled completions of each prompt, so that the baseline is paid from the same budget;
             the paper samples one. ρ = 1 there, as here in one pass.
Degenerates  greedy always wrong: REINFORCE without baseline. Greedy right: only wrong samples teach, entropy rises and
             sampled accuracy stays below greedy accuracy. A group of equal rewards still teaches when greedy differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import OnPolicy
from algorithms._pieces import mean_of_rows, sum_of_tokens
from algorithms._ranges import Weight
from algorithms._surrogate import token_surrogate
from benchmark.contract.aim import Aim

__all__ = ["ReMax"]


@dataclass(frozen=True, slots=True)
class ReMax(OnPolicy):
    """REINFORCE, greedy baseline."""

    paper: ClassVar[str] = "arXiv:2310.10505, algorithm 1"
    smallest_group: ClassVar[int] = 2
    clip: Weight = 0.2
    """ε; never acts in one pass."""

    @property
    def needs(self) -> frozenset[Need]:
        """A greedy completion of each prompt."""
        return frozenset({"greedy"})

    def aim(self) -> Aim:
        """The best completions."""
        return Aim("best", credit="reward")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Reward above the greedy completion's."""
        assert batch.greedy_reward is not None
        return batch.with_advantage(batch.reward - batch.greedy_reward)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        return Loss(mean_of_rows(sum_of_tokens(surrogate.term, batch.mask), batch.rows), surrogate.metrics)
