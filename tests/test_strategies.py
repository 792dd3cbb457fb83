# ruff: noqa: S311 - seeded draws, no secrets
from __future__ import annotations

import gzip
import json
import os
import random
import re
import time
from fractions import Fraction
from pathlib import Path

import pytest

from benchmark.exam.strategy.equations import MAX_CHARACTERS, first_value
from benchmark.exam.strategy.key import equations, strategy_key, strategy_of

ROOT = Path(__file__).resolve().parents[1]


def key(text, answer=None, level="expr"):
    return strategy_key(text, answer, level)


def read(text):
    return [f"{step.left}={step.result}" for step in equations(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He ran 60 meters * 3 sprints * 3 times = 540 meters.", ["(3*3*60)=540"]),
        ("20% of $50 = $10, so 50 - 10 = 40.", ["(1/5*50)=10", "(50-10)=40"]),
        ("1,000 / 4 = 250 and 250 x 2 = 500.", ["(1/4*1000)=250", "(2*250)=500"]),
        ("There are 5 apples.", []),
        ("5 = 5", []),  # a bare number is no work
        ("3 × 4 = 12; 12 ÷ 5 = 2.4; 7 − 2 = 5", ["(3*4)=12", "(1/5*12)=12/5", "(7-2)=5"]),
        (r"$\frac{1}{2} \times 6 = 3$, $8 \div 2 = 4$, $2 \cdot 3 = 6$", ["(1/2*6)=3", "(1/2*8)=4", "(2*3)=6"]),
        ("2*3 = 3+3 = 6", ["(2*3)=6", "(3+3)=6"]),  # a chain is two steps
        ("Total = 2(3 + 4) = **14**", ["(2*(3+4))=14"]),
        ("(40 + 10)% = 0.5", ["(1/100*(10+40))=1/2"]),
        ("- 5 + 3 = 8", ["(3+5)=8"]),  # a list's dash
        ("-5 + 3 = -2", ["(3-5)=-2"]),
        ("4 - -3 = 7", ["(3+4)=7"]),
        ("$12/craft * 3 = $36", ["(3*12)=36"]),
        ("a 5-year plan of 3 * 10 = 30", ["(3*10)=30"]),
        ("1/2 of 60 = 30", ["(1/2*60)=30"]),
        ("out of 20 students 20 - 6 = 14", ["(20-6)=14"]),
        ("2 3 + 4 = 7 5", ["(3+4)=7"]),  # longest end before, longest start behind
        ("3 + 5^2 = 28", []),  # a power ends the run
        ("2**3 * 4 = 32", ["(3*4)=32"]),
        ("6 + 4) * 2 = 20", []),
        ("12 / (3 - 3) = 5", []),  # undefined
        ("5 + 3 = 12 / 0", []),  # so is this result
        ("3 boxes of 4 + 1 = 5", ["(1+4)=5"]),  # "of" behind a word is a word
    ],
)
def test_equations_of_plain_text(text, expected):
    assert read(text) == expected


def test_a_line_with_annotations_is_read_from_them_alone():
    assert read("so 2*3 = $<<2*3=6>>6 and 9+9=18\nthen 6+1=7") == ["(2*3)=6", "(1+6)=7"]
    # every annotation bare: the line's own text counts
    assert read("20 x 2 = <<40=40>>40") == ["(2*20)=40"]
    # the first side that is not a bare number is the left, the last is the result
    assert read("<<6=2*3=1*6=6>>") == ["(2*3)=6"]


def test_a_step_is_valid_within_rounding():
    # 10/3 = 3.3333: off by 0.00333 ≤ 0.005·3.33 = 0.01665; 3.4 is off by 0.0667 > 0.017
    assert [step.valid for step in equations("10/3=3.33. 10/3=3.4. 1/3=0.33. 1/3=0.32")] == [True, False, True, False]
    # 1000/3 = 333.33: off by 0.33 ≤ 0.005·333 = 1.665
    assert equations("1000/3=333")[0].valid is True
    assert strategy_of("1+1=3. 3*2=6", "6").valid is False
    # a wrong step that the root does not rest on does not matter
    assert strategy_of("1+1=5. 3*2=6", "6").valid is True


@pytest.mark.parametrize(
    ("text", "answer", "expr"),
    [
        ("(12+7)*3=57. 57-9=48.\n#### 48", "48", "((3*(7+12))-9)"),
        ("12*3=36. 7*3=21. 36+21=57.\n#### 57", "57", "((3*12)+(3*7))"),
        ("2/4+1/4=3/4.\n\\boxed{\\frac{3}{4}}", "\\frac{3}{4}", "(1/4+(1/4*2))"),
        ("16-3-4=9. 9*2=18", "18", "(2*(16-3-4))"),
        ("3+4=7. 16-7=9. 2*9=18", "18", "(2*(16-3-4))"),
        ("12/(2*3)=2", "2", "(1/3*1/2*12)"),  # factors sort by value: 1/3, 1/2, 12
        ("2*3=6. 12/6=2", "2", "(1/3*1/2*12)"),
        ("2+4=6. 12/6=2", "2", "(12/(2+4))"),
        ("5*1=5. 5+2=7", "7", "(2+5)"),
        ("1*(2+3)=5. 5+4=9", "9", "(2+3+4)"),
        ("-(3+4)*2=-14", "-14", "(2*(-3-4))"),
        ("-2*3=-6. 10+-6=4", "4", "(10-(2*3))"),
        ("7/(-2)=-3.5", "-3.5", "-(1/2*7)"),
    ],
)
def test_keys_are_canonical_expressions(text, answer, expr):
    assert key(text, answer) == expr


SPLIT = {
    "order of steps": ("2*3=6. 4*5=20. 6+20=26", "4*5=20. 3*2=6. 20+6=26", "26", True, True),
    "split": ("10-2-3=5", "2+3=5. 10-5=5", "5", True, False),
    "distributed": ("2*3=6. 2*4=8. 6+8=14", "3+4=7. 2*7=14", "14", False, False),
    "half": ("60*0.5=30", "60/2=30", "30", True, True),
    "words": (
        "She has 16 - 7 = 9 eggs. She makes 9 x 2 = $18.",
        "16-7=<<16-7=9>>9\n9*2=<<9*2=18>>18",
        "18",
        True,
        True,
    ),
    "dead step": ("5*2=10", "5*2=10. 7+7=14", "10", True, True),
    "restated": ("5*2=10. 10+3=13", "5*2=10. 10+3=13. 10+3=13", "13", True, True),
    "one number": ("5*2=10", "5+5=10", "10", False, False),
    "subtraction has sides": ("9-4=5", "4-9=5", "5", False, False),
    "division has sides": ("9/4=2.25", "4/9=2.25", "2.25", False, False),
}


@pytest.mark.parametrize("name", SPLIT)
def test_same_or_different_way(name):
    one, other, answer, expr, steps = SPLIT[name]
    assert (key(one, answer) == key(other, answer)) is expr
    assert (key(one, answer, "steps") == key(other, answer, "steps")) is steps


def test_worked_example_of_six_solutions():
    solutions = [
        "16-3-4=9. 9*2=18",
        "3+4=7. 16-7=9. 2*9=18",
        "4+3=7. 16-7=9. 9*2=18",
        "16*2=32. 3*2=6. 4*2=8. 32-6-8=18",
        "16-4-3=9. 100-1=99. 9*2=18",
    ]
    assert clusters([key(text, "18") for text in solutions]) == [0, 0, 0, 1, 0]
    assert clusters([key(text, "18", "steps") for text in solutions]) == [0, 1, 1, 2, 0]


def test_steps_keep_the_cut_and_factors_of_one():
    text = "40*20=800. 800*1/10=80. 800-80=720. 800+720=1520"
    assert key(text, "1520") == "((20*40)+(20*40)-(1/10*20*40))"
    assert key(text, "1520", "steps") == (
        "(1/10*1*[(20*40)]); (20*40); ([((20*40)-(1/10*20*40))]+[(20*40)]); ([(20*40)]-[(1/10*20*40)])"
    )
    # 40*20 worked out again inside a later step is another cut of the same expression
    again = "40*20=800. 800*1/10=80. 40*20-80=720. 800+720=1520"
    assert key(again, "1520") == key(text, "1520")
    assert key(again, "1520", "steps") != key(text, "1520", "steps")


@pytest.mark.parametrize(
    ("text", "wide", "published"),
    [
        # annotations of one line, or of the whole text
        ("<<16-7=9>>\n9*2=18", "(2*(16-7))", "(16-7)"),
        # a bare number has no sign
        ("<<2-8=-6>>\n<<10*3=30>>\n<<30-6=24>>", "((3*10)-6)", "((3*10)-6)"),
        ("<<2-8=-6>>", "(2-8)", None),
        ("50(.20)=10", "(1/5*50)", None),
        ("$60/truck * 6 = 360", "(6*60)", None),
        ("x + 10*2 = 20", "(2*10)", "(2*10)"),
        ("2 * +10 = 20", None, "(2*10)"),
        ("1/3=0.3333333333333333333333333", None, "1/3"),
        ("2-8 = -6. -6*2 = -12", "(2*(2-8))", "(2*(2-8))"),
    ],
)
def test_two_readings(text, wide, published):
    found = [strategy_of(text, None, reading) for reading in ("wide", "published")]
    assert [strategy and strategy.expr for strategy in found] == [wide, published]


def clusters(keys):
    order = list(dict.fromkeys(keys))
    return [order.index(each) for each in keys]


def test_the_root_is_the_last_step_that_states_the_answer():
    text = "2+3=5. 5*4=20. 20/2=10. 5+5=10. 1+1=2"
    assert key(text, "20") == "(4*(2+3))"
    assert key(text, "10") == "(2+2+3+3)"
    assert key(text, "99") == key(text, None) == "(1+1)"


@pytest.mark.parametrize("answer", ["1,200", "$1,200", "1200.00", "1200 dollars", "\\$1,200", "2400/2"])
def test_the_answer_is_a_number_however_written(answer):
    assert key("3*400=1200. 1+1=2", answer) == "(3*400)"


@pytest.mark.parametrize(("text", "answer"), [("10/50=20%. 1+1=2", "20%"), ("10/50*100=20. 1+1=2", "20\\%")])
def test_a_percent_answer_is_either(text, answer):
    assert "10" in key(text, answer)


def test_a_number_links_to_the_latest_step_with_that_result():
    # 7 is first 3+4, then 5+2
    assert key("3+4=7. 5+2=7. 7*2=14", "14") == "(2*(2+5))"
    # a given 7 before any step is a leaf
    assert key("7*2=14. 3+4=7", "14") == "(2*7)"


@pytest.mark.parametrize("text", ["", "no numbers", "x = y", "= = =", "5", "()=()", "1+=2", "<<>>", "<<=>>", "#### 48"])
def test_no_equation_is_no_key(text):
    assert strategy_of(text, "48") is None
    assert key(text, None, "steps") is None


def test_wording_spacing_and_names_do_not_matter():
    one = "Ann has 3 + 4 = 7 pears. She sells 7 * 2 = 14."
    other = "Bob counted 4+3=7 plums!\nThen he sold $2 x 7 = $14, hooray"
    assert key(one, "14") == key(other, "14")


def test_commuting_and_associating_do_not_matter():
    draw = random.Random(5)
    for _ in range(50):
        numbers = [draw.randint(2, 99) for _ in range(5)]
        total, product = sum(numbers), 1
        for number in numbers:
            product *= number
        shuffled = draw.sample(numbers, 5)
        for sign, value in (("+", total), ("*", product)):
            grouped = f"({shuffled[0]}{sign}({shuffled[1]}{sign}{shuffled[2]})){sign}{shuffled[3]}{sign}{shuffled[4]}"
            assert key(f"{sign.join(map(str, numbers))}={value}") == key(f"{grouped}={value}")


def test_a_random_expression_has_the_value_python_gives_it():
    draw = random.Random(11)

    def expression(depth):
        if depth == 0 or draw.random() < 0.2:
            return str(draw.randint(1, 30))
        inner = f"{expression(depth - 1)}{draw.choice('+-*/')}{expression(depth - 1)}"
        return f"({inner})" if draw.random() < 0.5 else inner

    checked = 0
    for _ in range(300):
        text = expression(4)
        try:
            value = eval(re.sub(r"(\d+)", r"Fraction(\1)", text))  # noqa: S307
        except ZeroDivisionError:
            value = None
        assert first_value(text) == value
        if value is not None and not text.isdecimal():
            step = equations(f"{text}={value}")[0]
            assert (step.valid, step.result) == (True, value)
            # the canonical form is an expression of the same value
            assert eval(re.sub(r"(\d+)", r"Fraction(\1)", step.left)) == value  # noqa: S307
            checked += 1
    assert checked > 200


HOSTILE = {
    "open parentheses": "(" * 20_000,
    "parentheses and signs": "(=" * 10_000,
    "nested": "(" * 9_000 + "1" + ")" * 9_000 + "+1=2",
    "tower": "2^" * 10_000 + "=1",
    "long number": "9" * 10_000 + "+1=2",
    "long fraction": "\\frac{" + "9" * 9_000 + "}{2}+1=3",
    "long decimal": "1." + "3" * 9_000 + "+1=2",
    "many steps": "1+1=2. " * 2_850,
    "a long sum": "+".join(["1"] * 9_999) + "=3",
    "doubling": ". ".join(f"{2**i}+{2**i}={2 ** (i + 1)}" for i in range(79)),
    "a long chain": ", and ".join(f"{i}+1={i + 1}" for i in range(1, 1_100))[:20_000],
    "equals signs": "=" * 20_000,
    "open annotation": "<<" + "=" * 19_998,
    "open annotations": "<<1=" * 5_000,
    "annotations": "<<1+1=2>>" * 2_000,
    "minus signs": "-" * 19_000 + "5=5",
    "percent signs": "5" + "%" * 19_990 + "=1",
    "spaced percent signs": "5" + " %" * 9_990 + "=1",
    "division by zero": "1/0=5. " * 2_850,
    "of": "1 of " * 4_000 + "=3",
    "of nothing": "of " * 6_000 + "=3",
    "big products": ("*".join(["9" * 24] * 60) + "=1. ") * 13,
    "big denominators": ("+".join(f"1/{10**20 + p}" for p in range(50)) + "=1. ") * 15,
    "all characters": "".join(map(chr, range(20_000))) + "=1+1",
    "backslashes": "\\" * 20_000 + "=",
    "plus signs": "+" * 19_000 + "5=5",
    "long numbers": ("9" * 900 + "*" + "7" * 900 + "=1. ") * 10,
    "long decimals": "+".join(f"1/{10**900 + p}" for p in range(30)) + "=1",
}


@pytest.mark.parametrize("reading", ["wide", "published"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_quickly_and_raises_nothing(name, reading):
    text = HOSTILE[name]
    spent = []
    for _ in range(2):
        started = time.perf_counter()
        strategy_of(text, text, reading)
        spent.append(time.perf_counter() - started)
    # measured below 0.06 s each; a quadratic reader needs seconds
    assert min(spent) < 0.5
    equations(text)


def test_zero_below_a_line_can_only_come_from_a_wrong_step():
    strategy = strategy_of("0*1=5. 10/5=2", "2")
    assert (strategy.expr, strategy.valid) == ("(10/0)", False)


def test_beyond_the_limits_there_is_no_key():
    assert key("1+1=2" + " " * (MAX_CHARACTERS - 5)) == "(1+1)"
    assert key("1+1=2" + " " * (MAX_CHARACTERS - 4)) is None
    # 1+1=2, 2+2=4, …: after i steps the inlined sum has 2^i ones, 2 characters each
    assert key(HOSTILE["doubling"]) is None
    short = ". ".join(HOSTILE["doubling"].split(". ")[:5])
    assert key(short) == "(" + "+".join(["1"] * 32) + ")"


def test_each_limit_leaves_out_what_passes_it():
    assert len(read("9" * 24 + "+1=2")) == 1
    assert read("9" * 25 + "+1=2") == []
    # 64 numbers and 63 signs are 127 tokens, one number more is 129
    assert len(read("+".join(["1"] * 64) + "=64")) == 1
    assert read("+".join(["1"] * 65) + "=65") == []
    # a chain of 100 steps: 1+1, 2+1, … 100+1
    chain = [f"{number}+1={number + 1}" for number in range(1, 102)]
    assert key(". ".join(chain[:100])) == "(" + "+".join(["1"] * 101) + ")"
    assert key(". ".join(chain)) is None
    assert len(read("1+1=2. " * 1_000)) == 1_000
    assert read("1+1=2. " * 1_001) == []


def test_random_text_raises_nothing():
    draw = random.Random(3)
    alphabet = "0123456789+-*/()=%., x$of\\{}frac<>^\n−×"
    found = 0
    for _ in range(2_000):
        text = "".join(draw.choices(alphabet, k=120))
        strategy = strategy_of(text, text[:9])
        found += strategy is not None
        assert strategy is None or (strategy.expr and strategy.steps)
    assert found > 100


def data_folder():
    return Path(os.environ.get("BAKEOFF_DATA") or ROOT.parent / "shared" / "data")


@pytest.mark.slow
@pytest.mark.skipif(not (data_folder() / "gsm8k" / "train.jsonl.gz").exists(), reason="GSM8K is not here")
def test_gsm8k_reference_solutions_have_keys():
    with gzip.open(data_folder() / "gsm8k" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line)["answer"].split("\n#### ") for line in lines]
    annotated = [(text, answer) for text, answer in rows if "<<" in text]
    found = [(strategy_of(text, answer), first_value(answer)) for text, answer in annotated]
    keyed = [strategy for strategy, _ in found if strategy is not None]
    assert len(keyed) >= 0.99 * len(annotated)
    # the rest solve by algebra in words or leave their last step out of the annotations
    right = sum(strategy is not None and strategy.result == gold for strategy, gold in found)
    assert right >= 0.97 * len(annotated)
    assert sum(strategy.valid for strategy in keyed) >= 0.97 * len(keyed)
    # the same solutions without annotations
    plain = [(strategy_of(re.sub("<<.*?>>", "", text), answer), first_value(answer)) for text, answer in annotated]
    assert sum(strategy is not None and strategy.result == gold for strategy, gold in plain) >= 0.95 * len(annotated)


def test_results_are_exact_fractions():
    assert strategy_of("1/3+1/6=1/2", "1/2").result == Fraction(1, 2)
    assert strategy_of("0.1+0.2=0.3", "0.3").valid is True
