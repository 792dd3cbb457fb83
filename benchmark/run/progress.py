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

TRAINING, EXAM = "train", "evaluate"
"""Phases whose pace is known."""


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
        self._running: dict[str, _Running] = {}
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
        self._running[job.id] = _Running(job, time.monotonic())

    def progress(self, job: Job, phase: str, step: int) -> None:
        """Update the job's phase and step; of an exam the step is the percentage of its completions."""
        self._running[job.id].enter(phase, step, time.monotonic())

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
        paces = [one.training(now) for one in self._running.values()]
        training = max((pace for pace in paces if pace is not None), default=None)
        exams = [one.exam(now) for one in self._running.values()]
        exam = max((seconds for seconds in exams if seconds is not None), default=None)
        left = 0.0
        for job in self._waiting.values():
            seconds = self._past.of(job) or _whole(job, training, self._past.exam(job.task) or exam)
            if seconds is None:
                return "?"
            left += seconds
        for one in self._running.values():
            rest = one.left(now, self._past, training, exam)
            if rest is None:
                return "?"
            left += rest
        return clock_text(left / self._workers)

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for one in self._running.values():
            left = one.phase_left(now)
            said = "" if left is None else f"{clock_text(left)} left"
            phase = f"exam {one.step} %" if one.phase == EXAM else one.phase
            bar = ProgressBar(total=100, completed=round(100 * one.share), width=24)
            table.add_row(
                Text(_cell(one.job)),
                Text(phase, style="cyan"),
                bar,
                Text(clock_text(now - one.start)),
                Text(said, style="dim"),
            )
        foot = Text(f"{self._ended} of {self._total} jobs ended, about {self._left()} left", style="dim")
        return Group(table, foot)


class _Running:
    """A running job: its phase, how far that is, and since when."""

    def __init__(self, job: Job, start: float) -> None:
        self.job, self.start = job, start
        self.phase, self.step, self._since = "start", 0, start
        self._trained: float | None = None

    def enter(self, phase: str, step: int, now: float) -> None:
        """A message of the job."""
        if phase != self.phase and step == 0:
            if self.phase == TRAINING:
                self._trained = now - self._since
            self._since = now
        self.phase, self.step = phase, step

    @property
    def share(self) -> float:
        """How much of the phase is done."""
        if self.phase == EXAM:
            return self.step / 100
        return 1.0 if self.phase == "write" else self.step / self.job.training.steps

    def phase_left(self, now: float) -> float | None:
        """Seconds of this phase that are left; `None` where nothing shows its pace."""
        if not self.step or self.phase not in {TRAINING, EXAM}:
            return None
        return (now - self._since) * (1 - self.share) / self.share

    def training(self, now: float) -> float | None:
        """Seconds of a whole training like this one; `None` before it has a pace, and where nothing is trained."""
        if not trains(self.job) or self.phase != TRAINING:
            return self._trained if trains(self.job) else None
        rest = self.phase_left(now)
        return None if rest is None else now - self._since + rest

    def exam(self, now: float) -> float | None:
        """Seconds of a whole exam like this one."""
        rest = self.phase_left(now)
        return None if rest is None or self.phase != EXAM else now - self._since + rest

    def left(self, now: float, past: Durations, training: float | None, exam: float | None) -> float | None:
        """Seconds until it ends: by its own pace and the exam to come, else by ended or other running jobs."""
        coming = past.exam(self.job.task) or exam
        rest = self.phase_left(now)
        if rest is not None:
            return rest if self.phase == EXAM else rest + (coming or 0.0)
        if self.phase in {EXAM, "write"}:
            return 0.0 if self.phase == "write" else coming
        whole = past.of(self.job) or _whole(self.job, training, coming)
        return None if whole is None else max(whole - (now - self.start), 0.0)


def _whole(job: Job, training: float | None, exam: float | None) -> float | None:
    """Seconds of a job from those of a training and of an exam; an exam that nobody has seen yet is left out."""
    if not trains(job):
        return exam
    return None if training is None else training + (exam or 0.0)


def _cell(job: Job) -> str:
    return f"{job.algorithm.name} · {job.task} · seed {job.seed}"
