"""The policy is the model, for every class of causal language model that can be made small.

Sampler = scorer = plain forward pass, greedy sampling = `generate`, and a step of GRPO and of PPO, on random weights.
The kinds of `FAMILIES` are tried in every run, all of transformers' mapping in the slow ones.
"""

import copy
import warnings

import pytest
import torch
from architectures import KINDS, VOCABULARY, CannotBeMade, tiny
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import GenerationConfig, PreTrainedTokenizerFast

from algorithms import CATALOGUE
from benchmark.contract import Exam, Job, Model, Problem, Training
from benchmark.errors import ConfigurationError
from benchmark.model.policy import LanguagePolicy
from benchmark.model.verify import prove
from benchmark.run.clock import Clock
from benchmark.run.compute import Meter
from benchmark.run.live_run import LiveRun
from benchmark.suite.registry import build, resolve

pytestmark = pytest.mark.filterwarnings("ignore")
FAMILIES = ("cohere", "gemma2", "gemma3_text", "gpt2", "gpt_oss", "llama", "mamba", "mixtral", "opt", "qwen3_next")
NOT_MADE = {
    "blt", "cohere_compass_text", "dbrx", "dots3_note", "fuyu", "gemma3", "gemma3n", "gemma3n_text", "gemma4_assistant",
    "gemma4_unified", "gemma4_unified_assistant", "got_ocr2", "inkling2_loop_text", "inkling2_text", "kimi_linear",
    "lfm2_moe", "longcat_flash", "mamba2", "moss_transcribe_diarize", "musicgen", "musicgen_melody", "phi4_multimodal",
    "qwen4_exp", "qwen4_exp_text", "roc_bert", "xmod", "zaya",
}  # fmt: skip
"""No generic attempt makes a small one: too large, settings that depend on each other, or packages that are missing."""
REFUSED = {
    **dict.fromkeys(("cpmant", "prophetnet", "xlm", "xlnet"), "does not read from left to right"),
}

UNTRAINED = {"reformer": "put the model into training mode"}
"""Kinds that can be sampled and examined, and whose layers refuse a gradient without dropout: their jobs fail so."""


def tokenizer():
    vocabulary = {f"w{i}": i for i in range(VOCABULARY)}
    words = Tokenizer(WordLevel(vocabulary, unk_token="w3"))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w2", pad_token="w0", bos_token=None)


def policy_of(kind):
    try:
        model = tiny(kind)
    except CannotBeMade as error:
        pytest.skip(str(error))
    model.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=0)
    return LanguagePolicy(model, tokenizer())


PROMPTS = ["w4 w5 w6", "w9 w20 w31 w42 w53 w64 w75"]
NOISE = (torch.arange(4 * 6) * 0.618 % 1).view(4, 6)


def plain(policy, prompt, ids):
    with torch.no_grad():
        logits = policy.model(input_ids=torch.cat((prompt, ids)).unsqueeze(0)).logits[0, len(prompt) - 1 : -1]
    return logits.float().log_softmax(-1).gather(1, ids.unsqueeze(1)).squeeze(1)


def check_distribution(policy):
    prompts = policy.encode(PROMPTS)
    drawn = policy.sample(prompts, NOISE, temperature=1.0)
    scored = policy.score(prompts, drawn.ids, drawn.mask, temperature=1.0)
    assert scored.states.shape == (*drawn.ids.shape, policy.hidden_size)
    for row, n in enumerate(drawn.mask.sum(1).int().tolist()):
        prompt = prompts.ids[row // 2][prompts.mask[row // 2].bool()]
        truth = plain(policy, prompt, drawn.ids[row, :n])
        assert torch.allclose(drawn.logp[row, :n], truth, atol=5e-4)
        assert torch.allclose(scored.logp[row, :n].detach(), truth, atol=5e-4)


def check_greedy(policy):
    prompts = policy.encode(PROMPTS[:1])
    ours = policy.sample(prompts, torch.zeros(1, 6), temperature=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = policy.model.generate(
            input_ids=prompts.ids, attention_mask=prompts.mask, max_new_tokens=6, do_sample=False
        )[0, prompts.ids.shape[1] :]
    n = int(ours.mask.sum())
    assert ours.ids[0, :n].tolist() == theirs[:n].tolist()


def check_training(policy, method, folder):
    problems = [Problem(f"p/{i}", text, "w7", "w7") for i, text in enumerate(PROMPTS)]
    training = Training(
        steps=1, prompts_per_step=2, group_size=2, warmup_steps=0, max_completion_tokens=4, probe_every=0
    )
    algorithm = resolve("x", {"class": CATALOGUE[method]})
    job = Job("x", "suite", algorithm, "competition", 0, Model(), training, Exam())
    fresh = LanguagePolicy(copy.deepcopy(policy.model), policy.tokenizer, reading=policy.proved())
    before = fresh.digest()
    with Meter(fresh, models=True) as meter:
        run = LiveRun(
            job, fresh, training=problems, probe=(), clock=Clock(), folder=folder, progress=lambda _: None, meter=meter
        )
        run.rewards = lambda _, rows: [[float(i % 2) for i in range(len(row))] for row in rows]
        build(algorithm).train(run)
    assert meter.flops is None or meter.flops > 0
    assert fresh.digest() != before
    assert all(torch.isfinite(weight).all() for weight in fresh.model.parameters())


@pytest.mark.parametrize(
    "kind", [*FAMILIES, *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind not in FAMILIES)]
)
def test_the_policy_is_the_model(kind, tmp_path):
    if kind in REFUSED:
        with pytest.raises(ConfigurationError, match=REFUSED[kind]):
            prove(tiny(kind), range(3, VOCABULARY), kind)
        return
    policy = policy_of(kind)
    assert kind not in NOT_MADE, "it can be made now: strike it off"
    check_distribution(policy)
    if policy.proved().sampling != "without_cache":  # where `generate` reads with a cache that was proved wrong
        check_greedy(policy)
    if kind in UNTRAINED:
        with pytest.raises(AssertionError, match=UNTRAINED[kind]):
            check_training(policy, "grpo", tmp_path)
        return
    for method in ("grpo", "ppo"):
        check_training(policy, method, tmp_path)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("granite", {"logits_scaling": 8.0}),
        ("cohere", {"logit_scale": 0.0625}),
        ("gemma2", {"final_logit_softcapping": 3.0}),
    ],
)
def test_what_a_model_does_behind_its_head_is_kept(kind, setting):
    from transformers import AutoConfig, AutoModelForCausalLM

    config = tiny(kind).config
    config = AutoConfig.for_model(**{**config.to_dict(), **setting})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(config).eval()
    model.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=0)
    policy = LanguagePolicy(model, tokenizer())
    assert policy.proved().logits == "tail"
    check_distribution(policy)
    with torch.no_grad():  # the head alone says something else
        states = policy.score(policy.encode(PROMPTS), *given(), temperature=1.0).states
        head = model.get_output_embeddings()(states).log_softmax(-1)
        own = policy._net.project(states).log_softmax(-1)
    assert (head - own).abs().max() > 1e-3


def given():
    ids = torch.arange(10, 22).view(4, 3)
    return ids, torch.ones(ids.shape)


def test_projected_embeddings_give_heads_the_width_they_see():
    from transformers import AutoModelForCausalLM, OPTConfig

    config = OPTConfig(
        vocab_size=VOCABULARY, hidden_size=32, word_embed_proj_dim=16, num_hidden_layers=2, num_attention_heads=4,
        ffn_dim=48, max_position_embeddings=64, do_layer_norm_before=False, pad_token_id=0,
    )  # fmt: skip
    with torch.random.fork_rng():
        policy = LanguagePolicy(AutoModelForCausalLM.from_config(config).eval(), tokenizer())
    assert policy.hidden_size == 16
    check_distribution(policy)


def test_a_wrong_cache_is_found_and_passed_over(monkeypatch):
    model = tiny("llama")
    forward = type(model.model).forward

    def broken(self, *args, cache=None, **kwargs):
        out = forward(self, *args, cache=cache, **kwargs)
        if cache is not None:
            out.last_hidden_state = out.last_hidden_state * 1.5
        return out

    monkeypatch.setattr(type(model.model), "forward", broken)
    reading = prove(model, range(3, VOCABULARY), "broken")
    assert (reading.sampling, reading.scoring) == ("without_cache", "right_padded")
    assert any("a left-padded batch with a cache is" in note for note in reading.passed_over)


def test_a_model_that_reads_both_ways_is_refused():
    from transformers import BertConfig, BertLMHeadModel

    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        is_decoder=False,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertLMHeadModel(config).eval()
        for weight in model.parameters():
            weight.data.mul_(5)
    with pytest.raises(ConfigurationError, match="does not read from left to right"):
        prove(model, range(3, VOCABULARY), "bert")
