from __future__ import annotations

import math

import numpy as np
import pytest
from test_stats_intervals import scores

from benchmark.stats import (
    MOST_SEEDS,
    across,
    components,
    detectable,
    improvement,
    iqm,
    percentile,
    power,
    profile,
    resample,
    scores_of,
    seeds_needed,
)
from benchmark.stats.across import iqm_of_rows
from benchmark.stats.intervals import quantile
from benchmark.stats.outlook import _noise, _repeated
from benchmark.stats.scores import Components

GENERATOR = np.random.default_rng(11)
CROSSED = (
    0.5
    + 0.05 * GENERATOR.standard_normal((5, 1))
    + 0.2 * GENERATOR.standard_normal((1, 80))
    + 0.1 * GENERATOR.standard_normal((5, 80))
)


# --- bootstrap ----------------------------------------------------------------------


def test_draws_centre_on_the_estimate_and_spread_as_two_way_resampling_must():
    # resampling rows and columns of a fixed matrix: Var = Σ a²/S² + Σ b²/P² + Σ r²/(SP)² with a, b, r its effects,
    # and every cell effect counted for itself (Owen 2007, the pigeonhole bootstrap)
    draws = resample([scores(CROSSED)], 20000, seed=1)[0].mean(axis=1)
    mean = CROSSED.mean()
    rows, columns = CROSSED.mean(axis=1) - mean, CROSSED.mean(axis=0) - mean
    rest = CROSSED - mean - rows[:, None] - columns
    expected = (rows**2).sum() / 25 + (columns**2).sum() / 6400 + (rest**2).sum() / (25 * 6400)
    assert draws.mean() == pytest.approx(mean, abs=0.001)
    assert draws.var() == pytest.approx(expected, rel=0.05)


def test_methods_share_problems_and_seeds():
    # a method and itself plus a constant: every draw of the difference is the constant
    one, other = resample([scores(CROSSED), scores(CROSSED + 0.25)], 500, seed=2)
    assert np.allclose(other - one, 0.25)
    alone, shifted = resample([scores(CROSSED), scores(CROSSED, seeds=range(5, 10))], 500, seed=2)
    assert not np.allclose(alone, shifted)  # other seeds are drawn for themselves


def test_the_same_seed_gives_the_same_draws_and_another_does_not():
    first, again, other = (resample([scores(CROSSED)], 1500, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_ratio_is_a_ratio_of_resampled_means():
    ones = np.ones((2, 6))
    draws = resample([scores_of((0, 1), list("abcdef"), 3 * ones, 2 * ones)], 100, seed=0)[0]
    assert np.allclose(draws, 1.5)


def test_an_undefined_draw_is_said_and_not_dropped():
    bottom = np.array([[1.0, 0.0, 0.0]])
    draws = resample([scores_of((0,), list("abc"), bottom, bottom)], 200, seed=0)[0]
    assert np.isnan(draws).any()
    with pytest.raises(ValueError, match="undefined"):
        percentile(draws)


def test_exams_of_different_problems_are_not_resampled_together():
    with pytest.raises(ValueError, match="different problems"):
        resample([scores([[1, 2]]), scores([[1, 2]], problems=("x", "y"))], 10, seed=0)
    assert resample([], 10, seed=0) == []


def test_percentile_by_hand():
    # of 0 … 100 the middle 95 % reaches from 2.5 to 97.5
    assert percentile(np.arange(101.0)) == pytest.approx((2.5, 97.5))


# --- over tasks ----------------------------------------------------------------------


def test_the_interquartile_mean_by_hand():
    # 8 runs, two cut at each end: mean of 3, 4, 5, 6
    assert iqm(np.array([1, 2, 3, 4, 5, 6, 7, 1000.0])) == 4.5
    # unevenly spread, so that cutting more or less than a quarter shows: (5 + 7 + 11 + 14) / 4
    uneven = np.array([0, 1, 5, 7, 11, 14, 100, 1000.0])
    assert iqm(uneven) == 9.25
    assert iqm_of_rows(np.stack([uneven, 2 * uneven])).tolist() == [9.25, 18.5]


def test_the_probability_of_improvement_by_hand():
    # task 1: 2 > 1, 2 = 2, 3 > 1, 3 > 2: 3.5/4; task 2: all lost: 0
    ours, theirs = [np.array([2.0, 3.0]), np.array([0.0])], [np.array([1.0, 2.0]), np.array([5.0])]
    assert improvement(ours, theirs) == pytest.approx((3.5 / 4 + 0) / 2)
    assert improvement(theirs, ours) == pytest.approx(1 - (3.5 / 4) / 2)
    with pytest.raises(ValueError, match="no tasks"):
        improvement([], [])


def test_a_profile_counts_what_is_above():
    assert profile(np.array([[0.0, 0.5], [0.5, 1.0]]), (0.0, 0.5, 1.0)) == (0.75, 0.25, 0.0)


def test_rows_over_tasks():
    low, high = scores(CROSSED), scores(CROSSED + 0.5)
    found = across({"one": {"floor": low, "m": high, "rare": low}, "two": {"floor": low, "m": high}}, "floor")
    assert list(found) == ["floor", "m"]
    assert found["m"].iqm == pytest.approx(iqm(np.tile(CROSSED.mean(axis=1), 2)) + 0.5)
    assert found["m"].iqm_bounds[0] < found["m"].iqm < found["m"].iqm_bounds[1]
    assert (found["m"].improvement, found["m"].improvement_bounds) == (1.0, (1.0, 1.0))
    assert found["floor"].improvement is None
    assert across({}, "floor") == {}


# --- outlook ----------------------------------------------------------------------


PARTS = components(CROSSED - 0.5)


def test_power_rises_with_seeds_and_with_the_difference():
    by_seeds = [power(0.1, PARTS, seeds, 0.05) for seeds in (3, 5, 10, 30)]
    by_gap = [power(gap, PARTS, 5, 0.05) for gap in (0.0, 0.05, 0.1, 0.3)]
    assert by_seeds == sorted(by_seeds)
    assert by_gap == sorted(by_gap)
    assert by_gap[0] < 0.06  # without a difference it is the error rate
    assert power(-0.1, PARTS, 5, 0.05) == power(0.1, PARTS, 5, 0.05)


def test_the_detectable_difference_has_the_power_it_promises():
    gap = detectable(PARTS, 0.01)
    assert power(gap, PARTS, PARTS.seed_count, 0.01) == pytest.approx(0.8, abs=0.01)
    assert detectable(PARTS, 0.001) > gap
    assert detectable(components(CROSSED[:1]), 0.05) is None


def test_the_simulated_power_is_the_noncentral_ts_over_whole_seeds():
    # one column: a paired t test; n = 5, d = gap/s = 2: power of the two-sided 5 % test
    from scipy.stats import nct, t

    parts = components(np.array([[-1.0], [1.0], [0.0], [1.0], [-1.0]]))  # s² = 4/4 = 1
    wanted = nct.sf(t.ppf(0.975, 4), 4, 2 * np.sqrt(5)) + nct.cdf(-t.ppf(0.975, 4), 4, 2 * np.sqrt(5))
    assert power(2.0, parts, 5, 0.05) == pytest.approx(wanted, abs=0.015)


def test_seeds_needed_is_the_first_number_with_the_power():
    needed = seeds_needed(0.1, PARTS, 0.01)
    assert power(0.1, PARTS, needed, 0.01) >= 0.8 > power(0.1, PARTS, needed - 1, 0.01)
    assert seeds_needed(0.0, PARTS, 0.01) is None
    assert seeds_needed(0.1, components(CROSSED[:1]), 0.01) is None
    assert 2 <= needed < MOST_SEEDS


def test_the_outlook_counts_the_noise_of_cells_once_and_in_every_part():
    # S = P = 3, A = 5, B = 4, E = 3 in mean squares. With 6 seeds: V_seeds + V_problems = (A + B' − E)/18 with
    # B' = E + 6·(B − E)/3 = 5: the variance of the mean is (5 + 5 − 3)/18
    parts = Components(3, 3, 5.0, 4.0, 3.0, 2.0)
    mean, half = _repeated(parts, 6, 0.05)
    noise = _noise(6, 3)
    assert mean == pytest.approx(math.sqrt(7 / 18) * noise.mean)
    problems = np.maximum(5 * noise.problems - 3 * noise.cells, 0) / 18
    wanted = quantile(0.05, 5) ** 2 * 5 * noise.seeds / 18 + quantile(0.05, 2) ** 2 * problems
    assert half == pytest.approx(np.sqrt(wanted))
    assert noise.cells.mean() == pytest.approx(1, abs=0.03)
    assert noise.cells.var() == pytest.approx(2 / 10, abs=0.02)  # χ²(5·2)/10
