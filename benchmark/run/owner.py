"""Which process is it, and does it still run: as far as that can be said from this machine."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Owner", "is_dead", "owner_from", "start_of", "this_process"]

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process among all processes of all machines: numbers of processes are used again, start times are not."""

    host: str
    boot: str
    """Id of the start of the system; empty where the system has none."""
    namespace: str
    """Of the numbers of processes: containers of one machine number their own; empty where there is none."""
    pid: int
    started: str
    """When the process started, in the system's own form; empty where that cannot be read."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def to_json(self) -> dict[str, str | int]:
        """For a file that another process reads."""
        return asdict(self)


def this_process() -> Owner:
    """The process that asks."""
    pid = os.getpid()
    return Owner(platform.node(), _boot(), _namespace(), pid, start_of(pid) or "")


def owner_from(content: bytes) -> Owner | None:
    """The value of `owner` in a JSON object; `None` where it is not there or not whole."""
    try:
        found = json.loads(content)
        owner = Owner(**found["owner"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = (owner.host, owner.boot, owner.namespace, owner.started)
    return owner if type(owner.pid) is int and all(isinstance(one, str) for one in texts) else None


def is_dead(owner: Owner) -> bool | None:
    """Whether the process has ended; `None` where that cannot be known here.

    It can be known on the same host since the same start of the system, among the same numbers of processes.
    """
    here = (platform.node(), _boot(), _namespace())
    if (owner.host, owner.boot, owner.namespace) != here or not owner.boot or not owner.started:
        return None
    return start_of(owner.pid) != owner.started


def start_of(pid: int) -> str | None:
    """When a running process started, in the system's own form; `None` where none of that number runs."""
    if (PROC / "self/stat").exists():
        try:
            text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        state, *rest = text.rpartition(")")[2].split()  # the name before it may hold anything
        return None if state in {"Z", "X"} else rest[18]  # field 22 of proc(5): ticks since the system started
    if sys.platform == "win32":
        return None
    found = subprocess.run(  # noqa: S603 - a fixed program and a number
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = found.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


@functools.cache
def _boot() -> str:
    path = PROC / "sys/kernel/random/boot_id"
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    if sys.platform == "darwin":
        found = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False
        )
        return found.stdout.strip()
    return ""


@functools.cache
def _namespace() -> str:
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""
