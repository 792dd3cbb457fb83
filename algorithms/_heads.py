"""Small trainable heads beside the policy: a critic, log Z, log-flows of prefixes. The exam does not use them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import torch
from torch import Tensor, nn

from algorithms._batch import Need

__all__ = ["Heads", "deep_mlp", "mlp"]


def mlp(size: int, generator: torch.Generator) -> nn.Sequential:
    """LayerNorm(H) → Linear(H, H) → GELU → Linear(H, 1), float32; the last layer is zero, so the output starts at 0."""
    return nn.Sequential(nn.LayerNorm(size), _linear(size, generator), nn.GELU(), _zero(size))


def deep_mlp(size: int, generator: torch.Generator) -> nn.Sequential:
    """[Linear(H, H) → GELU → LayerNorm] × 2 → Linear(H, 1): FlowRL's released log Z head, no dropout, 0 at start."""
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [_linear(size, generator), nn.GELU(), nn.LayerNorm(size)]
    return nn.Sequential(*layers, _zero(size))


def _linear(size: int, generator: torch.Generator) -> nn.Linear:
    layer = _bare(size, size)
    bound = size**-0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.zero_()
    return layer


def _zero(size: int) -> nn.Linear:
    layer = _bare(size, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _bare(inputs: int, outputs: int) -> nn.Linear:
    """A layer with uninitialised weights; the usual constructor would draw from the global random generator."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    return layer


class Heads(nn.Module):
    """The heads that a method asked for, or none."""

    def __init__(self, needs: AbstractSet[Need], size: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.value_head = mlp(size, generator) if "value_head" in needs else None
        self.flow_head = mlp(size, generator) if "flow_head" in needs else None
        self.log_z_head: nn.Sequential | None = None
        if "log_z_head" in needs:
            self.log_z_head = mlp(size, generator)
        elif "deep_log_z_head" in needs:
            self.log_z_head = deep_mlp(size, generator)
        self._trunk_learns = "deep_log_z_head" in needs

    def value(self, states: Tensor) -> Tensor | None:
        """[B, T] V(s_t) from detached states [B, T, H]: the critic's loss does not move the policy."""
        return None if self.value_head is None else self.value_head(states.detach().float()).squeeze(-1)

    def flow(self, states: Tensor) -> Tensor | None:
        """[B, T] f(s_t) from detached states [B, T, H]."""
        return None if self.flow_head is None else self.flow_head(states.detach().float()).squeeze(-1)

    def log_z(self, prompt_state: Tensor, group: int) -> Tensor | None:
        """[B] log Z of each row's prompt from prompt states [P, H], detached but for the deep head."""
        if self.log_z_head is None:
            return None
        state = prompt_state if self._trunk_learns else prompt_state.detach()
        log_z: Tensor = self.log_z_head(state.float()).squeeze(-1).repeat_interleave(group, 0)
        return log_z
