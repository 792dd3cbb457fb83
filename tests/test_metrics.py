# ruff: noqa: S311 - seeded draws, no secrets
from __future__ import annotations

import itertools
import math
import random
import re
from dataclasses import replace

import pytest

from benchmark.contract import Outcome
from benchmark.errors import UnknownName
from benchmark.exam.definitions import METRICS, direction
from benchmark.exam.estimators import shared_collisions
from benchmark.exam.metrics import measure, strategy_counts

CLOSE = {"abs": 1e-12, "rel": 1e-12}


OF_TEXTS = [
    "step_strategies@4",
    "effective_step_strategies",
    "invalid_strategies",
    "distinct_2_correct",
    "distinct_equations",
]


def outcome(problem, sample, verdict="wrong", answer="7", strategy=None, tokens=10, truncated=False):  # noqa: FBT002
    if verdict == "no_answer":
        answer = None
    return Outcome(problem, sample, verdict, answer, "exact", tokens, truncated, strategy)


def exam():
    """Two problems, four samples each, and their greedy completions."""
    return [
        outcome("a", -1, "correct", "18", "x", tokens=1000),
        outcome("a", 0, "correct", "18", "x"),
        outcome("a", 1, "correct", "18.0", "y"),
        outcome("a", 2, "correct", "18", "x", tokens=14),
        outcome("a", 3, "wrong", "20", "z"),
        outcome("b", -1, "wrong"),
        outcome("b", 0, "correct", "5"),
        outcome("b", 1, "no_answer", tokens=30, truncated=True),
        outcome("b", 2, "undecided", "6"),
        outcome("b", 3, "error", "6"),
    ]


def test_an_exam_by_hand():
    found = measure(exam(), ks=(1, 2, 4))
    log = math.log
    expected = {
        "problems": 2,
        "samples": 4,
        "greedy_accuracy": 1 / 2,
        "accuracy": (3 / 4 + 1 / 4) / 2,
        "pass@1": 1 / 2,
        # 1 - C(1,2)/C(4,2) = 1 and 1 - C(3,2)/C(4,2) = 1/2
        "pass@2": 3 / 4,
        "pass@4": 1,
        # x twice, y once: 1/2 + 1/4; b has no strategy
        "strategies@1": 3 / 4 / 2,
        # x: 1 - 1/6, y: 1 - 3/6
        "strategies@2": (5 / 6 + 1 / 2) / 2,
        "strategies@4": 2 / 2,
        # a: 18 wins; b: 5 has one vote, 6 two
        "maj@4": 1 / 2,
        "strategies_per_solved@4": 1,
        # a alone counts: x, x, y agree in 1 pair of 3
        "effective_strategies": 3,
        # no problem has four correct samples, no outcome its text
        "richness@4": None,
        **dict.fromkeys(OF_TEXTS),
        # b alone has a wrong greedy completion, and one of its four samples is right
        "potential@4": 1,
        # a: 18 and 20; b: 5 and 6
        "distinct_answers": 2,
        # a: 3/4, 1/4; b: 5, 6 twice, none
        "answer_entropy": (0.75 * log(4 / 3) + 0.25 * log(4) + 1.5 * log(2)) / 2,
        "strategy_coverage": 3 / 4,
        # 10 + 10 + 14 + 10 + 10 + 30 + 10 + 10 = 104
        "completion_tokens": 104 / 8,
        "truncated": 1 / 8,
        "no_answer": 1 / 8,
        "undecided": 1 / 8,
        "error": 1 / 8,
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == (None if value is None else pytest.approx(value, **CLOSE)), name
    assert list(found)[:4] == ["problems", "samples", "greedy_accuracy", "accuracy"]


def test_budgets_above_the_samples_are_left_out():
    names = measure(exam())
    assert [name for name in names if "@" in name] == [
        "pass@1",
        "pass@2",
        "pass@4",
        "strategies@1",
        "strategies@2",
        "strategies@4",
        "maj@4",
        "strategies_per_solved@4",
        "richness@4",
        "step_strategies@4",
        "potential@4",
    ]
    assert "maj@2" in measure(exam(), ks=(2, 1, 2))
    # ((5/6 + 1/2)/2) / (3/4) = (2/3) / (3/4)
    assert measure(exam(), ks=(1, 2))["strategies_per_solved@2"] == pytest.approx(8 / 9, **CLOSE)


def test_the_order_of_outcomes_does_not_matter():
    outcomes = exam()
    shuffled = random.Random(2).sample(outcomes, len(outcomes))
    found, expected = measure(shuffled), measure(outcomes)
    assert {name: round(value, 12) for name, value in found.items() if value is not None} == {
        name: round(value, 12) for name, value in expected.items() if value is not None
    }


def test_wrong_samples_cannot_buy_strategies():
    before, after = exam(), exam()
    for index, each in enumerate(after):
        if each.verdict != "correct":
            after[index] = replace(each, strategy=f"new {index}", answer=f"{index}")
    names = [name for name in measure(before) if "strateg" in name]
    assert len(names) == 9
    assert {name: measure(after)[name] for name in names} == {name: measure(before)[name] for name in names}
    assert measure(after)["distinct_answers"] > measure(before)["distinct_answers"]


def test_with_one_strategy_for_each_problem_strategies_are_pass():
    outcomes = [replace(each, strategy="x") for each in exam()]
    found = measure(outcomes)
    for k in (1, 2, 4):
        assert found[f"strategies@{k}"] == pytest.approx(found[f"pass@{k}"], **CLOSE)
    assert found["strategies_per_solved@4"] == found["effective_strategies"] == 1.0


def test_an_exam_without_a_correct_sample():
    found = measure([replace(each, verdict="wrong") for each in exam()])
    assert found["accuracy"] == found["pass@4"] == found["strategies@4"] == found["maj@4"] == 0.0
    undefined = {name for name, value in found.items() if value is None}
    assert undefined == {
        *("strategies_per_solved@4", "effective_strategies", "strategy_coverage", "richness@4"),
        *OF_TEXTS,
    }


def written():
    """One problem of six samples, five correct: two ways at `expr`, three at `steps`, one with a wrong step."""
    texts = ["16-3-4=9. 9*2=18", "3+4=7. 16-7=9. 9*2=18", "16-4-3=9. 2*9=18", "3*6=18", "3*6=18. 5+5=18", "1+1=18"]
    right = ["(2*(16-3-4))"] * 3 + ["(3*6)", "(5+5)"]
    return [
        replace(outcome("a", index, "correct" if index < 5 else "wrong", "18", way), text=text)
        for index, (text, way) in enumerate(zip(texts, [*right, None], strict=True))
    ]


def test_metrics_of_the_texts_by_hand():
    found = measure(written(), ks=(1, 2, 6))
    # expr: 3, 1, 1 of 5 correct. Four of them hold the first way always, each other one with chance 4/5
    assert found["richness@4"] == pytest.approx(1 + 4 / 5 + 4 / 5, **CLOSE)
    # steps: 2, 1, 1, 1 of all six; two of five agree in 1 pair of 10
    assert found["step_strategies@6"] == 4
    assert found["effective_step_strategies"] == pytest.approx(10, **CLOSE)
    assert found["effective_strategies"] == pytest.approx(10 / 3, **CLOSE)
    # 5+5=18 is the root of the fifth
    assert found["invalid_strategies"] == pytest.approx(1 / 5, **CLOSE)
    # tokens: 13, 17, 13 and 5, so 12 + 16 + 12 + 4 = 44 pairs
    pairs = set()
    for text in [each.text for each in written()][:4]:
        tokens = re.findall(r"\d+|\S", text)
        pairs |= set(itertools.pairwise(tokens))
    assert found["distinct_2_correct"] == pytest.approx(len(pairs) / 44, **CLOSE)
    # two of six: the first cut has 2 samples, 1 - C(4,2)/C(6,2) = 9/15, each other one 1 - C(5,2)/C(6,2) = 5/15
    assert measure(written(), ks=(1, 2))["step_strategies@2"] == pytest.approx(9 / 15 + 3 * 5 / 15, **CLOSE)


def test_counts_for_a_comparison_of_two_methods():
    ours, theirs = exam(), [replace(each, verdict="correct", strategy="x") for each in exam() if each.problem == "a"]
    counts = strategy_counts(ours)
    assert {name: sorted(held) for name, held in counts.items()} == {"a": [1, 2], "b": []}
    # a: x, x, y agree in 1 pair of 3; theirs always
    assert shared_collisions(counts, strategy_counts(theirs)) == {"a": (pytest.approx(1 / 3), 1.0)}


def test_no_outcomes_and_greedy_ones_alone():
    found = measure([])
    assert (found["problems"], found["samples"]) == (0.0, 0.0)
    assert {value for name, value in found.items() if name not in {"problems", "samples"}} == {None}
    found = measure([each for each in exam() if each.sample == -1])
    assert (found["problems"], found["samples"], found["greedy_accuracy"]) == (2.0, 0.0, 0.5)
    assert found["accuracy"] is found["distinct_answers"] is found["completion_tokens"] is None
    assert measure([each for each in exam() if each.sample >= 0])["greedy_accuracy"] is None


@pytest.mark.parametrize("change", ["drop", "repeat", "renumber", "repeat greedy"])
def test_problems_with_other_samples_are_refused(change):
    outcomes = exam()
    if change == "drop":
        del outcomes[-1]
    elif change == "renumber":
        outcomes[-1] = replace(outcomes[-1], sample=4)
    else:
        outcomes.append(outcomes[0 if change == "repeat greedy" else -1])
    with pytest.raises(ValueError, match=r"problem '[ab]'"):
        measure(outcomes)


def test_every_metric_has_one_definition():
    for name, value in measure(exam()).items():
        known = METRICS[re.sub(r"@\d+$", "@k", name)]
        assert direction(name) == known.direction
        assert isinstance(value, float) or name in {*OF_TEXTS, "richness@4"}
        assert value is None or known.least <= value <= known.most(4), name
    found = measure(written(), ks=(1, 2, 6))
    assert {re.sub(r"@\d+$", "@k", name) for name in found} == set(METRICS)
    assert all(len(one.description) > 10 and not one.description.endswith(".") for one in METRICS.values())
    for name in ("acuracy", "pass@", "pass@x", "accuracy@4"):
        with pytest.raises(UnknownName):
            direction(name)
