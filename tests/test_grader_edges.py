"""Numbers beyond limits, faults inside, second readings and their near misses, and what a marker requires."""

import pytest

from benchmark import grading
from benchmark.grading import extract_answer, grade
from benchmark.grading.answers import read
from benchmark.grading.clock import clock_of
from benchmark.grading.numerals import words_as_digits
from benchmark.grading.scope import answering_part
from benchmark.grading.sets import real_set, same_set
from benchmark.grading.tokens import Unreadable
from benchmark.grading.units import same_unit, unit_of


@pytest.mark.parametrize("digits", [4_301, 5_000, 15_000])
def test_a_number_of_more_digits_than_python_converts_is_undecided(digits):
    verdict = grade("\\boxed{" + "7" * digits + "}", "7")
    assert (verdict.kind, verdict.route, verdict.reward) == ("undecided", "too_large", 0.0)
    assert grade("\\boxed{7}", "7" * digits).kind == "undecided"
    assert grade("\\boxed{" + "7" * 4_300 + "}", "7").kind == "wrong"


def test_a_fault_of_the_grader_is_the_verdict_error_and_no_exception(monkeypatch):
    def broken(_text, **_):
        raise ZeroDivisionError

    monkeypatch.setattr(grading, "find_answer", broken)
    verdict = grade("\\boxed{7}", "7")
    assert (verdict.kind, verdict.answer, verdict.route, verdict.reward) == (
        "error",
        None,
        "grader_ZeroDivisionError",
        0.0,
    )


def test_a_fault_behind_the_extraction_keeps_the_answer(monkeypatch):
    def broken(_answer, _gold):
        raise KeyError

    monkeypatch.setattr(grading, "_cached", broken)
    verdict = grade("\\boxed{7}", "7")
    assert (verdict.kind, verdict.answer, verdict.route) == ("error", "7", "grader_KeyError")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("<think>a</think>b", "b"),
        ("a</think>b", "b"),
        ("a<think>b", None),
        ("<think>a</think>b<think>c", None),
        ("b<|im_end|>c", "b"),
        ("<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc", "b"),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "b"),
        ("<|channel|>analysis<|message|>a", None),
        ("[asy]a[/asy]b", "b"),
        ("a < b and b > c", "a < b and b > c"),
    ],
)
def test_the_part_that_may_hold_the_answer(text, part):
    found = answering_part(text)
    assert (found.strip() if found is not None else None) == part


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ("cm", "cm"), ("centimeters", "cm"), ("km/h", "h^-1·km"), ("km per hour", "h^-1·km"), ("kg m^{-3}", "kg·m^-3"),
        ("square feet", "ft^2"), ("meters squared", "m^2"), ("m / s ^ 2", "m·s^-2"), ("kg of apples", "kg"),
        ("apples", ""), ("in total", ""), ("inches", "in"), ("dollars per hour", "$·h^-1"), ("degrees", "°"),
    ],
)  # fmt: skip
def test_units_in_one_spelling(words, unit):
    assert unit_of(words) == unit


@pytest.mark.parametrize(
    "words", ["or more", "below zero", "thirds", "factorial", "dozen eggs or so", "and a half", "is", "2x"]
)
def test_words_that_change_a_number_are_no_unit(words):
    with pytest.raises(Unreadable):
        unit_of(words)


def test_units_that_contradict_each_other():
    assert not same_unit("cm", "m")
    assert same_unit("cm", "")
    assert same_unit("°", "C·°")
    assert not same_unit("C·°", "F·°")
    assert not same_unit("°", "rad")


@pytest.mark.parametrize(
    ("text", "minutes", "known"),
    [
        ("4:30 p.m.", 990, True),
        ("12 a.m.", 0, True),
        ("12:15 PM", 735, True),
        ("noon", 720, True),
        ("9 o'clock", 540, False),
    ],
)
def test_times_of_day(text, minutes, known):
    found = clock_of(text)
    assert (found.minutes, found.known) == (minutes, known)


@pytest.mark.parametrize("text", ["25:00 p.m.", "4:75 p.m.", "4 hours", "5 m", "pm", "4.5 p.m. and more"])
def test_what_is_no_time_of_day(text):
    assert clock_of(text) is None


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("one hundred twenty-three", "123"), ("two thousand and five", "2005"), ("minus five", "-5"),
        ("eighteen apples", "18 apples"), ("two thirds", r"\frac{2}{3}"), ("three and a half", r"\frac{7}{2}"),
        ("四十二", "42"), ("12万", "12*10000"), ("a half", r"\frac{1}{2}"),
        ("one or two", "one or two"), ("second", "second"), ("ten million and five", "10000005"),
    ],
)  # fmt: skip
def test_number_words(written, digits):
    assert words_as_digits(written) == digits


SETS = [
    (r"(-\infty,1) \cup (3,\infty)", r"x < 1 \text{ or } 3 < x"),
    (r"[2,3] \cup [3,4]", "[2,4]"),
    (r"[2,3) \cup [3,4]", r"2 \le x \le 4"),
    (r"\mathbb{R} \setminus \{0\}", r"x \ne 0"),
    (r"(0,2) \cap (1,3)", "1 < x < 2"),
    (r"|x - 1| \le 2", "[-1,3]"),
    (r"(\sqrt{2}, \pi)", r"\sqrt{2} < x < \pi"),
]


@pytest.mark.parametrize(("left", "right"), SETS)
def test_sets_in_one_normal_form(left, right):
    assert same_set(real_set(read(left)), real_set(read(right)))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (r"[2,3) \cup (3,4]", "[2,4]"),
        ("[2,3)", "[2,3]"),
        (r"x < 1", r"y < 1"),
        (r"x < 1 \text{ and } x > 3", r"x < 1 \text{ or } x > 3"),
        (r"\mathbb{R} \setminus \{0\}", r"\mathbb{R}"),
        (r"|x - 1| < 2", "[-1,3]"),
    ],
)
def test_sets_that_differ(left, right):
    assert not same_set(real_set(read(left)), real_set(read(right)))


@pytest.mark.parametrize("text", ["(3,1)", "(a,b)", r"x + y < 3", r"\{x, y\}", "(1,2,3)", r"[-\infty, 2]", r"2x < 4"])
def test_what_is_no_set_of_numbers_with_known_ends(text):
    assert real_set(read(text)) is None


@pytest.mark.parametrize(
    ("answer", "gold", "verdict"),
    [
        ("1,5", "1.5", "correct"),
        ("1.5", "1,5", "wrong"),
        ("2 and 1/3", r"\frac{7}{3}", "correct"),
        (r"\frac{7}{3}", r"2 \text{ and } \frac{1}{3}", "wrong"),
        ("5 m", "5", "correct"),
        ("5m", "5", "wrong"),
        ("5 x", "5", "wrong"),
        ("5 m", r"5\text{ cm}", "wrong"),
        ("70k", "70000", "correct"),
        ("70k", "70", "wrong"),
    ],
)
def test_second_readings_are_of_the_answer_alone(answer, gold, verdict):
    assert grade(f"\\boxed{{{answer}}}", gold).kind == verdict


def test_an_expression_before_the_value_is_a_name_in_the_answer_and_an_equation_in_the_gold():
    assert grade(r"\boxed{x+y=5}", "5").kind == "correct"
    assert grade(r"\boxed{5}", "x+y=5").kind == "wrong"


def test_the_name_of_the_switch_says_what_it_requires():
    sentence = "So 2 + 2 = 4. She makes 18 dollars every day."
    assert extract_answer(sentence) == "18"
    assert extract_answer(sentence, require_marker=True) is None
