"""Temporary folders of a sweep: one for its process, one below it for each job, removed whatever ends them.

    TMPDIR/bakeoff-*/owner.json    the process that made it: a later sweep removes what a dead one has left

A job's process gets its folder as its own TMPDIR, so that what libraries leave there goes with it.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

from benchmark.run.owner import is_dead, owner_from, this_process

__all__ = ["PREFIX", "make_scratch", "process_scratch", "remove_abandoned", "temporary_files_in"]

PREFIX, OWNER = "bakeoff-", "owner.json"
AFTER_MULTIPROCESSING = -200
"""The folder of its server's socket, which is in ours, is removed with priority -100."""


def make_scratch() -> Path:
    """A new folder for one job; whoever watches the job removes it."""
    return Path(tempfile.mkdtemp(dir=process_scratch(), prefix="job-"))


@functools.cache
def process_scratch() -> Path:
    """The folder of this process, which is removed when it ends; those of dead processes are removed first."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / OWNER).write_text(json.dumps({"owner": this_process().to_json()}), encoding="utf-8")
    Finalize(None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=AFTER_MULTIPROCESSING)
    return folder


def remove_abandoned() -> None:
    """Remove the folders whose process has ended; a folder of another user, or of nobody known, stays."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            ours = os.name != "posix" or folder.lstat().st_uid == os.getuid()
            owner = owner_from((folder / OWNER).read_bytes())
        except OSError:
            continue
        if ours and owner is not None and not folder.is_symlink() and is_dead(owner):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Inside the block, `tempfile` makes its files in the folder."""
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
