"""Tensors for which a model has no place: what is harmless by a rule loads, everything else is refused by name."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, Qwen2Config, Qwen2ForCausalLM

from benchmark.contract import Model
from benchmark.errors import ConfigurationError
from benchmark.model.extra_tensors import harmful
from benchmark.model.load import load_policy
from benchmark.model.pocket.tokenizer import train_tokenizer

SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["one two three 1 2 3"], 270)


def saved(folder, tokenizer, *, gpt2=False, **settings):
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if gpt2:
            config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=64, **ends)
            model = GPT2LMHeadModel(config)
        else:
            config = Qwen2Config(vocab_size=len(tokenizer), intermediate_size=16, **SIZES, **ends, **settings)
            model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def add(folder, **tensors):
    path = folder / "model.safetensors"
    save_file(
        {**load_file(path), **{name.replace("__", "."): each for name, each in tensors.items()}}, path, {"format": "pt"}
    )


def described(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def loaded(folder):
    return load_policy(Model(source=str(folder)), "")


REFUSED = {
    "the value head of a trainer": {"v_head__summary__weight": torch.zeros(1, 16)},
    "a layer beyond the last": {"model__layers__1__mlp__up_proj__weight": torch.zeros(16, 16)},
    "a bias where the model has none": {"model__layers__0__self_attn__o_proj__bias": torch.zeros(16)},
    "a bias of a linear layer called attention": {"model__attention__bias": torch.zeros(16)},
    "a vision tower of a model that reads text alone": {"vision_tower__patch__weight": torch.zeros(4)},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_was_trained_is_refused_by_its_name(tmp_path, tokenizer, what):
    saved(tmp_path, tokenizer)
    loaded(tmp_path)
    add(tmp_path, **REFUSED[what])
    name = next(iter(REFUSED[what])).replace("__", ".")
    with pytest.raises(ConfigurationError, match=r"hold 1 tensor for which Qwen2ForCausalLM has no place \(") as caught:
        loaded(tmp_path)
    assert f"({name})" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_first_names_stand_for_many(tmp_path, tokenizer):
    saved(tmp_path, tokenizer)
    add(tmp_path, **{f"extra__{letter}": torch.zeros(2) for letter in "edcba"})
    with pytest.raises(ConfigurationError, match=r"hold 5 tensors .* \(extra\.a, extra\.b, extra\.c, …\)"):
        loaded(tmp_path)


HARMLESS = {
    "rotary frequencies": {"model__layers__0__self_attn__rotary_emb__inv_freq": torch.zeros(4)},
    "rotary tables": {"model__layers__0__self_attn__rotary_emb__cos_cached": torch.zeros(1, 1, 8, 4)},
    "positions": {"model__embeddings__position_ids": torch.arange(8).unsqueeze(0)},
    "an attention mask": {"model__layers__0__self_attn__bias": torch.ones(1, 1, 8, 8)},
    "the value that masks": {"model__layers__0__self_attn__masked_bias": torch.tensor(-1e4)},
}


@pytest.mark.parametrize("what", HARMLESS)
def test_a_buffer_changes_nothing(tmp_path, tokenizer, what):
    saved(tmp_path, tokenizer)
    before = loaded(tmp_path).digest()
    add(tmp_path, **HARMLESS[what])
    assert loaded(tmp_path).digest() == before


def test_the_masks_of_old_gpt_2_files_are_harmless_and_their_biases_are_not(tmp_path, tokenizer):
    saved(tmp_path, tokenizer, gpt2=True)
    mask = {"transformer__h__0__attn__bias": torch.ones(1, 1, 64, 64)}
    add(tmp_path, **mask, transformer__h__0__attn__masked_bias=torch.tensor(-1e4))
    loaded(tmp_path)
    add(tmp_path, transformer__h__0__mlp__gate__bias=torch.zeros(16))
    with pytest.raises(ConfigurationError, match=r"\(transformer\.h\.0\.mlp\.gate\.bias\)"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["vision_tower.encoder.weight", "model.visual.blocks.0.weight", "multi_modal_projector.w", "model.connector.w"],
)
def test_the_vision_part_of_a_model_that_reads_text_is_left_out(tmp_path, tokenizer, name):
    saved(tmp_path, tokenizer)
    before = loaded(tmp_path).digest()
    described(tmp_path, vision_config={"hidden_size": 4})
    add(tmp_path, **{name.replace(".", "__"): torch.zeros(4)})
    assert loaded(tmp_path).digest() == before
    add(tmp_path, model__layers__1__mlp__vision_like__weight=torch.zeros(4))
    with pytest.raises(ConfigurationError, match=r"\(model\.layers\.1\.mlp\.vision_like\.weight\)"):
        loaded(tmp_path)


def test_a_head_equal_to_the_embeddings_is_tied_and_another_one_is_used_as_it_is(tmp_path, tokenizer):
    model = saved(tmp_path, tokenizer, tie_word_embeddings=True)
    before = loaded(tmp_path).digest()
    add(tmp_path, lm_head__weight=model.model.embed_tokens.weight.detach().clone())
    network = loaded(tmp_path).network
    assert loaded(tmp_path).digest() == before
    assert network.lm_head.weight is network.model.embed_tokens.weight
    own = torch.randn(network.lm_head.weight.shape, generator=torch.Generator().manual_seed(0))
    add(tmp_path, lm_head__weight=own)
    assert torch.equal(loaded(tmp_path).network.lm_head.weight, own)


def test_a_mask_is_known_by_the_block_it_belongs_to():
    class Block(torch.nn.Module):
        base_model_prefix = ""

        def __init__(self):
            super().__init__()
            self.attn = torch.nn.Sequential(torch.nn.Linear(2, 2))
            self.attention = torch.nn.Linear(2, 2, bias=False)

    names = ["attn.bias", "attention.bias", "elsewhere.attn.bias"]
    with torch.random.fork_rng():
        block = Block()
    assert harmful(names, block, {}) == ["attention.bias", "elsewhere.attn.bias"]
