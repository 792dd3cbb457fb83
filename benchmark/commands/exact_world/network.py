"""A two-layer transformer over the tree, behind the real `LanguagePolicy`, and how any policy's table is read off."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from benchmark.commands.exact_world.policy import TreePolicy
from benchmark.commands.exact_world.tree import World
from benchmark.model.policy import LanguagePolicy

__all__ = ["END", "network_policy", "table_of"]

END = "<end>"
"""Closes a completion, and is the one token of every prompt."""
WIDTH = 48


def network_policy(world: World, seed: int) -> LanguagePolicy:
    """Random weights of about 50 thousand parameters, wide enough that the start is far from uniform."""
    vocabulary = {**{str(token): token for token in range(world.content)}, END: world.content}
    words = Tokenizer(WordLevel(vocabulary, unk_token=END))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END, pad_token=END)
    config = Qwen2Config(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=world.limit + 2,
        initializer_range=0.15,
        tie_word_embeddings=False,
        eos_token_id=world.content,
        pad_token_id=None,  # else the prompt's own embedding would be frozen at 0
        bos_token_id=None,
    )
    with torch.random.fork_rng():  # transformers draws from the global generator: give it a seed and take it back
        torch.manual_seed(seed)
        return LanguagePolicy(Qwen2ForCausalLM(config), tokenizer)


@torch.no_grad()
def table_of(policy: TreePolicy | LanguagePolicy, world: World) -> Tensor:
    """[S, V] log π(a|s), float64, read off by one forward over all leaves. Every action is on some leaf's way."""
    if isinstance(policy, TreePolicy):
        return policy.logits.double().log_softmax(-1)
    scored = policy.score(policy.encode([END]), world.tokens, world.mask.float(), temperature=1.0)
    valid = world.mask.bool()
    table = torch.zeros_like(world.reference)
    table[world.path[valid], world.tokens[valid]] = scored.logp[valid].double()
    return table
