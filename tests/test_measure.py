import time

import pytest

from benchmark.run.clock import Clock


def test_phases_are_exclusive_and_add_up_to_the_wall():
    clock = Clock()
    with clock.phase("update"):
        time.sleep(0.05)
        with clock.phase("reward"):
            time.sleep(0.1)
        time.sleep(0.05)
    assert clock.seconds["reward"] == pytest.approx(0.1, abs=0.05)
    assert clock.seconds["update"] == pytest.approx(0.1, abs=0.05)
    assert sum(clock.seconds.values()) == pytest.approx(clock.wall_seconds, rel=0.05)


def test_a_phase_that_raises_is_still_booked():
    clock = Clock()

    def fail():
        with clock.phase("load"):
            time.sleep(0.02)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert clock.seconds["load"] >= 0.02


def test_peak_memory_belongs_to_the_phase_that_used_it():
    clock = Clock()
    with clock.phase("rollout"):
        block = bytearray(200 * 2**20)
        del block
    with clock.phase("reward"):
        pass
    assert clock.peak_bytes["rss/rollout"] >= clock.peak_bytes["rss/reward"] + 150 * 2**20
