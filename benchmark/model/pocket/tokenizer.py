"""The pocket policy's tokenizer: whole words of the generated problems, single digits, and bytes for everything else.

A byte-level BPE whose digits never merge. Every string encodes and decodes back to itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

__all__ = ["EOS", "PAD", "train_tokenizer"]

PAD, EOS = "<|pad|>", "<|end|>"


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Learn merges from the texts until the vocabulary holds `vocabulary` tokens (256 bytes and 2 specials too)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=PAD,  # never met, bytes cover all; unnamed, a loader would add a token the model has no weights for
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
