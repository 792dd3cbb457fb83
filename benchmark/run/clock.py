"""Seconds and peak bytes per phase, with the device synchronised at every boundary.

A phase entered inside another pauses the outer one, so every second is counted once. Memory is the resident set of the
process (`rss/<phase>`) and, on a GPU, the peak of allocated and reserved bytes, all reset at the start of a phase.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmark.contract import PHASES, Phase

__all__ = ["Clock"]

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""Writing 5 to clear_refs sets the kernel's high-water mark of this process to its present size (proc(5))."""


class Clock:
    """Measures the time and memory of one job."""

    def __init__(self) -> None:
        self.seconds: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
        self.peak_bytes: dict[str, int] = {}
        self._start = self._edge = time.monotonic()
        self._stack: list[Phase] = []
        self._cuda = False

    def watch_cuda(self) -> None:
        """From now on, synchronise the GPU at boundaries and also read its memory."""
        self._cuda = True

    @property
    def wall_seconds(self) -> float:
        """Seconds since the clock was created."""
        return time.monotonic() - self._start

    def add(self, seconds: Mapping[Phase, float], wall_seconds: float, peak_bytes: Mapping[str, int]) -> None:
        """Count what an earlier, interrupted attempt at the same work has spent."""
        self._cut()
        for phase, value in seconds.items():
            self.seconds[phase] += value
        self._start -= wall_seconds
        for key, value in peak_bytes.items():
            self._note(key, value)

    @contextlib.contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Count time and memory inside the block for `name`."""
        self._cut()
        self._stack.append(name)
        try:
            yield
        finally:
            self._cut()
            self._stack.pop()

    def note_resident(self, resident: int | None) -> None:
        """Resident bytes of processes that work for this one, which are its own in the phase that runs."""
        if self._stack:
            self._note(f"rss/{self._stack[-1]}", resident)

    def _cut(self) -> None:
        """Add the time and the peak since the last boundary to the phase that was running."""
        if self._cuda:
            self._read_cuda()
        now = time.monotonic()
        if self._stack:
            name = self._stack[-1]
            self.seconds[name] += now - self._edge
            self._note(f"rss/{name}", _peak_resident_bytes())
        self._edge = now

    def _note(self, key: str, value: int | None) -> None:
        if value is not None:
            self.peak_bytes[key] = max(value, self.peak_bytes.get(key, 0))

    def _read_cuda(self) -> None:
        import torch  # noqa: PLC0415 - only with a GPU

        torch.cuda.synchronize()
        if self._stack:
            self._note(f"allocated/{self._stack[-1]}", torch.cuda.max_memory_allocated())
            self._note(f"reserved/{self._stack[-1]}", torch.cuda.max_memory_reserved())
        torch.cuda.reset_peak_memory_stats()


def _peak_resident_bytes() -> int | None:
    """Peak resident set since the last call where the kernel can reset it, else since the process began."""
    if STATUS.exists():
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        peak = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
        with contextlib.suppress(OSError):  # a locked-down container may forbid the reset: the peak is then the job's
            CLEAR.write_text(RESET_PEAK, encoding="ascii")
        return peak
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
