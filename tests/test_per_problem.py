from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from benchmark.contract import Outcome, OutcomeColumns
from benchmark.exam.definitions import METRICS, metric_named
from benchmark.exam.metrics import measure
from benchmark.exam.per_problem import from_columns, per_problem

KS = (1, 2, 4)
OF_TEXTS = {
    "step_strategies@4",
    "effective_step_strategies",
    "invalid_strategies",
    "distinct_2_correct",
    "distinct_equations",
}
"""Known for whole seeds only: the completions are not read again."""


def outcome(problem, sample, verdict="correct", answer="18", strategy=None, **more):
    return Outcome(problem, sample, verdict, answer, "exact", more.get("tokens", 10), more.get("cut", False), strategy)


def drawn(seed, problems=12, samples=5):
    generator = np.random.default_rng(seed)
    found = []
    for index in range(problems):
        for sample in range(-1, samples):
            kind = str(generator.choice(["correct"] * (index % 4) + ["wrong", "no_answer", "undecided", "error"]))
            answer = None if kind == "no_answer" else "18" if kind == "correct" else str(generator.choice(["1", "2"]))
            strategy = generator.choice(np.array(["a", "b", None], dtype=object)) if kind == "correct" else None
            tokens, cut = int(generator.integers(5, 50)), bool(generator.random() < 0.2)
            found.append(outcome(f"p{index:02d}", sample, kind, answer, strategy, tokens=tokens, cut=cut))
    generator.shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_sums_of_the_parts_divide_into_every_metric(seed):
    outcomes = drawn(seed)
    exam, wanted = per_problem(outcomes, ks=KS), measure(outcomes, ks=KS)
    assert set(exam.parts) == set(wanted) - {"problems", "samples"} - OF_TEXTS
    for name, (top, bottom) in exam.parts.items():
        value = wanted[name]
        if value is None:
            assert bottom.sum() == 0, name
        else:
            assert top.sum() / bottom.sum() == pytest.approx(value, rel=1e-12), name


def test_cells_by_hand():
    # a: two of two right, strategies x and y: no agreement; b: right once; greedy of b missing
    outcomes = [outcome("b", 0, strategy="x"), outcome("b", 1, "wrong", "3"), outcome("a", -1)]
    outcomes += [outcome("a", 0, strategy="x"), outcome("a", 1, strategy="y")]
    exam = per_problem(outcomes, ks=(1, 2))
    assert (exam.problems, exam.samples) == (("a", "b"), 2)
    parts = {name: tuple(map(list, both)) for name, both in exam.parts.items()}
    assert parts["accuracy"] == ([1, 0.5], [1, 1])
    assert parts["greedy_accuracy"] == ([1, 0], [1, 0])
    assert parts["effective_strategies"] == ([1, 0], [0, 0])
    assert parts["strategies_per_solved@2"] == ([2, 1], [1, 1])


def test_an_exam_of_greedy_answers_alone_and_an_empty_one():
    exam = per_problem([outcome("b", -1, "wrong"), outcome("a", -1)])
    assert exam.problems == ("a", "b")
    assert list(exam.parts) == ["greedy_accuracy"]
    assert per_problem([]).parts == {}


def test_a_sample_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        per_problem([outcome("a", 0), outcome("a", 0)])


def test_shares_are_metrics_and_lie_between_0_and_1():
    names = [name for name in METRICS if metric_named(name).unit == "share"]
    assert {"accuracy", "greedy_accuracy", "pass@k", "maj@k", "truncated"} <= set(names)
    assert not {"effective_strategies", "strategies@k", "answer_entropy", "completion_tokens"} & set(names)
    parts = per_problem(drawn(1), ks=KS).parts
    for name, (top, bottom) in parts.items():
        if metric_named(name).unit == "share":
            assert ((top >= 0) & (top <= bottom)).all(), name


@pytest.mark.parametrize("seed", range(3))
def test_rows_in_order_give_the_same_cells_as_rows_in_any_order(seed):
    shuffled = drawn(seed)
    ordered = sorted(shuffled, key=lambda one: (one.problem, one.sample))
    wanted = per_problem(shuffled)
    for rows in (ordered, shuffled):
        found = from_columns(columns(rows))
        assert (found.problems, found.samples, set(found.parts)) == (wanted.problems, wanted.samples, set(wanted.parts))
        for name, both in wanted.parts.items():
            assert np.array_equal(found.parts[name], both), name


def test_columns_with_a_gap_are_refused_as_outcomes_are():
    rows = [outcome("a", -1), outcome("a", 0), outcome("a", 1), outcome("b", -1), outcome("b", 0), outcome("b", 0)]
    with pytest.raises(ValueError, match="'b' has sample 0 twice"):
        from_columns(columns(rows))


def columns(rows):
    return OutcomeColumns(*([getattr(one, field.name) for one in rows] for field in fields(OutcomeColumns)))
