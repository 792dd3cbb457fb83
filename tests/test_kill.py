"""A sweep that is killed in its training and in its exam ends as if nobody had; `nox -s kill` does it at random."""

import os
import random
import signal
import time

import pytest
from kill_session import STEPS, Tally, compare, finish, kill, report, session, start, write_suite

from benchmark.store.records import read_record

METHODS = ["tba", "expert_iteration"]
LONGEST_SECONDS = 240


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the undisturbed sweep is already."""
    found = tmp_path_factory.mktemp("kill")
    write_suite(found, METHODS)
    finish(found, "reference", workers=2)
    return found


def killed_when(folder, results, pattern):
    """Start a sweep, and kill its process group as soon as a file of that pattern is there."""
    sweep = start(folder, results, workers=1)
    end = time.monotonic() + LONGEST_SECONDS
    while not any((folder / results).glob(pattern)):
        assert sweep.poll() is None, "the sweep ended before"
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.wait()


def test_a_sweep_killed_in_training_and_in_the_exam_goes_on(folder):
    killed_when(folder, "cut", "kill/tba-*/checkpoints/step-00000003")
    killed_when(folder, "cut", "kill/tba-*/checkpoints/exam/*-4.json")
    finish(folder, "cut", workers=2)
    tally = Tally()
    compare(folder / "reference", folder / "cut", tally)
    assert tally.compared == 2
    assert tally.differing == []
    (record,) = (read_record(path.parent) for path in (folder / "cut").glob("kill/tba-*/record.json"))
    training, exam = record.resumed
    assert training.stage == "train"
    assert 3 <= training.went_on_from <= STEPS
    assert exam.stage == "examine"
    assert exam.went_on_from >= 1


def test_another_result_is_seen(folder):
    """The session's comparison fails where one number differs."""
    tally = Tally()
    write_suite(folder, ["tba", "expert_iteration"])
    finish(folder, "other", workers=2)
    (steps,) = (folder / "other").glob("kill/tba-*/steps.csv")
    lines = steps.read_text(encoding="utf-8").splitlines()
    cells = lines[-1].split(",")
    cells[1] = str(int(cells[1]) + 1)
    steps.write_text("\n".join([*lines[:-1], ",".join(cells)]) + "\n", encoding="utf-8")
    compare(folder / "reference", folder / "other", tally)
    assert tally.differing == [f"other/{steps.parent.name}: steps"]


def test_a_short_session_reports_what_it_did(tmp_path):
    tally = session(tmp_path, ["sft"], kills=1, least=0, workers=1, in_a_round=3, seed=1)
    assert tally.kills.total() >= 1
    assert tally.differing == []
    assert "| `sft` |" in report(tally, ["sft"])


def test_nothing_is_killed_where_nothing_runs(folder):
    sweep = start(folder, "reference", workers=1)
    sweep.wait()
    assert kill(sweep, "job", random.Random(0)) is None  # noqa: S311 - draws no secret
