"""Where trained weights that a suite keeps lie, and the lines of Python that load them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.contract.asked import Keep, Model

__all__ = ["WEIGHTS", "how_to_load"]

WEIGHTS = "weights"
"""Folder beside a job's record; git ignores it."""


def how_to_load(folder: str, model: Model, keep: Keep) -> str:
    """Two lines of Python that bring the weights in `folder` back, kept of a policy that started from `model`.

    An adapter is laid over the same revision of the same base, a whole model comes with its tokenizer. Raises
    `ValueError` for `keep = "none"`.
    """
    if keep == "none":
        raise ValueError('keep = "none": no weights are kept')
    if keep == "full":
        return (
            f"model = transformers.AutoModelForCausalLM.from_pretrained({folder!r})\n"
            f"tokenizer = transformers.AutoTokenizer.from_pretrained({folder!r})"
        )
    source = "benchmark.model.pocket.POCKET" if model.source == "pocket" else repr(model.source)
    revision = f", revision={model.revision!r}" if model.revision else ""
    return (
        f"base = transformers.AutoModelForCausalLM.from_pretrained({source}{revision})\n"
        f"model = peft.PeftModel.from_pretrained(base, {folder!r})"
    )
