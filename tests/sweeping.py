"""Jobs that do what a test asks, in processes of a real sweep; `python -m sweeping RESULTS NAME…` is a launcher."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import factories
import torch

from benchmark.contract import Algorithm
from benchmark.run.job import Order, run_job, unfinished
from benchmark.run.stopping import Stopped
from benchmark.run.sweep import sweep

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


class OfNoKind(BaseException):
    """Neither an error nor an exit."""


def orders(results, names, **settings):
    """One job for each name `does` or `does.number`."""
    suite = factories.suite()
    made = []
    for name in names:
        job = factories.job(suite, "grpo", "competition", 0)
        algorithm = Algorithm(name, "sweeping:Nothing", {"does": name.partition(".")[0], **settings})
        made.append(dataclasses.replace(job, id=f"{name}-competition-s0-0123abcd", algorithm=algorithm))
    return [Order(job, Path(results), None, threads=1) for job in made]


class Silent:
    """A watcher that remembers."""

    def __init__(self):
        self.running, self.ended, self.waited_for = [], [], []

    def started(self, job):
        self.running.append(job.algorithm.name)

    def progress(self, job, phase, step):
        pass

    def finished(self, record):
        self.ended.append(record.job.algorithm.name)

    def elsewhere(self, jobs, holder):
        self.waited_for.append((jobs, holder))


def note(results, words):
    """One line, written at once: lines of several processes do not mix."""
    with (Path(results) / "log").open("a", encoding="utf-8") as file:
        file.write(f"{words}\n")


def stage(_, order, pipe):
    """What a process of the sweep calls."""
    run_job(order, pipe, perform)


def perform(order, _, progress):
    progress.enter("train")
    does = order.job.algorithm.settings["does"]
    note(order.results, f"begin {order.job.algorithm.name} {os.getpid()} {tempfile.gettempdir()}")
    WAYS.get(does, lambda _: None)(order)
    note(order.results, f"end {order.job.algorithm.name} {os.getpid()}")
    return dataclasses.replace(unfinished(order.job, "failed", ""), status="done", reason=None)


def raises(error):
    """A way to end."""

    def end(order):
        del order
        raise error

    return end


def garbage(order):
    folder = order.results / order.job.suite / order.job.id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text("{", encoding="utf-8")
    os._exit(0)


def litter(order):
    del order
    (Path(tempfile.gettempdir()) / "optimiser.bin").write_bytes(b"x" * 1000)
    os.kill(os.getpid(), signal.SIGKILL)


def children(order):
    note(order.results, f"child {subprocess.Popen(SLEEPER).pid}")


def hang(order):
    """With a child of its group, and one in a session of its own."""
    children(order)
    note(order.results, f"child {subprocess.Popen(SLEEPER, start_new_session=True).pid}")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


WAYS = {
    "exit": lambda _: sys.exit(0),
    "vanish": lambda _: os._exit(0),
    "leave": lambda _: os._exit(7),
    "chdir": lambda _: os.chdir("/"),
    "strange": raises(OfNoKind("of no kind")),
    "keys": raises(KeyboardInterrupt()),
    "memory": lambda _: torch.empty(2**55, dtype=torch.uint8),
    "space": raises(OSError(28, "No space left on device")),
    "markup": raises(FileNotFoundError("no such cache [/TMP/x] [bold]x \udcff")),
    "garbage": garbage,
    "litter": litter,
    "children": children,
    "hang": hang,
    "slow": lambda order: time.sleep(float(order.job.algorithm.settings["seconds"])),
}


def main(results, *names):
    """Sweep; one line on standard output for each record."""
    try:
        found = sweep(
            orders(results, names, seconds=1.0),
            workers=2,
            timeout_seconds=300,
            watcher=Silent(),
            run=stage,
            stages=("examine",),
        )
    except Stopped as stop:
        sys.exit(128 + stop.number)
    for record in found:
        sys.stdout.write(f"{record.job.algorithm.name} {record.status}\n")


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whatever the tests themselves ignore
        signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
    import sweeping  # its functions must be found by this name in the jobs' processes

    sweeping.main(*sys.argv[1:])
