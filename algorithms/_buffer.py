"""Replay buffer: completions of earlier steps, stored by prompt and drawn again as whole groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from algorithms._batch import Rollouts
from benchmark.model.policy import Prompts

__all__ = ["Buffer", "StoredRow", "columns_of", "packed", "row_of", "rows_of", "stacked", "unpacked"]


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

    def __init__(self, size: int, seed: int, device: torch.device) -> None:
        self._size, self._draw, self._device = size, np.random.default_rng(seed), device
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

    def state_dict(self) -> dict[str, Any]:
        """Prompts, rows and the generator. The newest batch is left out: `add` comes before the next `draw`."""
        prompts = list(self._prompts.values())
        return {
            "names": list(self._prompts),
            "prompts": packed([prompt.ids for prompt in prompts]),
            "counts": [len(prompt.rows) for prompt in prompts],
            "rows": columns_of([row for prompt in prompts for row in prompt.rows.values()]),
            "draw": self._draw.bit_generator.state,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        rows = iter(rows_of(state["rows"], self._device))
        self._prompts = {}
        for name, ids, count in zip(
            state["names"], unpacked(state["prompts"], self._device), state["counts"], strict=True
        ):
            known = [next(rows) for _ in range(count)]
            self._prompts[name] = _Prompt(ids, {tuple(row.ids.tolist()): row for row in known})
        self._draw.bit_generator.state = state["draw"]


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


def packed(rows: Sequence[Tensor]) -> dict[str, Any]:
    """Vectors of several lengths as one: thousands of small tensors would make a checkpoint slow."""
    return {"values": torch.cat(list(rows)) if rows else None, "lengths": [len(row) for row in rows]}


def unpacked(state: Mapping[str, Any], device: torch.device) -> list[Tensor]:
    """The vectors of `packed`."""
    return [] if state["values"] is None else list(state["values"].to(device).split(state["lengths"]))


def columns_of(rows: Sequence[StoredRow]) -> dict[str, Any]:
    """Completions by field, for a checkpoint."""
    return {
        "ids": packed([row.ids for row in rows]),
        "old_logp": packed([row.old_logp for row in rows]),
        "reward": packed([row.reward.view(1) for row in rows]),
        "terminated": packed([row.terminated.view(1) for row in rows]),
        "versions": [row.version for row in rows],
    }


def rows_of(state: Mapping[str, Any], device: torch.device) -> list[StoredRow]:
    """The completions of `columns_of`."""
    ids, logp, reward, terminated = (
        unpacked(state[name], device) for name in ("ids", "old_logp", "reward", "terminated")
    )
    columns = zip(ids, logp, reward, terminated, state["versions"], strict=True)
    return [StoredRow(i, p, r.squeeze(0), t.squeeze(0), version) for i, p, r, t, version in columns]
