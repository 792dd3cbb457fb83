"""Provenance of numbers: commit, versions, device and machine."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = [
    "LIBRARIES",
    "commit",
    "committed",
    "device",
    "libraries",
    "machine",
    "numbers_version",
    "package_version",
]

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("python", "torch", "transformers", "peft", "trl", "datasets", "numpy", "math-verify")


@functools.cache
def package_version() -> str:
    """Version of rl-bakeoff; `0+unknown` if it is not installed."""
    try:
        return version("rl-bakeoff")
    except PackageNotFoundError:
        return "0+unknown"


def numbers_version() -> str:
    """Major.minor version; numbers with the same one are comparable."""
    return ".".join(package_version().split(".")[:2])


def libraries() -> Mapping[str, str]:
    """Versions of the installed libraries that can change numbers."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES[1:]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> tuple[str | None, bool | None]:
    """Commit of the checkout this package runs from, and whether anything but results and reports differs from it."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return None, None
    head = subprocess.run([git, "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if head.returncode:
        return None, None
    status = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "status", "--porcelain", "--", ".", ":!results", ":!reports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return head.stdout.strip(), bool(status.stdout.strip())


def committed(results: Path) -> bool:
    """Whether results of that folder go into a repository: the `results` at the top of a checkout."""
    folder = results.resolve()
    return folder.name == "results" and (folder.parent / ".git").exists()


def device(threads: int, name: str = "auto") -> str:
    """The device a job computes on, in words; `auto` is the first GPU where there is one."""
    import torch  # noqa: PLC0415 - listing and reporting need none

    if name.startswith("cuda") or (name == "auto" and torch.cuda.is_available()):
        return str(torch.cuda.get_device_name(None if name == "auto" else name))
    if name == "mps":
        return f"{_processor()}, its GPU"
    return f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}"


@functools.cache
def machine() -> str:
    """Twelve digits that are the same for all jobs of one machine, and from which its name cannot be read."""
    memory = Path("/proc/meminfo")
    total = memory.read_text(encoding="ascii", errors="replace").partition("\n")[0] if memory.exists() else ""
    said = "|".join((platform.node(), platform.machine(), _processor(), str(os.cpu_count()), total))
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
