"""Display of a running sweep: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmark.contract import Job, Record
from benchmark.run.durations import Durations, trains

__all__ = ["Display", "clock_text"]


def clock_text(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class Display:
    """Watches a sweep. Use as a context manager."""

    def __init__(self, console: Console, jobs: Sequence[Job], workers: int, past: Durations | None = None) -> None:
        self._console, self._total, self._workers = console, len(jobs), workers
        self._waiting = {job.id: job for job in jobs}
        self._past = past or Durations()
        self._start = time.monotonic()
        self._running: dict[str, tuple[Job, str, int, float]] = {}
        self._ended = 0
        self._live = (
            Live(console=console, refresh_per_second=4, get_renderable=self._render) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        if self._live:
            self._live.__exit__(None, None, None)

    def started(self, job: Job) -> None:
        """A process runs the job."""
        self._waiting.pop(job.id, None)
        self._running[job.id] = (job, "start", 0, time.monotonic())

    def progress(self, job: Job, phase: str, step: int) -> None:
        """Update the job's phase and step."""
        self._running[job.id] = (job, phase, step, self._running[job.id][3])

    def elsewhere(self, jobs: int, holder: str) -> None:
        """Say that nothing is left but jobs that other launchers run."""
        what = "the last job is" if jobs == 1 else f"the last {jobs} jobs are"
        words = f"{what} run by {holder}{'' if jobs == 1 else ' and others'}: waiting for the records"
        self._console.print(Text(words, style="dim"), soft_wrap=True)

    def finished(self, record: Record) -> None:
        """Print one line for a finished job, with its diagnoses."""
        self._waiting.pop(record.job.id, None)
        self._running.pop(record.job.id, None)
        self._ended += 1
        self._past.add(record)
        accuracy = record.metrics.get("accuracy")
        result = f"accuracy {accuracy:.1%}" if accuracy is not None else record.reason or ""
        style = "green" if record.status == "done" else "red"
        line = Text.assemble(
            (f"[{self._ended:>{len(str(self._total))}}/{self._total}] ", "dim"),
            (f"{record.status:<6} ", style),
            f"{_cell(record.job):<34} {clock_text(record.wall_seconds or 0.0):>6}  {result}",
        )
        self._console.print(line, soft_wrap=True)
        told = [f"{diagnosis.name}: {diagnosis.evidence}" for diagnosis in record.diagnoses]
        told += [f"next: {record.diagnoses[0].next_step}"] if told else []
        for words in told:
            self._console.print(Text(f"      {words}", style="yellow"), soft_wrap=True)
        if not self._console.is_terminal and self._ended < self._total:
            self._console.print(Text(f"      about {self._left()} left", style="dim"))

    def _left(self) -> str:
        """From ended jobs of the same row, or of rows that train as it does; else from the pace of running ones."""
        now = time.monotonic()
        paces = [
            (now - start) / step * job.training.steps for job, phase, step, start in self._running.values() if step
        ]
        guess = max(paces, default=None)
        left = 0.0
        for job in self._waiting.values():
            seconds = self._past.of(job) or (guess if trains(job) else None)
            if seconds is None:
                return "?"
            left += seconds
        for job, _, step, start in self._running.values():
            seconds = self._past.of(job) or ((now - start) / step * job.training.steps if step else guess)
            if seconds is None:
                return "?"
            left += max(seconds - (now - start), 0.0)
        return clock_text(left / self._workers)

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for job, phase, step, start in self._running.values():
            elapsed = time.monotonic() - start
            left = (
                clock_text(elapsed / step * (job.training.steps - step)) + " left" if step and phase == "train" else ""
            )
            bar = ProgressBar(
                total=job.training.steps,
                completed=step if phase in {"start", "load", "train"} else job.training.steps,
                width=24,
            )
            table.add_row(
                Text(_cell(job)), Text(phase, style="cyan"), bar, Text(clock_text(elapsed)), Text(left, style="dim")
            )
        foot = Text(f"{self._ended} of {self._total} jobs ended, about {self._left()} left", style="dim")
        return Group(table, foot)


def _cell(job: Job) -> str:
    return f"{job.algorithm.name} · {job.task} · seed {job.seed}"
