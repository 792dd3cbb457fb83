"""What is learned on a world: small networks over a state's features, read for many states at once.

A world of at most `WHOLE` states is evaluated whole, once per optimiser step, and everything else is a look-up; of a
larger one only the states that are asked for, each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.lab.worlds.graph import NONE, Graph
from benchmark.stats.scores import FloatArray

__all__ = ["WHOLE", "NetworkShape", "Networks", "Tables", "log_softmax_allowed", "network", "tables"]

WHOLE = 2048
"""States up to which a network reads all of them at once."""
CHUNK = 16384
"""States of a larger world that are read together when all are asked for."""
FORBIDDEN = -1e9
"""Logit of an action that is not allowed: finite, so that its gradient is 0 and not NaN."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A world's tables as tensors."""

    graph: Graph
    child: Tensor
    """[N, A] int64; 0 where the action is not allowed."""
    parent: Tensor
    """[N, K] int64; 0 where there is none."""
    parent_action: Tensor
    """[N, K] int64"""
    slot: Tensor
    """[A+1] int64; "stop" has 0."""
    allowed: Tensor
    """[N, A+1] bool"""
    undoable: Tensor
    """[N, K] bool"""
    log_reward: Tensor
    """[N] float32; 0 where a trajectory cannot stop."""
    features: Tensor
    """[N, F] uint8; float32 in a world that is read whole"""

    @property
    def stop(self) -> int:
        """The action that ends a trajectory."""
        return self.graph.actions - 1


def tables(graph: Graph) -> Tables:
    """The tensors of a world, copied once."""
    features = torch.from_numpy(graph.features)
    return Tables(
        graph=graph,
        child=torch.from_numpy(np.where(graph.child == NONE, 0, graph.child).astype(np.int64)),
        parent=torch.from_numpy(np.where(graph.parent == NONE, 0, graph.parent).astype(np.int64)),
        parent_action=torch.from_numpy(graph.parent_action.astype(np.int64)),
        slot=torch.from_numpy(np.concatenate((graph.slot, [0])).astype(np.int64)),
        allowed=torch.from_numpy(graph.allowed),
        undoable=torch.from_numpy(graph.parent != NONE),
        log_reward=torch.from_numpy(np.where(graph.ends, graph.log_reward, 0.0)).float(),
        features=features.float() if graph.states <= WHOLE else features,
    )


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Of every network of a job."""

    width: int = 64
    depth: int = 2
    """Hidden layers; arXiv:2408.05885's code has 4 × 256, and 2 × 64 reach the same distances on the small grids."""
    even_start: bool = True
    """The last layer starts at 0: every policy uniform, every flow 1. Else it starts like the others, as published."""


def network(inputs: int, outputs: int, generator: torch.Generator, shape: NetworkShape) -> nn.Sequential:
    """Hidden layers of leaky ReLU; weights start as torch's own, uniform within 1/√inputs."""
    layers: list[nn.Module] = []
    for size in [shape.width] * shape.depth:
        layers += [_linear(inputs, size, generator), nn.LeakyReLU()]
        inputs = size
    last = _linear(inputs, outputs, generator)
    if shape.even_start:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    bound = inputs**-0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


def log_softmax_allowed(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log π over the allowed actions of the last axis, about −10⁹ elsewhere; a row without any is left uniform."""
    return torch.where(allowed, logits, FORBIDDEN).log_softmax(-1)


class Networks(nn.Module):
    """The networks one method needs. `policy` gives A+1 logits (or log edge flows), the others what they are named."""

    def __init__(self, world: Tables, needs: frozenset[str], seed: int, shape: NetworkShape | None = None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.world = world

        def made(outputs: int) -> nn.Sequential:
            return network(world.features.shape[1], outputs, generator, shape or NetworkShape())

        self.policy = made(world.graph.actions)
        self.backward_policy = made(world.parent.shape[1]) if "backward" in needs else None
        self.flow = made(1) if "flow_head" in needs else None
        self.value = made(1) if "value_head" in needs else None
        self.backward_value = made(1) if "backward_value" in needs else None
        self.log_z = nn.Parameter(torch.zeros(())) if "log_z_head" in needs else None

    def heads(self) -> Iterator[nn.Parameter]:
        """Everything but the forward policy."""
        for name, parameter in self.named_parameters():
            if not name.startswith("policy."):
                yield parameter

    def read(self, net: nn.Module, states: Tensor) -> Tensor:
        """The outputs of a network for states of any shape, each state read once."""
        if self.world.graph.states <= WHOLE:
            return cast("Tensor", net(self.world.features))[states]
        unique, places = torch.unique(states, return_inverse=True)
        return cast("Tensor", net(self.world.features[unique].float()))[places]

    def log_forward(self, states: Tensor) -> Tensor:
        """[…, A+1] log P_F"""
        return log_softmax_allowed(self.read(self.policy, states), self.world.allowed[states])

    def edge_flows(self, states: Tensor) -> Tensor:
        """[…, A+1] the policy's outputs as log edge flows (soft Q values), about −10⁹ where not allowed."""
        return torch.where(self.world.allowed[states], self.read(self.policy, states), FORBIDDEN)

    def log_backward(self, states: Tensor) -> Tensor:
        """[…, K] log P_B; uniform without a network of its own."""
        undoable = self.world.undoable[states]
        if self.backward_policy is None:
            return log_softmax_allowed(torch.zeros(undoable.shape), undoable)
        return log_softmax_allowed(self.read(self.backward_policy, states), undoable)

    @torch.no_grad()
    def whole_forward(self) -> FloatArray:
        """(N, A+1) log P_F of every state, float64."""
        return self._whole(self.log_forward)

    @torch.no_grad()
    def whole_backward(self) -> FloatArray:
        """(N, K) log P_B of every state, float64."""
        return self._whole(self.log_backward)

    def _whole(self, of: Callable[[Tensor], Tensor]) -> FloatArray:
        starts = range(0, self.world.graph.states, CHUNK)
        parts = [of(torch.arange(first, min(first + CHUNK, self.world.graph.states))).double() for first in starts]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)
