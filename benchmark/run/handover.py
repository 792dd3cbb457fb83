"""What crosses from the training process to the examining one: weights as safetensors, and figures as JSON.

    <job folder>/handover/weights.safetensors    the trained weights by name; none for the untrained row
    <job folder>/handover/trained.json           a `Trained`, written last: with it the hand-over is complete

The examiner trusts neither: names, shapes, types and numbers are checked before anything is used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmark.contract import Job, Trained
from benchmark.errors import Diverged, MethodFault, excerpt
from benchmark.store.atomic import write
from benchmark.store.records import job_folder

__all__ = [
    "discard",
    "folder_of",
    "is_complete",
    "leave_figures",
    "leave_weights",
    "put_weights",
    "read_trained",
    "read_weights",
    "refuse_broken",
]

WEIGHTS, TRAINED = "weights.safetensors", "trained.json"


def folder_of(root: Path, job: Job) -> Path:
    """Where the hand-over of a job lies until it is examined."""
    return job_folder(root, job) / "handover"


def discard(root: Path, job: Job) -> None:
    """Remove the hand-over of a job, whole or not."""
    shutil.rmtree(folder_of(root, job), ignore_errors=True)


def is_complete(root: Path, job: Job) -> bool:
    """Whether training ended and left everything that the examiner needs."""
    return (folder_of(root, job) / TRAINED).is_file()


def leave_weights(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Write the weights by name."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, folder / WEIGHTS)


def leave_figures(folder: Path, trained: Trained) -> None:
    """Write the figures, which completes the hand-over: call it last."""
    plain = _adapter().dump_python(trained, mode="json")
    write(folder / TRAINED, (json.dumps(plain, indent=1, sort_keys=True) + "\n").encode())


def read_trained(folder: Path) -> Trained:
    """The figures of the training stage. Raises `MethodFault` where a method has replaced them by something else."""
    try:
        return _adapter().validate_json((folder / TRAINED).read_bytes(), strict=True)
    except (OSError, ValueError, RecursionError) as error:
        said = excerpt(" ".join(str(error).split()), 300)
        raise MethodFault(
            f"the figures that training handed over are not those of a training ({said}): a method changes no count, "
            "clock or file of the harness."
        ) from error


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The trained weights by name. Raises `MethodFault` for a file that is not safetensors."""
    try:
        return load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise MethodFault(f"the weights that training handed over cannot be read as safetensors: {error}") from error


@torch.no_grad()
def put_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy trained weights over those of a freshly loaded model.

    Raises `MethodFault` for a tensor that the model does not train, or of another shape or type, and `Diverged` for one
    that is not finite. Weights that are not named keep their starting values.
    """
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    for name, value in weights.items():
        if name not in trained:
            raise MethodFault(
                f"training handed over a tensor '{excerpt(name)}' that is none of the {len(trained)} trained weights "
                "of the model: train run.policy in place, without adding or renaming its weights."
            )
        own = trained[name]
        if (own.shape, own.dtype) != (value.shape, value.dtype):
            raise MethodFault(
                f"training handed over '{name}' as {value.dtype} {list(value.shape)}, which is {own.dtype} "
                f"{list(own.shape)} in the model: train run.policy in place, without changing shapes or types."
            )
    refuse_broken(weights)
    for name, value in weights.items():
        trained[name].copy_(value)


def refuse_broken(weights: Mapping[str, Tensor]) -> None:
    """Raise `Diverged` where a weight is not finite."""
    if not all(bool(torch.isfinite(weight).all()) for weight in weights.values()):
        raise Diverged("some weights are not finite after training: lower 'learning_rate'.")


@cache
def _adapter() -> TypeAdapter[Trained]:
    return TypeAdapter(Trained)
