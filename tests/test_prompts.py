"""What a model reads and what ends it: prompts of five tokenizers, shots, stops, end tokens, presets."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config

from benchmark.contract import Model, Problem, Prompt
from benchmark.errors import ConfigurationError, UnknownName
from benchmark.model.policy import LanguagePolicy
from benchmark.model.tokens import PromptFormat, Vocabulary, format_of
from benchmark.run.prompting import examples_of, without_examples
from benchmark.suite.presets import PRESETS, filled_in, read_prompt

SPECIAL = ["<unk>", "<s>", "</s>", "<turn>", "<end_of_turn>"]
WORDS = [
    *SPECIAL,
    *[
        "how",
        "many",
        "pens",
        "are",
        "there",
        "answer",
        "user",
        "assistant",
        "system",
        "Solve",
        "it",
        "1",
        "2",
        "3",
        ":",
        "?",
        "#",
    ],
]
CHAT = (
    "{{ bos_token if bos_token }}{% for m in messages %}<turn> {{ m.role }} {{ m.content }} <end_of_turn>{% endfor %}"
    "{% if add_generation_prompt %}<turn> assistant {% endif %}{% if think %}1 2 3{% endif %}"
)
QUESTION = "how many pens are there ?"


def tokenizer(*, begin=None, close=None, template=None, eos="</s>"):
    inner = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = Whitespace()
    inner.add_special_tokens(SPECIAL)
    if begin or close:
        around = f"{begin or ''} $A {close or ''}".split()
        named = [(token, WORDS.index(token)) for token in (begin, close) if token]
        inner.post_processor = TemplateProcessing(single=around, special_tokens=named)
    made = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=begin, eos_token=eos, unk_token="<unk>")
    made.chat_template = template
    return made


def network(ends=2):
    return SimpleNamespace(
        config=Qwen2Config(vocab_size=len(WORDS)),
        generation_config=GenerationConfig(eos_token_id=ends),
        get_input_embeddings=lambda: SimpleNamespace(weight=torch.zeros(len(WORDS), 2)),
    )


TOKENIZERS = {
    "plain": {},
    "begins": {"begin": "<s>"},
    "begins and closes": {"begin": "<s>", "close": "</s>"},
    "template": {"template": CHAT},
    "template and begins": {"begin": "<s>", "template": CHAT},
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_bare_prompt_is_the_tokenizers_own(name):
    one = tokenizer(**TOKENIZERS[name])
    rows = Vocabulary(one, network(), PromptFormat()).prompt_rows([QUESTION, "1 2"])
    for row, text in zip(rows, [f"{QUESTION}\n", "1 2\n"], strict=True):
        own = one(text).input_ids
        assert row == (own[:-1] if name == "begins and closes" else own)  # a prompt is not closed: it goes on
        assert row.count(1) == ("begins" in name)


@pytest.mark.parametrize("name", [name for name in TOKENIZERS if "template" in name])
def test_a_chat_prompt_is_the_templates_own(name):
    one = tokenizer(**TOKENIZERS[name])
    asked = format_of(Model(source="x", chat=True), Prompt(system="Solve it"), "answer # 1")
    messages = [{"role": "system", "content": "Solve it"}, {"role": "user", "content": f"{QUESTION}\nanswer # 1"}]
    own = one.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    row = Vocabulary(one, network(), asked).prompt_rows([QUESTION])[0]
    assert row == own
    assert row.count(1) == ("begins" in name)


def test_a_template_that_writes_the_begin_token_gets_no_second():
    vocabulary = Vocabulary(tokenizer(begin="<s>"), network(), PromptFormat(template="<s>{question}"))
    assert vocabulary.prompt_rows(["1"])[0] == [1, WORDS.index("1")]


def test_template_arguments_and_prefill_reach_the_prompt():
    prompt = Prompt(template_arguments={"think": True}, prefill="answer : ")
    asked = format_of(Model(source="x", chat=True), prompt, "Solve it")
    text = Vocabulary(tokenizer(template=CHAT), network(), asked).render("1 ?")
    assert text.endswith("<turn> assistant 1 2 3answer : ")


def test_shots_as_text_and_as_turns():
    examples = [("1 ?", "2"), ("2 ?", "3")]
    text = format_of(Model(source="x"), Prompt(template="Q {question} A", answer_prefix=" "), "", examples)
    assert text.text("3 ?") == "Q 1 ? A 2\n\nQ 2 ? A 3\n\nQ 3 ? A"
    turns = format_of(Model(source="x", chat=True), Prompt(template="{question}", shots_as="turns"), "", examples)
    roles = [(turn["role"], turn["content"]) for turn in turns.messages("3 ?")]
    assert roles == [("user", "1 ?"), ("assistant", "2"), ("user", "2 ?"), ("assistant", "3"), ("user", "3 ?")]


def test_a_base_model_is_told_the_answer_format_and_the_pocket_policy_reads_what_it_always_did():
    assert format_of(Model(source="x"), Prompt(), "Box it.").text("1?") == "1?\nBox it.\n"
    assert format_of(Model(), Prompt(), "Box it.").text("1?") == "1?\n"


def test_braces_of_latex_are_left_alone():
    asked = format_of(Model(source="x"), Prompt(template="{question} in \\boxed{}. {x}"), "")
    assert asked.text("What is {instruction}?") == "What is {instruction}? in \\boxed{}. {x}"


def test_a_configuration_may_name_several_end_tokens():
    several = network([3, 2])
    several.config.eos_token_id = [3, 2]  # as GLM's does
    ordinary = Vocabulary(tokenizer(), several, PromptFormat()).ordinary()
    assert not {2, 3} & set(ordinary)


def test_end_tokens_are_a_union():
    vocabulary = Vocabulary(tokenizer(template=CHAT), network([3, 2]), PromptFormat())
    assert vocabulary.ends == [3, 2, 4]  # generation configuration, tokenizer (again), the template's end of turn


def test_a_solution_is_closed_by_the_end_of_turn_in_a_chat_and_by_the_tokenizers_end_elsewhere():
    one = tokenizer(template=CHAT)
    assert Vocabulary(one, network(3), PromptFormat(chat=True)).closing == 4
    assert Vocabulary(one, network(3), PromptFormat()).closing == 2
    assert Vocabulary(tokenizer(eos=None), network(3), PromptFormat()).closing == 3


def test_a_model_without_an_end_is_refused():
    with pytest.raises(ConfigurationError, match="has no end token"):
        Vocabulary(tokenizer(eos=None), network(None), PromptFormat())


def test_a_chat_without_a_template_is_refused():
    with pytest.raises(ConfigurationError, match="chat = true, but this tokenizer has no chat template"):
        Vocabulary(tokenizer(), network(), PromptFormat(chat=True))


def test_a_completion_ends_where_a_stop_string_is_complete(pocket):
    prompt = "Tom has 3 pens and buys 4. How many has he now?"
    noise = torch.rand(8, 40, generator=torch.Generator().manual_seed(3))
    free = pocket.decode(pocket.sample(pocket.encode([prompt]), noise, temperature=1.0))
    policy = LanguagePolicy(pocket.model, pocket.tokenizer, PromptFormat(stop=("=", "####")))
    drawn = policy.sample(policy.encode([prompt]), noise, temperature=1.0)
    cut = policy.decode(drawn)
    assert any("=" in one.text for one in free)
    for before, after, row, n in zip(free, cut, drawn.ids.tolist(), drawn.mask.sum(1).int().tolist(), strict=True):
        ends = [before.text.find(stop) for stop in ("=", "####") if stop in before.text]
        assert after.text == before.text[: min(ends, default=None)]
        if ends:
            assert not after.truncated
            assert after.tokens <= before.tokens
            assert any(
                stop in pocket.tokenizer.decode(row[:n]) for stop in ("=", "####")
            )  # its last token completes it
            assert not any(stop in pocket.tokenizer.decode(row[: n - 1]) for stop in ("=", "####"))
    assert policy.prompt_digest() != pocket.prompt_digest()


TRAINING = [Problem(f"p/{i}", f"{i} ?", str(i), f"clean {i}", published=f"<<{i}>>" if i % 2 else "") for i in range(20)]


def test_examples_are_drawn_once_for_a_task_and_not_trained_on():
    prompt = Prompt(shots=4, shots_seed=1)
    chosen = examples_of(prompt, "gsm8k", TRAINING)
    assert chosen == examples_of(dataclasses.replace(prompt, shots=5), "gsm8k", TRAINING)[:4]
    assert chosen != examples_of(dataclasses.replace(prompt, shots_seed=2), "gsm8k", TRAINING)
    left = without_examples(prompt, "gsm8k", TRAINING)
    assert len(left) == 16
    assert not {question for question, _ in chosen} & {problem.prompt for problem in left}
    assert without_examples(Prompt(), "gsm8k", TRAINING) == tuple(TRAINING)


def test_examples_show_the_published_solution_where_the_convention_does():
    for published in (False, True):
        shown = examples_of(Prompt(shots=20, published_solutions=published), "gsm8k", TRAINING)
        assert any("<<" in solution for _, solution in shown) == published


def test_more_examples_than_the_split_has_are_refused():
    with pytest.raises(ConfigurationError, match="shots = 21, but gsm8k has 20 training problems"):
        examples_of(Prompt(shots=21), "gsm8k", TRAINING)


def test_a_suites_own_words_stand_before_a_presets():
    prompt = read_prompt("x.toml", {"preset": "lm-eval-gsm8k", "shots": 2, "stop": "Question:"})
    assert (prompt.shots, prompt.stop, prompt.template) == (2, ("Question:",), PRESETS["lm-eval-gsm8k"].template)
    with pytest.raises(UnknownName, match="no prompt preset named 'lm-eval'"):
        filled_in(Prompt(preset="lm-eval"), {})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"template": "no place"}, "expected text that holds '{question}'"),
        ({"stop": [""]}, "an empty text would end every completion at once"),
        ({"shot": 3}, "unknown key 'shot'; did you mean 'shots'"),
        ({"shots": -1}, "expected"),
        ({"shots_as": "lines"}, "shots_as"),
    ],
)
def test_prompts_that_mean_nothing_are_refused(table, message):
    with pytest.raises(ConfigurationError, match=message):
        read_prompt("x.toml", table)
