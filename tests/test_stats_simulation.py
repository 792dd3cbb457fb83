"""The proof of tests/simulation.py on fewer repetitions; docs/statistics.md has its full tables."""

from __future__ import annotations

import pytest
import simulation

REPETITIONS = 500
"""Three standard errors of a rate of 95 % are then 2.9 points."""


@pytest.mark.parametrize("world", [simulation.WORLDS[index] for index in (0, 2, 6)], ids=lambda world: world.name)
@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_hold_as_often_as_they_say(world, seeds):
    found = simulation.coverage(world, seeds, REPETITIONS)
    assert 0.93 - 0.02 <= found["ours"] <= 0.97 + 0.02


def test_an_interval_over_seeds_alone_would_not():
    found = simulation.coverage(simulation.WORLDS[0], 10, REPETITIONS)
    assert found["student"] < 0.7


@pytest.mark.parametrize("seeds", [3, 10])
def test_a_ratio_of_means_is_covered_too(seeds):
    assert 0.91 <= simulation.d2_coverage(seeds, REPETITIONS) <= 0.99


@pytest.mark.parametrize("world", [simulation.WORLDS[index] for index in (0, 2)], ids=lambda world: world.name)
def test_equals_are_seldom_decided(world):
    found = simulation.verdicts(world, 3, 150, [0.0] * 4)
    assert found.any_wrong <= 0.055 + 0.055  # three standard errors of 5 % in 150
    assert 0.93 <= found.covered <= 0.98
    assert found.flips == 0  # three seeds cannot reject by flipping signs


def test_power_rises_with_seeds_and_with_the_difference():
    world = simulation.WORLDS[0]
    small, large = ([simulation.verdicts(world, n, 60, [gain, 0.0]) for n in (3, 5, 10)] for gain in (0.2, 0.6))
    for found in (small, large):
        assert found[0].found < found[2].found
        assert found[0].found <= found[1].found <= found[2].found
        assert max(each.any_wrong for each in found) <= 0.05
    assert all(one.found < two.found for one, two in zip(small[:2], large[:2], strict=True))
    assert large[2].found > 0.95
