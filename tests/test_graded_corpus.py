"""The grader against published data and a corpus of graded answers, where they are at hand."""

import re
from collections import Counter
from pathlib import Path

import pytest
from published import rows

from benchmark.grading import extract_answer, extract_gold_gsm8k, extract_gold_math, grade

DOCS = Path(__file__).resolve().parents[1] / "docs" / "grading.md"


@pytest.fixture(scope="module")
def graded():
    """(row, verdict) of every pair of the corpus."""
    return [(row, grade(row["prediction"], reference(row))) for row in rows("grading/dev")]


def reference(row):
    """The gold answer of a row; a solution is read as the harness reads it."""
    if row["gold_form"] == "answer":
        return row["gold"]
    return extract_answer(row["gold"]) or row["gold"]


def counted(graded):
    return [(row, verdict) for row, verdict in graded if row["kind"] != "policy"]


def test_accuracy(graded):
    pairs = counted(graded)
    accepted = [(row, verdict) for row, verdict in pairs if verdict.kind == "correct" and not row["expected"]]
    rejected = [(row, verdict) for row, verdict in pairs if verdict.kind != "correct" and row["expected"]]
    assert 1 - (len(accepted) + len(rejected)) / len(pairs) >= 0.997
    assert len(accepted) <= 8
    assert len(rejected) <= 15
    assert not [row["id"] for row, _ in accepted if row["kind"] == "adversarial"]


def test_every_disagreement_has_its_reason_in_the_documentation(graded):
    table = DOCS.read_text(encoding="utf-8").split("<!-- disagreements -->")[1].split("<!-- disagreements end -->")[0]
    explained = set(re.findall(r"^\| ([a-z0-9]+(?:-[a-z0-9]+)*) \|", table, re.MULTILINE)) - {"pair"}
    differing = {row["id"] for row, verdict in counted(graded) if (verdict.kind == "correct") != row["expected"]}
    assert differing == explained


def test_few_pairs_need_math_verify_and_no_verdict_is_an_error(graded):
    kinds = Counter(verdict.kind for _, verdict in graded)
    routes = Counter(verdict.route.startswith("math_verify") for _, verdict in graded)
    assert kinds["error"] == 0
    assert routes[True] <= 40


def test_a_verdict_is_the_same_from_both_sides(graded):
    for row, verdict in graded[::7]:
        if verdict.answer and row["gold_form"] == "answer" and len(verdict.answer) < 200:
            gold = row["gold"]
            forth = grade(f"#### {verdict.answer}", gold)
            back = grade(f"#### {gold}", verdict.answer)
            if forth.answer == verdict.answer and back.answer == gold:
                assert (forth.kind == "correct") == (back.kind == "correct"), row["id"]


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_gsm8k_gold_accepts_itself(split):
    for row in rows(f"gsm8k/{split}"):
        gold = extract_gold_gsm8k(row["answer"])
        assert grade(row["answer"], gold, require_marker=True).kind == "correct"
        assert grade(f"\\boxed{{{gold}}}", gold).kind == "correct"


@pytest.mark.parametrize("name", ["train", "test", "math500"])
def test_every_math_gold_accepts_itself(name):
    for row in rows(f"math/{name}"):
        if "\\boxed{}" in row["solution"]:  # two training rows are published without their answer
            continue
        gold = extract_gold_math(row["solution"])
        assert grade(row["solution"], gold, require_marker=True).kind == "correct"
        assert grade(f"\\boxed{{{gold}}}", gold).kind == "correct"
        assert "answer" not in row or grade(f"\\boxed{{{row['answer']}}}", gold).kind == "correct"


def test_boxes_that_are_the_answer_together():
    """Row numbers of the MATH test split whose answer is a list over several boxes, or either of two."""
    solutions = {row["idx"]: row["solution"] for row in rows("math/test")}
    together = {414: "-2, 1", 2703: "3, 2/5", 4559: "2, -1", 4860: r"\frac{\pi}{4}, \frac{5\pi}{4}"}
    for index, answer in together.items():
        assert grade(f"#### {answer}", extract_gold_math(solutions[index])).kind == "correct"
        assert grade(f"#### {answer.split(',')[0]}", extract_gold_math(solutions[index])).kind == "wrong"
    either = {333: ("3", "-3"), 2716: ("(10,0)", "(0,0)"), 2936: ("(3,-5)", "(0,0)")}
    for index, answers in either.items():
        for answer in answers:
            assert grade(f"\\boxed{{{answer}}}", extract_gold_math(solutions[index])).kind == "correct"
