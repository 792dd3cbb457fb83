"""Sampling and scoring: independent of neighbours, equal to transformers' own, tempered alike."""

import itertools
import math
import socket
import time
from types import SimpleNamespace

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmark.contract import Model, Prompt
from benchmark.errors import DataUnavailable
from benchmark.model.load import load_policy
from benchmark.model.network import Network, ReadingPlan
from benchmark.model.pocket.tokenizer import train_tokenizer
from benchmark.model.policy import LanguagePolicy
from benchmark.model.sampler import Ending, sample
from benchmark.model.tokens import format_of
from benchmark.tasks import load_task

PROMPTS = [problem.prompt for problem in load_task("grade_school").load("validation")[:6]]


def noise(rows, tokens, seed=0):
    return torch.rand(rows, tokens, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_scores_are_the_sampling_log_probabilities(pocket, temperature):
    prompts = pocket.encode(PROMPTS)
    drawn = pocket.sample(prompts, noise(24, 40), temperature=temperature)
    scored = pocket.score(prompts, drawn.ids, drawn.mask, temperature=temperature)
    assert ((scored.logp - drawn.logp) * drawn.mask).abs().max() < 1e-4
    assert scored.states.shape == (*drawn.ids.shape, pocket.hidden_size)


def test_a_row_does_not_depend_on_its_neighbours_or_padding(pocket):
    together = pocket.sample(pocket.encode(PROMPTS), noise(24, 40), temperature=1.0)
    for row in range(24):
        alone = pocket.sample(pocket.encode([PROMPTS[row // 4]]), noise(24, 40)[row : row + 1], temperature=1.0)
        length = int(together.mask[row].sum())
        assert alone.ids.shape[1] == length
        assert torch.equal(alone.ids[0], together.ids[row, :length])
        assert torch.allclose(alone.logp[0], together.logp[row, :length], atol=1e-5)


def test_shared_prompts_score_as_plain_rows(pocket):
    prompts = pocket.encode(PROMPTS)
    drawn = pocket.sample(prompts, noise(12, 30), temperature=1.0)
    shared = pocket.score(prompts, drawn.ids, drawn.mask, temperature=1.0)
    for row in range(12):
        length = int(drawn.mask[row].sum())
        prompt = pocket.encode([PROMPTS[row // 2]]).ids
        ids = torch.cat((prompt, drawn.ids[row : row + 1, :length]), 1)
        with torch.no_grad():
            logp = pocket.model(input_ids=ids).logits.log_softmax(-1)
        plain = logp[0, prompt.shape[1] - 1 : -1].gather(-1, drawn.ids[row, :length].unsqueeze(-1)).squeeze(-1)
        assert torch.allclose(plain, shared.logp[row, :length], atol=1e-4)


def test_gradients_through_the_shared_prompt_are_those_of_plain_rows(pocket):
    prompts = pocket.encode(PROMPTS[:2])
    drawn = pocket.sample(prompts, noise(4, 20), temperature=1.0)
    pocket.model.zero_grad()
    (pocket.score(prompts, drawn.ids, drawn.mask, temperature=1.0).logp * drawn.mask).sum().backward()
    shared = torch.cat([weight.grad.flatten() for weight in pocket.trainable])
    pocket.model.zero_grad()
    for row in range(4):
        length = int(drawn.mask[row].sum())
        prompt = pocket.encode([PROMPTS[row // 2]]).ids
        ids = torch.cat((prompt, drawn.ids[row : row + 1, :length]), 1)
        logp = pocket.model(input_ids=ids).logits[0, prompt.shape[1] - 1 : -1].log_softmax(-1)
        logp.gather(-1, drawn.ids[row, :length].unsqueeze(-1)).sum().backward()
    plain = torch.cat([weight.grad.flatten() for weight in pocket.trainable])
    pocket.model.zero_grad()
    assert (shared - plain).norm() <= 1e-4 * plain.norm()


def test_greedy_is_transformers_greedy(pocket):
    prompts = pocket.encode(PROMPTS)
    ours = pocket.sample(prompts, noise(len(PROMPTS), 40), temperature=0)
    theirs = pocket.model.generate(
        input_ids=prompts.ids, attention_mask=prompts.mask, max_new_tokens=40, do_sample=False
    )[:, prompts.ids.shape[1] :]
    width = min(ours.ids.shape[1], theirs.shape[1])
    assert torch.equal(
        ours.ids[:, :width] * ours.mask[:, :width].long(), theirs[:, :width] * ours.mask[:, :width].long()
    )


class Fixed(torch.nn.Module):
    """A model whose next-token distribution is the same everywhere."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    @property
    def base_model(self):
        return self

    def get_decoder(self):
        return self

    def get_output_embeddings(self):
        return torch.nn.Identity()

    def forward(self, input_ids, *, use_cache=True):
        del use_cache
        return SimpleNamespace(last_hidden_state=self.logits.expand(*input_ids.shape, -1))


def draw_from(logits, rows, tokens, *, temperature, end):
    """Completions of one prompt of one token."""
    reading = ReadingPlan("head", "without_cache", "row_by_row")
    prompt = torch.zeros(1, 1, dtype=torch.long)
    ending = Ending(torch.tensor([end]), 0)
    return sample(
        Network(Fixed(logits)), reading, prompt, prompt + 1, noise(rows, tokens), temperature=temperature, ending=ending
    )


def test_samples_follow_the_tempered_distribution():
    # p ∝ (1, 2, 3, 4)^(1/0.5): 1/30, 4/30, 9/30, 16/30; token 3 ends
    logits = torch.tensor([1.0, 2.0, 3.0, 4.0]).log()
    drawn = draw_from(logits, 20_000, 1, temperature=0.5, end=3)
    counts = torch.bincount(drawn.ids[:, 0], minlength=4) / 20_000
    assert counts.tolist() == pytest.approx([1 / 30, 4 / 30, 9 / 30, 16 / 30], abs=0.015)
    expected = torch.tensor([1, 4, 9, 16.0])[drawn.ids[:, 0]].div(30).log()
    assert torch.allclose(drawn.logp[:, 0], expected, atol=1e-5)
    assert torch.equal(drawn.terminated, drawn.ids[:, 0] == 3)


def test_empty_and_cut_completions_are_counted_right():
    certain = torch.tensor([-50.0, -50.0, -50.0, 50.0])
    for eos, length, terminated in ((3, 1, True), (0, 5, False)):
        drawn = draw_from(certain, 2, 5, temperature=1.0, end=eos)
        assert drawn.mask.sum(1).tolist() == [length] * 2
        assert drawn.terminated.tolist() == [terminated] * 2


def test_examination_does_not_depend_on_the_batch_size(pocket):
    settings = {"samples": 3, "temperature": 1.0, "max_tokens": 40, "seed": 7}
    small = pocket.complete(PROMPTS, batch_completions=3, **settings)
    large = pocket.complete(PROMPTS, batch_completions=100, **settings)
    assert small == large
    assert all(completion.tokens <= 40 for row in large for completion in row)


def test_any_text_survives_the_tokenizer(pocket):
    for text in ("naïve ∑∫ 中文 \u2028 emoji 🎲", "12345 + 67", "\\frac{3}{4}", " \n\t "):
        assert pocket.tokenizer.decode(pocket.tokenizer(text).input_ids) == text
    assert len(pocket.tokenizer("12345").input_ids) == 5


def test_given_completions_end_and_are_cut(pocket):
    given = pocket.encode_completions(["1+1=2.", "1"], limit=4)
    assert given.ids.shape == (2, 4)
    assert given.terminated.tolist() == [False, True]
    assert given.mask.sum(1).tolist() == [4, 2]
    assert given.ids[1, 1] == pocket.tokenizer.eos_token_id


@pytest.fixture
def tiny(tmp_path):
    """A folder with a random model and its tokenizer, as a user's checkpoint would lie there."""
    tokenizer = train_tokenizer(["one two three 1 2 3"], 270)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            intermediate_size=16,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
        Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_lora_trains_adapters_only_and_its_reference_is_the_base(tiny):
    policy = load_policy(Model(source=str(tiny), lora_rank=4), "")
    assert all("lora" in name for name, weight in policy.model.named_parameters() if weight.requires_grad)
    prompts = policy.encode(["one"])
    ids, mask = torch.tensor([[5, 6, 7]]), torch.ones(1, 3)
    before = policy.score(prompts, ids, mask, temperature=1.0).logp.detach()
    reference = policy.reference()
    with torch.no_grad():
        for weight in policy.trainable:
            weight.add_(0.5)
    assert not torch.allclose(policy.score(prompts, ids, mask, temperature=1.0).logp, before)
    assert torch.allclose(reference.score(prompts, ids, mask, temperature=1.0).logp, before)


def test_a_snapshot_keeps_the_adapter(tiny):
    policy = load_policy(Model(source=str(tiny), lora_rank=4), "")
    with torch.no_grad():
        for weight in policy.trainable:
            weight.add_(0.5)
    prompts, ids, mask = policy.encode(["one"]), torch.tensor([[5, 6, 7]]), torch.ones(1, 3)
    snapshot, now = policy.snapshot(), policy.score(prompts, ids, mask, temperature=1.0).logp.detach()
    with torch.no_grad():
        policy.trainable[0].add_(0.5)
    assert torch.allclose(snapshot.score(prompts, ids, mask, temperature=1.0).logp, now)
    assert snapshot.trainable == []


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_the_probability_of_ending_is_that_of_the_full_distribution(pocket, temperature):
    prompts = pocket.encode(PROMPTS)
    drawn = pocket.sample(prompts, noise(12, 30), temperature=temperature)
    scored = pocket.score(prompts, drawn.ids, drawn.mask, temperature=temperature, ends=True)
    full = (pocket.network.lm_head(scored.states) / temperature).log_softmax(-1)[..., pocket.tokenizer.eos_token_id]
    assert torch.allclose(scored.end_logp, full * drawn.mask, atol=1e-5)
    ended = drawn.ids == pocket.tokenizer.eos_token_id
    assert ended.any()
    assert torch.allclose(scored.end_logp[ended & drawn.mask.bool()], scored.logp[ended & drawn.mask.bool()], atol=1e-5)


def test_prefixes_grow_token_by_token_to_the_whole_text(pocket):
    drawn = pocket.sample(pocket.encode(PROMPTS[:2]), noise(4, 12), temperature=1.0)
    for texts, whole in zip(pocket.prefixes(drawn), pocket.decode(drawn), strict=True):
        assert len(texts) == whole.tokens + 1
        assert texts[0] == ""
        assert texts[-1] == whole.text
        assert all(longer.startswith(shorter) for shorter, longer in itertools.pairwise(texts))


def test_a_full_reference_stays_where_it_was(tiny):
    policy = load_policy(Model(source=str(tiny)), "")
    reference, before = policy.reference(), policy.digest()
    with torch.no_grad():
        policy.trainable[0].add_(1.0)
    assert reference.digest() == before != policy.digest()
    assert reference.trainable == []


def test_a_chat_model_is_told_how_to_answer(tiny):
    policy = load_policy(Model(source=str(tiny)), "Answer in a box.")
    assert policy.render("one?") == "one?\nAnswer in a box.\n"
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    policy.tokenizer.chat_template = template
    asked = format_of(Model(source="x", chat=True), Prompt(), "Answer in a box.")
    chat = LanguagePolicy(policy.model, policy.tokenizer, asked)
    assert chat.render("one?") == "<user>one?\nAnswer in a box.<assistant>"
    assert chat.prompt_digest() != policy.prompt_digest()


def test_missing_weights_are_one_sentence(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        DataUnavailable, match=r"no model 'nobody/nothing' here \(the Hub is switched off by HF_HUB_OFF"
    ):
        load_policy(Model(source="nobody/nothing"), "")


def test_an_unreachable_hub_is_not_asked_again(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no route")

    for variable in ("HF_HUB_OFFLINE", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(socket, "create_connection", refuse)
    started = time.perf_counter()
    with pytest.raises(DataUnavailable, match=r"is not reachable \(no route\)\)\. Name a folder"):
        load_policy(Model(source="nobody/nothing"), "")
    assert time.perf_counter() - started < 5


def test_log_probabilities_are_natural_logarithms(pocket):
    prompts = pocket.encode(PROMPTS[:1])
    everything = torch.arange(len(pocket.tokenizer)).unsqueeze(1)
    logp = pocket.score(prompts, everything, torch.ones_like(everything, dtype=torch.float), temperature=1.0).logp
    assert math.isclose(logp.double().exp().sum().item(), 1.0, abs_tol=1e-4)
