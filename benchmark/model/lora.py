"""LoRA adapters on all linear layers, the same at every start."""

from __future__ import annotations

from typing import Any

import torch

from benchmark.contract import Model

__all__ = ["with_lora"]


def with_lora(network: Any, model: Model) -> Any:  # noqa: ANN401 - transformers' models share no type
    """The network wrapped by peft; only the adapters are trained. `model.lora_rank` must be given."""
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - a second's import that full training does not need

    config = LoraConfig(
        r=model.lora_rank,
        lora_alpha=model.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():  # peft draws from the global generator: give it a fixed seed and take it back
        torch.manual_seed(0)
        return get_peft_model(network, config)
