from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as oracle

from benchmark.contract import Estimate
from benchmark.stats import (
    Scores,
    common,
    components,
    difference,
    estimate,
    from_seeds,
    interval,
    p_value,
    scores_of,
    within,
)

VALUES = [0.61, 0.58, 0.66, 0.59]
TWO_WAY = np.array([[0.2, 0.5, 0.8, 0.9], [0.4, 0.5, 1.0, 0.9], [0.1, 0.6, 0.7, 1.0]])


def scores(values, seeds=None, problems=None, *, share=False, samples=None):
    values = np.asarray(values, dtype=float)
    seeds = range(len(values)) if seeds is None else seeds
    problems = [f"p{index}" for index in range(values.shape[1])] if problems is None else problems
    return scores_of(seeds, problems, values, np.ones_like(values), share=share, samples=samples)


def bounds(found):
    return found.mean, found.low, found.high


# --- numbers known for whole seeds ----------------------------------------------------------------------


def test_three_values_by_hand():
    # mean 2, s² = (1 + 0 + 1) / 2 = 1, half = t_{.975,2} · 1/√3 = 4.302653 / 1.732051 = 2.484138
    found = interval([1.0, 2.0, 3.0], planned=3)
    assert bounds(found) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138), abs=1e-6)
    assert (found.done, found.planned, found.over, found.problems) == (3, 3, "seeds", None)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_scipy_gives_the_same_interval_over_seeds(confidence):
    found = interval(VALUES, planned=4, confidence=confidence)
    mean, error = sum(VALUES) / 4, oracle.sem(VALUES)
    assert bounds(found) == pytest.approx((mean, *oracle.t.interval(confidence, 3, loc=mean, scale=error)), rel=1e-9)


def test_the_order_of_seeds_does_not_matter():
    assert bounds(interval(VALUES, 4)) == pytest.approx(bounds(interval(VALUES[::-1], 4)), rel=1e-12)


def test_missing_seeds_are_left_out_and_counted():
    found = interval([None, *VALUES, None], planned=6)
    assert bounds(found) == bounds(interval(VALUES, 4))
    assert (found.done, found.planned) == (4, 6)


def test_one_value_has_no_interval_and_none_has_nothing():
    assert interval([0.5, None, None], planned=3) == Estimate(0.5, None, None, done=1, planned=3)
    assert interval([None, None], planned=2) == Estimate(None, None, None, done=0, planned=2)
    assert estimate(None, 3) == Estimate(None, None, None, done=0, planned=3)


def test_equal_values_show_no_spread_and_have_no_interval():
    found = interval([0.25, 0.25, 0.25], planned=3)
    assert bounds(found) == (0.25, None, None)
    assert difference(np.full((3, 5), 0.5), 3).low is None


def test_an_interval_ends_where_the_metric_does_and_has_a_width_or_is_not_there():
    assert within(-0.2, 1.3, 0.0, 1.0) == (0.0, 1.0)
    assert within(-0.2, 1.3) == (-0.2, 1.3)
    assert within(0.4, 0.4) == within(None, None) == within(1.0, 1.2, 0.0, 1.0) == (None, None)
    # seconds 1, 2, 9: 4 ± 4.303·4.359/√3 = 4 ± 10.83, and no second is negative
    seconds = {0: 1.0, 1: 2.0, 2: 9.0}
    assert bounds(estimate(from_seeds(seconds), 3))[1] == pytest.approx(4 - 10.828, abs=1e-3)
    assert bounds(estimate(from_seeds(seconds, least=0.0), 3))[1] == 0.0


# --- seeds × problems ----------------------------------------------------------------------


def test_mean_squares_by_hand():
    # rows 1 2 / 3 6: mean 3, row means 1.5 and 4.5, column means 2 and 4, rest ±0.5:
    # A = 2·(1.5² + 1.5²)/1 = 9, B = 2·(1 + 1)/1 = 4, E = 4·0.25/1 = 1
    found = components(np.array([[1.0, 2.0], [3.0, 6.0]]))
    assert (found.seeds, found.problems, found.cells) == pytest.approx((9, 4, 1))
    assert found.problem_freedom == 1  # two column means have no excess kurtosis: P - 1


def test_a_lone_hard_problem_makes_the_variance_itself_uncertain():
    # column means 1, 0 … 0 (P = 10): m2 = 0.09, m4 = (0.9⁴ + 9·0.1⁴)/10 = 0.0657, k = 0.0657/0.0081 - 3 = 5.111;
    # 2 / (2/9 + 5.111/10) = 2.727
    values = np.zeros((3, 10))
    values[:, 0] = 1
    assert components(values).problem_freedom == pytest.approx(2 / (2 / 9 + 0.51111), rel=1e-4)


def test_problems_bring_students_quantile_for_their_own_freedom():
    # one seed, P = 10 with one hard problem: ν = 2/(2/9 + k/10), k the excess kurtosis, and not P - 1 = 9
    column = np.zeros(10)
    column[0] = 1.0
    freedom = components(column[None, :]).problem_freedom
    assert freedom == pytest.approx(2 / (2 / 9 + 0.51111), rel=1e-4)
    found = difference(column[None, :], planned=1)
    half = oracle.t.ppf(0.975, freedom) * column.std(ddof=1) / math.sqrt(10)
    assert found.high - found.mean == pytest.approx(half, rel=1e-9)
    assert half > 1.1 * oracle.t.ppf(0.975, 9) * column.std(ddof=1) / math.sqrt(10)


@pytest.mark.parametrize("noise", [1e-13, 1e-14])
def test_what_rounding_leaves_of_equal_values_is_no_spread(noise):
    # mean squares of 1e-13 are 1e-26 and below, of 1e-9 1e-18: the first is rounding, the second a difference
    values = 0.3 + noise * np.array([[1.0, -1.0, 0.0], [-1.0, 0.0, 1.0]])
    found = components(values)
    assert (found.seeds, found.problems, found.cells) == (0.0, 0.0, 0.0)
    assert found.problem_freedom == 2
    small = components(0.3 + 1e-9 * np.array([[1.0, -1.0, 0.0], [-2.0, 0.0, 1.0]]))
    assert min(small.seeds, small.problems, small.cells) > 0


def test_an_estimate_adds_what_seeds_and_what_problems_bring():
    # 4 columns, 3 rows: V_seeds = max(A - E, 0)/12 with t(2), V_problems = B/12 with t(3) (no excess kurtosis here)
    parts, found = components(TWO_WAY), estimate(scores(TWO_WAY, samples=10), planned=5)
    assert parts.problem_freedom == 3
    assert parts.problems > 2 * parts.seeds
    seeds, problems = max(parts.seeds - parts.cells, 0) / 12, parts.problems / 12
    half = math.sqrt(oracle.t.ppf(0.975, 2) ** 2 * seeds + oracle.t.ppf(0.975, 3) ** 2 * problems)
    mean = TWO_WAY.mean()
    assert bounds(found) == pytest.approx((mean, mean - half, mean + half), rel=1e-9)
    assert (found.done, found.planned, found.problems, found.samples) == (3, 5, 4, 10)
    assert found.over == "seeds and problems"


def test_where_problems_hardly_differ_the_noise_of_cells_stays_with_the_seeds():
    # rows 1 2 / 3 6: A = 9, B = 4, E = 1 over 4 cells: t(1)² · (9/4 + (4 - 1)/4), t(1) = 12.7062
    found = estimate(scores([[1.0, 2.0], [3.0, 6.0]]), planned=2)
    assert found.high - found.mean == pytest.approx(12.7062 * math.sqrt(9 / 4 + 3 / 4), rel=1e-5)


def test_a_difference_leaves_the_noise_of_cells_with_the_seeds():
    parts, found = components(TWO_WAY), difference(TWO_WAY, planned=3)
    seeds, problems = parts.seeds / 12, (parts.problems - parts.cells) / 12
    half = math.sqrt(oracle.t.ppf(0.975, 2) ** 2 * seeds + oracle.t.ppf(0.975, 3) ** 2 * problems)
    assert found.high - found.mean == pytest.approx(half, rel=1e-9)
    assert found.mean - found.low == pytest.approx(half, rel=1e-9)


def test_one_seed_speaks_of_problems_and_one_problem_of_seeds():
    row = estimate(scores(TWO_WAY[:1]), planned=3)
    assert row.over == "problems"
    assert bounds(row) == pytest.approx((0.6, *oracle.t.interval(0.95, 3, 0.6, oracle.sem(TWO_WAY[0]))), rel=1e-9)
    column = estimate(scores(TWO_WAY[:, :1]), planned=3)
    assert column.over == "seeds"
    assert column.high == pytest.approx(oracle.t.interval(0.95, 2, column.mean, oracle.sem(TWO_WAY[:, 0]))[1])
    assert bounds(estimate(scores([[0.3]]), planned=1)) == (0.3, None, None)


def test_a_share_stays_in_its_range_and_has_a_length_at_its_ends():
    # Wilson at 0 of P = 8 problems: t² / (P + t²) with t(7) = 2.3646: 5.5915 / 13.5915 = 0.4114
    none = estimate(scores(np.zeros((3, 8)), share=True), planned=3)
    assert bounds(none) == pytest.approx((0, 0, 0.4114), abs=1e-4)
    every = estimate(scores(np.ones((3, 8)), share=True), planned=3)
    assert bounds(every) == pytest.approx((1, 1 - 0.4114, 1), abs=1e-4)
    wild = estimate(scores([[1, 1, 1, 0.9], [0.2, 0.1, 0.3, 0.2]], share=True), planned=2)
    assert 0 <= wild.low < wild.mean < wild.high <= 1


def test_a_share_of_whole_answers_is_wilsons_of_that_many_problems():
    # every seed gives the same 0/1 answers: 6 of 8 problems; Wilson with n = P - 1 = 7 and t(7), as B/SP = m(1 - m)/7
    values = np.tile([1.0] * 6 + [0.0] * 2, (3, 1))
    found = estimate(scores(values, share=True), planned=3)
    ratio = oracle.t.ppf(0.975, 7) ** 2 / 7
    centre, half = (0.75 + ratio / 2) / (1 + ratio), math.sqrt(ratio * 0.1875 + ratio**2 / 4) / (1 + ratio)
    assert bounds(found) == pytest.approx((0.75, centre - half, centre + half), rel=1e-9)


def test_one_failure_among_many_problems_counts_as_one_toss_each():
    # 19 of 20 problems on every seed: the lone failure's kurtosis would ask for t(2.0); the problems' tosses for t(19)
    values = np.ones((3, 20))
    values[:, 4] = 0
    found = estimate(scores(values, share=True), planned=3)
    ratio = oracle.t.ppf(0.975, 19) ** 2 / 19
    centre, half = (0.95 + ratio / 2) / (1 + ratio), math.sqrt(ratio * 0.0475 + ratio**2 / 4) / (1 + ratio)
    assert components(values).problem_freedom < 2.5
    assert bounds(found) == pytest.approx((0.95, centre - half, centre + half), rel=1e-9)


# --- ratios ----------------------------------------------------------------------


def test_a_ratio_keeps_its_rate_and_gets_its_delta_method_variance():
    # one seed, D2: 3 problems with chances 1, 0.5, 0.75 and one undefined: 3 / 2.25 = 1.3333;
    # values = R + (top - R·bottom)/mean bottom, mean bottom = 0.5625: R + (1 - R)/0.5625, …
    ratio = scores_of([7], list("abcd"), np.array([[1.0, 1, 1, 0]]), np.array([[1.0, 0.5, 0.75, 0]]))
    rate = 4 / 3
    assert ratio.rates == pytest.approx([rate])
    wanted = [rate + (1 - rate) / 0.5625, rate + (1 - rate / 2) / 0.5625, rate + (1 - 0.75 * rate) / 0.5625, rate]
    assert ratio.values[0] == pytest.approx(wanted)
    assert ratio.values.mean() == pytest.approx(rate)


def test_the_delta_method_agrees_with_leaving_problems_out():
    generator = np.random.default_rng(3)
    top, bottom = generator.uniform(0.5, 1, (1, 400)), generator.uniform(0.5, 1, (1, 400))
    one = scores_of([0], list(map(str, range(400))), top, bottom)
    left_out = [(top.sum() - a) / (bottom.sum() - b) for a, b in zip(top[0], bottom[0], strict=True)]
    jackknife = 399 * np.var(left_out)
    assert components(one.values).problems / 400 == pytest.approx(jackknife, rel=0.01)


def test_a_seed_on_which_the_metric_is_undefined_is_left_out():
    ones, none = np.ones((2, 3)), np.zeros((2, 3))
    bottom = np.vstack([ones[:1], none[:1]])
    found = scores_of([4, 9], list("abc"), ones, bottom)
    assert found.seeds == (4,)
    assert estimate(found, planned=2).done == 1


# --- p ----------------------------------------------------------------------


def test_p_is_the_level_at_which_the_interval_reaches_zero():
    gaps = TWO_WAY - 0.5
    parts, mean = components(gaps), float(gaps.mean())
    p = p_value(mean, parts)
    squared = oracle.t.isf(p / 2, 2) ** 2 * parts.seeds / 12
    squared += oracle.t.isf(p / 2, 3) ** 2 * (parts.problems - parts.cells) / 12
    assert squared == pytest.approx(mean**2, rel=1e-6)
    for shift, excluded in ((0.0, False), (2.0, True)):
        found = difference(gaps + shift, planned=3)
        assert (found.low > 0) == excluded == (p_value(found.mean, parts) < 0.05)


def test_over_whole_seeds_p_is_the_paired_t_tests():
    ours, theirs = [0.61, 0.58, 0.66, 0.59], [0.55, 0.50, 0.63, 0.57]
    gaps = np.subtract(ours, theirs)[:, None]
    assert p_value(gaps.mean(), components(gaps)) == pytest.approx(oracle.ttest_rel(ours, theirs).pvalue, rel=1e-6)


def test_differences_without_spread():
    equal, constant = np.zeros((3, 5)), np.full((3, 5), 0.25)
    assert p_value(0.0, components(equal)) == 1
    assert p_value(0.25, components(constant)) == 2 ** (1 - 5)  # all five problems have the same sign
    assert p_value(0.25, components(constant[:, :1])) == 1  # one problem says nothing


# --- guards ----------------------------------------------------------------------


def test_parts_that_do_not_fit_are_refused():
    ones = np.ones((2, 3))
    with pytest.raises(ValueError, match="do not fit"):
        Scores((0, 1), ("a", "b"), ones, ones)
    with pytest.raises(ValueError, match="comes twice"):
        Scores((0, 0), ("a", "b", "c"), ones, ones)
    with pytest.raises(ValueError, match="NaN"):
        Scores((0, 1), ("a", "b", "c"), np.array([[1, np.nan, 1], [1, 1, 1]]), ones)
    with pytest.raises(ValueError, match="undefined on a seed"):
        Scores((0, 1), ("a", "b", "c"), ones, np.array([[0.0, 0, 0], [1, 1, 1]]))


def test_pairs_are_made_by_seed_and_problem_and_never_by_position():
    ours = scores([[1, 2], [3, 4]], seeds=(0, 2), problems=("a", "b"))
    theirs = scores([[30, 20], [20, 10]], seeds=(2, 0), problems=("b", "a"))
    one, other = common(ours, theirs)
    assert one.tolist() == [[1, 2], [3, 4]]
    assert other.tolist() == [[10, 20], [20, 30]]


def test_exams_of_other_problems_are_not_paired_and_whole_seeds_are_paired_with_anything():
    ours = scores([[1, 2]], problems=("a", "b"))
    with pytest.raises(ValueError, match="different problems"):
        common(ours, scores([[1, 2]], problems=("a", "c")))
    one, other = common(ours, from_seeds({0: 5.0, 1: None}))
    assert (one.tolist(), other.tolist()) == ([[1.5]], [[5.0]])


def test_no_seed_in_common_leaves_nothing():
    one, _ = common(scores([[1, 2]], seeds=(0,)), scores([[1, 2]], seeds=(1,)))
    assert one.shape == (0, 2)
    assert difference(one, planned=2) == Estimate(None, None, None, done=0, planned=2)
