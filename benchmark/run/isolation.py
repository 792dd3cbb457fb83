"""What a job's process does first: it leaves the terminal's group, and makes sure that it ends with its launcher."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from multiprocessing.connection import wait
from pathlib import Path

__all__ = ["isolate"]


def isolate(scratch: Path | None) -> None:
    """Make this process the leader of its own group, with `scratch` for temporary files, and watch its launcher.

    All that the job starts is in its group, so that its launcher ends it as one. Nothing is changed in a process that
    `multiprocessing` did not start, such as that of a test.
    """
    launcher = multiprocessing.parent_process()
    if launcher is None:
        return
    if sys.platform != "win32":
        os.setsid()  # neither Ctrl-C nor a terminal that closes reaches a job: its launcher ends it
    if scratch is not None:
        tempfile.tempdir = str(scratch)
        os.environ["TMPDIR"] = str(scratch)  # for what the job starts
    threading.Thread(target=_end_with, args=(launcher.sentinel, scratch), name="launcher", daemon=True).start()


def _end_with(launcher: int, scratch: Path | None) -> None:
    """Wait until the launcher is gone, however it ended; then end everything that the job has started."""
    wait([launcher])
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    if sys.platform != "win32":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
