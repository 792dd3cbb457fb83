"""What else a machine does while a job trains: load average, and how long the job waited for a processor."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.contract import MachineLoad
from benchmark.run.devices import processors

__all__ = ["LoadWatch"]

SCHEDSTAT = Path("/proc/thread-self/schedstat")
"""Nanoseconds that the thread ran, and that it was ready and waited (kernel documentation, sched-stats)."""


class LoadWatch:
    """Watches from its making on; `look` is called now and then, in the thread that trains."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._average: float | None = None
        self._waited = _waited_seconds()
        self.look()

    def look(self) -> None:
        """Read the load average."""
        now = _load_average()
        if now is not None:
            self._average = max(now, self._average or 0.0)

    def seen(self) -> MachineLoad:
        """All of it until now."""
        self.look()
        now = _waited_seconds()
        waited = None if now is None or self._waited is None else max(0.0, now - self._waited)
        return MachineLoad(processors(), self._jobs, self._average, waited)


def _load_average() -> float | None:
    """Over the last minute; `None` where the system keeps none."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):  # AttributeError: Windows
        return None


def _waited_seconds() -> float | None:
    try:
        return int(SCHEDSTAT.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None
