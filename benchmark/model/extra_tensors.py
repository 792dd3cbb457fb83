"""Tensors of a checkpoint for which the model has no place: which are harmless, and which make it another model.

A tensor that is left out on loading changes nothing where the model computes it itself (`buffers`) or where it belongs
to a part that reads no text (`vision` and `audio`). Everything else was trained as a part of some model, a value head,
further layers, biases, and the policy without it is not that model.

What transformers knows to be superfluous for a class of models (`_keys_to_ignore_on_load_unexpected`, multi-token
prediction layers among them) does not come here, and neither does an output head that equals the embeddings to which
it is tied; one that differs is loaded and not tied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["harmful"]

_BUFFER = re.compile(
    r"(^|\.)(inv_freq|cos_cached|sin_cached|position_ids|token_type_ids|masked_bias|causal_mask|num_batches_tracked)$"
)
"""Names that only buffers have: rotary frequencies, positions, attention masks and the value that masks."""
_MASK = re.compile(r"^(?P<block>.*(attn|attention))\.bias$")
"""A triangle of ones in GPT-2's way; the bias of a linear layer where the block is one."""
_SENSE = re.compile(
    r"(^|[._])(vision|visual|image|audio|speech|video|mm|multi_?modal|projector|connector|aligner|resampler)($|[._])"
)
"""A part of a name that says it is of another sense than reading, or leads from there to the text."""
_SENSE_PARTS = ("vision_config", "audio_config")
_PREFIXES = 3
"""So many parts of a name say to which part of the model it belongs."""


def harmful(names: Iterable[str], network: Any, config: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - transformers' models share no type
    """Those of the names, sorted, that are neither buffers nor parts of another sense.

    `network` is the model as it was loaded without them, `config` the checkpoint's own config.json.
    """
    modules = dict(network.named_modules())
    base = str(network.base_model_prefix)
    wider = any(key in config for key in _SENSE_PARTS)

    def harmless(name: str) -> bool:
        if _BUFFER.search(name):
            return True
        mask = _MASK.match(name)
        if mask:
            block = mask["block"]
            module = modules.get(block) or modules.get(block.removeprefix(f"{base}.")) or modules.get(f"{base}.{block}")
            return module is not None and any(True for _ in module.children())
        return wider and any(_SENSE.search(part) for part in name.split(".")[:_PREFIXES])

    return sorted(name for name in names if not harmless(name))
