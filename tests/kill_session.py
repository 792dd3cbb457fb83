"""Kills sweeps at random points and compares what they end with: `nox -s kill`, or `python tests/kill_session.py`.

Each round is one folder of results. A sweep over the methods is started, killed after a random time and started again,
several times, and then left to end. All outcomes, texts, counts, metrics and steps without seconds must equal those of
a sweep that nobody disturbed. What is killed is drawn, too: the process group, the sweep's own process (SIGKILL,
SIGTERM, SIGINT, SIGHUP), one job, or the server that jobs are forked from.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from algorithms import CATALOGUE
from benchmark.store.records import read_record
from benchmark.store.steps import read_steps

SUITE = """
model = "pocket"
tasks = ["competition"]
seeds = [0]
checkpoint_seconds = 0
timeout_seconds = 600
[training]
steps = {steps}
prompts_per_step = 4
group_size = 2
warmup_steps = 2
learning_rate = 1e-3
max_completion_tokens = 32
probe_every = 2
probe_problems = 2
[exam]
problems = 8
samples = 2
max_completion_tokens = 32
batch_completions = 4
[algorithms]
{rows}
"""
TARGETS = ("group", "parent", "job", "server")
SIGNALS = {"parent": ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")}
STEPS = 6
GONE_SECONDS = 20.0
"""How long processes of a killed sweep may live on."""


@dataclass
class Tally:
    """What was killed, and what that cost."""

    kills: Counter[str] = field(default_factory=Counter)
    """By what was killed and the signal."""
    hit: Counter[str] = field(default_factory=Counter)
    """By method that was running."""
    lost: list[int] = field(default_factory=list)
    """Steps that had been logged and were not in a checkpoint, by running job and kill."""
    logged: list[int] = field(default_factory=list)
    """Steps that had been logged at all."""
    differing: list[str] = field(default_factory=list)
    outlived: list[str] = field(default_factory=list)
    """Kills after which a process was still there."""
    compared: int = 0
    resumed: Counter[str] = field(default_factory=Counter)
    """Attempts that went on from a checkpoint or a finished batch, and those that began anew, by stage."""


def write_suite(folder: Path, methods: Sequence[str], steps: int = STEPS) -> None:
    rows = "\n".join(f"{name} = {{}}" for name in methods)
    (folder / "kill.toml").write_text(SUITE.format(rows=rows, steps=steps), encoding="utf-8")


def start(folder: Path, results: str, workers: int) -> subprocess.Popen[bytes]:
    """A sweep in a process group of its own."""
    command = [sys.executable, "-m", "benchmark", "run", "kill.toml", "--results", results, "--workers", str(workers)]
    with (folder / f"{results}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )


def children(process: int) -> list[int]:
    """Processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def below(process: int) -> Iterator[int]:
    """All processes below a process."""
    for child in children(process):
        yield child
        yield from below(child)


def kill(sweep: subprocess.Popen[bytes], what: str, draw: random.Random) -> str | None:
    """Kill one part of a running sweep; returns what and how, or `None` where there was no such part."""
    name = draw.choice(SIGNALS.get(what, ("SIGKILL",)))
    # the server is the child that has children, beside Python's tracker of shared resources
    server = next((one for one in children(sweep.pid) if children(one)), None)
    jobs = children(server) if server is not None else []
    victim = {"parent": sweep.pid, "server": server, "job": draw.choice(jobs) if jobs else None}.get(what)
    try:
        if what == "group":
            os.killpg(sweep.pid, signal.SIGKILL)
        elif victim is None:
            return None
        else:
            os.kill(victim, signal.Signals[name])
    except ProcessLookupError:
        return None
    return f"{what}, {name}"


def running(results: Path, since: float) -> dict[str, tuple[int, int]]:
    """Unfinished jobs that this attempt has begun: steps that were logged, and steps that are in a checkpoint."""
    found = {}
    for attempts in results.glob("kill/*/checkpoints/attempts.json"):
        folder = attempts.parent.parent
        if (folder / "record.json").exists() or attempts.stat().st_mtime < since:
            continue
        kept = sorted(path.name for path in attempts.parent.glob("step-*"))
        steps = read_steps(folder)
        found[folder.name.partition("-")[0]] = (steps[-1].step if steps else 0, int(kept[-1][5:]) if kept else 0)
    return found


def wait_until_gone(group: set[int], tally: Tally, how: str) -> None:
    """Wait for what a killed sweep had started; what stays is noted and killed."""
    end = time.monotonic() + GONE_SECONDS
    while (left := [one for one in group if alive(one)]) and time.monotonic() < end:
        time.sleep(0.05)
    if left:
        tally.outlived.append(how)
    for one in left:
        os.kill(one, signal.SIGKILL)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def disturb(folder: Path, results: str, workers: int, longest: float, draw: random.Random, tally: Tally) -> bool:
    """Start a sweep and kill parts of it at random times until it has ended; returns whether jobs are left to do."""
    since, group = time.time(), set[int]()
    sweep, how = start(folder, results, workers), None
    while sweep.poll() is None:
        try:
            sweep.wait(draw.uniform(0.0, longest))
        except subprocess.TimeoutExpired:
            group |= {sweep.pid, *below(sweep.pid)}
            how = strike(sweep, folder / results, since, draw, tally) or how
            if how is not None and not how.startswith(("job", "server")):
                sweep.wait()
    killed = [record for record in records(folder / results) if "SIGKILL" in (record.reason or "")]
    tally.hit.update(record.job.algorithm.name for record in killed)
    wait_until_gone(group, tally, how or "nothing")
    return any(record.status != "done" for record in records(folder / results)) or sweep.returncode != 0


def strike(
    sweep: subprocess.Popen[bytes], results: Path, since: float, draw: random.Random, tally: Tally
) -> str | None:
    """Kill one part and count what was running; after a job or the server the sweep itself goes on."""
    jobs = running(results, since)
    how = kill(sweep, draw.choice(TARGETS), draw)
    if how is not None:
        tally.kills[how] += 1
        if not how.startswith("job"):
            tally.hit.update(jobs.keys())
            for logged, kept in jobs.values():
                tally.logged.append(logged)
                tally.lost.append(logged - kept)
    return how


def records(results: Path) -> list:
    return [read_record(path.parent) for path in sorted(results.glob("kill/*/record.json"))]


def finish(folder: Path, results: str, workers: int) -> None:
    """Let the sweep end. Raises RuntimeError where it does not."""
    sweep = start(folder, results, workers)
    if sweep.wait():
        raise RuntimeError((folder / f"{results}.log").read_text(encoding="utf-8")[-2000:])


def result_of(folder: Path) -> dict[str, object]:
    """Everything of a job that time does not move."""
    record = read_record(folder)
    steps = [(one.step, one.completions, one.tokens, one.updates, one.flops, one.metrics) for one in read_steps(folder)]
    files = {name: (folder / name).read_bytes() for name in ("outcomes.csv.gz", "samples.jsonl.gz")}
    return {"status": record.status, "metrics": record.metrics, "counts": record.counts, "steps": steps, **files}


def compare(reference: Path, results: Path, tally: Tally) -> None:
    """Hold every job of a disturbed sweep against the one that nobody disturbed."""
    for path in sorted(reference.glob("kill/*/record.json")):
        job = path.parent.name
        expected, found = result_of(path.parent), result_of(results / "kill" / job)
        tally.compared += 1
        tally.differing += [f"{results.name}/{job}: {key}" for key in expected if expected[key] != found[key]]
        if (results / "kill" / job / "checkpoints").exists():
            tally.differing.append(f"{results.name}/{job}: checkpoints are left")
        for attempt in read_record(results / "kill" / job).resumed:
            tally.resumed[f"{attempt.stage}, {'went on' if attempt.went_on_from else 'anew'}"] += 1


def session(
    folder: Path, methods: Sequence[str], *, kills: int, least: int, workers: int, in_a_round: int, seed: int
) -> Tally:
    """Rounds until so many kills were made, and every method was running in `least` of them."""
    draw, tally = random.Random(seed), Tally()  # noqa: S311 - draws times, no secrets
    write_suite(folder, methods)
    began = time.monotonic()
    finish(folder, "reference", workers)
    whole = time.monotonic() - began
    say(f"undisturbed: {whole:.0f} s for {len(methods)} methods")
    longest, number = min(0.5 * whole, max(12.0, whole * workers / len(methods))), 0  # of about two jobs
    while tally.kills.total() < kills or min(tally.hit[name] for name in methods) < least:
        number += 1
        lacking = [name for name in methods if tally.hit[name] < least] or list(methods)
        order = draw.sample(lacking, len(lacking)) if number > 1 else list(methods)
        write_suite(folder, [*order, *(name for name in methods if name not in order)])
        for _ in range(in_a_round):
            if not disturb(folder, f"round{number}", workers, longest, draw, tally):
                break
        finish(folder, f"round{number}", workers)
        compare(folder / "reference", folder / f"round{number}", tally)
        say(f"round {number}: {tally.kills.total()} kills, {tally.compared} compared, {len(tally.differing)} differ")
    return tally


def report(tally: Tally, methods: Sequence[str]) -> str:
    """The table of a session, as Markdown."""
    lost, logged = sum(tally.lost), sum(tally.logged)
    lines = [
        "# Killed sweeps",
        "",
        "Written by `nox -s kill -- --write`. Sweeps were killed at random points and started again, and what they",
        "ended with was compared with an undisturbed sweep: outcomes, texts, metrics, counts, steps without seconds.",
        "",
        f"- {tally.kills.total()} kills, {tally.compared} jobs compared, {len(tally.differing)} differences.",
        f"- {lost} of {logged} logged steps had to be done again; a checkpoint was written after every step.",
        "- TRL's rows keep no checkpoints and begin anew.",
        f"- After {len(tally.outlived)} kills a process of the sweep was still there {GONE_SECONDS:.0f} s later.",
        "",
        "| killed | times |",
        "| :-- | --: |",
        *(f"| {name} | {count} |" for name, count in sorted(tally.kills.items())),
        "",
        "| later attempts | times |",
        "| :-- | --: |",
        *(f"| {name} | {count} |" for name, count in sorted(tally.resumed.items())),
        "",
        "| method | running when killed |",
        "| :-- | --: |",
        *(f"| `{name}` | {tally.hit[name]} |" for name in methods),
        "",
    ]
    return "\n".join([*lines, *(f"- differs: {one}" for one in tally.differing)])


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--least", type=int, default=5, help="kills that meet every method")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--round", type=int, default=12, help="kills in one folder of results")
    parser.add_argument("--methods", default=",".join(CATALOGUE))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write reports/kill.md")
    asked = parser.parse_args()
    methods = asked.methods.split(",")
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        tally = session(
            Path(folder),
            methods,
            kills=asked.kills,
            least=asked.least,
            workers=asked.workers,
            in_a_round=asked.round,
            seed=asked.seed,
        )
    text = report(tally, methods)
    say(text)
    say(json.dumps({"lost": tally.lost, "outlived": tally.outlived}))
    if asked.write:
        Path("reports/kill.md").write_text(text, encoding="utf-8")
    if tally.differing:
        sys.exit(1)


if __name__ == "__main__":
    main()
