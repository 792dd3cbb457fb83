"""Sweeps of jobs that end in every way, under launchers that do, too: each job has one record, and nothing is left."""

import json
import multiprocessing.forkserver
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import sweeping

from benchmark.errors import BadRecord
from benchmark.run.claims import Claims, claim_path
from benchmark.run.job import unfinished
from benchmark.run.owner import start_of, this_process
from benchmark.run.scratch import process_scratch, remove_abandoned
from benchmark.run.shortage import is_out_of_memory, is_out_of_space
from benchmark.run.stage_process import Starter
from benchmark.run.sweep import sweep
from benchmark.store.records import job_folder, read_record, read_records, write_record

if sys.platform == "win32":
    pytest.skip("process groups and signals", allow_module_level=True)


def run(results, names, *, workers=2, timeout=300.0, stages=("examine",), watcher=None, seconds=1.0):
    found = sweep(
        sweeping.orders(results, names, seconds=seconds),
        workers=workers,
        timeout_seconds=timeout,
        watcher=watcher or sweeping.Silent(),
        run=sweeping.stage,
        stages=stages,
    )
    return {record.job.algorithm.name: record for record in found}


def log(results):
    path = Path(results) / "log"
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def said(results, word):
    return [words[1:] for words in log(results) if words[0] == word]


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def pids(results):
    return [int(words[-1] if words[0] == "child" else words[2]) for words in log(results) if words[0] != "end"]


def all_gone(results):
    return all(start_of(pid) is None for pid in pids(results))


def left(results):
    """Claims and temporary files beside the records."""
    return [path for path in Path(results).rglob("*") if path.name.startswith(".") or path.suffix == ".claim"]


@pytest.fixture
def launch(tmp_path):
    """Start launchers on one folder; those that still run at the end are killed."""
    started = []

    def start(*names):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        command = [sys.executable, "-m", "sweeping", str(tmp_path), *names]
        started.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.stdout.close()  # what a job has started may still hold the other end
        one.wait()


WAYS = {
    "fine": ("done", None),
    "chdir": ("done", None),
    "exit": ("failed", "SystemExit in train at sweeping.py:"),
    "vanish": ("failed", "exit code 0 after"),
    "leave": ("failed", "exit code 7 after"),
    "strange": ("failed", "OfNoKind in train at sweeping.py:"),
    "keys": ("failed", "KeyboardInterrupt in train at sweeping.py:"),
    "memory": ("out_of_memory", "out of memory in train after"),
    "space": ("failed", "No space left on device in train: a disk is full, of '"),
    "markup": ("failed", "no such cache [/TMP/x] [bold]x \\udcff"),
    "garbage": ("failed", "it left a record that cannot be read"),
    "litter": ("failed", "ended by SIGKILL"),
    "children": ("done", None),
}


def test_every_job_ends_with_a_record_and_leaves_nothing_behind(tmp_path, monkeypatch):
    """However a job ends; also where the folder is given relative to one that the job leaves."""
    monkeypatch.chdir(tmp_path)
    orders = sweeping.orders(tmp_path / "results", WAYS)
    for order in orders:  # a record of an earlier attempt is not this one's
        write_record(order.results, unfinished(order.job, "failed", "of an earlier attempt"))
    found = run("results", WAYS)
    assert {name: record.status for name, record in found.items()} == {name: way[0] for name, way in WAYS.items()}
    for order in orders:
        name = order.job.algorithm.name
        record = read_record(job_folder(order.results, order.job))
        assert record == found[name]
        assert record.reason == WAYS[name][1] or WAYS[name][1] in record.reason
        assert record.status == "done" or not record.metrics
    assert str(tmp_path / "results") in found["space"].reason
    folders = {Path(words[2]) for words in said("results", "begin")}
    assert len(folders) == len(WAYS)
    assert all(folder.parent == process_scratch() and not folder.exists() for folder in folders)
    wait_for(lambda: all_gone("results"), 5)
    assert left("results") == []


def test_a_job_that_is_out_of_time_ends_with_its_children(tmp_path):
    found = run(tmp_path, ["hang"], timeout=20.0)
    assert found["hang"].status == "timed_out"
    assert len(said(tmp_path, "child")) == 2  # one of them in a session of its own
    wait_for(lambda: all_gone(tmp_path), 5)


def test_an_exit_without_a_hand_over_is_recorded_in_training_too(tmp_path):
    found = run(tmp_path, ["vanish", "garbage", "fine"], stages=("train", "examine"))
    assert "exit code 0 after" in found["vanish"].reason
    assert "cannot be read" in found["garbage"].reason
    assert "the training stage wrote a record 'done'" in found["fine"].reason  # which is the examiner's to write
    assert {record.status for record in found.values()} == {"failed"}


def test_a_dead_fork_server_costs_nothing(tmp_path):
    """Its jobs run on and write their records, and the next ones come from another server."""
    names = [f"slow.{number}" for number in range(4)]

    class Killer(sweeping.Silent):
        def started(self, job):
            super().started(job)
            if len(self.running) == 2:
                os.kill(multiprocessing.forkserver._forkserver._forkserver_pid, signal.SIGKILL)

    found = run(tmp_path, [*names, "vanish"], watcher=Killer(), seconds=3.0)
    assert [found[name].status for name in names] == ["done"] * 4
    assert Counter(words[0] for words in said(tmp_path, "begin")) == dict.fromkeys([*names, "vanish"], 1)


def test_a_server_that_cannot_be_started_is_a_failed_job(tmp_path, monkeypatch):
    def broken(*_):
        raise EOFError

    monkeypatch.setattr("benchmark.run.stage_process.Starter._start", broken)
    found = run(tmp_path, ["fine"])
    assert found["fine"].status == "failed"
    assert "no process could be started" in found["fine"].reason
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("threads", "given", "found"), [(1, None, None), (2, None, "PASSIVE"), (2, "ACTIVE", "ACTIVE")]
)
def test_threads_that_wait_sleep_unless_somebody_asks_otherwise(monkeypatch, threads, given, found):
    seen = []
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    before = dict(os.environ)
    monkeypatch.setattr(multiprocessing.forkserver, "ensure_running", lambda: seen.append(dict(os.environ)))
    Starter(sweeping.stage, threads=threads)._start_server()
    assert [one.get("OMP_WAIT_POLICY") for one in seen] == [found]
    assert seen[0]["PYTHONSAFEPATH"] == "1"
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_the_jobs_and_records_them_as_interrupted(tmp_path, launch, name):
    launcher = launch("fine", "hang.1", "hang.2", "hang.3")
    wait_for(lambda: len(said(tmp_path, "child")) >= 4)
    os.kill(launcher.pid, getattr(signal, name))
    launcher.communicate(timeout=60)
    assert launcher.returncode == 128 + getattr(signal, name)
    wait_for(lambda: all_gone(tmp_path), 5)
    records = {path.parent.name: read_record(path.parent) for path in tmp_path.glob("*/*/record.json")}
    by = Counter(record.status for record in records.values())
    assert by == {"done": 1, "interrupted": 2}  # what had not begun has no record
    for record in records.values():
        if record.status == "interrupted":
            assert f"ended by {name}" in record.reason
            assert "Run the same command again to go on." in record.reason
            assert record.metrics == {}
    assert left(tmp_path) == []
    assert not any(Path(words[2]).exists() for words in said(tmp_path, "begin"))


def test_under_nohup_a_hangup_is_ignored():
    script = (
        "import signal, os\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from benchmark.run.stopping import stop_signals\n"
        "with stop_signals() as stop:\n    os.kill(os.getpid(), signal.SIGHUP)\nassert stop.number is None\n"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )


def test_a_killed_launcher_takes_its_jobs_along_and_the_next_one_goes_on(tmp_path, launch):
    launcher = launch("hang.1", "fine")
    wait_for(lambda: len(said(tmp_path, "child")) >= 2 and said(tmp_path, "end") and len(left(tmp_path)) == 1)
    (words,) = [words for words in said(tmp_path, "begin") if words[0] == "hang.1"]
    os.kill(launcher.pid, signal.SIGKILL)
    job, inside = int(words[1]), int(said(tmp_path, "child")[0][0])
    wait_for(lambda: start_of(job) is None and start_of(inside) is None, 10)
    assert not Path(words[2]).exists()
    for (pid,) in said(tmp_path, "child")[1:]:  # in a session of its own, out of reach of a job that ends itself
        os.kill(int(pid), signal.SIGKILL)
    abandoned = Path(words[2]).parent
    assert len(left(tmp_path)) == 1
    found = run(tmp_path, ["hang.1", "fine"], timeout=20.0)  # takes the dead launcher's claim over at once
    assert {name: record.status for name, record in found.items()} == {"hang.1": "timed_out", "fine": "done"}
    assert Counter(words[0] for words in said(tmp_path, "begin")) == {"hang.1": 2, "fine": 1}
    remove_abandoned()
    assert not abandoned.exists()
    assert left(tmp_path) == []


def test_two_launchers_share_the_jobs_and_none_runs_twice(tmp_path, launch):
    names = [f"slow.{number}" for number in range(8)]
    both = [launch(*names), launch(*names)]
    outputs = [one.communicate(timeout=300)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert Counter(words[0] for words in said(tmp_path, "begin")) == dict.fromkeys(names, 1)
    for output in outputs:  # each returns all records
        assert sorted(output.splitlines()) == [f"{name} done" for name in names]
    assert left(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_one_of_two_launchers_dies_and_the_other_does_the_rest(tmp_path, launch, how):
    names = [f"slow.{number}" for number in range(8)]
    both = [launch(*names), launch(*names)]
    wait_for(lambda: len(list(tmp_path.glob("*/*/record.json"))) >= 2)
    finished = {path.parent.name.partition("-")[0] for path in tmp_path.glob("*/*/record.json")}
    os.kill(both[0].pid, how)
    output, _ = both[1].communicate(timeout=300)
    assert both[1].returncode == 0
    assert sorted(output.splitlines()) == [f"{name} done" for name in names]
    begins = Counter(words[0] for words in said(tmp_path, "begin"))
    assert {begins[name] for name in finished} == {1}  # what was finished was not done again
    assert sum(begins.values()) <= len(names) + 2  # the two that were killed in the middle
    assert {record.status for record in read_records(tmp_path, "tiny")} == {"done"}
    assert left(tmp_path) == []


def test_a_job_of_another_launcher_is_waited_for_and_its_failure_is_not_repeated(tmp_path):
    (order,) = sweeping.orders(tmp_path, ["fine"])
    claim = claim_path(tmp_path, order.job)
    claim.parent.mkdir()
    other = sweeping.subprocess.Popen(sweeping.SLEEPER)
    owner = replace(this_process(), pid=other.pid, started=start_of(other.pid))
    claim.write_text(sweeping_claim(owner), encoding="utf-8")
    watcher = sweeping.Silent()

    def fail():
        wait_for(lambda: watcher.waited_for)
        write_record(tmp_path, unfinished(order.job, "failed", "over there"))
        claim.unlink()

    thread = threading.Thread(target=fail)
    thread.start()
    found = run(tmp_path, ["fine"], watcher=watcher)
    thread.join()
    other.kill()
    other.wait()
    assert found["fine"].reason == "over there"
    assert watcher.waited_for == [(1, str(owner))]
    assert said(tmp_path, "begin") == []


def sweeping_claim(owner):
    return json.dumps({"owner": owner.to_json(), "token": "another", "beat": "000000000001"})


def test_a_lost_claim_ends_the_job_here(tmp_path):
    """As after a long sleep of this machine, when another one has taken the job over."""
    (order,) = sweeping.orders(tmp_path, ["hang"])
    claim = claim_path(tmp_path, order.job)
    record = unfinished(order.job, "failed", "over there")

    def take_over():
        wait_for(lambda: len(said(tmp_path, "child")) == 2)
        claim.write_text(sweeping_claim(replace(this_process(), host="elsewhere")), encoding="utf-8")
        wait_for(lambda: all_gone(tmp_path), 30)
        write_record(tmp_path, record)
        claim.unlink()

    thread = threading.Thread(target=take_over)
    thread.start()
    found = sweep(
        sweeping.orders(tmp_path, ["hang"]),
        workers=1,
        timeout_seconds=300,
        watcher=sweeping.Silent(),
        run=sweeping.stage,
        stages=("examine",),
        claims=Claims(beat_seconds=0.2),
    )
    thread.join()
    assert [one.reason for one in found] == ["over there"]
    assert len(said(tmp_path, "begin")) == 1


def test_a_results_folder_that_is_removed_is_named(tmp_path):
    class Remover(sweeping.Silent):
        def finished(self, record):
            super().finished(record)
            if len(self.ended) == 1:
                shutil.rmtree(tmp_path / record.job.suite)

    with pytest.raises(BadRecord, match=r"1 of 3 records .* are gone: the folder was removed") as caught:
        run(tmp_path, ["fine.1", "fine.2", "fine.3"], workers=1, watcher=Remover())
    assert str(tmp_path / "tiny") in str(caught.value)


def test_temporary_folders_of_the_living_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, owner in {
        "bakeoff-lives": this_process(),
        "bakeoff-dead": replace(this_process(), started="1"),
        "bakeoff-unknown": replace(this_process(), host="elsewhere", started="1"),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "owner.json").write_text(sweeping_claim(owner), encoding="utf-8")
    (tmp_path / "bakeoff-nobody").mkdir()
    (tmp_path / "bakeoff-link").symlink_to(tmp_path / "bakeoff-lives")
    remove_abandoned()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bakeoff-link",
        "bakeoff-lives",
        "bakeoff-nobody",
        "bakeoff-unknown",
    ]


def wrapped(inner):
    try:
        try:
            raise inner
        except type(inner) as error:
            raise ValueError("while something else") from error
    except ValueError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "memory", "space"),
    [
        (MemoryError(), True, False),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"), True, False),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"), True, False),
        (RuntimeError("CUDA error: out of memory"), True, False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True, False),
        (RuntimeError("MPS backend out of memory"), True, False),
        (OSError(12, "Cannot allocate memory"), True, False),
        (wrapped(MemoryError()), True, False),
        (RuntimeError("shapes do not match"), False, False),
        (ValueError("out of memory"), False, False),  # a word in a text is no allocator
        (OSError(28, "No space left on device"), False, True),
        (wrapped(OSError(122, "Disk quota exceeded")), False, True),
        (OSError(2, "No such file"), False, False),
    ],
)
def test_a_shortage_is_told_from_other_errors(error, memory, space):
    assert (is_out_of_memory(error), is_out_of_space(error)) == (memory, space)
