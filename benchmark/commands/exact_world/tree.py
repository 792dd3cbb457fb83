"""Token trees whose completions can all be listed. S states, Y leaves (completions), V actions, T the length limit.

A completion is fewer than T content tokens and the end, or T content tokens cut. Nodes 0 … S−1 are the states, prefixes
that go on, shortest first; nodes S … S+Y−1 are the leaves.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["BINARY", "GRADED", "WORLDS", "World", "grow"]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One tree with its reward and its reference policy; tensors are float64 and int64."""

    name: str
    content: int
    """Content tokens 0 … content−1; the end is token `content`, V = content + 1."""
    limit: int
    """T"""
    rule: Callable[[int], float]
    """Reward of an ended completion by its digit sum; a cut one has 0."""
    nodes: tuple[tuple[int, ...], ...]
    """Tokens that lead to each node."""
    successor: Tensor
    """[S+Y, V] node behind each action; a leaf stays where it is."""
    path: Tensor
    """[Y, T] state before each token; 0 on padding."""
    tokens: Tensor
    """[Y, T]; the end on padding."""
    mask: Tensor
    """[Y, T] 1.0 on valid tokens."""
    terminated: Tensor
    """[Y] bool: ended, not cut."""
    rewards: Tensor
    """[Y]"""
    reference: Tensor
    """[S, V] log π_ref(a|s)"""

    @property
    def states(self) -> int:
        """S"""
        return len(self.reference)

    @property
    def lengths(self) -> Tensor:
        """[Y] tokens of each leaf, the end included."""
        return self.mask.sum(1)

    def step_logp(self, table: Tensor) -> Tensor:
        """[Y, T] log-probability of each leaf's tokens under logits [S, V]; 0 on padding."""
        logp = table.log_softmax(-1)
        return logp[self.path, self.tokens] * self.mask.to(logp.dtype)

    def log_p(self, table: Tensor) -> Tensor:
        """[Y] log-probability of each leaf under logits [S, V]."""
        return self.step_logp(table).sum(1)

    def reward(self, text: str, *, truncated: bool) -> float:
        """Of a completion by its text, digits separated by spaces."""
        return 0.0 if truncated else self.rule(sum(map(int, text.split())))

    def text(self, leaf: int) -> str:
        """A leaf as a policy decodes it, without the end."""
        return " ".join(str(token) for token in self.nodes[self.states + leaf] if token < self.content)


def grow(name: str, content: int, limit: int, rule: Callable[[int], float]) -> World:
    """The tree; the reference's logit of action a in state i is 0.8·sin(1.7·i + 2.3·a), rounded to 3 digits."""
    states = [one for length in range(limit) for one in itertools.product(range(content), repeat=length)]
    leaves = [(*s, a) for s in states for a in range(content + 1) if a == content or len(s) == limit - 1]
    nodes = (*states, *leaves)
    place = {node: index for index, node in enumerate(nodes)}
    actions = range(content + 1)
    onward = [[place[(*s, a)] for a in actions] for s in states]
    padded = [leaf + (content,) * (limit - len(leaf)) for leaf in leaves]
    ended = [leaf[-1] == content for leaf in leaves]
    sums = [sum(token for token in leaf if token < content) for leaf in leaves]
    logits = [[round(0.8 * math.sin(1.7 * i + 2.3 * a), 3) for a in actions] for i in range(len(states))]
    return World(
        name=name,
        content=content,
        limit=limit,
        rule=rule,
        nodes=nodes,
        successor=torch.tensor(onward + [[len(states) + y] * len(actions) for y in range(len(leaves))]),
        path=torch.tensor([[place[leaf[:t]] if t < len(leaf) else 0 for t in range(limit)] for leaf in leaves]),
        tokens=torch.tensor(padded),
        mask=torch.tensor([[float(t < len(leaf)) for t in range(limit)] for leaf in leaves], dtype=torch.float64),
        terminated=torch.tensor(ended),
        rewards=torch.tensor([rule(s) * e for s, e in zip(sums, ended, strict=True)], dtype=torch.float64),
        reference=torch.tensor(logits, dtype=torch.float64).log_softmax(-1),
    )


BINARY = grow("v2T4_binary", 2, 4, lambda total: float(total % 2))
"""31 completions of at most 4 tokens; right is an odd digit sum."""
GRADED = grow("v3T3_graded", 3, 3, lambda total: total / 4)
"""40 completions of at most 3 tokens; the reward is a quarter of the digit sum."""
WORLDS = {world.name: world for world in (BINARY, GRADED)}
