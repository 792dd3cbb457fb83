"""Devices by the names a command line gives them: which there are, and how jobs are spread over them."""

from __future__ import annotations

import os
import re
import sys

import torch

from benchmark.errors import ConfigurationError

__all__ = ["checked_device", "crowding", "default_workers", "devices_of", "processors", "torch_device"]

_FORM = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def checked_device(asked: str) -> str:
    """The name itself. Raises `ConfigurationError` for another name and for a device that is not here."""
    if not _FORM.fullmatch(asked):
        raise ConfigurationError(f"--device {asked!r}: expected auto, cpu, cuda, cuda:N or mps.")
    count = torch.cuda.device_count()
    if asked.startswith("cuda"):
        number = int(asked.partition(":")[2] or 0)
        if number >= count:
            raise ConfigurationError(f"--device {asked}: torch sees {count} CUDA devices here: use another, or cpu.")
    if asked == "mps" and not torch.backends.mps.is_available():
        raise ConfigurationError("--device mps: torch sees no Apple GPU here: use cpu.")
    return asked


def devices_of(asked: str) -> tuple[str, ...]:
    """The devices that jobs are spread over: every GPU for `auto` and `cuda`, else the one that was named."""
    if asked not in {"auto", "cuda"}:
        return (asked,)
    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count())) or (asked,)


def torch_device(name: str) -> str:
    """What torch calls it; `auto` is the first GPU where there is one, else the processor."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda:0"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def default_workers(asked: str, threads: int = 1) -> int:
    """One job per GPU, or as many as have `threads` processors each."""
    found = devices_of(asked)
    if found[0].startswith("cuda"):
        return len(found)
    return 1 if torch_device(asked) == "mps" else max(1, processors() // threads)


def crowding(workers: int, threads: int) -> str | None:
    """What is to be said where jobs have more threads together than there are processors; `None` where they do not."""
    if workers * threads <= processors():
        return None
    return (
        f"{workers} jobs at once of {threads} {'thread' if threads == 1 else 'threads'} each share {processors()} "
        "processors: jobs may take many times longer and their seconds say little. Lower '--workers' or '--threads'."
    )


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
