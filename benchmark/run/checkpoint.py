"""Checkpoints of a training: the last two stay beside the job until it is done, each one whole or not there.

    <job folder>/checkpoints/attempts.json                 how often the job was begun, and from where it went on
    <job folder>/checkpoints/step-00000012/state.json      a `TrainingState`
    <job folder>/checkpoints/step-00000012/tree.json       weights, the method's parts and generators, without tensors
    <job folder>/checkpoints/step-00000012/tensors.safetensors
    <job folder>/checkpoints/step-00000012/sums.json       SHA-256 of the three files above
    <job folder>/checkpoints/exam/                         see `benchmark.run.exam_batches`

A checkpoint is written under another name and then renamed, so a process killed anywhere leaves no half of one. One
that is damaged or belongs to another job is removed, and the record says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.contract import Job, Resumption, TrainingState
from benchmark.errors import excerpt
from benchmark.run.state_tree import from_node, to_node
from benchmark.store.atomic import write
from benchmark.store.records import job_folder

__all__ = ["Checkpoints", "Pace", "SavedTraining", "discard", "folder_of"]

STATE, TREE, TENSORS, SUMS, ATTEMPTS = "state.json", "tree.json", "tensors.safetensors", "sums.json", "attempts.json"
UNFINISHED = ".writing-"
KEPT = 2
COST = 100
"""Nothing is written before so many times the seconds that the last writing took: it costs under 1 % of the time."""


def folder_of(root: Path, job: Job) -> Path:
    """Where a job keeps what it needs to go on after an interruption."""
    return job_folder(root, job) / "checkpoints"


def discard(root: Path, job: Job) -> None:
    """Remove it: the job is done, or is to begin anew."""
    shutil.rmtree(folder_of(root, job), ignore_errors=True)


class Pace:
    """Says when to write again: after `every_seconds`, or later where writing is slow. With 0, always."""

    def __init__(self, every_seconds: float) -> None:
        self._every, self._cost, self._last = every_seconds, 0.0, time.monotonic()

    def due(self) -> bool:
        """Whether it is time."""
        return self._every == 0 or time.monotonic() - self._last >= max(self._every, COST * self._cost)

    def done(self, seconds: float) -> None:
        """Something was written and took so long."""
        self._cost, self._last = seconds, time.monotonic()


@dataclass(frozen=True, slots=True)
class SavedTraining:
    """A checkpoint as it was read."""

    state: TrainingState
    tree: Mapping[str, Any]
    """What was given to `Checkpoints.write`."""


class Checkpoints:
    """The checkpoints of one job, and how often it was begun."""

    def __init__(self, folder: Path, job: str, every_seconds: float, environment: str) -> None:
        self.environment = environment
        self._folder, self._job, self._pace = folder, job, Pace(every_seconds)
        self._notes: list[str] = []
        self._earlier = _read_attempts(folder / ATTEMPTS)
        self._now = None if self._earlier is None else Resumption("train", 0, "the method keeps no checkpoints.")
        self._write_attempts()
        for left in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left)

    @property
    def resumptions(self) -> tuple[Resumption, ...]:
        """All attempts after the first one."""
        return (*(self._earlier or ()), *(() if self._now is None else (self._now,)))

    def newest(self, unfit: Callable[[SavedTraining], str | None]) -> SavedTraining | None:
        """The newest checkpoint that is whole and of this job; `unfit` says why one cannot be put back, or `None`."""
        found = None
        for path in reversed(self._all()):
            found, reason = self._read(path)
            if found is not None:
                reason = unfit(found)
            if reason is None:
                break
            self._notes.append(f"the checkpoint of {path.name} was left out: {reason}.")
            shutil.rmtree(path)
            found = None
        self._settle(found)
        return found

    def due(self) -> bool:
        """Whether a checkpoint should be written now."""
        return self._pace.due()

    def write(self, state: TrainingState, tree: Mapping[str, object]) -> None:
        """Write a checkpoint and remove all but the last two. Raises `MethodFault` for a state that cannot be kept."""
        start = time.monotonic()
        tensors: dict[str, Tensor] = {}
        node = to_node(tree, tensors, "state")
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self._folder))
        path = self._folder / f"step-{state.step:08d}"
        save_file(_apart(tensors), unfinished / TENSORS)
        with (unfinished / TENSORS).open("rb") as file:
            os.fsync(file.fileno())
        write(unfinished / STATE, _states().dump_json(state))
        write(unfinished / TREE, json.dumps(node).encode())
        write(unfinished / SUMS, json.dumps(_sums(unfinished)).encode())
        shutil.rmtree(path, ignore_errors=True)
        unfinished.rename(path)
        for old in self._all()[:-KEPT]:
            shutil.rmtree(old)
        self._pace.done(time.monotonic() - start)

    def _all(self) -> list[Path]:
        return sorted(self._folder.glob("step-*"))

    def _read(self, path: Path) -> tuple[SavedTraining | None, str | None]:
        """A checkpoint, or what is wrong with it."""
        try:
            if json.loads((path / SUMS).read_bytes()) != _sums(path):
                return None, "its files are not those that were written"
            state = _states().validate_json((path / STATE).read_bytes(), strict=True)
            if state.job != self._job:
                return None, f"it is of job '{excerpt(state.job)}'"
            tensors = {name: value.clone() for name, value in load_file(path / TENSORS).items()}
            return SavedTraining(state, from_node(json.loads((path / TREE).read_bytes()), tensors)), None
        except (OSError, ValueError, TypeError, KeyError, RecursionError, SafetensorError) as error:
            return None, f"it cannot be read ({type(error).__name__})"

    def _settle(self, found: SavedTraining | None) -> None:
        """This attempt goes on from there: its record will say so, also if it is interrupted again."""
        if self._now is None:
            return
        if found is None:
            self._notes.append("there was no checkpoint to go on from.")
        elif found.state.environment != self.environment:
            self._notes.append(f"the checkpoint was written on {found.state.environment}, not {self.environment}.")
        self._now = Resumption("train", found.state.step if found else 0, " ".join(self._notes))
        self._write_attempts()

    def _write_attempts(self) -> None:
        write(self._folder / ATTEMPTS, _attempts().dump_json(self.resumptions))


def _read_attempts(path: Path) -> tuple[Resumption, ...] | None:
    """Attempts after the first one; `None` where there was none at all."""
    try:
        return _attempts().validate_json(path.read_bytes(), strict=True)
    except FileNotFoundError:
        return None
    except ValueError:
        return ()


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the processor that share no memory, as safetensors needs them."""
    found, seen = dict[str, Tensor](), set[int]()
    for name, value in tensors.items():
        here = value.cpu().contiguous()
        storage = here.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != here.numel() * here.element_size():
            here = here.clone()
        seen.add(here.untyped_storage().data_ptr())
        found[name] = here
    return found


def _sums(folder: Path) -> dict[str, str]:
    found = {}
    for name in (STATE, TREE, TENSORS):
        with (folder / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@cache
def _states() -> TypeAdapter[TrainingState]:
    return TypeAdapter(TrainingState)


@cache
def _attempts() -> TypeAdapter[tuple[Resumption, ...]]:
    return TypeAdapter(tuple[Resumption, ...])
