"""Speed of the statistics at the size of a full GSM8K comparison, on one core."""

import numpy as np
import pytest

from benchmark.stats import compare_all, resample, scores_of

METHODS, SEEDS, PROBLEMS, SAMPLES = 10, 5, 1319, 8


@pytest.fixture
def methods():
    generator = np.random.default_rng(0)
    rates = generator.beta(2, 1, (1, 1, PROBLEMS)) * np.ones((METHODS, SEEDS, 1))
    cells = generator.binomial(SAMPLES, rates) / SAMPLES
    names = [str(index) for index in range(PROBLEMS)]
    return {f"m{index}": scores_of(range(SEEDS), names, each, np.ones_like(each)) for index, each in enumerate(cells)}


@pytest.mark.benchmark(group="10 methods × 5 seeds × 1,319 problems × 8 samples")
def test_ten_thousand_resamples_take_less_than_ten_seconds(benchmark, methods):
    draws = benchmark.pedantic(lambda: resample(list(methods.values()), 10_000, seed=0), rounds=3)
    assert [each.shape for each in draws] == [(10_000, SEEDS)] * METHODS
    assert benchmark.stats.stats.max < 10


@pytest.mark.benchmark(group="10 methods × 5 seeds × 1,319 problems × 8 samples")
def test_verdicts_on_all_pairs(benchmark, methods):
    pairs = benchmark.pedantic(lambda: compare_all("accuracy", "t", methods, "higher", SEEDS), rounds=3)
    assert len(pairs) == METHODS * (METHODS - 1)
