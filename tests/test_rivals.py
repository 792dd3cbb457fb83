"""Rival graders: cases worked by hand, names, the killable one, and the published figures where the corpus is."""

import gzip
import json
import os
import time
from pathlib import Path

import pytest

from benchmark.errors import UnknownName
from benchmark.grading import extract_answer
from benchmark.grading.rivals import GRADERS, grader
from benchmark.grading.rivals.grader import MAX_TEXT
from benchmark.grading.rivals.normal import of_flexible, of_hendrycks, of_minerva
from benchmark.grading.worker import Worker

TEXT_RULES = ["exact", "flexible", "minerva", "hendrycks"]


def judged(name, completion, gold):
    verdict = grader(name).grade(completion, gold)
    return verdict.kind, verdict.answer, verdict.route


# The four rules part ways on each of these, as their descriptions say.
KINDS = [
    # completion, gold, exact, flexible, minerva, hendrycks
    ("#### 18", "18", "correct", "correct", "correct", "correct"),
    ("#### 18.00", "18", "wrong", "wrong", "wrong", "wrong"),
    ("#### 1,234", "1234", "wrong", "correct", "correct", "wrong"),
    ("see page 18", "18", "no_answer", "correct", "no_answer", "no_answer"),
    (r"\boxed{7} after 3 steps", "7", "correct", "wrong", "correct", "correct"),
    (r"\boxed{\frac12}", r"\frac{1}{2}", "wrong", "wrong", "correct", "correct"),
    (r"\boxed{1/2}", r"\frac{1}{2}", "wrong", "wrong", "wrong", "correct"),
    (r"\boxed{0.5}", r"\frac{1}{2}", "wrong", "wrong", "wrong", "correct"),
    (r"\boxed{x = 9}", "9", "wrong", "correct", "correct", "correct"),
    (r"\boxed{12\text{ cm}}", "12", "wrong", "correct", "correct", "correct"),
    (r"\boxed{50\%}", "50", "wrong", "correct", "wrong", "correct"),
    (r"\boxed{7} so \boxed{8", "7", "no_answer", "wrong", "no_answer", "no_answer"),
    ("I do not know.", "7", "no_answer", "no_answer", "no_answer", "no_answer"),
]


@pytest.mark.parametrize(("completion", "gold", *TEXT_RULES), KINDS)
def test_where_the_rules_part_ways(completion, gold, exact, flexible, minerva, hendrycks):
    wanted = dict(zip(TEXT_RULES, (exact, flexible, minerva, hendrycks), strict=True))
    assert {name: grader(name).grade(completion, gold).kind for name in TEXT_RULES} == wanted


@pytest.mark.parametrize(
    ("name", "completion", "answer", "route"),
    [
        ("flexible", "costs $1,250.", "$1,250.", "last_number"),
        ("flexible", "from 3 to -4", "-4", "last_number"),
        ("flexible", "ten.", None, "no_marker"),
        ("minerva", "Final Answer: The final answer is $[2,5)$. I hope it is correct.", "$[2,5)$", "sentence"),
        ("minerva", r"\boxed{3} Final Answer: The final answer is 4. I hope it is correct. Next: 5", "4", "sentence"),
        ("minerva", r"\boxed{3}", "3", "box"),
        ("minerva", "#### 3", "3", "extraction"),
        ("hendrycks", r"$\boxed{\sqrt{2}}$", r"\sqrt{2}", "box"),
        ("hendrycks", r"$\boxed 5$.", "5", "box"),
        ("hendrycks", "#### 3", "3", "extraction"),
        ("hendrycks", r"\boxed{3} and \boxed", None, "no_marker"),
    ],
)
def test_what_is_read(name, completion, answer, route):
    assert judged(name, completion, "gold")[1:] == (answer, route)


def test_normal_forms_by_hand():
    assert of_flexible("$1,250.") == "1250"
    assert of_minerva(r"\text{so } x=$\dfrac34$ square feet") == r"\dfrac{3}{4}"
    assert of_minerva(r"\sqrt3") == r"\sqrt{3}"
    assert of_minerva("10,000 dollars") == "10000"
    assert of_minerva("1,2,x") == "1,2,x"
    assert of_minerva(r"\overline{AB}\textbf{C}") == "ABC"
    assert of_hendrycks(r"\left( 3,\tfrac1{2} \right)") == r"(3,\frac{1}{2})"
    assert of_hendrycks(".5") == r"\frac{1}{2}"
    assert of_hendrycks("k = 3") == "3"  # two characters before the sign
    assert of_hendrycks("abc = 3") == "abc=3"
    assert of_hendrycks(r"90^\circ") == "90"
    assert of_hendrycks("-3/4") == r"\frac{-3}{4}"
    assert of_hendrycks("03/4") == "03/4"  # int('03') is not written '03'
    for broken in (r"2 \sqrt", r"2 \frac", r"3\text{ m} and 4\text{ m}"):
        assert of_hendrycks(broken) == broken


def test_an_unknown_grader_is_an_error_with_the_nearest_name():
    with pytest.raises(UnknownName, match="no grader named 'minvera'; did you mean 'minerva'"):
        grader("minvera")


def test_every_grader_has_its_name_and_a_source():
    assert list(GRADERS) == ["bakeoff", *TEXT_RULES, "math_verify"]
    assert all(each.name == name and each.source for name, each in GRADERS.items())


@pytest.mark.parametrize("name", TEXT_RULES)
@pytest.mark.parametrize(
    "piece", ["\\text{", "$", "\\boxed{", "9", "#### ", "Final Answer: The final answer is", "\\frac"]
)
def test_long_hostile_texts_take_no_time_and_break_nothing(name, piece):
    completion = "\\boxed{" + piece * (1_000_000 // len(piece)) + "}"
    started = time.perf_counter()
    grader(name).grade(completion, piece * (MAX_TEXT // len(piece)))
    assert time.perf_counter() - started < 2.0


@pytest.mark.parametrize("name", TEXT_RULES)
def test_broken_characters_break_nothing(name):
    kind = grader(name).grade("\\boxed{\udce4\x00}", "\udce4").kind
    assert kind == ("no_answer" if name == "flexible" else "wrong")


def test_a_gold_beyond_the_limit_is_undecided():
    assert judged("minerva", "#### 1", "1" * (MAX_TEXT + 1)) == ("undecided", None, "gold_too_long")


@pytest.mark.parametrize(
    ("completion", "gold", "kind", "answer"),
    [
        (r"so it is $\frac{2}{4}$.", r"\frac{1}{2}", "correct", r"\frac{2}{4}"),
        ("the answer is 7", "8", "wrong", "7"),
        ("nothing here", "8", "no_answer", None),
    ],
)
def test_math_verify_reads_and_compares_on_its_own(completion, gold, kind, answer):
    verdict = grader("math_verify").grade(completion, gold)
    assert (verdict.kind, verdict.answer) == (kind, answer)


def test_math_verify_is_killed_when_it_takes_too_long():
    worker = Worker(seconds=1.0)
    assert worker.grade("$9^{9^{9^{9}}}$", "9^{9^{9^{8}}}") == ("timed_out", None)
    assert worker.grade("$1$", "1") == ("equal", "1")
    worker.close()


# --- the corpus ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus():
    """(completion, gold, expected) of the graded corpus, without the kind whose verdict is a choice."""
    folder = Path(os.environ.get("BAKEOFF_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    path = folder / "grading" / "dev.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no graded corpus at {path}; set BAKEOFF_DATA")
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
        rows = [json.loads(line) for line in stream]
    return [
        (
            row["prediction"],
            (extract_answer(row["gold"], require_marker=True) if row["gold_form"] == "solution" else None)
            or row["gold"],
            row["expected"],
        )
        for row in rows
        if row["kind"] != "policy"
    ]


# `exact`, and `minerva` where there is neither sentence nor box, move with our extraction; hence the hundredth.
@pytest.mark.parametrize(("name", "published"), [("exact", 0.880), ("flexible", 0.801), ("minerva", 0.917)])
def test_accuracy_on_the_corpus_is_the_published_one(corpus, name, published):
    right = sum((grader(name).grade(text, gold).kind == "correct") == expected for text, gold, expected in corpus)
    assert right / len(corpus) == pytest.approx(published, abs=0.01)
