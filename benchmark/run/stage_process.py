"""The processes of stages: started from one clean server, watched and ended with all that they started themselves.

The server has loaded torch, so a start costs a fork and not an import. It never imports a method: the examining stage
of a job does not inherit what its training stage did. A server that dies is started again, and the processes that it
had started run on.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess

from benchmark.run.job import SAFE_PATH, Order, Stage
from benchmark.run.owner import start_of
from benchmark.run.scratch import process_scratch, temporary_files_in

__all__ = ["RunStage", "StageProcess", "Starter"]

PRELOADED = ("benchmark.run.stages", "transformers.models.qwen2.modeling_qwen2")
"""What the server process has loaded before the first job; a model of another kind is imported by its jobs."""
WAIT_POLICY = "OMP_WAIT_POLICY"
LONGEST_MESSAGE = 1000
"""Bytes of one message of a job's progress."""
ATTEMPTS = 3
SERVER_DIED = 255
"""What `multiprocessing` gives as exit code where the server died before the process did."""

RunStage = Callable[[Stage, Order, Connection], None]


@dataclass(slots=True)
class StageProcess:
    """One stage of a job that runs."""

    process: BaseProcess
    pipe: Connection
    started: str | None
    """Start time of the process, which tells it from a later one of the same number."""

    def waits_on(self) -> list[Connection | int]:
        """What becomes ready when there is something to look at."""
        ends = [] if self.process.exitcode is not None else [self.process.sentinel]
        return [*ends, *([] if self.pipe.closed else [self.pipe])]

    def is_alive(self) -> bool:
        """Whether it runs, also where the server that started it does not."""
        if self.process.is_alive():
            return True
        return self._server_died() and self._runs()

    def messages(self) -> Iterator[tuple[str, int]]:
        """(phase, step) of all progress since the last call; what is no message of ours ends it."""
        try:
            while not self.pipe.closed and self.pipe.poll():
                phase, step = json.loads(self.pipe.recv_bytes(LONGEST_MESSAGE))
                yield str(phase), int(step)
        except (EOFError, OSError, ValueError, TypeError, RecursionError):
            self.pipe.close()

    def end(self) -> None:
        """End it, if it runs, and everything that it started: its group, and children that have left the group."""
        children = _descendants(self.process.pid) if self.is_alive() else []
        self._kill_group()
        if self.process.is_alive():  # before it made its group, or where there are none
            self.process.kill()
        for pid, started in children:
            if start_of(pid) == started:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        self.process.join()
        self.pipe.close()

    def death(self, elapsed: float) -> str:
        """How it ended, for a stage that left nothing."""
        code = self.process.exitcode or 0
        if code < 0:
            name = signal.Signals(-code).name
            hint = " The system may have run out of memory: lower '--workers' or the batch sizes."
            return f"its process was ended by {name} after {elapsed:.0f} s.{hint if name == 'SIGKILL' else ''}"
        if code == 0:
            return (
                f"its process ended with exit code 0 after {elapsed:.0f} s without a record: something in it called "
                "os._exit, or ended the interpreter otherwise. Let 'train' return or raise."
            )
        said = "an unknown exit code (the process server had died)" if self._server_died() else f"exit code {code}"
        return f"its process ended with {said} after {elapsed:.0f} s without a record; its messages are above."

    def _server_died(self) -> bool:
        return self.process.exitcode == SERVER_DIED and sys.platform != "win32"

    def _runs(self) -> bool:
        pid = self.process.pid
        return pid is not None and self.started is not None and start_of(pid) == self.started

    def _kill_group(self) -> None:
        if sys.platform == "win32" or self.process.pid is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone; on macOS also: all are zombies
            os.killpg(self.process.pid, signal.SIGKILL)


class Starter:
    """Starts stages; `run` is what their processes call."""

    def __init__(self, run: RunStage, *, threads: int = 1) -> None:
        self._run, self._threads = run, threads
        self._context: ForkServerContext | SpawnContext
        if sys.platform == "win32":
            self._context = multiprocessing.get_context("spawn")
        else:
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload([*PRELOADED, run.__module__])

    def start(self, stage: Stage, order: Order) -> StageProcess:
        """Start a stage. Raises OSError or EOFError where no process can be made, also by a new server."""
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(OSError, EOFError):  # the server died, as for want of memory: a new one is made
                return self._start(stage, order)
        return self._start(stage, order)

    def _start(self, stage: Stage, order: Order) -> StageProcess:
        if sys.platform != "win32":
            self._start_server()
        ours, theirs = self._context.Pipe(duplex=False)
        try:
            process = self._context.Process(target=self._run, args=(stage, order, theirs), name=order.job.id)
            process.start()  # returns when the process runs: the first one waits for the server
        except (OSError, EOFError):
            ours.close()
            raise
        finally:
            theirs.close()
        return StageProcess(process, ours, start_of(process.pid or 0))

    def _start_server(self) -> None:
        """Start the server if none runs, without the current folder on its path: a `benchmark` in it is none of ours.

        Threads that wait for each other sleep: on a machine with fewer free processors than threads, spinning ones make
        a job many times slower.
        """
        ours = {SAFE_PATH: "1"}
        if self._threads > 1:
            ours[WAIT_POLICY] = os.environ.get(WAIT_POLICY, "PASSIVE")
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            with temporary_files_in(process_scratch()):  # the server's socket
                forkserver.ensure_running()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _descendants(pid: int | None) -> list[tuple[int, str | None]]:
    """Numbers and start times of all that a process has started, as far as psutil is there and finds them."""
    try:
        import psutil  # noqa: PLC0415 - part of accelerate
    except ModuleNotFoundError:
        return []
    try:
        return [(one.pid, start_of(one.pid)) for one in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:  # it ended meanwhile
        return []
