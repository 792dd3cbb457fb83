"""Sampling completions from a causal language model: each prompt is read once, finished rows leave the batch.

The token of row b at position t is found by inverting the cumulative distribution at `noise[b, t]`. So a row's
completion depends on its own noise and prompt alone, not on its neighbours, and needs no global generator.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache

__all__ = ["Sampled", "positions", "sample"]


class Sampled(NamedTuple):
    """Completions of P prompts in G rows each, prompt-major; B = P·G."""

    ids: Tensor
    """[B, T] tokens, right-padded; T is the longest completion's."""
    mask: Tensor
    """[B, T] 1.0 on valid tokens, end-of-sequence included."""
    logp: Tensor
    """[B, T] log-probability of each token under the tempered distribution it was drawn from; 0 on padding."""
    terminated: Tensor
    """[B] bool: ended by an end-of-sequence token, not by the length limit."""


def positions(mask: Tensor) -> Tensor:
    """Position ids of a left-padded batch: 0 at the first valid token."""
    return (mask.long().cumsum(-1) - 1).clamp(min=0)


@torch.no_grad()
def sample(
    backbone: Any,  # noqa: ANN401 - transformers' models share no type
    head: torch.nn.Module,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    noise: Tensor,
    *,
    temperature: float,
    eos_ids: Tensor,
    pad_id: int,
) -> Sampled:
    """Sample `len(noise) / P` completions of each prompt, at most `noise.shape[1]` tokens long.

    `prompt_ids`, `prompt_mask`: [P, L] left-padded. `noise`: [B, T] uniform in [0, 1). Temperature 0 is greedy and
    ignores the noise; its log-probabilities are those of temperature 1.
    """
    rows, limit = noise.shape
    group = rows // len(prompt_ids)
    cache = DynamicCache(config=backbone.config)
    prefix = backbone(
        input_ids=prompt_ids,
        attention_mask=prompt_mask,
        position_ids=positions(prompt_mask),
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    cache.batch_repeat_interleave(group)
    logits = head(prefix[:, -1]).repeat_interleave(group, 0)  # [B, V]
    seen = prompt_mask.repeat_interleave(group, 0)
    ids = torch.full((rows, limit), pad_id, device=prompt_ids.device)
    logp = torch.zeros((rows, limit), device=prompt_ids.device)
    terminated = torch.zeros(rows, dtype=torch.bool, device=prompt_ids.device)
    lengths = torch.full((rows,), limit, device=prompt_ids.device)
    live = torch.arange(rows, device=prompt_ids.device)
    for t in range(limit):
        token, token_logp = _draw(logits, noise[live, t], temperature)
        ids[live, t], logp[live, t] = token, token_logp
        ended = torch.isin(token, eos_ids)
        if ended.any():
            terminated[live[ended]], lengths[live[ended]] = True, t + 1
            kept = (~ended).nonzero().squeeze(1)
            live, token, seen = live[kept], token[kept], seen[kept]
            cache.batch_select_indices(kept)
        if not len(live) or t + 1 == limit:
            break
        seen = torch.cat((seen, seen.new_ones(len(seen), 1)), 1)
        logits = head(
            backbone(
                input_ids=token.unsqueeze(1),
                attention_mask=seen,
                position_ids=positions(seen)[:, -1:],
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state[:, -1]
        )
    longest = int(lengths.max())
    mask = (torch.arange(longest, device=ids.device) < lengths.unsqueeze(1)).float()
    return Sampled(ids[:, :longest], mask, logp[:, :longest], terminated)


def _draw(logits: Tensor, noise: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """A token and its log-probability for each row of `logits` [b, V]."""
    if temperature == 0:
        logp = logits.float().log_softmax(-1)
        token = logp.argmax(-1)
    else:
        logp = (logits.float() / temperature).log_softmax(-1)
        cumulative = logp.double().exp().cumsum(-1)
        bound = noise.double() * cumulative[:, -1]
        token = (
            torch.searchsorted(cumulative, bound.unsqueeze(1), right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)
        )
    return token, logp.gather(-1, token.unsqueeze(1)).squeeze(1)
