"""What the harness sees of a running job: its log, how far it is, how long is left, how busy the machine is."""

from __future__ import annotations

import io
import os
from dataclasses import replace

import pytest
from rich.console import Console
from test_every_algorithm import live

from algorithms import CATALOGUE
from benchmark.contract import Algorithm, MachineLoad, Record, Training
from benchmark.errors import Diverged, MethodFault
from benchmark.run import machine_load, progress
from benchmark.run.durations import Durations, trains
from benchmark.run.examine import _Told
from benchmark.run.machine_load import LoadWatch
from benchmark.run.progress import Display

BASE = CATALOGUE["base_model"]


# --- the step log ----------------------------------------------------------------------------------------------------


@pytest.fixture
def running(pocket, tmp_path):
    return live(pocket, CATALOGUE["grpo"], tmp_path)[0]


@pytest.mark.parametrize("name", ["step", "completions", "seconds", "tokens", "updates", "flops", "probe/accuracy"])
def test_a_metric_with_the_name_of_a_column_is_refused_where_it_is_logged(running, name):
    with pytest.raises(
        MethodFault, match=rf"run\.log\(1, …\): '{name}' is a column of the harness .* as in 'mine/{name}'"
    ):
        running.log(1, {"loss": 0.5, name: 1.0})
    assert running.steps == []


@pytest.mark.parametrize(
    ("step", "metrics", "message"),
    [
        (1, {"": 1.0}, "'' names no metric: expected text of one line"),
        (1, {"a\nb": 1.0}, "names no metric"),
        (1, {3: 1.0}, "3 names no metric"),
        (1, {"loss": "low"}, "'loss' is a str, not a number"),
        (1, {"loss": None}, "'loss' is a NoneType, not a number"),
        (-1, {"loss": 1.0}, r"run\.log\(-1, …\): a step is a whole number from 0"),
        (1.5, {"loss": 1.0}, r"run\.log\(1\.5, …\): a step is a whole number"),
        (True, {"loss": 1.0}, "a step is a whole number"),
    ],
)
def test_what_is_no_name_no_step_or_no_number_is_refused(running, step, metrics, message):
    with pytest.raises(MethodFault, match=message):
        running.log(step, metrics)


def test_a_metric_that_is_not_finite_still_diverges(running):
    with pytest.raises(Diverged, match="loss = nan"):
        running.log(1, {"loss": float("nan")})


# --- how busy the machine is -----------------------------------------------------------------------------------------


def test_the_largest_load_and_the_waiting_since_the_start_are_kept(monkeypatch, tmp_path):
    averages, stat = iter([1.5, 4.25, 2.0]), tmp_path / "schedstat"
    stat.write_text("100 2000000000 5\n", encoding="ascii")
    monkeypatch.setattr(machine_load, "SCHEDSTAT", stat)
    monkeypatch.setattr(os, "getloadavg", lambda: (next(averages), 0.0, 0.0))
    monkeypatch.setattr(machine_load, "processors", lambda: 2)
    watch = LoadWatch(3)
    watch.look()
    stat.write_text("200 5500000000 9\n", encoding="ascii")  # 5.5 s − 2 s, in nanoseconds
    assert watch.seen() == MachineLoad(processors=2, jobs=3, average=4.25, waited_seconds=3.5)


def test_a_system_that_keeps_neither_leaves_both_unknown(monkeypatch, tmp_path):
    def none():
        raise OSError("no load average")

    monkeypatch.setattr(machine_load, "SCHEDSTAT", tmp_path / "absent")
    monkeypatch.setattr(os, "getloadavg", none)
    seen = LoadWatch(1).seen()
    assert (seen.average, seen.waited_seconds, seen.busy(1.0)) == (None, None, False)


# --- how far a job is ------------------------------------------------------------------------------------------------


class Pipe:
    def __init__(self):
        self.said = []

    def step(self, percent):
        self.said.append(percent)


def test_an_exam_says_its_percentage_once_each():
    pipe = Pipe()
    told = _Told(pipe, 200)
    for batch in (1, 1, 50, 98, 50, 50):
        told.charge(batch, 7)
    assert pipe.said == [1, 26, 75, 100]  # 2, 52, 150, 200 of 200, and no more than all


def test_sampling_an_exam_reports_every_batch(pocket):
    pipe = Pipe()
    policy = pocket.charged_to(_Told(pipe, 8))
    policy.complete(["1+1\n"] * 4, samples=2, temperature=1.0, max_tokens=4, seed=0, batch_completions=4)
    assert pipe.said == [50, 100]


# --- how long is left ------------------------------------------------------------------------------------------------


def job(name, seed, target=CATALOGUE["grpo"], steps=10):
    import factories

    one = factories.job(factories.suite(), "grpo", "competition", seed)
    return replace(
        one, id=f"{name}-{seed}", algorithm=Algorithm(name, target), training=replace(Training(), steps=steps)
    )


def ended(one, seconds):
    return Record(one, "done", None, seconds, {}, {}, {}, {"accuracy": 0.5}, None)


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_only_the_untrained_policy_trains_nothing_whatever_the_rows_are_called():
    assert not trains(job("start", 0, BASE))
    assert trains(job("base_model_2", 0))


def test_a_training_is_followed_by_an_exam(clock):
    start, first, second = job("start", 0, BASE), job("grpo", 0), job("grpo", 1)
    display = Display(Console(quiet=True), (start, first, second), 1)
    display.started(start)
    display.finished(ended(start, 20.0))
    display.started(first)
    clock[0] = 5.0
    display.progress(first, "load", 0)
    display.progress(first, "train", 0)
    clock[0] = 9.0
    display.progress(first, "train", 2)
    # 4 s for 2 of 10 steps: 16 s of this training and 20 s of its exam are left, and 20 s + 20 s of the other job
    assert display._left() == "76 s"
    clock[0] = 25.0
    display.progress(first, "evaluate", 0)
    assert display._left() == "60 s"  # this training took 20 s; two exams and the other training are left
    clock[0] = 30.0
    display.progress(first, "evaluate", 25)
    display.finished(ended(first, 40.0))
    assert display._left() == "40 s"


def test_an_exam_has_a_pace_of_its_own(clock):
    one, other = job("start", 0, BASE), job("start", 1, BASE)
    display = Display(Console(quiet=True), (one, other), 1)
    display.started(one)
    display.progress(one, "evaluate", 0)
    clock[0] = 10.0
    display.progress(one, "evaluate", 25)
    assert display._left() == "70 s"  # 30 s of this exam, 40 s of the other


def test_the_display_shows_the_exam(clock):
    console = Console(width=160, record=True, force_terminal=True, file=io.StringIO())
    one = job("start", 0, BASE)
    display = Display(console, (one,), 1)
    display.started(one)
    display.progress(one, "evaluate", 0)
    clock[0] = 10.0
    display.progress(one, "evaluate", 25)
    console.print(display._render())
    said = console.export_text()
    assert "exam 25 %" in said
    assert "30 s left" in said


def test_exams_are_learned_by_task_first():
    past = Durations()
    past.add(ended(job("start", 0, BASE), 20.0))
    past.add(ended(replace(job("start", 1, BASE), task="grade_school"), 4.0))
    past.add(ended(job("grpo", 0), 900.0))
    assert (past.exam("competition"), past.exam("grade_school"), past.exam("math")) == (20.0, 4.0, 12.0)
