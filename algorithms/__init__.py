"""The catalogue: the name a suite writes, and where its class lives. Strings only; nothing is imported or scanned."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CATALOGUE"]

CATALOGUE: Mapping[str, str] = MappingProxyType(
    {
        "base_model": "algorithms.base_model:BaseModel",
        "sft": "algorithms.sft:SFT",
        "grpo": "algorithms.grpo:GRPO",
        "ppo": "algorithms.ppo:PPO",
        "gflownet": "algorithms.gflownet:GFlowNet",
        "flowrl": "algorithms.flowrl:FlowRL",
    }
)
