"""Sampling completions from a causal language model: each prompt is read once, finished rows leave the batch.

The token of row b at position t is found by inverting the cumulative distribution at `noise[b, t]`. So a row's
completion depends on its own noise and prompt alone, not on its neighbours, and needs no global generator.
"""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache

__all__ = ["Sampled", "cache_keyword", "positions", "sample"]


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


def cache_keyword(backbone: Any) -> str:  # noqa: ANN401 - transformers' models share no type
    """The name under which a model's `forward` takes its cache: `cache` since transformers 5.24, before it another."""
    return "cache" if "cache" in inspect.signature(backbone.forward).parameters else "past_key_values"


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
    device = prompt_ids.device
    reader = _Reader(backbone, head)
    logits = reader.prompts(prompt_ids, prompt_mask, rows // len(prompt_ids))  # [B, V]
    ids = torch.full((rows, limit), pad_id, device=device)
    logp = torch.zeros((rows, limit), device=device)
    terminated = torch.zeros(rows, dtype=torch.bool, device=device)
    lengths = torch.full((rows,), limit, device=device)
    live = torch.arange(rows, device=device)
    for t in range(limit):
        token, token_logp = _draw(logits, noise[live, t], temperature)
        ids[live, t], logp[live, t] = token, token_logp
        ended = torch.isin(token, eos_ids)
        if ended.any():
            terminated[live[ended]], lengths[live[ended]] = True, t + 1
            kept = (~ended).nonzero().squeeze(1)
            live, token = live[kept], token[kept]
            reader.keep(kept)
        if not len(live) or t + 1 == limit:
            break
        logits = reader.token(token)
    longest = int(lengths.max())
    mask = (torch.arange(longest, device=device) < lengths.unsqueeze(1)).float()
    return Sampled(ids[:, :longest], mask, logp[:, :longest], terminated)


class _Reader:
    """The model with its cache: reads each prompt once, then one token of each live row at a time."""

    def __init__(self, backbone: Any, head: torch.nn.Module) -> None:  # noqa: ANN401 - as above
        self._backbone, self._head = backbone, head
        self._cache = DynamicCache(config=backbone.config)
        self._cached: dict[str, Any] = {cache_keyword(backbone): self._cache, "use_cache": True}

    def prompts(self, ids: Tensor, mask: Tensor, group: int) -> Tensor:
        """Logits [P·group, V] behind prompts [P, L]."""
        last = self._read(ids, mask, positions(mask))
        self._cache.batch_repeat_interleave(group)
        self._seen = mask.repeat_interleave(group, 0)
        return self._head(last).repeat_interleave(group, 0)  # type: ignore[no-any-return]

    def token(self, token: Tensor) -> Tensor:
        """Logits [b, V] behind one more token [b] of each row."""
        self._seen = torch.cat((self._seen, self._seen.new_ones(len(token), 1)), 1)
        return self._head(self._read(token.unsqueeze(1), self._seen, positions(self._seen)[:, -1:]))  # type: ignore[no-any-return]

    def keep(self, rows: Tensor) -> None:
        """Forget all rows but these."""
        self._seen = self._seen[rows]
        self._cache.batch_select_indices(rows)

    def _read(self, ids: Tensor, seen: Tensor, position: Tensor) -> Tensor:
        out = self._backbone(input_ids=ids, attention_mask=seen, position_ids=position, **self._cached)
        return out.last_hidden_state[:, -1]  # type: ignore[no-any-return]


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
