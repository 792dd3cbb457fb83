from __future__ import annotations

import math

import pytest
from scipy import stats as oracle

from benchmark.contract import Estimate
from benchmark.stats import compare, interval

VALUES = [0.61, 0.58, 0.66, 0.59]


def test_three_values_by_hand():
    # mean 2, s² = (1 + 0 + 1) / 2 = 1, half = t_{.975,2} · 1/√3 = 4.302653 / 1.732051 = 2.484138
    estimate = interval([1.0, 2.0, 3.0], planned=3)
    assert estimate.mean == 2.0
    assert estimate.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert estimate.high == pytest.approx(2 + 2.484138, abs=1e-6)
    assert (estimate.done, estimate.planned) == (3, 3)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_scipy_gives_the_same_interval(confidence):
    estimate = interval(VALUES, planned=4, confidence=confidence)
    mean, error = sum(VALUES) / 4, oracle.sem(VALUES)
    low, high = oracle.t.interval(confidence, 3, loc=mean, scale=error)
    assert (estimate.mean, estimate.low, estimate.high) == pytest.approx((mean, low, high), rel=1e-12)


def test_the_order_of_seeds_does_not_matter():
    assert interval(VALUES, 4) == interval(VALUES[::-1], 4)


def test_missing_seeds_are_left_out_and_counted():
    assert interval([None, *VALUES, None], planned=6) == Estimate(*_bounds(interval(VALUES, 4)), done=4, planned=6)


def test_one_value_has_no_interval_and_none_has_nothing():
    assert interval([0.5, None, None], planned=3) == Estimate(0.5, None, None, done=1, planned=3)
    assert interval([None, None], planned=2) == Estimate(None, None, None, done=0, planned=2)
    assert interval([], planned=0) == Estimate(None, None, None, done=0, planned=0)


def test_equal_values_have_an_interval_of_width_zero():
    # 0.1 + 0.1 + 0.1 is not 0.3 in binary; the mean of equal values is still the value
    assert interval([0.1, 0.1, 0.1], planned=3) == Estimate(0.1, 0.1, 0.1, done=3, planned=3)


def _bounds(estimate):
    return estimate.mean, estimate.low, estimate.high


def decide(ours, theirs, direction="higher"):
    return compare("accuracy", "task", "grpo", "base_model", ours, theirs, direction)


def test_a_difference_is_paired_by_seed_not_by_position():
    ours, theirs = {0: 0.5, 1: 0.7, 2: 0.9}, {2: 0.8, 0: 0.4, 1: 0.6}
    difference = decide(ours, theirs).difference
    assert _bounds(difference) == pytest.approx((0.1, 0.1, 0.1))


def test_scipy_gives_the_same_paired_interval_and_decision():
    ours, theirs = [0.61, 0.58, 0.66, 0.59], [0.55, 0.50, 0.63, 0.57]
    result = oracle.ttest_rel(ours, theirs)
    bounds = result.confidence_interval(0.95)
    comparison = decide(dict(enumerate(ours)), dict(enumerate(theirs)))
    assert _bounds(comparison.difference)[1:] == pytest.approx((bounds.low, bounds.high), rel=1e-9)
    assert (comparison.decision == "better") == (result.pvalue < 0.05)


@pytest.mark.parametrize(
    ("gain", "direction", "decision"),
    [
        (0.1, "higher", "better"),
        (-0.1, "higher", "worse"),
        (0.1, "lower", "worse"),
        (-0.1, "lower", "better"),
        (0.1, "neither", "undecided"),
        (0.0, "higher", "undecided"),
    ],
)
def test_the_decision_follows_the_direction(gain, direction, decision):
    theirs = {0: 0.4, 1: 0.5, 2: 0.45}
    ours = {seed: value + gain + (0.001 * seed if gain else 0) for seed, value in theirs.items()}
    assert decide(ours, theirs, direction).decision == decision


def test_an_interval_that_holds_zero_is_undecided():
    # differences −0.1, 0.1, 0.3: mean 0.1, s = 0.2, half = 4.302653 · 0.2 / √3 = 0.4968
    comparison = decide({0: 0.4, 1: 0.6, 2: 0.8}, {0: 0.5, 1: 0.5, 2: 0.5})
    assert comparison.decision == "undecided"
    assert comparison.difference.high == pytest.approx(0.1 + 4.302653 * 0.2 / math.sqrt(3), abs=1e-6)


def test_fewer_than_two_pairs_are_undecided():
    comparison = decide({0: 0.9, 1: None, 2: 0.9}, {0: 0.1, 1: 0.1, 3: 0.1})
    assert comparison.decision == "undecided"
    assert comparison.difference == Estimate(0.8, None, None, done=1, planned=4)
    assert decide({}, {}).decision == "undecided"
