"""Math-Verify in a process of its own that can be killed: a request is answered in time or its process is ended.

This is the parent half: it uses the standard library only, touches no signal and speaks JSON lines over pipes with
`benchmark.grading.child`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

__all__ = ["REPLIES", "STARTUP_SECONDS", "Reply", "Worker"]

Reply = Literal["equal", "different", "no_answer", "timed_out", "out_of_memory", "missing", "failed"]
REPLIES: tuple[Reply, ...] = ("equal", "different", "no_answer", "out_of_memory", "missing", "failed")
"""What a child may say."""

STARTUP_SECONDS = 60.0  # importing sympy takes 1 to 2 s on an idle machine


class Worker:
    """One child, started at the first request and again after it was killed. Safe in threads and after a fork."""

    def __init__(self, seconds: float = 5.0, memory_bytes: int = 2 << 30) -> None:
        self.seconds, self.memory_bytes = seconds, memory_bytes
        self.starts = 0
        self._process: subprocess.Popen[str] | None = None
        self._ready = self._missing = False
        self._lock = threading.Lock()
        self._inherited: list[subprocess.Popen[str]] = []
        atexit.register(self.close)
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self._forget)

    def compare(self, answer: str, gold: str) -> Reply:
        """Whether two final answers mean the same. Takes at most `seconds`, and the start of a child where one is due.

        `timed_out` and `out_of_memory` say nothing about the answer; `missing` means that math-verify is not installed;
        `failed` that it raised, or that the child ended on its own.
        """
        return self._request({"answer": answer, "gold": gold})[0]

    def grade(self, completion: str, gold: str) -> tuple[Reply, str | None]:
        """Math-Verify's own extraction and comparison on a whole completion, and the answer that it read.

        `no_answer` where it read none; everything else as in `compare`.
        """
        return self._request({"completion": completion, "gold": gold})

    def _request(self, request: dict[str, str]) -> tuple[Reply, str | None]:
        with self._lock:
            if self._missing:
                return "missing", None
            if not self._ready:
                started = self._start()
                if started is not None:
                    return started, None
            reply, killed = self._ask(request, self.seconds)
            if reply is None or reply[0] == "out_of_memory":
                self._stop()  # a process that once ran out of memory is not to be trusted with the next pair
                self._launch()
            return reply or (("timed_out" if killed else "failed"), None)

    def close(self) -> None:
        """End the child; the next request starts a new one."""
        with self._lock:
            self._stop()

    def _start(self) -> Reply | None:
        """Wait until a child has imported math-verify; `None` when it is ready."""
        if self._process is None:
            self._launch()
        reply, _ = self._ask({"answer": "1", "gold": "1"}, STARTUP_SECONDS)
        self._ready = reply == ("equal", None)
        if self._ready:
            return None
        self._missing = reply == ("missing", None)
        self._stop()
        return "missing" if self._missing else "failed"

    def _launch(self) -> None:
        """Start a child and go on: it loads while the caller works."""
        self.starts += 1
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "benchmark.grading.child", str(self.seconds), str(self.memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"},
        )

    def _ask(self, request: dict[str, str], seconds: float) -> tuple[tuple[Reply, str | None] | None, bool]:
        """One request; `None` when the child gave no sensible reply, and whether it was killed for its time."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            reply = json.loads(process.stdout.readline() or "null")
        except (OSError, ValueError):
            reply = None
        finally:
            timer.cancel()
        return _known(reply), killed.is_set()

    def _stop(self) -> None:
        """Kill the child and reap it."""
        process, self._process = self._process, None
        self._ready = False
        if process is None:
            return
        process.kill()
        _close_pipes(process)
        process.wait()

    def _forget(self) -> None:
        """In a forked process: leave the child to the parent and take a fresh lock."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        self._ready = False
        if process is not None:
            _close_pipes(process)
            self._inherited.append(process)  # kept, or its finaliser would wait for a process that is not ours


def _known(reply: object) -> tuple[Reply, str | None] | None:
    """The child's word and the answer it read, if it read one; `None` when the reply is not of that form."""
    if not isinstance(reply, dict):
        return None
    answer = reply.get("answer")
    known = next((name for name in REPLIES if reply.get("reply") == name), None)
    return None if known is None else (known, answer if isinstance(answer, str) else None)


def _close_pipes(process: subprocess.Popen[str]) -> None:
    """Close both ends held here; bytes that a dead child never read are no error."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
