"""Worked examples computed by rliable 1.2.0 and statsmodels 0.15.0.

They do not install beside us; `nox -s oracles` runs tests/oracles.py in an environment of their own and prints these.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.stats import holm, improvement, iqm, mcnemar, profile

OURS = np.array([[0.64, 0.51], [0.63, 0.49], [0.66, 0.47], [0.58, 0.52], [0.61, 0.50]])
THEIRS = np.array([[0.60, 0.52], [0.63, 0.45], [0.59, 0.48], [0.62, 0.47]])


def test_rliable_gives_the_same_interquartile_mean():
    assert iqm(OURS) == pytest.approx(0.5583333333333332)


def test_rliable_gives_the_same_probability_of_improvement():
    assert improvement(list(OURS.T), list(THEIRS.T)) == pytest.approx(0.6875)


def test_rliable_gives_the_same_profile():
    assert profile(OURS, (0.0, 0.5, 0.6)) == pytest.approx((1.0, 0.7, 0.4))


def test_statsmodels_gives_the_same_holm_and_mcnemar():
    assert holm([0.04, 0.001, 0.03, 0.2, 0.012]) == pytest.approx([0.09, 0.005, 0.09, 0.2, 0.048])
    assert mcnemar(3, 11) == pytest.approx(0.057373046875)
