"""PPO with a critic, as it is used on language models.

Objective    R_t = −β·(log π_old − log π_ref)_t + r·1[t = n]        token rewards, KL estimated by k1
             A, target = GAE(R, V_old; γ, λ), A + V_old            V = 0 behind the last token, also for cut completions
             Â = whiten(A) over the valid tokens of the batch
             L = token_mean( max(−ρÂ, −clamp(ρ, 1−ε, 1+ε)·Â) )
               + c_v · ½·token_mean( max( (V − target)², (clamp(V, V_old ± ε_v) − target)² ) )
Source       arXiv:1707.06347, eq. 7 and 9; GAE arXiv:1506.02438, eq. 16; the language-model form of volcengine/verl
Differences  the critic is a small head on the policy's detached hidden states, not a second model: its loss cannot move
             the policy. The reward sits on the last valid token.
Degenerates  λ = γ = 1, V ≡ 0, β = 0: A = r on every token, REINFORCE with whitening. A critic that explains nothing
             (explained variance ≤ 0) leaves exactly that, noisier. All rewards of the *batch* equal: Â follows the KL
             and the critic's errors alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._on_policy import train_on_policy
from algorithms._pieces import clipped_surrogate, gae, log_ratio, masked, mean_of_tokens, token_rewards, whiten
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Run

__all__ = ["PPO"]


@dataclass(frozen=True, slots=True)
class PPO(Adapter):
    """Clipped policy objective with advantages from a learned value function."""

    paper: ClassVar[str] = "arXiv:1707.06347, eq. 9"
    gamma: float = 1.0
    """γ; completions are short and the reward is terminal."""
    lam: float = 0.95
    """λ, TRL's and the original code's default."""
    clip: float = 0.2
    """ε, section 6.1."""
    value_clip: float = 0.2
    """ε_v, as in openai/baselines and TRL."""
    value_weight: float = 0.1
    """c_v, TRL; scales the head's gradient only."""
    kl_coef: float = 0.02
    """β of the KL in the reward."""
    passes: int = 2
    """μ, optimiser passes over a batch."""
    learning_rate: float | None = None
    """Of the policy; `None` takes the suite's."""
    head_learning_rate: float = 1e-3
    """Of the critic."""
    needs: ClassVar[frozenset[Need]] = frozenset({"reference", "value_head"})

    def train(self, run: Run) -> Checkpoint:
        """In the shared loop."""
        return train_on_policy(run, self)

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Whitened advantages and value targets, once per batch."""
        assert batch.ref_logp is not None
        assert batch.old_value is not None
        to_ref = log_ratio(batch.old_logp, batch.ref_logp, batch.mask)
        rewards = token_rewards(batch.reward, to_ref, batch.mask, self.kl_coef)
        advantage = gae(rewards, batch.old_value, batch.mask, self.gamma, self.lam)  # [B, T]
        target = advantage + masked(batch.old_value, batch.mask)
        return replace(batch, advantage=whiten(advantage, batch.mask), target=target)

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.advantage is not None
        assert batch.target is not None
        assert batch.old_value is not None
        assert now.value is not None
        ratio = log_ratio(now.logp, batch.old_logp, batch.mask).exp()  # [B, T]
        policy = mean_of_tokens(
            clipped_surrogate(ratio, batch.advantage, self.clip, self.clip), batch.mask, batch.tokens
        )
        near = batch.old_value + (now.value - batch.old_value).clamp(-self.value_clip, self.value_clip)
        squares = torch.maximum((now.value - batch.target) ** 2, (near - batch.target) ** 2)
        value = 0.5 * mean_of_tokens(squares, batch.mask, batch.tokens)
        outside = ((ratio - 1).abs() > self.clip).float()
        return Loss(
            policy + self.value_weight * value,
            {
                "ppo/value_loss": value.detach(),
                "policy/clip_fraction": mean_of_tokens(outside, batch.mask, batch.tokens).detach(),
            },
        )
