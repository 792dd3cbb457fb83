"""A row that somebody's own program trains: it gets the start and the training problems, and leaves weights behind.

Objective    that of the program.
Source       the command of the row.
Differences  none from what the program does: it samples, grades and counts by itself. The harness measures its seconds
             and memory from outside; what else it spent is what it declares in `spent.json`, or unknown.
Degenerates  a program that only copies the start is the starting policy.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import torch

from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Job, Problem, Run
from benchmark.errors import ConfigurationError, MethodFault, excerpt, nearest
from benchmark.model.keep import write_start
from benchmark.model.load import load_trained
from benchmark.model.policy import LanguagePolicy
from benchmark.run.handover import put_weights
from benchmark.run.live_run import LiveRun
from benchmark.suite.programs import fill_in

__all__ = ["DECLARABLE", "SPENT", "Program", "read_spent", "write_problems"]

SPENT = "spent.json"
DECLARABLE = (
    "completions",
    "completion_tokens",
    "prompt_tokens",
    "rewards",
    "optimiser_steps",
    "flops",
    "head_parameters",
)
"""Counts that a program may declare, named as in a record."""
LAST_WORDS = 300
"""Characters of a program's output that the reason of a failure repeats."""
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Program(Adapter):
    """Training by a command."""

    paper: ClassVar[str] = "–"
    own_loop: ClassVar[bool] = True
    command: str = ""
    """The command as one line of a shell, with fields in braces."""

    def refuses(self, job: Job) -> str | None:
        """A program leaves whole weights, of which a suite that trains LoRA adapters has no place for most."""
        if job.model.lora_rank is not None:
            return "a program trains all weights (or an adapter of its own): leave out lora_rank, or this row"
        return None

    def train(self, run: Run) -> Checkpoint:
        """Write the start and the problems, run the program, and put the weights it leaves into the policy."""
        if not isinstance(run, LiveRun):
            raise ConfigurationError("a program trains language models in a suite, nothing else.")
        out = run.folder / "out"
        out.mkdir()
        write_start(run.policy, run.folder / "start")
        values = {**_written(run), **asdict(run.job.training)}
        values |= {"seed": run.job.seed, "budget": run.job.training.completions}
        with _off_the_device(run.policy):
            _run(fill_in(self.command, values), run)
        spent = read_spent(out / SPENT)
        run.declare(spent)
        put_weights(run.policy.model, dict(load_trained(out, run.folder / "start", run.job.model).named_parameters()))
        if "completions" in spent:  # without it a point of the learning curve would stand at no completions
            run.log(run.job.training.steps, {})
        return Checkpoint(spent.get("optimiser_steps", 0))


def write_problems(path: Path, problems: Sequence[Problem], policy: LanguagePolicy, task: str) -> None:
    """One row for each problem, JSONL or Parquet by the name of the file.

    `prompt` is the text that the model reads, `messages` the question as a chat; `reward_model`, `data_source`,
    `ability` and `extra_info` are named as verl reads them.
    """
    rows = [
        {
            "id": one.id,
            "question": one.prompt,
            "prompt": policy.render(one.prompt),
            "messages": [{"role": "user", "content": one.prompt}],
            "answer": one.gold,
            "solution": one.solution,
            "data_source": task,
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": one.gold},
            "extra_info": {"index": index},
        }
        for index, one in enumerate(problems)
    ]
    if path.suffix == ".parquet":
        import pyarrow as pa  # noqa: PLC0415 - part of `datasets`; only a command that asks for it needs it
        from pyarrow import parquet  # noqa: PLC0415 - as above

        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_spent(path: Path) -> dict[str, int]:
    """What a program declares to have spent; nothing where it declares nothing.

    Raises `MethodFault` for a file that is no table of known names and whole numbers of at least 0.
    """
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MethodFault(f"{SPENT}: not JSON: {excerpt(str(error))}.") from error
    if not isinstance(found, dict):
        raise MethodFault(f'{SPENT}: expected a table such as {{"completions": 1024}}.')
    for name, value in found.items():
        if name not in DECLARABLE:
            raise MethodFault(
                f"{SPENT}: unknown name '{excerpt(name)}'{nearest(name, DECLARABLE)} Known: {', '.join(DECLARABLE)}."
            )
        if type(value) is not int or not 0 <= value < 2**63:
            raise MethodFault(f"{SPENT}: {name} = {excerpt(str(value))}: expected a whole number of at least 0.")
    return found


def _written(run: LiveRun) -> dict[str, object]:
    """The files that the program reads, written into the scratch folder, by the field that names each."""
    data = run.folder / "data"
    data.mkdir()
    paths: dict[str, object] = {"model": run.folder / "start", "out": run.folder / "out", "data": data}
    command = str(run.job.algorithm.settings["command"])
    for split, problems in (("train", run.problems), ("validation", run.probe_problems)):
        paths |= {split: data / f"{split}.jsonl", f"{split}_parquet": data / f"{split}.parquet"}
        write_problems(data / f"{split}.jsonl", problems, run.policy, run.job.task)
        if f"{{{split}_parquet}}" in command:
            write_problems(data / f"{split}.parquet", problems, run.policy, run.job.task)
    return paths


def _run(words: Sequence[str], run: LiveRun) -> None:
    """Run the program to its end; its memory is the job's. Raises `MethodFault` where it fails."""
    words = [sys.executable if word == "python" else word for word in words[:1]] + list(words[1:])
    log = run.folder / "program.log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - the command of the suite, which is code as its classes are
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=_environment(run.policy)
            )
        except OSError as error:
            raise MethodFault(f"the program '{excerpt(words[0])}' cannot be started: {error.strerror}.") from error
        try:
            while _runs(process):
                run.note_resident(_resident_bytes(process.pid))
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        how = f"exit code {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        said = " ".join(log.read_text(encoding="utf-8", errors="replace").split())[-LAST_WORDS:]
        raise MethodFault(f"the program '{excerpt(' '.join(words))}' ended with {how}: …{said or 'no output'}")


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """Whether the program still runs, after a moment."""
    try:
        process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _resident_bytes(pid: int) -> int | None:
    """Resident bytes of a process and all that it started; `None` where they cannot be known."""
    try:
        import psutil  # noqa: PLC0415 - part of accelerate; without it the memory is unknown
    except ModuleNotFoundError:
        return None
    try:
        root = psutil.Process(pid)
        return sum(int(one.memory_info().rss) for one in (root, *root.children(recursive=True)))
    except psutil.Error:  # it ended meanwhile
        return None


def _environment(policy: LanguagePolicy) -> Mapping[str, str]:
    """That of the job, with its number of threads and its device alone visible."""
    index = policy.device.index or 0
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name for name in seen.split(",") if name]
    device = "" if policy.device.type != "cuda" else names[index] if index < len(names) else str(index)
    return {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads()), "CUDA_VISIBLE_DEVICES": device}


@contextlib.contextmanager
def _off_the_device(policy: LanguagePolicy) -> Iterator[None]:
    """Inside the block the policy's weights lie in main memory: a GPU is the program's alone."""
    device = policy.device
    if device.type != "cpu":
        policy.model.to("cpu")
        torch.cuda.empty_cache()
    try:
        yield
    finally:
        policy.model.to(device)
