"""A policy that is a table of logits over the tree's states, with the methods of `LanguagePolicy`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from benchmark.commands.exact_world.tree import World
from benchmark.contract import Completion, Till
from benchmark.model.policy import Prompts, Scored
from benchmark.model.sampler import Sampled

__all__ = ["TreePolicy"]


class TreePolicy:
    """Logits [S, V] as the only weights, float32; a hidden state is the one-hot vector of its node."""

    def __init__(self, world: World, start: Tensor | None = None, *, frozen: bool = False) -> None:
        self.world = world
        start = world.reference if start is None else start
        self.logits = torch.nn.Parameter(start.detach().float().clone(), requires_grad=not frozen)
        self.device = self.logits.device
        self.till: Till | None = None
        """Where this policy and its copies charge completions."""
        self._one_hot = torch.eye(len(world.nodes))
        self._mask = world.mask.float()
        self._completions = [
            Completion(world.text(y), int(n), not ended)
            for y, (n, ended) in enumerate(zip(world.lengths.tolist(), world.terminated.tolist(), strict=True))
        ]
        self._leaf = {tuple(row): y for y, row in enumerate(world.nodes[world.states :])}

    def charged_to(self, till: Till) -> Self:
        """The same table, whose completions are charged."""
        charged = copy.copy(self)
        charged.till = till
        return charged

    @property
    def hidden_size(self) -> int:
        """S + Y"""
        return len(self.world.nodes)

    @property
    def trainable(self) -> list[torch.nn.Parameter]:
        """The table."""
        return [self.logits]

    def encode(self, prompts: Sequence[str]) -> Prompts:
        """Every prompt is the same single token."""
        ids = torch.full((len(prompts), 1), self.world.content)
        return Prompts(ids, torch.ones_like(ids))

    @torch.no_grad()
    def sample(self, prompts: Prompts, noise: Tensor, *, temperature: float) -> Sampled:
        """Whole leaves by inverting their cumulative distribution at the first column of `noise` [B, T]."""
        del prompts
        table = (self.logits / (temperature or 1)).double()
        if temperature == 0:
            chosen = torch.full((len(noise),), self._greedy())
        else:
            cumulative = self.world.log_p(table).exp().cumsum(0)
            chosen = torch.searchsorted(cumulative, noise[:, 0].double() * cumulative[-1], right=True)
            chosen = chosen.clamp(max=len(cumulative) - 1)
        mask = self._mask[chosen]
        self._charge(mask)
        longest = int(mask.sum(1).max())
        logp = self.world.step_logp(table).float()[chosen]
        ids = self.world.tokens[chosen]
        return Sampled(ids[:, :longest], mask[:, :longest], logp[:, :longest], self.world.terminated[chosen])

    def decode(self, sampled: Sampled) -> list[Completion]:
        """Digits separated by spaces."""
        lengths = sampled.mask.sum(1).int().tolist()
        rows = sampled.ids.tolist()
        return [self._completions[self._leaf[tuple(row[:n])]] for row, n in zip(rows, lengths, strict=True)]

    def prefixes(self, sampled: Sampled) -> list[list[str]]:
        """Texts of all prefixes of each completion, after 0 … n tokens."""
        lengths = sampled.mask.sum(1).int().tolist()
        rows = sampled.ids.tolist()
        return [
            [" ".join(str(token) for token in row[:t] if token < self.world.content) for t in range(n + 1)]
            for row, n in zip(rows, lengths, strict=True)
        ]

    def encode_completions(self, texts: Sequence[str], limit: int) -> Sampled:
        """Given texts, each closed by the end, cut at `limit`."""
        rows = [[*map(int, text.split()), self.world.content][:limit] for text in texts]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [self.world.content] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[float(t < len(row)) for t in range(longest)] for row in rows])
        self._charge(mask)
        return Sampled(ids, mask, torch.zeros_like(mask), torch.tensor([row[-1] == self.world.content for row in rows]))

    def score(self, prompts: Prompts, ids: Tensor, mask: Tensor, *, temperature: float, ends: bool = False) -> Scored:
        """Log-probabilities of given completions [B, T]; a column behind a leaf has that leaf's state."""
        node = torch.zeros(len(ids), dtype=torch.long)
        visited = []
        for t in range(ids.shape[1]):
            visited.append(node)
            node = self.world.successor[node, ids[:, t]]
        nodes = torch.stack(visited, 1)  # [B, T]
        table = (self.logits / temperature).log_softmax(-1)
        inside = nodes.clamp(max=self.world.states - 1)
        valid = mask.bool()
        end_logp = torch.where(valid, table[:, self.world.content][inside], 0.0) if ends else None
        root = self._one_hot[:1].expand(len(prompts.ids), -1)
        return Scored(torch.where(valid, table[inside, ids], 0.0), self._one_hot[nodes], root, end_logp)

    def snapshot(self) -> TreePolicy:
        """A frozen copy of the table as it is now."""
        return self._copy(self.logits)

    def reference(self) -> TreePolicy:
        """The world's reference, wherever this policy started."""
        return self._copy(None)

    def _copy(self, start: Tensor | None) -> TreePolicy:
        frozen = TreePolicy(self.world, start, frozen=True)
        frozen.till = self.till
        return frozen

    def _charge(self, mask: Tensor) -> None:
        if self.till is not None:
            self.till.charge(len(mask), int(mask.sum()))

    def _greedy(self) -> int:
        node = 0
        while node < self.world.states:
            node = int(self.world.successor[node, self.logits[node].argmax()])
        return node - self.world.states
