"""Whole sweeps in processes of their own: done, failed, killed, timed out, refused; resumed and reported."""

import dataclasses
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from benchmark.adapter import Adapter
from benchmark.contract import PHASES, TRAINING_PHASES, Checkpoint, Problem
from benchmark.run import handover
from benchmark.run.examine import examine
from benchmark.run.job import Order, run_job
from benchmark.run.stages import run_stage
from benchmark.store.outcomes import read_outcomes
from benchmark.store.records import read_records
from benchmark.store.steps import read_steps
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve
from benchmark.tasks import load_task

SUITE = """
model = "pocket"
tasks = ["competition"]
seeds = [0]
timeout_seconds = {timeout}
[training]
steps = 2
prompts_per_step = 2
group_size = 2
max_completion_tokens = 40
probe_every = 1
probe_problems = 2
[exam]
problems = 4
samples = 2
max_completion_tokens = 40
[algorithms]
{algorithms}
"""
OUTSIDE = """
import os, signal, time
from dataclasses import dataclass
from typing import ClassVar
import torch
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint

@dataclass(frozen=True, slots=True)
class Method(Adapter):
    paper: ClassVar[str] = "none"
    does: str = "nothing"

    def refuses(self, job):
        return "not on a Tuesday" if self.does == "refuse" else None

    def train(self, run):
        if self.does in ("drift", "late"):
            for step in range(1, 6):
                run.log(step, {"reward/mean": 0.9 if step < 3 else 0.0, "policy/entropy": 1.0 + step, "loss": 0.5})
        if self.does == "drift":
            run.log(6, {"policy/entropy": float("inf")})
        if self.does == "late":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "raise":
            raise RuntimeError("the batch was eaten [/TMP/x] [red]")
        if self.does == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "hang":
            time.sleep(600)
        if self.does == "exhaust":
            raise torch.OutOfMemoryError("no more")
        if self.does == "break":
            with torch.no_grad():
                run.policy.trainable[0].fill_(float("nan"))
        return Checkpoint(0)
"""


@pytest.fixture
def bakeoff(tmp_path):
    """Run a suite of the given algorithms with the command line, in an empty folder that holds an outside method."""
    (tmp_path / "outside.py").write_text(textwrap.dedent(OUTSIDE), encoding="utf-8")

    def run(algorithms, *, timeout=300, arguments=()):
        suite = SUITE.format(algorithms="\n".join(algorithms), timeout=timeout)
        (tmp_path / "mine.toml").write_text(suite, encoding="utf-8")
        command = [sys.executable, "-m", "benchmark", "run", "mine.toml", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )

    run.results = tmp_path / "results"
    run.reports = tmp_path / "reports"
    run.folder = tmp_path
    return run


def run_here(order):
    """Both stages of a job, in this process."""
    _, pipe = multiprocessing.Pipe(duplex=False)
    run_stage("train", order, pipe)
    assert handover.is_complete(order.results, order.job)
    _, pipe = multiprocessing.Pipe(duplex=False)
    run_job(order, pipe, examine)  # in this process the method is imported, which `run_stage` would refuse


def outside(name, does):
    return f'{name} = {{ class = "outside:Method", does = "{does}" }}'


def statuses(bakeoff):
    return {record.job.algorithm.name: record for record in read_records(bakeoff.results, "mine")}


def test_a_sweep_records_what_it_did_and_is_not_run_again(bakeoff):
    first = bakeoff(["base_model = {}", "grpo = {}"])
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert lines[0].startswith("mine: 2 jobs, 0 done, 2 to run")
    assert lines[-1] == "report: reports/mine.md"
    record = statuses(bakeoff)["grpo"]
    assert record.status == "done"
    assert record.counts["completions"] == 2 * 2 * 2
    assert record.counts["optimiser_steps"] == 2
    assert set(record.phase_seconds) == set(PHASES)
    assert sum(record.phase_seconds.values()) == pytest.approx(record.wall_seconds, rel=0.05)
    assert record.peak_bytes["rss/update"] > 50 * 2**20
    floor = statuses(bakeoff)["base_model"]
    assert floor.training_seconds == 0  # and not nearly: it trains nothing
    assert not {name.partition("/")[2] for name in floor.peak_bytes} & set(TRAINING_PHASES)
    folder = bakeoff.results / "mine" / record.job.id
    assert len(read_outcomes(folder)) == 4 * (1 + 2)
    assert [step.step for step in read_steps(folder)] == [0, 1, 2]
    assert "probe/accuracy" in read_steps(folder)[-1].metrics
    report = (bakeoff.reports / "mine.md").read_bytes()
    again = bakeoff(["base_model = {}", "grpo = {}"])
    assert again.stdout.splitlines()[0].startswith("mine: 2 jobs, 2 done, 0 to run")
    assert (bakeoff.reports / "mine.md").read_bytes() == report


def test_a_report_that_is_not_what_the_results_say_fails_the_check(bakeoff):
    bakeoff(["base_model = {}"])
    check = [sys.executable, "-m", "benchmark", "report", "--check"]
    assert subprocess.run(check, cwd=bakeoff.folder, check=False, capture_output=True).returncode == 0
    report = bakeoff.reports / "mine.md"
    report.write_text(report.read_text(encoding="utf-8").replace("%", "‰"), encoding="utf-8")
    found = subprocess.run(check, cwd=bakeoff.folder, check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert "mine.md does not match results" in found.stdout.replace("\n", " ")


def test_a_disk_that_cannot_be_written_is_one_sentence(bakeoff):
    bakeoff.results.write_text("a file where a folder should be", encoding="utf-8")
    result = bakeoff(["base_model = {}"])
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "name another folder with '--results DIR'" in result.stderr


def test_bad_ends_are_recorded_and_do_not_stop_the_rest(bakeoff):
    ends = ["raise", "die", "exhaust", "break", "refuse"]
    result = bakeoff([*(outside(end, end) for end in ends), outside("fine", "nothing")])
    assert result.returncode == 1
    found = statuses(bakeoff)
    assert {name: record.status for name, record in found.items()} == {
        "raise": "failed",
        "die": "failed",
        "exhaust": "out_of_memory",
        "break": "diverged",
        "refuse": "refused",
        "fine": "done",
    }
    assert "weights are not finite" in found["break"].reason
    assert "No batch was finished before that. The learning rate is 0.0001." in found["break"].reason
    assert "RuntimeError: the batch was eaten" in found["raise"].reason
    assert found["raise"].reason.startswith("outside.py:")
    assert "SIGKILL" in found["die"].reason
    assert "Lower 'micro_batch_groups'" in found["exhaust"].reason
    assert found["refuse"].reason == "not on a Tuesday"
    assert all(record.metrics == {} for name, record in found.items() if name != "fine")
    assert "failed" in (bakeoff.reports / "mine.md").read_text(encoding="utf-8")
    assert "the batch was eaten [/TMP/x] [red]" in result.stdout  # text, never markup


def test_what_was_measured_before_a_bad_end_is_kept_and_judged(bakeoff):
    result = bakeoff([outside("drift", "drift"), outside("late", "late")])
    found = statuses(bakeoff)
    assert {name: record.status for name, record in found.items()} == {"drift": "diverged", "late": "failed"}
    assert found["drift"].reason == (
        "step 6: policy/entropy = inf. Before that step 3: loss 0.5, reward 0, entropy 4; step 4: loss 0.5, reward 0, "
        "entropy 5; step 5: loss 0.5, reward 0, entropy 6. The learning rate is 0.0001."
    )
    assert "No known illness" not in (report := (bakeoff.reports / "mine.md").read_text(encoding="utf-8"))
    for name, record in found.items():
        assert [step.step for step in read_steps(bakeoff.results / "mine" / record.job.id)] == [0, 1, 2, 3, 4, 5]
        # entropy 2 at step 1 and 6 in the last window of one batch: three times; no completion was counted, so the
        # noise of a reward is that of one a batch and a fall of 0.9 says nothing
        assert [illness.name for illness in record.diagnoses] == ["entropy explosion"]
        assert (
            f"| `{name}` | `competition` | entropy explosion | 0 | policy/entropy 2 (step 1) → 6 (step 5) |" in report
        )
    assert "entropy explosion: policy/entropy 2 (step 1) → 6 (step 5)" in result.stdout


def test_the_log_of_an_earlier_attempt_is_not_taken_for_this_one_s(bakeoff):
    method, quiet = bakeoff.folder / "outside.py", bakeoff.folder / "quiet"
    steps = "step in (() if os.path.exists('quiet') else range(1, 6))"
    method.write_text(method.read_text(encoding="utf-8").replace("step in range(1, 6)", steps), encoding="utf-8")
    bakeoff([outside("late", "late")])
    record = statuses(bakeoff)["late"]
    assert record.diagnoses
    quiet.touch()  # a file the method reads by itself: the same job once more
    bakeoff([outside("late", "late")])
    assert statuses(bakeoff)["late"].diagnoses == ()
    assert read_steps(bakeoff.results / "mine" / record.job.id) == ()


def test_a_job_that_hangs_is_timed_out(bakeoff):
    result = bakeoff([outside("hang", "hang")], timeout=3)
    assert result.returncode == 1
    record = statuses(bakeoff)["hang"]
    assert record.status == "timed_out"
    assert "raise 'timeout_seconds'" in record.reason


def test_a_sweep_killed_in_the_middle_goes_on_where_it_was(bakeoff):
    algorithms = ["base_model = {}", outside("hang", "hang")]
    (bakeoff.folder / "mine.toml").write_text(
        SUITE.format(algorithms="\n".join(algorithms), timeout=300), encoding="utf-8"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", "run", "mine.toml"],
        cwd=bakeoff.folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    timer = threading.Timer(120, process.kill)
    timer.start()
    while "done" not in (line := process.stdout.readline()) or "base_model" not in line:
        assert line, "the sweep ended early"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    timer.cancel()
    time.sleep(0.2)
    assert list(statuses(bakeoff)) == ["base_model"]
    result = bakeoff(["base_model = {}", outside("fine", "nothing")])
    assert result.stdout.splitlines()[0].startswith("mine: 2 jobs, 1 done, 1 to run")
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("algorithms", "arguments", "message"),
    [
        (["gpro = {}"], (), "no algorithm named 'gpro'; did you mean 'grpo'? Known: base_model"),
        (["grpo = { clop = 1.0 }"], (), "did you mean 'clip'?"),
        ([outside("x", "nothing").replace("outside:", "inside:")], (), "no module 'inside'"),
    ],
)
def test_a_wrong_question_is_one_sentence_and_exit_code_2(bakeoff, algorithms, arguments, message):
    result = bakeoff(algorithms, arguments=arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not bakeoff.results.exists()


def test_missing_data_is_said_before_anything_runs(tmp_path):
    (tmp_path / "real.toml").write_text(
        'tasks = ["gsm8k"]\nseeds = [0]\n[algorithms]\nbase_model = {}\n', encoding="utf-8"
    )
    for arguments in (["--data", str(tmp_path / "nowhere")], []):
        result = subprocess.run(
            [sys.executable, "-m", "benchmark", "run", "real.toml", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={key: value for key, value in os.environ.items() if key != "BAKEOFF_DATA"} | {"HF_HUB_OFFLINE": "1"},
        )
        assert result.returncode == 2
        assert "--data" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_records_of_the_same_job_differ_in_time_only(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SUITE.format(algorithms="ppo = {}", timeout=300), encoding="utf-8")
    (job,) = jobs_of(load_suite(path, resolve))
    found = []
    for name in ("first", "second"):
        run_here(Order(job, tmp_path / name, None, threads=1))
        (record,) = read_records(tmp_path / name, "mine")
        folder = tmp_path / name / "mine" / job.id
        rows = [{**step.metrics, "step": step.step} for step in read_steps(folder)]
        outcomes = (folder / "outcomes.csv.gz").read_bytes()
        found.append((record.status, record.metrics, record.counts, record.provenance, rows, outcomes))
    assert found[0][0] == "done"
    assert found[0] == found[1]


def test_what_was_spent_is_counted_by_the_harness(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SUITE.format(algorithms="ppo = {}\nsft = {}\nbase_model = {}", timeout=300), encoding="utf-8")
    found = {}
    for job in jobs_of(load_suite(path, resolve)):
        run_here(Order(job, tmp_path, None, threads=1))
        found[job.algorithm.name] = read_steps(tmp_path / "mine" / job.id)
    counts = {record.job.algorithm.name: record.counts for record in read_records(tmp_path, "mine")}
    for name, steps in found.items():
        assert (steps[-1].tokens, steps[-1].flops) == (counts[name]["completion_tokens"], counts[name]["flops"])
        assert (steps[0].tokens, steps[0].updates, steps[0].flops) == (0, 0, 0)  # the first probe is not training
    assert [step.updates for step in found["ppo"]] == [0, 2, 4]  # two passes over each batch
    assert [step.updates for step in found["sft"]] == [0, 1, 2]
    assert counts["base_model"]["flops"] == counts["base_model"]["prompt_tokens"] == 0
    # four problems each once for two completions, or one problem for each of eight solutions: two batches of each
    assert 0 < counts["ppo"]["prompt_tokens"] < counts["sft"]["prompt_tokens"]
    weights = 3 * (4 * 96 * 96 + 3 * 96 * 288) + 96 * 640
    least = 2 * weights * counts["ppo"]["completion_tokens"]
    # rollout 1, critic before the update 1, reference 1, two passes of forward and backward 6; prompts and attention
    assert 9 * least < counts["ppo"]["flops"] < 20 * least


REACHED, OTHERS = [], []
"""Problems that a method could reach; those that other tests of this process still hold."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reaching(Adapter):
    paper = "none"

    def train(self, run):
        others = {id(one) for one in OTHERS}
        REACHED.extend(one for one in gc.get_objects() if type(one) is Problem and id(one) not in others)
        REACHED.extend(problem for batch in run.batches() for problem in batch)
        return Checkpoint(0)


def test_no_test_problem_exists_while_a_method_trains(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SUITE.format(algorithms='x = { class = "test_runner:Reaching" }', timeout=300), encoding="utf-8")
    (job,) = jobs_of(load_suite(path, resolve))
    REACHED.clear()
    load_task("competition")._made.clear()  # splits that other tests have made in this process
    gc.collect()
    OTHERS[:] = [one for one in gc.get_objects() if type(one) is Problem]
    run_here(Order(job, tmp_path, None, threads=1))
    (record,) = read_records(tmp_path, "mine")
    assert record.status == "done", record.reason
    reached = {problem.id for problem in REACHED}
    REACHED.clear()
    OTHERS.clear()
    splits = {
        split: {problem.id for problem in load_task("competition").load(split)}
        for split in ("train", "validation", "test")
    }
    assert not reached & splits["test"]
    assert reached & splits["train"]
    assert reached & splits["validation"]  # the probes': two of them, seen by the harness alone
