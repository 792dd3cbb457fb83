"""Sampling completions from a causal language model: each prompt is read once, finished rows leave the batch.

The token of row b at position t is found by inverting the cumulative distribution at `noise[b, t]`. So a row's
completion depends on its own noise and prompt alone, not on its neighbours, and needs no global generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from benchmark.model.network import Network, ReadingPlan, choose_rows, repeat_rows

__all__ = ["Ending", "Sampled", "sample"]


class Sampled(NamedTuple):
    """Completions of P prompts in G rows each, prompt-major; B = P·G."""

    ids: Tensor
    """[B, T] tokens, right-padded; T is the longest completion's."""
    mask: Tensor
    """[B, T] 1.0 on valid tokens, the end token, or the one that completes a stop string, included."""
    logp: Tensor
    """[B, T] log-probability of each token under the tempered distribution it was drawn from; 0 on padding."""
    terminated: Tensor
    """[B] bool: ended by an end token or a stop string, not by the length limit."""


class Ending(NamedTuple):
    """When a completion is over."""

    tokens: Tensor
    """[E] ids of end tokens."""
    pad: int
    """Fills what is behind the end."""
    stopped: Callable[[Tensor], Tensor] | None = None
    """Which of the completions [b, t] so far hold a stop string, [b] bool; `None` where there are no stop strings."""


@torch.no_grad()
def sample(
    network: Network,
    reading: ReadingPlan,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    noise: Tensor,
    *,
    temperature: float,
    ending: Ending,
) -> Sampled:
    """Sample `len(noise) / P` completions of each prompt, at most `noise.shape[1]` tokens long.

    `prompt_ids`, `prompt_mask`: [P, L] left-padded. `noise`: [B, T] uniform in [0, 1). Temperature 0 is greedy and
    ignores the noise; its log-probabilities are those of temperature 1.
    """
    group = len(noise) // len(prompt_ids)
    if reading.sampling != "equal_lengths":
        reader = _Reader(network) if reading.sampling == "left_padded" else _Rereader(network)
        return _sampled(reader, prompt_ids, prompt_mask, noise, temperature=temperature, ending=ending)
    lengths = prompt_mask.sum(1)
    parts: list[tuple[Tensor, Sampled]] = []
    for length in sorted(set(lengths.tolist())):
        chosen = (lengths == length).nonzero().squeeze(1)
        rows = (chosen.unsqueeze(1) * group + torch.arange(group, device=chosen.device)).flatten()
        cut = prompt_ids[chosen, -length:]
        one = _sampled(
            _Reader(network, masked=False),
            cut,
            torch.ones_like(cut),
            noise[rows],
            temperature=temperature,
            ending=ending,
        )
        parts.append((rows, one))
    return _merged(parts, len(noise), ending.pad)


def _sampled(
    reader: _Reads, prompt_ids: Tensor, prompt_mask: Tensor, noise: Tensor, *, temperature: float, ending: Ending
) -> Sampled:
    rows, limit = noise.shape
    device = prompt_ids.device
    logits = reader.prompts(prompt_ids, prompt_mask, rows // len(prompt_ids))  # [B, V]
    ids = torch.full((rows, limit), ending.pad, device=device)
    logp = torch.zeros((rows, limit), device=device)
    terminated = torch.zeros(rows, dtype=torch.bool, device=device)
    lengths = torch.full((rows,), limit, device=device)
    live = torch.arange(rows, device=device)
    for t in range(limit):
        token, token_logp = _draw(logits, noise[live, t], temperature)
        ids[live, t], logp[live, t] = token, token_logp
        ended = torch.isin(token, ending.tokens)
        if ending.stopped is not None:
            ended |= ending.stopped(ids[live, : t + 1])
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


def _merged(parts: list[tuple[Tensor, Sampled]], rows: int, pad: int) -> Sampled:
    """One batch of several, each with the places of its rows."""
    longest = max(one.ids.shape[1] for _, one in parts)
    like = parts[0][1]
    ids = like.ids.new_full((rows, longest), pad)
    mask, logp = like.mask.new_zeros(rows, longest), like.logp.new_zeros(rows, longest)
    terminated = like.terminated.new_zeros(rows)
    for places, one in parts:
        width = one.ids.shape[1]
        ids[places, :width], mask[places, :width], logp[places, :width] = one.ids, one.mask, one.logp
        terminated[places] = one.terminated
    return Sampled(ids, mask, logp, terminated)


class _Reads(Protocol):
    """How the model is asked for the next token's logits."""

    def prompts(self, ids: Tensor, mask: Tensor, group: int) -> Tensor:
        """Logits [P·group, V] behind left-padded prompts [P, L]."""
        ...

    def token(self, token: Tensor) -> Tensor:
        """Logits [b, V] behind one more token [b] of each row."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Forget all rows but these."""
        ...


class _Reader:
    """With a cache: each prompt is read once, then one token of each live row at a time.

    Without a mask where nothing is padded: some recurrent models know none once they have a state.
    """

    def __init__(self, network: Network, *, masked: bool = True) -> None:
        self._network, self._masked = network, masked
        self._cache: Any = None

    def prompts(self, ids: Tensor, mask: Tensor, group: int) -> Tensor:
        """Read once, and shared by the group."""
        logits = self._read(ids, mask)
        repeat_rows(self._cache, group, torch.arange(len(ids), device=ids.device))
        self._seen = mask.repeat_interleave(group, 0)
        return logits.repeat_interleave(group, 0)

    def token(self, token: Tensor) -> Tensor:
        """From the cache."""
        self._seen = torch.cat((self._seen, self._seen.new_ones(len(token), 1)), 1)
        return self._read(token.unsqueeze(1), self._seen)

    def keep(self, rows: Tensor) -> None:
        """In the cache."""
        self._seen = self._seen[rows]
        choose_rows(self._cache, rows)

    def _read(self, ids: Tensor, seen: Tensor) -> Tensor:
        states = self._network.read(ids, seen if self._masked else None, self._cache, keep=True)
        if states.cache is None:
            raise NotImplementedError("the model returns no cache of which rows can be chosen")
        self._cache = states.cache
        return _last(self._network, states.hidden, states.logits)


class _Rereader:
    """Without a cache: whole rows are read again for each token, right-padded, so that any causal model can be."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def prompts(self, ids: Tensor, mask: Tensor, group: int) -> Tensor:
        """Moved to the left edge."""
        self._lengths = mask.sum(1)
        columns = torch.arange(ids.shape[1], device=ids.device)
        places = (columns + ids.shape[1] - self._lengths.unsqueeze(1)).clamp(max=ids.shape[1] - 1)
        self._ids = ids.gather(1, places)
        repeated = torch.arange(len(ids), device=ids.device).repeat_interleave(group)
        logits = self._read()
        self.keep(repeated)
        return logits[repeated]

    def token(self, token: Tensor) -> Tensor:
        """By reading everything again."""
        self._ids = torch.cat((self._ids, torch.zeros_like(self._ids[:, :1])), 1)
        self._ids[torch.arange(len(token), device=token.device), self._lengths] = token
        self._lengths = self._lengths + 1
        return self._read()

    def keep(self, rows: Tensor) -> None:
        """By dropping their tokens."""
        self._ids, self._lengths = self._ids[rows], self._lengths[rows]

    def _read(self) -> Tensor:
        """One row at a time: nothing is padded, so nothing can be read wrongly."""
        out = []
        for ids, length in zip(self._ids, self._lengths.tolist(), strict=True):
            states = self._network.read(ids[None, :length], None)
            out.append(_last(self._network, states.hidden, states.logits))
        return torch.cat(out)


def _last(network: Network, hidden: Tensor, logits: Tensor | None) -> Tensor:
    """[B, V] of the last column."""
    return logits[:, -1] if logits is not None else network.project(hidden[:, -1])


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
