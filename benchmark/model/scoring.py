"""Log-probabilities of given completions with gradient, from the model's own logits."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benchmark.model.network import Network, ReadingPlan, States, repeat_rows

__all__ = ["Prompts", "Scored", "label_and_end_logp", "score"]


class Prompts(NamedTuple):
    """P tokenised prompts, left-padded."""

    ids: Tensor
    """[P, L]"""
    mask: Tensor
    """[P, L] int64"""


class Scored(NamedTuple):
    """One forward pass over completions."""

    logp: Tensor
    """[B, T] log-probability of each token under the tempered distribution; carries gradient; 0 on padding."""
    states: Tensor
    """[B, T, H] last hidden state *before* each token is emitted: column t belongs to state s_t of the token tree."""
    prompt_state: Tensor
    """[P, H] mean of the last hidden states over the prompt's tokens."""
    end_logp: Tensor | None = None
    """[B, T] log-probability of ending instead of each token, at s_0 … s_{T-1}; 0 on padding; only when asked for."""


def score(
    network: Network,
    reading: ReadingPlan,
    prompts: Prompts,
    ids: Tensor,
    mask: Tensor,
    *,
    temperature: float,
    eos_ids: Tensor,
    ends: bool = False,
) -> Scored:
    """Log-probabilities of completions [B, T]; rows are prompt-major, B a multiple of P.

    `ends` also gives the log-probability of ending at every prefix, from the same logits.
    """
    read = (
        _shared if reading.scoring == "shared_prompt" else _row_by_row if reading.scoring == "row_by_row" else _padded
    )
    states, prompt_state = read(network, prompts, ids, mask)
    valid = mask.bool()
    logits = network.logits(states, valid).float()  # [valid tokens, V]: padding costs no vocabulary-wide work
    logp = torch.zeros_like(mask)
    logp[valid], ending = label_and_end_logp(logits, ids[valid], eos_ids, temperature, ends=ends)
    end_logp = None
    if ending is not None:
        end_logp = torch.zeros_like(mask)
        end_logp[valid] = ending
    return Scored(logp, states.hidden, prompt_state, end_logp)


def label_and_end_logp(
    logits: Tensor, labels: Tensor, eos_ids: Tensor, temperature: float, *, ends: bool
) -> tuple[Tensor, Tensor | None]:
    """[N] log-probability of `labels` [N], and of ending, under `logits` [N, V] divided by the temperature.

    Ending costs two dot products, not a second normalisation: log π(end) = log π(label) + (logit_end − logit_label)/T.
    """
    logits = logits / temperature if temperature != 1 else logits
    logp = -cross_entropy(logits, labels, reduction="none")
    if not ends:
        return logp, None
    end = logits[:, eos_ids].logsumexp(1)
    return logp, logp + end - logits.gather(1, labels.unsqueeze(1)).squeeze(1)


def _shared(network: Network, prompts: Prompts, ids: Tensor, mask: Tensor) -> tuple[States, Tensor]:
    """Each prompt is read once and its cache shared by its group, forwards and backwards."""
    group = len(ids) // len(prompts.ids)
    prefix = network.read(prompts.ids, prompts.mask, keep=True)
    if prefix.cache is None:
        raise NotImplementedError("the model returns no cache of which rows can be chosen")
    last = None if prefix.logits is None else prefix.logits[:, -1:].repeat_interleave(group, 0)
    found = [States(prefix.hidden[:, -1:].repeat_interleave(group, 0), None, last)]
    if ids.shape[1] > 1:
        repeat_rows(prefix.cache, group, torch.arange(len(prompts.ids), device=ids.device))
        seen = torch.cat((prompts.mask.repeat_interleave(group, 0), mask[:, :-1].long()), 1)
        found.append(network.read(ids[:, :-1], seen, prefix.cache, keep=True))
    return _joined(found, 1), _mean(prefix.hidden, prompts.mask)


def _padded(network: Network, prompts: Prompts, ids: Tensor, mask: Tensor) -> tuple[States, Tensor]:
    """Prompt and completion in one row, padding behind both: what is to the right of a token cannot reach it."""
    return _rows(network, prompts, ids, mask, together=True)


def _row_by_row(network: Network, prompts: Prompts, ids: Tensor, mask: Tensor) -> tuple[States, Tensor]:
    """Prompt and completion in one row, without padding and without neighbours."""
    return _rows(network, prompts, ids, mask, together=False)


def _rows(network: Network, prompts: Prompts, ids: Tensor, mask: Tensor, *, together: bool) -> tuple[States, Tensor]:
    group, width = len(ids) // len(prompts.ids), ids.shape[1]
    starts = prompts.mask.sum(1).repeat_interleave(group).tolist()
    lengths = mask.sum(1).long().tolist()
    rows = [
        torch.cat((prompts.ids[i // group, prompts.ids.shape[1] - start :], ids[i, :n]))
        for i, (start, n) in enumerate(zip(starts, lengths, strict=True))
    ]
    read = _together(network, rows) if together else [network.read(row.unsqueeze(0), None) for row in rows]
    places = [(slice(start - 1, start - 1 + n), width - n) for start, n in zip(starts, lengths, strict=True)]
    parts = [
        States(_cut(one.hidden, at, rest), None, None if one.logits is None else _cut(one.logits, at, rest))
        for one, (at, rest) in zip(read, places, strict=True)
    ]
    means = [read[first].hidden[0, : starts[first]].mean(0) for first in range(0, len(rows), group)]
    return _joined(parts, 0), torch.stack(means)


def _together(network: Network, rows: list[Tensor]) -> list[States]:
    """States of rows read in one batch, padded on the right; one entry for each row."""
    longest = max(map(len, rows))
    padded = torch.stack([torch.nn.functional.pad(row, (0, longest - len(row))) for row in rows])
    mask = torch.stack([torch.arange(longest, device=row.device) < len(row) for row in rows]).long()
    states = network.read(padded, mask)
    return [
        States(states.hidden[i : i + 1], None, None if states.logits is None else states.logits[i : i + 1])
        for i in range(len(rows))
    ]


def _cut(values: Tensor, at: slice, rest: int) -> Tensor:
    """[1, T, …] of these columns, filled with zeros."""
    return torch.nn.functional.pad(values[:, at], (0, 0, 0, rest))


def _joined(parts: list[States], dimension: int) -> States:
    whole = parts[0].logits is not None
    return States(
        torch.cat([part.hidden for part in parts], dimension),
        None,
        torch.cat([part.logits for part in parts if part.logits is not None], dimension) if whole else None,
    )


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """[P, H] over valid tokens."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)
