"""Trained weights that stay: an adapter or a whole model in a folder, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.contract.weights import WEIGHTS, how_to_load
from benchmark.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.contract import Keep
    from benchmark.model.policy import LanguagePolicy

__all__ = ["WEIGHTS", "how_to_load", "load_weights", "save_weights", "write_start"]


def save_weights(policy: LanguagePolicy, folder: Path, keep: Keep) -> None:
    """Write the policy to `folder` with its tokenizer: with `adapter` LoRA's weights alone, else a whole model.

    `full` merges an adapter into a copy of the model. Raises `ConfigurationError` for an adapter where there is none.
    """
    if keep == "adapter":
        if not policy.lora:
            raise ConfigurationError('keep = "adapter", but the suite trains all weights: write keep = "full".')
        policy.model.save_pretrained(folder)
    else:
        model = policy.snapshot().model
        (model.merge_and_unload() if policy.lora else model).save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)


def write_start(policy: LanguagePolicy, folder: Path) -> None:
    """Write the policy as it is, with its tokenizer, as a folder that `from_pretrained` reads."""
    policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)


def load_weights(policy: LanguagePolicy, folder: Path) -> None:
    """Give a starting policy the weights that `save_weights` kept of it. Raises `ConfigurationError` where none fit."""
    from safetensors.torch import load_file  # noqa: PLC0415 - only `bakeoff exam` reads weights back

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigurationError(f'{folder}: no weights are kept there: run the job with keep = "full" or "adapter".')
    kept = {name: value for file in files for name, value in load_file(file).items()}
    if (folder / "adapter_config.json").is_file():
        from peft import set_peft_model_state_dict  # noqa: PLC0415 - as above

        wrong = set_peft_model_state_dict(policy.model, kept).unexpected_keys
    else:
        target = policy.model.merge_and_unload() if policy.lora else policy.model
        wrong = target.load_state_dict(kept, strict=False).unexpected_keys
    if wrong:
        raise ConfigurationError(f"{folder}: {len(wrong)} tensors are not the model's, {wrong[0]} first.")
