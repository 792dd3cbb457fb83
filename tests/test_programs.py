"""Rows that a program trains: what it is given, what it may leave, and what is said when it leaves something else."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.contract import PROGRAM, Model
from benchmark.errors import ConfigurationError, MethodFault, UnknownName
from benchmark.model.keep import write_start
from benchmark.model.load import load_trained
from benchmark.run.identity import identified, same_question
from benchmark.run.program import DECLARABLE, read_spent
from benchmark.store.outcomes import read_outcomes
from benchmark.store.records import read_records
from benchmark.store.steps import read_steps
from benchmark.suite.fairness import compare_rows
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.programs import fill_in
from benchmark.suite.registry import resolve

PROGRAMS = Path(__file__).parent / "programs"
SUITE = """
model = "pocket"
tasks = ["grade_school"]
seeds = [3]
timeout_seconds = {timeout}
[training]
steps = 3
prompts_per_step = 2
group_size = 2
max_completion_tokens = 40
probe_every = 1
probe_problems = 4
[exam]
problems = 4
samples = 2
max_completion_tokens = 40
[algorithms]
base_model = {{}}
"""
TRL = [
    *("python", "trl_trainer.py", "--model", "{model}", "--train", "{train}", "--out", "{out}", "--seed", "{seed}"),
    *("--steps", "{steps}", "--prompts", "{prompts_per_step}", "--group", "{group_size}"),
    *("--tokens", "{max_completion_tokens}", "--lr", "{learning_rate}"),
]
TORCH = ["python", "plain_torch.py", "{model}", "{train}", "{seed}", "{steps}", "{out}"]


def code(lines):
    """A program of a few lines, which knows its start and where its result is to go."""
    return [
        "python",
        "-c",
        f"import sys, os, json, time; start, out, seed = sys.argv[1:4]\n{lines}",
        "{model}",
        "{out}",
        "{seed}",
    ]


COPY = "import shutil; shutil.copytree(start, out, dirs_exist_ok=True)\n"


def run(folder, rows, *, timeout=300, arguments=()):
    for name in ("trl_trainer.py", "plain_torch.py"):
        (folder / name).write_text((PROGRAMS / name).read_text(encoding="utf-8"), encoding="utf-8")
    lines = [f"[algorithms.{name}]\ncommand = {json.dumps(words)}" for name, words in rows.items()]
    (folder / "mine.toml").write_text(SUITE.format(timeout=timeout) + "\n".join(lines), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "benchmark", "run", "mine.toml", "--workers", "1", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


def records(folder):
    return {one.job.algorithm.name: one for one in read_records(folder / "results", "mine")}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A TRL script, a plain torch script in three ways, and copies of the start, in one sweep."""
    folder = tmp_path_factory.mktemp("programs")
    parquet = ["{train_parquet}" if word == "{train}" else word for word in TORCH]
    rows = {
        "trl": TRL,
        "whole": TORCH,
        "parquet": parquet,
        "adapter": [*TORCH, "adapter"],
        "copy": code(COPY + "time.sleep(2); held = bytearray(300 * 2**20); time.sleep(1)"),
    }
    result = run(folder, rows)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, records(folder), result


def test_what_a_program_leaves_is_examined_like_every_other_row(trained):
    folder, found, _ = trained
    exam = {
        name: [one.verdict for one in read_outcomes(folder / "results" / "mine" / record.job.id)]
        for name, record in found.items()
    }
    texts = {
        name: [one.text for one in read_outcomes(folder / "results" / "mine" / record.job.id)]
        for name, record in found.items()
    }
    assert {len(one) for one in exam.values()} == {4 * 3}
    assert texts["copy"] == texts["base_model"]  # the same weights, the same exam
    assert texts["whole"] != texts["base_model"]
    assert texts["adapter"] != texts["base_model"]
    assert texts["parquet"] == texts["whole"]  # the same problems in another file
    assert found["trl"].provenance.model_digest == found["base_model"].provenance.model_digest


def test_what_it_spent_is_what_it_declares_or_unknown(trained):
    folder, found, result = trained
    assert found["trl"].counts["completions"] == 3 * 2 * 2
    assert found["trl"].counts["optimiser_steps"] == 3
    assert set(found["trl"].declared) == {"completions", "optimiser_steps"}
    assert set(found["whole"].counts) == {"trainable_parameters"}
    assert found["whole"].declared == found["base_model"].declared == ()
    page = (folder / "reports" / "mine.html").read_text(encoding="utf-8")
    assert "12 (declared)" in page
    assert "3 (declared)" in page
    assert "trained by programs of their own: trl, whole, parquet, adapter, copy" in result.stdout.replace("\n", " ")


def test_its_seconds_and_bytes_are_measured_from_outside(trained):
    folder, found, _ = trained
    copy = found["copy"]
    assert copy.phase_seconds["other"] > 3  # it slept for three
    assert copy.training_seconds == pytest.approx(copy.phase_seconds["other"], rel=0.01)
    assert copy.peak_bytes["rss/other"] > 300 * 2**20
    steps = {name: read_steps(folder / "results" / "mine" / found[name].job.id) for name in ("trl", "whole")}
    assert [one.step for one in steps["whole"]] == [0]  # nobody knows how many completions a later point stands at
    assert [(one.step, one.completions, one.updates) for one in steps["trl"]] == [(0, 0, 0), (3, 12, 3)]


def test_a_program_that_fails_is_a_sentence(tmp_path):
    rows = {
        "exits": code("print('no such luck'); sys.exit(3)"),
        "nothing": code("pass"),
        "pickled": code("open(os.path.join(out, 'pytorch_model.bin'), 'wb').write(b'x')"),
        "broken": code(COPY + "open(os.path.join(out, 'model.safetensors'), 'wb').write(b'x')"),
        "greedy": code(COPY + "json.dump({'completions': 13}, open(os.path.join(out, 'spent.json'), 'w'))"),
        "boasts": code(COPY + "json.dump({'completion': 1}, open(os.path.join(out, 'spent.json'), 'w'))"),
        "absent": ["no-such-program", "{model}", "{seed}", "{out}"],
        "hangs": code(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"),
    }
    result = run(tmp_path, rows, timeout=15)
    assert result.returncode == 1, result.stderr
    found = records(tmp_path)
    assert found["base_model"].status == "done"
    for name, words in {
        "exits": "ended with exit code 3: …no such luck",
        "nothing": "left no weights in safetensors in {out}, but nothing",
        "pickled": "left no weights in safetensors in {out}, but pytorch_model.bin",
        "broken": "what the program left in {out} cannot be read",
        "greedy": "asked for 13 completions with 12 of 12 left",
        "boasts": "unknown name 'completion'; did you mean 'completions'?",
        "absent": "the program 'no-such-program' cannot be started: No such file or directory",
    }.items():
        assert found[name].status == "failed", name
        assert words in found[name].reason, found[name].reason
        assert "Traceback" not in found[name].reason
    assert found["hangs"].status == "timed_out"


def test_the_words_of_a_command():
    row = resolve("mine", {"command": ["python", "a b.py", "{model}", "{seed}", "{out}", "{steps}", '{"x": 1}']})
    assert row.target == PROGRAM
    assert row.by_program
    values = {"model": "/m m", "seed": 3, "out": "/o", "steps": 24}
    assert fill_in(str(row.settings["command"]), values) == ["python", "a b.py", "/m m", "3", "/o", "24", '{"x": 1}']
    assert shlex.split(str(row.settings["command"]))[1] == "a b.py"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"command": "python train.py"}, "expected a list of words"),
        ({"command": []}, "expected a list of words"),
        ({"command": ["python", 3]}, "expected a list of words"),
        ({"command": ["python", "{model}", "{out}"]}, "does not hold {seed}"),
        ({"command": ["python"]}, "does not hold {model} and {seed} and {out}"),
        ({"command": ["python", "{modell}", "{seed}", "{out}"]}, "did you mean 'model'"),
        ({"command": ["{model}{seed}{out}"], "learning_rate": 1.0}, "has no other keys, found learning_rate"),
        ({"command": ["a\0{model}{seed}{out}"]}, "null character"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_runs(settings, words):
    with pytest.raises((ConfigurationError, UnknownName)) as caught:
        resolve("mine", settings)
    assert words in str(caught.value)


def test_an_edited_program_is_another_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "plain_torch.py").write_text("1")
    (tmp_path / "sub" / "mine.toml").write_text(
        SUITE.format(timeout=9) + f"[algorithms.mine]\ncommand = {json.dumps(TORCH)}"
    )
    suite = load_suite(tmp_path / "sub" / "mine.toml", resolve)
    assert "plain_torch.py" in str(suite.algorithms[1].settings["command"])
    before = identified(suite, jobs_of(suite), None)
    (tmp_path / "sub" / "plain_torch.py").write_text("2")
    after = identified(suite, jobs_of(suite), None)
    assert before[0].id == after[0].id  # the base model's
    assert before[1].id != after[1].id
    assert same_question(before[1], after[1])  # so the old result is stale, and not that of other settings
    (finding,) = [one for one in compare_rows(suite) if one.rows == ("mine",)]
    assert finding.severity == "warn"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "3",
        '{"completions": -1}',
        '{"completions": 1.5}',
        '{"completions": true}',
        '{"completions": 9223372036854775808}',
        '{"flop": 3}',
        '{"completions": NaN}',
        "[" * 100_000,
    ],
)
def test_what_is_declared_is_a_table_of_whole_numbers(content, tmp_path):
    (tmp_path / "spent.json").write_text(content, encoding="utf-8")
    with pytest.raises(MethodFault, match=r"spent\.json"):
        read_spent(tmp_path / "spent.json")


def test_all_that_can_be_declared(tmp_path):
    whole = dict.fromkeys(DECLARABLE, 7)
    (tmp_path / "spent.json").write_text(json.dumps(whole), encoding="utf-8")
    assert read_spent(tmp_path / "spent.json") == whole
    assert read_spent(tmp_path / "absent.json") == {}


def test_a_folder_with_a_tensor_missing_is_refused(pocket, tmp_path):
    write_start(pocket, tmp_path / "start")
    kept = load_trained(tmp_path / "start", tmp_path / "start", Model())
    assert all(torch.equal(a, b) for a, b in zip(kept.parameters(), pocket.model.parameters(), strict=True))
    file = tmp_path / "start" / "model.safetensors"
    tensors = load_file(file)
    tensors.pop(next(name for name in tensors if "q_proj.weight" in name))
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(MethodFault, match="1 tensor is missing"):
        load_trained(tmp_path / "start", tmp_path / "start", Model())
