"""PPO with a critic, as it is used on language models.

Objective    R_t = −β·(log π_old − log π_ref)_t + r·1[t = n]        token rewards, KL estimated by k1
             A, target = GAE(R, V_old; γ, λ), A + V_old            V = 0 behind the last token, also for cut completions
             Â = whiten(A) over the valid tokens of the batch
             L = token_mean( max(−ρÂ, −clamp(ρ, 1−ε, 1+ε)·Â) )      [ dual clip: at most −c·Â where Â < 0 ]
               + c_v · ½·token_mean( max( (V − target)², (clamp(V, V_old ± ε_v) − target)² ) )
Source       arXiv:1707.06347, eq. 7 and 9; GAE arXiv:1506.02438, eq. 16; the language-model form of volcengine/verl;
             dual clip arXiv:1912.09729
Differences  the critic is a small head on the policy's detached hidden states, not a second model: its loss cannot move
             the policy. The reward sits on the last valid token. No critic warm-up by default: its last layer starts at
             zero, so the first step is REINFORCE with whitening, and short suites cannot afford warm-up steps.
Degenerates  with λ = γ = 1, V ≡ 0 and β = 0, A = r on every token: REINFORCE with whitening. A critic that explains
             nothing (explained variance ≤ 0) gives the same with more noise. If all rewards of the *batch* are equal, Â
             depends only on the KL and the critic's errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import OnPolicy
from algorithms._pieces import gae, k1, masked, mean_of_tokens, token_rewards, whiten
from algorithms._ranges import Coefficient, Count, Fraction, Positive, Steps
from algorithms._surrogate import token_surrogate
from benchmark.contract import Setting
from benchmark.contract.aim import Aim

__all__ = ["PPO"]


@dataclass(frozen=True, slots=True)
class PPO(OnPolicy):
    """Clipped policy objective with advantages from a learned value function."""

    paper: ClassVar[str] = "arXiv:1707.06347, eq. 9"
    exact_settings: ClassVar[Mapping[str, Setting]] = {"kl_coef": 0.25, "lam": 1.0, "passes": 1}
    passes: Count = 2
    """μ, passes over a batch; 4 in TRL's former trainer, 1 in verl."""
    gamma: Fraction = 1.0
    """γ; completions are short and the reward is terminal."""
    lam: Fraction = 0.95
    """λ, TRL's and the original code's default."""
    clip: Coefficient = 0.2
    """ε, section 6.1."""
    dual_clip: Positive | None = None
    """c of arXiv:1912.09729, 3 there; `None` is off."""
    value_clip: Coefficient = 0.2
    """ε_v, as in openai/baselines and TRL."""
    value_weight: Coefficient = 0.1
    """c_v, TRL; scales the head's gradient only."""
    value_warmup_steps: Steps = 0
    """Optimiser steps at the start that update only the critic."""
    kl_coef: Coefficient = 0.02
    """β of the KL in the reward."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, for the KL, and a critic."""
        return frozenset({"reference", "value_head"})

    @property
    def frozen_steps(self) -> int:
        """The number of critic warm-up steps."""
        return self.value_warmup_steps

    def aim(self) -> Aim:
        """The optimum of E[r] − β·KL(π‖π_ref), for λ = 1 or a critic that has converged."""
        return Aim("tempered", self.kl_coef, credit="batch_whitened" if self.lam == 1 else None, span="token_mean")

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Compute whitened advantages and value targets."""
        assert batch.ref_logp is not None
        assert batch.old_value is not None
        to_ref = k1(batch.old_logp, batch.ref_logp, batch.mask)
        rewards = token_rewards(batch.reward, to_ref, batch.mask, self.kl_coef)
        advantage = gae(rewards, batch.old_value, batch.mask, self.gamma, self.lam)  # [B, T]
        target = advantage + masked(batch.old_value, batch.mask)
        return replace(batch.with_advantage(whiten(advantage, batch.mask)), target=target)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        surrogate = token_surrogate(batch, now, self.clip, self.clip, self.dual_clip)
        policy = mean_of_tokens(surrogate.term, batch.mask, batch.tokens)
        value = self._value_loss(batch, now)
        metrics = {**surrogate.metrics, "value/loss": value.detach()}
        return Loss(policy + self.value_weight * value, metrics)

    def _value_loss(self, batch: Rollouts, now: Now) -> Tensor:
        assert batch.target is not None
        assert batch.old_value is not None
        assert now.value is not None
        # padding is cut before it is squared: behind a mask NaN and infinity still reach the gradient
        value, before, target = (masked(x, batch.mask) for x in (now.value, batch.old_value, batch.target))
        near = before + (value - before).clamp(-self.value_clip, self.value_clip)
        squares = torch.maximum((value - target) ** 2, (near - target) ** 2)
        return 0.5 * mean_of_tokens(squares, batch.mask, batch.tokens)
