"""Tiny random models of the classes that transformers maps to causal language models.

`tiny(kind)` is generic: it shrinks whatever known fields a configuration has, in several ways, and takes the first that
makes a small model which runs. Nothing in it knows an architecture by name.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

KINDS = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
VOCABULARY = 96
LARGEST = 5_000_000
"""Parameters; what cannot be made smaller is left out."""
ALWAYS = {"vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "is_decoder": True}
DEPTH = dict.fromkeys(("num_hidden_layers", "n_layer", "num_layers", "n_layers", "decoder_layers", "encoder_layers"), 2)
WIDTH = dict.fromkeys(("hidden_size", "n_embd", "d_model", "embedding_size", "lru_width", "word_embed_proj_dim"), 32)
INNER = dict.fromkeys(
    ("intermediate_size", "ffn_dim", "decoder_ffn_dim", "encoder_ffn_dim", "n_inner", "d_ff", "d_inner", "dff"), 48
)
HEADS = {
    **dict.fromkeys(("num_attention_heads", "n_head", "num_heads", "n_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads"), 4),
    "num_key_value_heads": 2,
}
CONTEXT = dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), 128)
SPECIAL = {
    "rotary_dim": 8,
    "sliding_window": 8,
    "attention_window_size": 8,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"), 2),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts", "first_k_dense_replace"), 1),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 16),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("state_size", "mamba_d_state", "ssm_state_size", "chunk_size", "mamba_chunk_size"), 8),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads"), 4),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim", "mamba_headdim"), 16),
    "mamba_d_ssm": 64,
    "n_mamba_heads": 2,
    **dict.fromkeys(("mamba_n_groups", "n_groups", "mamba_ngroups"), 1),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": VOCABULARY,
    "attention_hidden_size": 32,
    "image_size": 32,
    **{name: [1] for name in ("attn_layer_indices", "hybrid_layer_ids", "full_attn_idxs")},
    **dict.fromkeys(("attn_layer_period", "expert_layer_period", "full_attention_interval", "layer_group_size"), 2),
    **dict.fromkeys(("attn_layer_offset", "expert_layer_offset"), 1),
}
ATTEMPTS: tuple[dict[str, Any], ...] = (
    {**ALWAYS, **DEPTH, **WIDTH, **INNER, **HEADS, **CONTEXT, **SPECIAL, "head_dim": 8},
    {**ALWAYS, **DEPTH, **WIDTH, **INNER, **HEADS, **CONTEXT, **SPECIAL},
    {**ALWAYS, **DEPTH, **WIDTH, **INNER, **HEADS, **CONTEXT, **SPECIAL, "num_key_value_heads": 4},
    {**ALWAYS, **WIDTH, **INNER, **HEADS, **CONTEXT, **SPECIAL, **dict.fromkeys(DEPTH, 8), "head_dim": 8},
    {**ALWAYS, **WIDTH, **INNER, **HEADS, **CONTEXT, **SPECIAL},
    {**ALWAYS, **DEPTH, **WIDTH, **INNER, **HEADS, **CONTEXT},
    {**ALWAYS, **WIDTH, **INNER, **HEADS, **CONTEXT},
    {**ALWAYS, **DEPTH, **INNER, **CONTEXT, "hidden_size": 64, "n_embd": 64, "d_model": 64},
    {**ALWAYS, **dict.fromkeys(DEPTH, 4), **INNER, **CONTEXT, "hidden_size": 256},
    {**ALWAYS, **DEPTH, **CONTEXT},
    {**ALWAYS, **DEPTH, **WIDTH, **INNER, **HEADS, **CONTEXT, **SPECIAL, "layer_types": ["mamba", "attention"]},
    {
        **ALWAYS,
        **DEPTH,
        **WIDTH,
        **INNER,
        **HEADS,
        **CONTEXT,
        **SPECIAL,
        "layer_types": ["linear_attention", "full_attention"],
    },
)
MISFITS = (Exception,)


class CannotBeMade(Exception):
    """No attempt gave a small model that runs; the message is the last reason."""


def tiny(kind: str) -> Any:
    """A random model of this kind, float32, in evaluation mode; the same each time. Raises `CannotBeMade`."""
    reason = ""
    for attempt in ATTEMPTS:
        try:
            with warnings.catch_warnings(), torch.random.fork_rng():
                warnings.simplefilter("ignore")
                torch.manual_seed(0)
                model = _made(kind, attempt)
                _spread(model)
                with torch.no_grad():
                    model(input_ids=torch.arange(3, 20).unsqueeze(0))
        except MISFITS as error:  # whatever a foreign class raises for sizes that do not fit each other
            reason = reason or f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"[:160]
        else:
            return model
    raise CannotBeMade(f"{kind}: {reason}")


def _made(kind: str, wanted: dict[str, Any]) -> Any:
    config_class = CONFIG_MAPPING[kind]
    parts = {name: _shrunk(cls, wanted) for name, cls in (config_class.sub_configs or {}).items() if name != "config"}
    config = _shrunk(config_class, wanted, **{name: part for name, part in parts.items() if part is not None})
    with torch.device("meta"):
        size = sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())
    if size > LARGEST:
        raise CannotBeMade(f"{size:,} parameters")
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def _shrunk(config_class: Any, wanted: dict[str, Any], **parts: Any) -> Any:
    if not isinstance(config_class, type) or config_class.__name__ == "AutoConfig":
        return None
    default = config_class()
    known = {
        name: value
        for name, value in wanted.items()
        if (name in vars(default) or name in default.attribute_map)
        and (isinstance(value, list) or not isinstance(vars(default).get(default.attribute_map.get(name, name)), list))
        and name not in parts
    }
    return config_class(**known, **parts)


def _spread(model: Any) -> None:
    """Weights so large that distributions are far from uniform, and differences from a wrong way of reading show."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(3)
