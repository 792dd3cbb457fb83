"""Where two curves of pass@k cross, by hand; Div-Equ and Potential@k with their arithmetic; entropy at the end."""

from __future__ import annotations

import math

import pytest
from factories import steps

from benchmark.comparison.crossing import crossing, solved
from benchmark.comparison.estimates import entropy_end
from benchmark.contract import GREEDY, Outcome, StepLog
from benchmark.exam.metrics import measure
from benchmark.exam.strategy.key import count_equations


def outcome(problem, sample, verdict, text=""):
    return Outcome(problem, sample, verdict, "1", "exact", 1, truncated=False, strategy=None, text=text)


def test_a_crossing_by_hand():
    # ours: one of two problems always solved, pass@k = 1/2; base: each problem by 1 of 4, pass@k = k/4
    found = crossing({"a": [(4, 4)], "b": [(4, 0)]}, {"a": [(4, 1)], "b": [(4, 1)]}, (1, 2, 3, 4), resamples=200)
    assert found.ours == (0.5, 0.5, 0.5, 0.5)
    assert found.base == pytest.approx((0.25, 0.5, 0.75, 1.0))
    assert found.at == 2
    # between 1 and 4 alone: lead 1/4, then -1/2, so a third of the way over log k: 4^(1/3)
    assert crossing({"a": [(4, 4)], "b": [(4, 0)]}, {"a": [(4, 1)], "b": [(4, 1)]}, (1, 4)).at == pytest.approx(
        4 ** (1 / 3)
    )
    # a resample with the solved problem alone never falls behind before k = 4, one with the other always does at k = 1
    assert (found.low, found.high, found.problems) == (1.0, 4.0, 2)


def test_a_base_that_never_catches_up_or_leads_from_the_start():
    best, worst = {"a": [(4, 4)]}, {"a": [(4, 0)]}
    never = crossing(best, worst, (1, 2, 4), resamples=100)
    assert (never.at, never.low, never.high, never.share) == (None, None, None, 0.0)
    at_once = crossing(worst, best, (1, 2, 4), resamples=100)
    assert (at_once.at, at_once.low, at_once.high, at_once.share) == (1.0, 1.0, 1.0, 1.0)


def test_seeds_are_averaged_and_wrong_questions_refused():
    # pass@1 of the seeds 1 and 0: 1/2
    found = crossing({"a": [(2, 2), (2, 0)]}, {"a": [(2, 1)]}, (1, 2), resamples=100)
    assert found.ours == (0.5, 0.5)
    with pytest.raises(ValueError, match="share no problem"):
        crossing({"a": [(1, 1)]}, {"b": [(1, 1)]}, (1,))
    with pytest.raises(ValueError, match="must ascend"):
        crossing({"a": [(2, 1)]}, {"a": [(2, 1)]}, (2, 1))
    with pytest.raises(ValueError, match="pass@k is defined"):
        crossing({"a": [(2, 1)]}, {"a": [(2, 1)]}, (1, 4))


def test_outcomes_are_counted_without_greedy_ones():
    one = [outcome("a", GREEDY, "correct"), outcome("a", 0, "correct"), outcome("a", 1, "wrong")]
    assert solved([one, one]) == {"a": [(2, 1), (2, 1)]}
    assert solved([one, [outcome("b", 0, "wrong")]]) == {}


def test_div_equ_by_hand():
    # 2+3=5 and 3+2=5 are one equation, 2*3=6 another: 2 of 3; with the other text's 2+3=5 2 of 4
    assert count_equations(["2+3=5. 3+2=5. 2*3=6."]) == (2, 3)
    assert count_equations(["2+3=5. 3+2=5. 2*3=6.", "2+3=5."]) == (2, 4)
    texts = {"a": ("2+3=5.", "2+3=5."), "b": ("2+3=5.", "2*3=6."), "c": ("in words", "alone")}
    exam = [outcome(name, place, "wrong", text) for name, pair in texts.items() for place, text in enumerate(pair)]
    # a: 1/2, b: 2/2, c has no equation and is left out
    assert measure(exam)["distinct_equations"] == pytest.approx((1 / 2 + 1) / 2)
    assert measure([outcome("c", 0, "wrong", "in words")])["distinct_equations"] is None


def test_potential_at_k_by_hand():
    exam = [
        # greedy wrong, 1 of 2 right: pass@2 = 1
        *(outcome("a", GREEDY, "wrong"), outcome("a", 0, "correct"), outcome("a", 1, "wrong")),
        # greedy wrong, none right: 0
        *(outcome("b", GREEDY, "no_answer"), outcome("b", 0, "wrong"), outcome("b", 1, "wrong")),
        # greedy right: not counted
        *(outcome("c", GREEDY, "correct"), outcome("c", 0, "correct"), outcome("c", 1, "correct")),
    ]
    assert measure(exam)["potential@2"] == (1 + 0) / 2
    assert measure([one for one in exam if one.problem == "c"])["potential@2"] is None
    assert measure([one for one in exam if one.sample != GREEDY])["potential@2"] is None


def test_entropy_at_the_end_is_that_of_the_last_batches():
    log = [StepLog(n, n, 1.0, {"policy/entropy": 1 / n}) for n in range(1, 17)]
    # the last four of sixteen batches
    assert entropy_end(log) == pytest.approx((1 / 13 + 1 / 14 + 1 / 15 + 1 / 16) / 4)
    assert entropy_end(log[:3]) is None
    assert entropy_end(steps(0.5)) is None or math.isfinite(entropy_end(steps(0.5)))
