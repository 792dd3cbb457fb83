"""Verdicts: hand cases, hostile input, the killable worker, and the published data where it is at hand."""

import gzip
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmark import grading
from benchmark.grading import extract_answer, extract_gold_gsm8k, extract_gold_math, grade, grade_all
from benchmark.grading.worker import Worker


def data_folder() -> Path:
    """The folder of published data sets; skips where there is none."""
    folder = Path(os.environ.get("BAKEOFF_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (folder / "gsm8k").is_dir():
        pytest.skip(f"no published data in {folder}; set BAKEOFF_DATA")
    return folder


def rows(name):
    with gzip.open(data_folder() / f"{name}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as stream:
        return [json.loads(line) for line in stream]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{5} or \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed {7}", "7"),
        (r"\fbox{7}", "7"),
        (r"\boxed 2$.", "2"),
        (r"\boxed{3}. Now \boxed{4", "3"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\\boxed{\\frac{1}{4}}", r"\frac{1}{4}"),
        ("a } b \\boxed{8}", "8"),
        ('[asy] label("\\boxed{9}"); [/asy] \\boxed{1}[asy]\\boxed{2}[/asy]', "1"),
        ("2+2=4\n#### 4", "4"),
        ("#### 3\n#### 4 \n####", "4"),
        ("#### **18**", "18"),
        (r"#### 3 and \boxed{4} before", "4"),
        ("The answer is 4 days.", "4 days"),
        ("the answer is $3.50. Good.", "$3.50"),
        (r"Final Answer: The final answer is $\frac12$. I hope it is correct.", r"\frac12"),
        ("so 3.\nA: 10", "10"),
        (r"**Final Answer:** $x^2$", "x^2"),
        ("1,234", "1,234"),
        ("$x+1$", "x+1"),
        ("I do not know.", None),
        ("", None),
        (r"\boxed{}", None),
    ],
)
def test_extraction(text, answer):
    assert extract_answer(text) == answer


def test_gold_without_marker_is_a_value_error():
    with pytest.raises(ValueError, match="####"):
        extract_gold_gsm8k("no marker")
    with pytest.raises(ValueError, match="boxed"):
        extract_gold_math(r"\boxed{open")


EQUAL = [
    ("18", "18"),
    ("18.00", "18"),
    ("1,000", "1000"),
    ("1{,}000", "1000"),
    (r"1\,000", "1000"),
    (r"\$1,000", "1000"),
    ("$18 per day", "18"),
    (r"25\%", "25"),
    ("25", r"25\%"),
    (r"75^\circ", "75"),
    ("75 degrees", r"75^{\circ}"),
    (r"440\text{ cm}^2", "440"),
    (r"\text{5}", "5"),
    (r"\dfrac{1}{2}", r"\frac12"),
    (r"\frac1{2}", "0.5"),
    ("1/2", ".5"),
    (r"2\frac{3}{4}", "11/4"),
    ("1 1/2", "1.5"),
    (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    ("\u22125", "-5"),
    ("x=9", "9"),
    ("9", "x = 9"),
    ("5.", "5"),
    ("9" * 6000, "9" * 6000 + ".0"),
    (r"\text{Friday}", "friday"),
    ("(B)", r"\text{(B)}"),
    (r"\left( 3, 4 \right)", "(3,4)"),
    ("[0,∞)", r"[0,\infty)"),
    ("443_{5}", "443_5"),
]
WRONG = [
    ("18", "19"),
    ("0.333333333333", r"\frac{1}{3}"),
    ("100000000000000000000000001", "100000000000000000000000000"),
    (r"\frac{6}{4}", r"2\frac{3}{4}"),
    ("1/0", "0.1/1"),
    ("1,2", "12"),
    ("5x", "5"),
    ("5 or 6", "5"),
    ("5 million", "5"),
    ("1101_3", "1101_2"),
    (r"\text{Friday}", r"\text{Monday}"),
]


@pytest.mark.parametrize(("answer", "gold"), EQUAL)
def test_equal_answers_without_the_worker(answer, gold):
    verdict = grade(f"\\boxed{{{answer}}}", gold)
    assert (verdict.kind, verdict.reward) == ("correct", 1.0)
    assert verdict.route in ("exact", "rational")


@pytest.mark.parametrize(("answer", "gold"), WRONG)
def test_different_answers(answer, gold):
    verdict = grade(f"\\boxed{{{answer}}}", gold)
    assert (verdict.kind, verdict.reward) == ("wrong", 0.0)


@pytest.mark.parametrize(
    ("answer", "gold", "kind"),
    [
        ("x^2+2x+1", "(x+1)^2", "correct"),
        (r"2\sqrt{2}", r"\sqrt{8}", "correct"),
        ("-2,1", "1,-2", "correct"),
        ("x+2", "x+1", "wrong"),
    ],
)
def test_expressions_go_to_math_verify_in_another_process(answer, gold, kind):
    verdict = grade(f"\\boxed{{{answer}}}", gold)
    assert (verdict.kind, verdict.route) == (kind, "math_verify")
    assert "math_verify" not in sys.modules
    assert "math_verify" not in sys.modules


def test_no_answer_is_not_wrong():
    verdict = grade("hm", "5")
    assert (verdict.kind, verdict.answer, verdict.reward) == ("no_answer", None, 0.0)


def test_batches_keep_their_order():
    verdicts = grade_all([("#### 1", "1"), ("#### 2", "1"), ("", "1")])
    assert [verdict.kind for verdict in verdicts] == ["correct", "wrong", "no_answer"]


def test_a_tower_of_powers_ends_in_time_and_leaves_the_grader_usable(monkeypatch):
    worker = Worker(seconds=1.0)
    monkeypatch.setattr(grading, "_worker", worker)
    verdict = grade(r"\boxed{9^{9^{9^{9^{9}}}}}", "7")
    assert verdict.kind in ("undecided", "wrong")
    assert worker.compare("x+x", "2x") == "equal"
    worker.close()


def test_a_killed_worker_is_replaced():
    worker = Worker()
    assert worker.compare("x+x", "2x") == "equal"
    worker._process.kill()
    assert worker.compare("x+x", "2x") == "failed"
    assert worker.compare("x+x", "2x") == "equal"
    assert worker.starts == 2
    worker.close()


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("timed_out", ("undecided", "math_verify_timed_out")),
        ("out_of_memory", ("undecided", "math_verify_out_of_memory")),
        ("missing", ("error", "math_verify_missing")),
        ("failed", ("error", "math_verify_failed")),
    ],
)
def test_a_worker_that_cannot_say_is_never_a_wrong_answer(monkeypatch, reply, verdict):
    monkeypatch.setattr(grading._worker, "compare", lambda _answer, _gold: reply)
    decided = grade(r"\boxed{x+2}", f"unseen {reply}")
    assert (decided.kind, decided.route) == verdict


@pytest.mark.parametrize(
    "text",
    ["\\boxed{" * 3000, "\\" * 20000, "{" * 20000, "[asy]" * 4000, "answer is " * 2000, "#" * 20000, "$" * 20000],
)
def test_hostile_texts_are_read_in_linear_time(text):
    started = time.perf_counter()
    extract_answer(text * 3)
    assert time.perf_counter() - started < 1.0


def test_threads_share_one_worker():
    verdicts = []
    threads = [
        threading.Thread(target=lambda n=n: verdicts.append(grade(f"\\boxed{{y+{n}}}", f"{n}+y").kind))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["correct"] * 6


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_starts_its_own_worker():
    worker = Worker()
    assert worker.compare("x+x", "2x") == "equal"
    child = os.fork()
    if child == 0:
        good = worker.compare("x+x", "2x") == "equal" and worker.starts == 2
        worker.close()
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert worker.compare("x+x", "2x") == "equal"
    assert worker.starts == 1
    worker.close()


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_gsm8k_gold_accepts_itself(split):
    for row in rows(f"gsm8k/{split}"):
        assert grade(row["answer"], extract_gold_gsm8k(row["answer"])).kind == "correct"


@pytest.mark.parametrize("name", ["train", "test", "math500"])
def test_every_math_gold_accepts_itself(name):
    for row in rows(f"math/{name}"):
        if "\\boxed{}" in row["solution"]:  # two training rows are published without their answer
            continue
        gold = extract_gold_math(row["solution"])
        assert grade(row["solution"], gold).kind == "correct"
        assert grade(f"\\boxed{{{gold}}}", gold).kind == "correct"


def reference(row):
    if row["gold_form"] == "answer":
        return row["gold"]
    return extract_answer(row["gold"]) or row["gold"]


def test_accuracy_on_the_graded_corpus():
    pairs = [row for row in rows("grading/dev") if row["kind"] != "policy"]
    sample = random.Random(0).sample(pairs, 600)  # noqa: S311 - a fixed sample, no secret
    right = sum((grade(row["prediction"], reference(row)).kind == "correct") == row["expected"] for row in sample)
    assert right / len(sample) >= 0.97
