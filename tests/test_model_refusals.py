"""Models that cannot be examined are refused before the first job, each in one sentence."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmark.contract import Model, Prompt
from benchmark.errors import ConfigurationError, DataUnavailable
from benchmark.model.keep import how_to_load, load_weights, save_weights
from benchmark.model.load import load_policy
from benchmark.model.network import context_of, text_config
from benchmark.model.pocket.tokenizer import train_tokenizer
from benchmark.run import ready
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve
from benchmark.tasks import load_task


@pytest.fixture
def folder(tmp_path):
    """A whole model, as a user's checkpoint lies there."""
    tokenizer = train_tokenizer(["one two three 1 2 3"], 270)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=16,
        max_position_embeddings=900,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Qwen2ForCausalLM(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def change(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def without_tensors(folder, *, reshape=False):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in sorted(tensors) if "q_proj.weight" in name)
    if reshape:
        tensors[name] = tensors[name][:4].contiguous()
    else:
        del tensors[name]
    save_file(tensors, path, {"format": "pt"})


def as_pickle(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"x")


FAULTS = {
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no weights in safetensors"),
    "a pickle": (as_pickle, "pytorch_model.bin is not read"),
    "half weights": (lambda f: (f / "model.safetensors").write_bytes(b"\0" * 20), "its weights cannot be read"),
    "no config": (lambda f: (f / "config.json").unlink(), "has no config.json"),
    "no tokenizer": (lambda f: [path.unlink() for path in f.glob("tokenizer*")], "has no tokenizer"),
    "missing tensor": (without_tensors, "1 tensor is missing in its weights"),
    "other shape": (lambda f: without_tensors(f, reshape=True), "mismatched|cannot be read"),
    "code": (
        lambda f: change(f / "config.json", model_type="mine", auto_map={"AutoModelForCausalLM": "code.Mine"}),
        "code that lies in its own folder|cannot be read",
    ),
    "unknown kind": (lambda f: change(f / "config.json", model_type="mine"), "cannot be read"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_unfit_folder_is_refused_in_one_sentence(name, folder):
    spoil, message = FAULTS[name]
    load_policy(Model(source=str(folder)), "")  # it was fit before
    spoil(folder)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_policy(Model(source=str(folder)), "")
    assert "\n" not in str(caught.value)


def test_another_models_tokenizer_is_refused(folder):
    (folder / "tokenizer.json").unlink()
    small = train_tokenizer(["a"], 270)
    small.save_pretrained(folder)
    change(folder / "config.json", vocab_size=2000)
    with torch.random.fork_rng():
        Qwen2ForCausalLM(Qwen2Config.from_pretrained(folder)).save_pretrained(folder)
    with pytest.raises(ConfigurationError, match=r"the tokenizer knows \d+ tokens and the model 2,000"):
        load_policy(Model(source=str(folder)), "")


def suite_of(folder, tmp_path, **sections):
    lines = [f'model = "{folder}"', 'tasks = ["grade_school"]', "seeds = [0]", *sections.pop("top", ())]
    for name, content in sections.items():
        lines += [f"[{name}]", content]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([*lines, "[algorithms]", "base_model = {}", "grpo = {}"]), encoding="utf-8")
    suite = load_suite(path, resolve)
    return suite, jobs_of(suite)


def test_the_pocket_policy_has_room_for_every_generated_prompt(pocket, tmp_path, monkeypatch):
    for name in ("grade_school", "competition"):
        problems = [each for split in ("train", "test") for each in load_task(name).load(split)]
        longest = sorted((problem.prompt for problem in problems), key=len)[-50:]
        assert pocket.encode(longest).ids.shape[1] + ready.POCKET_ROOM < context_of(text_config(pocket.network))
    suite, jobs = suite_of("pocket", tmp_path)
    monkeypatch.setattr(ready, "load_policy", None)
    ready.refuse_unfit(suite, jobs, None)  # loads nothing


def test_a_fit_model_passes(folder, tmp_path):
    ready.refuse_unfit(*suite_of(folder, tmp_path), None)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"exam": "max_completion_tokens = 850"}, r"reads 900 tokens, but the longest prompt of grade_school has"),
        ({"prompt": "shots = 40"}, "lower max_completion_tokens or .prompt. shots"),
        ({"top": ['keep = "adapter"']}, 'lora_rank is not given: write keep = "full"'),
        (
            {"top": ["needs_gpu = true"]},
            r"needs a GPU, and torch finds none; by a rough estimate its 2 jobs would take .+ on the . core",
        ),
    ],
)
def test_an_unfit_question_is_refused_before_the_first_job(sections, message, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(ready, "torch_device", lambda _: "cpu")
    suite, jobs = suite_of(folder, tmp_path, **sections)
    with pytest.raises(ConfigurationError, match=message):
        ready.refuse_unfit(suite, jobs, None)


def test_nothing_is_loaded_when_nothing_is_to_run(folder, tmp_path):
    suite, _ = suite_of(folder / "nowhere", tmp_path)
    ready.refuse_unfit(suite, (), None)


def test_a_model_that_is_nowhere_is_refused_once_and_before_the_jobs(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    suite, jobs = suite_of("nobody/nothing", tmp_path)
    monkeypatch.setattr(ready, "_in_a_process", ready._load_and_look)
    with pytest.raises(DataUnavailable, match="no model 'nobody/nothing' here"):
        ready.refuse_unfit(suite, jobs, None)


@pytest.mark.slow
def test_a_large_model_is_looked_at_in_a_process_of_its_own(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(ready, "HERE_BYTES", 0)
    ready.refuse_unfit(*suite_of(folder, tmp_path), None)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match="has no weights in safetensors"):
        ready.refuse_unfit(*suite_of(folder, tmp_path), None)


def test_hours_are_weights_times_tokens(folder, tmp_path, monkeypatch):
    suite, jobs = suite_of(folder, tmp_path, exam="problems = 10\nsamples = 1\nmax_completion_tokens = 5")
    monkeypatch.setattr(ready, "CORE_FLOPS", 1e6)
    monkeypatch.setattr(ready, "processors", lambda: 3)
    monkeypatch.setattr(ready, "_parameters", lambda _: 100)
    training = suite.training
    # grpo trains: completions × 80 tokens × 10 FLOPs a weight; both are examined: 10 problems × 2 completions × 5 × 2
    expected = 100 * (training.completions * 80 * 10 + 2 * 10 * 2 * 5 * 2) / 3e6 / 3600
    assert ready.hours_without_gpu(suite, jobs) == pytest.approx(expected)


def test_hours_count_the_transfer_exams(tmp_path, monkeypatch):
    exam = "problems = 10\nsamples = 1\nmax_completion_tokens = 5\ntransfer = ['competition', 'grade_school']"
    suite, jobs = suite_of("x/y-1b", tmp_path, exam=exam)
    monkeypatch.setattr(ready, "processors", lambda: 1)
    monkeypatch.setattr(ready, "CORE_FLOPS", 1e9)
    # base_model alone: its own exam and competition's, each 10 problems × 2 completions × 5 tokens × 2 FLOPs a weight
    assert ready.hours_without_gpu(suite, jobs[:1]) == pytest.approx(2 * 1e9 * 10 * 2 * 5 * 2 / 1e9 / 3600)


def test_the_rate_of_a_core_is_the_one_measured_with_gemma(tmp_path, monkeypatch):
    # 2 cores sampled 240 tokens a second of 268,098,176 weights: an exam of 24,000 tokens took 100 s
    suite, jobs = suite_of("x/gemma-268m", tmp_path, exam="problems = 100\nsamples = 2\nmax_completion_tokens = 80")
    monkeypatch.setattr(ready, "processors", lambda: 2)
    hours = ready.hours_without_gpu(suite, jobs[:1])
    assert jobs[0].algorithm.name == "base_model"
    assert hours == pytest.approx(100 / 3600, rel=0.1)


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.01, "a few minutes"),
        (0.25, "0.25 hours"),
        (1.04, "1 hour"),
        (19.7, "20 hours"),
        (47.9, "48 hours"),
        (70, "3 days"),
        (1000, "40 days"),
        (70_000, "8 years"),
        (257_392, "30 years"),
    ],
)
def test_an_estimate_is_rounded_to_what_it_can_know(hours, words):
    assert ready._duration(hours) == words


def test_the_size_of_a_model_is_in_its_name_or_its_files(folder):
    assert ready._parameters("Qwen/Qwen2.5-0.5B-Instruct") == 500_000_000
    assert ready._parameters("google/gemma-3-270m-it") == 270_000_000
    assert ready._parameters("x/unknown") is None
    policy = load_policy(Model(source=str(folder)), "")
    assert ready._parameters(str(folder)) == sum(weight.numel() for weight in policy.model.parameters())


@pytest.mark.parametrize("lora_rank", [None, 4])
@pytest.mark.parametrize("keep", ["full", "adapter"])
def test_kept_weights_come_back(folder, tmp_path, lora_rank, keep):
    if keep == "adapter" and lora_rank is None:
        with pytest.raises(ConfigurationError, match='write keep = "full"'):
            save_weights(load_policy(Model(source=str(folder)), ""), tmp_path / "kept", keep)
        return
    model = Model(source=str(folder), lora_rank=lora_rank)
    trained = load_policy(model, "")
    with torch.no_grad():
        for weight in trained.trainable:
            weight.add_(0.1)
    save_weights(trained, tmp_path / "kept", keep)
    again = load_policy(model, "")
    load_weights(again, tmp_path / "kept")
    prompts, ids, mask = trained.encode(["one"]), torch.tensor([[5, 6, 7]]), torch.ones(1, 3)
    one, other = (policy.score(prompts, ids, mask, temperature=1.0).logp.detach() for policy in (trained, again))
    assert torch.allclose(one, other, atol=1e-5)
    assert str(tmp_path / "kept") in how_to_load(str(tmp_path / "kept"), model, keep)


def test_the_prompt_is_in_a_jobs_identity_but_not_where_it_is_the_pocket_policys_own(tmp_path):
    _, plain = suite_of("pocket", tmp_path)
    _, asked = suite_of("pocket", tmp_path, prompt="shots = 1")
    assert {job.id for job in plain}.isdisjoint(job.id for job in asked)
    assert dataclasses.replace(plain[0], prompt=Prompt()) == plain[0]
