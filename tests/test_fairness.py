"""What the fairness check says of literal suites and splits."""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.contract import Algorithm, Exam, Problem, Suite
from benchmark.suite.fairness import compare_rows, compare_splits, fingerprint, overlaps
from benchmark.suite.load import load_suite, suite_path
from benchmark.suite.registry import resolve

ROW = {"learning_rate": None, "passes": 1, "mini_batches": 1}


def row(name, target="a.b:C", needs=(), **settings):
    return Algorithm(name, target, {**ROW, **settings}, (), needs)


def asked(*rows, exam=Exam(), seeds=(0, 1, 2), floor=True):  # noqa: B008 - frozen
    rows = (Algorithm("base_model", "algorithms.base_model:BaseModel"), *rows) if floor else rows
    return Suite("tiny", rows, ("competition",), seeds, exam=exam)


def found(suite, severity=None):
    return [one for one in compare_rows(suite) if severity in (None, one.severity)]


ONE, OTHER = row("grpo", "a.grpo:GRPO"), row("rloo", "a.rloo:RLOO")


def test_rows_that_differ_in_nothing_but_the_method_give_no_finding():
    assert found(asked(ONE, OTHER)) == []


@pytest.mark.parametrize(
    ("suite", "severity", "arms", "words"),
    [
        # 24 batches of 16 problems: 16 · 24 · 8 = 3072 of the suite against 16 · 24 · 4 = 1536
        (asked(ONE, row("x", "a.x:X", group_size=4)), "refuse", ("x",), "completions: 3072 for grpo; 1536 for x;"),
        (asked(ONE, row("x", "a.x:X", num_generations=4)), "refuse", ("x",), "grants 3072 to each"),
        (asked(ONE, OTHER, row("x", "a.x:X", learning_rate=1e-3)), "warn", ("x",), "0.001 for x; 0.0001 for grpo"),
        # 2 passes of 3 mini-batches are 6 steps
        (asked(ONE, OTHER, row("x", "a.x:X", passes=2, mini_batches=3)), "warn", ("x",), "6 for x; 1 for grpo, rloo"),
        (asked(ONE, OTHER, row("x", "a.x:X", temperature=0.7)), "warn", ("x",), "temperature in training: 0.7 for x"),
        (asked(ONE, row("x", "a.grpo:GRPO", clip=0.1), OTHER), "warn", ("grpo", "x"), "tried: 2 of GRPO (grpo, x); 1"),
        (asked(ONE, row("x", "a.grpo:GRPO")), "warn", ("grpo", "x"), "grpo and x are the same class with the same"),
        (asked(ONE, exam=Exam(max_completion_tokens=60)), "warn", (), "the exam cuts at 60 tokens, training at 80"),
        (asked(ONE, exam=Exam(max_completion_tokens=90)), "note", (), "training cuts at 80 tokens, the exam at 90"),
        (asked(ONE, exam=Exam(temperature=0.6)), "warn", (), "training samples at temperature 1, the exam at 0.6"),
        (asked(ONE, seeds=(0, 1)), "warn", (), "2 seeds."),
        (asked(ONE, floor=False), "warn", (), "no row 'base_model'"),
        (asked(ONE, row("x", "a.x:X", tau=0.25)), "note", ("x",), "KL to the reference: tau = 0.25 for x"),
        (asked(ONE, row("x", "a.x:X", ("reference", "value_head"))), "note", ("x",), "value_head for x"),
        (asked(ONE, row("x", "a.x:X", ("greedy",))), "note", ("x",), "one completion of each group is greedy: x"),
        (asked(ONE, row("x", "a.x:X", ("prefix_rewards",))), "warn", ("x",), "every prefix is graded: x"),
        (asked(ONE, row("x", "algorithms.trl_grpo:TRLGRPO")), "note", ("x",), "TRL's own loop: x"),
    ],
)  # fmt: skip
def test_each_difference_is_found_alone_with_its_rows(suite, severity, arms, words):
    (one,) = found(suite)
    assert (one.severity, one.rows) == (severity, arms)
    assert words in one.message
    assert one.advice


def test_a_coefficient_of_zero_pulls_nowhere_and_two_tuned_families_alike_are_fair():
    assert found(asked(ONE, row("x", "a.x:X", kl_weight=0.0))) == []
    pairs = [row(f"{name}_{clip}", f"a.{name}:{name}", clip=clip) for name in ("x", "y") for clip in (0.1, 0.2)]
    assert found(asked(*pairs)) == []


def test_what_refuses_comes_first():
    suite = asked(ONE, row("x", "a.x:X", group_size=4, tau=0.1, passes=2))
    assert [one.severity for one in found(suite)] == ["refuse", "warn", "note"]


def test_the_shipped_suites_may_be_run_and_name_their_heads(repository):
    for path in (repository / "benchmark" / "suite" / "builtin").glob("*.toml"):
        suite = load_suite(path, resolve)
        assert found(suite, "refuse") == []
        heads = next(one for one in found(suite) if one.message.startswith("weights beside"))
        assert "ppo" in heads.rows


def problems(split, *prompts):
    return [Problem(f"t/{split}/{index}", prompt, "1", "#### 1") for index, prompt in enumerate(prompts)]


def test_the_same_text_in_other_clothes_has_the_same_fingerprint():
    one = fingerprint(r"Let $f(6) - f(2) = 12.$ What is $\left( 1.5 \right)$?")
    assert one == fingerprint("let $f(6)-f(2)=12$. \n What is $(1.5)$")
    assert one != fingerprint("let $f(6)-f(2)=12$. \n What is $(15)$")
    assert fingerprint("What is 3 - 2?") != fingerprint("What is 3 + 2?")


def test_a_leak_is_refused_and_named_and_a_trace_is_a_warning():
    test = problems("test", "How many?", *(f"What is {n}?" for n in range(999)))
    (one,) = compare_splits("t", problems("train", "HOW MANY", "What is 5?"), [], test)  # 2 of 1000 = 0.2 % > 0.1 %
    assert one.severity == "refuse"
    assert "t: 2 of 1000 test problems (0.20%)" in one.message
    assert "t/test/0 is t/train/0; t/test/6 is t/train/1" in one.message
    (one,) = compare_splits("t", [], problems("validation", "how many?"), test)  # 1 of 1000 = 0.1 %, not above
    assert one.severity == "warn"
    assert compare_splits("t", problems("train", "What else?"), [], test) == ()


def test_the_generated_tasks_share_nothing():
    assert overlaps(["grade_school", "competition"], None) == ()


@pytest.mark.slow
def test_published_math_has_one_near_copy_and_gsm8k_none():
    data = Path(os.environ.get("BAKEOFF_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (data / "math").is_dir():
        pytest.skip(f"no published data in {data}; set BAKEOFF_DATA")
    assert overlaps(["gsm8k", "math500"], data) == ()
    (one,) = overlaps(["math"], data)
    assert one.severity == "warn"
    assert "1 of 5000" in one.message


def command(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_command_prints_a_line_for_each_finding(tmp_path):
    result = command("fairness", "pocket", folder=tmp_path)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) == len(compare_rows(load_suite(suite_path("pocket"), resolve)))
    assert lines[0].startswith("warn   optimiser steps over each batch: 2 for ppo; 1 for")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "fairness"])
def test_a_leaking_exam_is_refused_before_anything_runs(tmp_path, verb):
    (tmp_path / "gsm8k").mkdir()
    for split, mark in (("train", "?"), ("test", ".")):  # the task's own filter lets another mark pass
        rows = [{"question": f"What is {n} and {n}{mark}", "answer": f"#### {2 * n}"} for n in range(40)]
        text = "".join(json.dumps(one) + "\n" for one in rows)
        (tmp_path / "gsm8k" / f"{split}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "mine.toml").write_text('tasks = ["gsm8k"]\nseeds = [0]\n[algorithms]\nbase_model = {}\n')
    result = command(verb, "mine.toml", "--data", str(tmp_path), folder=tmp_path)
    assert result.returncode == 2
    assert "refuse gsm8k: 40 of 40 test problems (100.00%)" in result.stdout
    assert "fix the lines marked 'refuse'" in result.stderr
    assert not (tmp_path / "results").exists()


def test_needs_are_recorded_but_two_rows_are_told_apart_without_them():
    resolved = resolve("ppo", {})
    assert resolved.needs == ("reference", "value_head")
    assert replace(resolved, needs=()) == resolved
