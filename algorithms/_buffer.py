"""Replay buffer: completions of earlier steps, stored by prompt and drawn again as whole groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from algorithms._batch import Rollouts
from benchmark.model.policy import Prompts

__all__ = ["Buffer", "StoredRow", "row_of", "stacked"]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One completion, without padding."""

    ids: Tensor
    old_logp: Tensor
    reward: Tensor
    terminated: Tensor
    version: int


@dataclass(slots=True)
class _Prompt:
    ids: Tensor
    rows: dict[tuple[int, ...], StoredRow]
    """By token sequence: copies are dropped, the newest stays."""


class Buffer:
    """Replay buffer with at most `size` distinct completions per prompt and its own random generator."""

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._draw = size, np.random.default_rng(seed)
        self._prompts: dict[str, _Prompt] = {}
        self._fresh: Rollouts | None = None
        self._names: list[str] = []
        self._version = 0

    def __len__(self) -> int:
        return sum(len(prompt.rows) for prompt in self._prompts.values())

    def add(self, names: list[str], batch: Rollouts, version: int) -> None:
        """Store a batch whose prompts are named `names` and which the weights of step `version` sampled."""
        self._fresh, self._names, self._version = batch, names, version
        for index, name in enumerate(names):
            ids = batch.prompts.ids[index][batch.prompts.mask[index].bool()]
            known = self._prompts.setdefault(name, _Prompt(ids, {}))
            for row in range(index * batch.group_size, (index + 1) * batch.group_size):
                n = int(batch.mask[row].sum())
                tokens = tuple(batch.ids[row, :n].tolist())
                known.rows.pop(tokens, None)
                known.rows[tokens] = row_of(batch, row, version)
            while len(known.rows) > self._size:
                known.rows.pop(next(iter(known.rows)))

    def draw(self, fresh_share: float, step: int) -> tuple[Rollouts, list[int]]:
        """Draw as many groups as the newest batch has, and return them with each row's age in steps.

        A group is fresh with probability `fresh_share`, otherwise it belongs to a prompt that is not in the newest
        batch. All groups are fresh as long as there is no such prompt.
        """
        assert self._fresh is not None
        fresh, size = self._fresh, self._fresh.group_size
        older = sorted(set(self._prompts) - set(self._names))
        replaced = [bool(older) and self._draw.random() >= fresh_share for _ in self._names]
        if not any(replaced):
            return fresh, [step - self._version] * len(fresh.reward)
        prompts, rows = [], list[StoredRow]()
        for index, old in enumerate(replaced):
            if old:
                chosen = self._prompts[older[self._draw.integers(len(older))]]
                known = list(chosen.rows.values())
                take = self._draw.choice(len(known), size, replace=len(known) < size)
                prompts.append(chosen.ids)
                rows += [known[i] for i in take]
            else:
                prompts.append(fresh.prompts.ids[index][fresh.prompts.mask[index].bool()])
                rows += [row_of(fresh, row, self._version) for row in range(index * size, (index + 1) * size)]
        return stacked(fresh, prompts, rows), [step - row.version for row in rows]


def row_of(batch: Rollouts, row: int, version: int = 0) -> StoredRow:
    """One completion of a batch, sampled by the weights of step `version`."""
    n = int(batch.mask[row].sum())
    return StoredRow(batch.ids[row, :n], batch.old_logp[row, :n], batch.reward[row], batch.terminated[row], version)


def stacked(like: Rollouts, prompts: list[Tensor], rows: list[StoredRow]) -> Rollouts:
    """Rows of several batches in one, prompts padded on the left and completions on the right."""
    longest, width = max(map(len, prompts)), max(len(row.ids) for row in rows)
    lengths = torch.tensor([len(row.ids) for row in rows], device=like.mask.device)
    mask = (torch.arange(width, device=like.mask.device) < lengths.unsqueeze(1)).to(like.mask.dtype)
    return replace(
        like,
        prompts=Prompts(
            torch.stack([pad(ids, (longest - len(ids), 0)) for ids in prompts]),
            torch.stack([pad(torch.ones_like(ids), (longest - len(ids), 0)) for ids in prompts]),
        ),
        ids=torch.stack([pad(row.ids, (0, width - len(row.ids))) for row in rows]),
        mask=mask,
        terminated=torch.stack([row.terminated for row in rows]),
        reward=torch.stack([row.reward for row in rows]),
        old_logp=torch.stack([pad(row.old_logp, (0, width - len(row.ids))) for row in rows]),
        tokens=float(mask.sum()),
    )
