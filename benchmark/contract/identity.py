"""What a job's result depends on beside its settings, and the name that follows from both."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.contract.asked import Job, OwnTask

__all__ = ["Identity", "cell_of", "cell_prefix", "job_id"]

_FILE = re.compile(r".*[\\/]|.*\.py$")


@dataclass(frozen=True, slots=True)
class Identity:
    """What was there when a job ran, beside its settings: another one is another question or another method.

    `method`, `task`, `model` and `prompt` are SHA-256 digests; an imported row has no method, model and prompt here.
    Versions of libraries, the device and the machine are none of it: they move last digits and seconds and are kept as
    provenance.
    """

    method: str
    """Source of the class and of all it imports from outside the standard library and the installed packages."""
    task: str
    """All problems of the task with their solutions, and the test problems of the transfer tasks."""
    model: str
    """Every file of the model's folder, or the commit of its repository on the Hub."""
    prompt: str
    """How a problem of each task becomes a prompt, examples included."""
    grader: str
    """Name and version of the grader."""
    version: str
    """Major and minor version of this package."""


def job_id(job: Job) -> str:
    """`<algorithm>-<task>-s<seed>-<digest>`, the last eight digits of all settings that move numbers and the identity.

    Neither the suite's name nor the folders of this machine are part of it.
    """
    moves = {
        "target": _without_folder(job.algorithm.target),
        "settings": dict(job.algorithm.settings),
        "task": job.task,
        "seed": job.seed,
        **{part: _moving(settings) for part, settings in _parts(job).items()},
        **_prompt(job),
    }
    if job.own_tasks:
        moves["own_tasks"] = {name: _made(one) for name, one in job.own_tasks.items()}
    if job.identity is not None:
        moves["identity"] = dataclasses.asdict(job.identity)
    digest = hashlib.sha256(json.dumps(moves, sort_keys=True).encode()).hexdigest()[:8]
    return f"{cell_prefix(job)}-{digest}"


def cell_prefix(job: Job) -> str:
    """The part of a job's name that says which cell of the suite it fills."""
    return f"{job.algorithm.name}-{job.task}-s{job.seed}"


def cell_of(id_: str) -> str:
    """The same of a job's name."""
    return id_.rpartition("-")[0]


def _parts(job: Job) -> dict[str, Any]:
    return {"model": job.model, "training": job.training, "exam": job.exam}


def _moving(settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any settings class of the contract
    """All settings that can move numbers. A field that a later version added counts where it is not at its default."""
    plain, default = dataclasses.asdict(settings), dataclasses.asdict(type(settings)())
    later = {one.name for one in dataclasses.fields(settings) if one.metadata.get("later")}
    return {name: value for name, value in plain.items() if name not in later or value != default[name]}


def _prompt(job: Job) -> dict[str, object]:
    """The prompt as far as it moves numbers: nothing for what the pocket policy reads when nobody says otherwise."""
    if job.prompt == type(job.prompt)() and job.model.source == "pocket":
        return {}
    return {"prompt": {key: value for key, value in dataclasses.asdict(job.prompt).items() if key != "preset"}}


def _made(own: OwnTask) -> object:
    """How a task is made, without the folders of this machine."""
    if isinstance(own, str):
        return _without_folder(own)
    return {**dataclasses.asdict(own), **dict.fromkeys(("data", "train", "validation", "test"))}


def _without_folder(target: str) -> str:
    """`file.py:Class` of a path to it; a dotted target as it is."""
    module, colon, name = target.rpartition(":")
    if not colon or not _FILE.match(module):
        return target
    file = re.split(r"[\\/]", module)[-1]
    return f"{file}:{name}"
