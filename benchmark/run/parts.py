"""What a checkpoint holds beside counters: trained weights, the parts a method named, and every random generator.

A part is anything with `state_dict` and `load_state_dict`, a generator of torch or numpy, or a dict of plain values.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.contract import Part

__all__ = ["gathered", "put_back", "why_unfit"]


def gathered(model: nn.Module, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Weights that training may change, the parts and the global generators, as they are now."""
    return {
        "weights": _trainable(model),
        "parts": {name: _state_of(part) for name, part in parts.items()},
        "generators": _global_generators(),
    }


def why_unfit(tree: Mapping[str, Any], model: nn.Module, parts: Mapping[str, Part]) -> str | None:
    """Why a checkpoint's tree cannot be put back here; `None` where it can."""
    weights = _trainable(model)
    if {name: (value.shape, value.dtype) for name, value in tree["weights"].items()} != {
        name: (value.shape, value.dtype) for name, value in weights.items()
    }:
        return "it holds other weights than the model"
    if set(tree["parts"]) != set(parts):
        return f"it holds the parts {', '.join(sorted(tree['parts'])) or 'none'}, not {', '.join(sorted(parts))}"
    return None


@torch.no_grad()
def put_back(tree: Mapping[str, Any], model: nn.Module, parts: Mapping[str, Part]) -> None:
    """Give weights, parts and global generators the state that `gathered` saw."""
    weights = _trainable(model)
    for name, value in tree["weights"].items():
        weights[name].copy_(value)
    for name, part in parts.items():
        _load(part, tree["parts"][name])
    _restore_global_generators(tree["generators"])


def _trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _state_of(part: Part) -> object:
    if isinstance(part, torch.Generator):
        return part.get_state()
    if isinstance(part, np.random.Generator):
        return part.bit_generator.state
    return dict(part) if isinstance(part, MutableMapping) else part.state_dict()


def _load(part: Part, state: Any) -> None:  # noqa: ANN401 - what `_state_of` gave
    if isinstance(part, torch.Generator):
        part.set_state(state)
    elif isinstance(part, np.random.Generator):
        part.bit_generator.state = state
    elif isinstance(part, MutableMapping):
        part.clear()
        part.update(state)
    else:
        part.load_state_dict(state)


def _global_generators() -> dict[str, object]:
    """Of Python, numpy and torch: no method of ours draws from them, but a method from outside may."""
    cuda: list[Tensor] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002 - the legacy one is the global one
        "torch": torch.get_rng_state(),
        "cuda": cuda,
    }


def _restore_global_generators(states: Mapping[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002 - as above
    torch.set_rng_state(states["torch"])
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
