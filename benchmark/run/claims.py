"""A job is taken by a claim file, so that two launchers on one folder of results never run it twice.

    ROOT/<suite>/<job id>.claim    who runs the job: host, start of the system, process; and a count that goes up

The file is made with `O_EXCL`, which file servers honour, too. Whoever holds it writes the count again every
`BEAT_SECONDS`. A claim is stale when its process has ended, where that can be seen from here; else when its content has
not changed for `STALE_SECONDS` of the reader's own clock: no two clocks are compared. A stale claim is taken over.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Self

from benchmark.contract import Job
from benchmark.run.owner import is_dead, owner_from, this_process
from benchmark.store.records import job_folder

__all__ = ["BEAT_SECONDS", "STALE_SECONDS", "Claims", "claim_path"]

BEAT_SECONDS, STALE_SECONDS = 10.0, 120.0


def claim_path(root: Path, job: Job) -> Path:
    """The claim of a job, beside its folder."""
    folder = job_folder(root, job)
    return folder.with_name(f"{folder.name}.claim")


class Claims:
    """The claims that this process holds. Use as a context manager: it keeps them fresh, and gives them back."""

    def __init__(self, *, beat_seconds: float = BEAT_SECONDS, stale_seconds: float = STALE_SECONDS) -> None:
        self._beat_seconds, self._stale_seconds = beat_seconds, stale_seconds
        self._owner = this_process()
        self._held: dict[Path, str] = {}
        """Tokens by claim."""
        self._lost: set[Path] = set()
        self._seen: dict[Path, tuple[bytes, float]] = {}
        """Content of others' claims, and since when it has been the same."""
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, name="claims", daemon=True)
        self._beats = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._end.set()
        self._thread.join()
        for path in list(self._held):
            self.release(path)

    def take(self, path: Path) -> bool:
        """Whether the claim is ours from now on: it was free, or stale. Raises OSError where it cannot be written."""
        if self._create(path):
            return True
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # given back at this moment
            return self._create(path)
        return self._is_stale(path, content) and self._take_over(path, content)

    def release(self, path: Path) -> None:
        """Give a claim back; one that somebody else has taken over stays theirs."""
        with self._lock:
            token = self._held.pop(path, None)
            self._lost.discard(path)
            with contextlib.suppress(OSError):  # gone with its folder
                if token is not None and token.encode() in path.read_bytes():
                    path.unlink()

    def is_lost(self, path: Path) -> bool:
        """Whether somebody else has taken over a claim of ours, as after a long sleep of this machine."""
        return path in self._lost

    def holder(self, path: Path) -> str:
        """Who holds a claim, in words."""
        try:
            return str(owner_from(path.read_bytes()) or "another process")
        except OSError:
            return "another process"

    def beat(self) -> None:
        """Show that this process is alive; done by a thread every `beat_seconds`."""
        with self._lock:
            self._beats += 1
            for path, token in self._held.items():
                with contextlib.suppress(OSError):  # a file server that is away for a moment: the next beat counts
                    self._refresh(path, token)

    def _keep_fresh(self) -> None:
        while not self._end.wait(self._beat_seconds):
            self.beat()

    def _refresh(self, path: Path, token: str) -> None:
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:  # somebody has cleared the folder: the job still runs, and is still ours
            if not self._write_new(path, token):
                self._lost.add(path)
            return
        try:
            if token.encode() in os.read(file, 4096):  # read and written through one handle: never another's file
                os.lseek(file, 0, os.SEEK_SET)
                os.write(file, self._content(token))
                os.fsync(file)
            else:
                self._lost.add(path)
        finally:
            os.close(file)

    def _content(self, token: str) -> bytes:
        """Of one length for all beats, so that it can be written over."""
        plain = {"owner": self._owner.to_json(), "token": token, "beat": f"{self._beats:012d}"}
        return json.dumps(plain).encode() + b"\n"

    def _create(self, path: Path) -> bool:
        token = secrets.token_hex(16)
        with self._lock:
            made = self._write_new(path, token)
            if made:
                self._hold(path, token)
        return made

    def _write_new(self, path: Path, token: str) -> bool:
        return _write_exclusively(path, self._content(token))

    def _is_stale(self, path: Path, content: bytes) -> bool:
        owner = owner_from(content)
        dead = None if owner is None else is_dead(owner)
        if dead is not None:
            return dead
        now = time.monotonic()
        before, since = self._seen.get(path, (None, now))
        if content != before:
            self._seen[path] = (content, now)
            return False
        return now - since > self._stale_seconds

    def _take_over(self, path: Path, content: bytes) -> bool:
        """Put our claim in the place of a stale one, in one step: a claim that is absent for a moment is free to all.

        Of those who see it stale, one makes the marker that is named after its content, and is the only one who may
        replace that content. Where the maker has died before it did, the next marker is named after the dead one's.
        """
        token, seen, markers = secrets.token_hex(16), content, list[Path]()
        while not markers or not _write_exclusively(markers[-1], self._content(token)):
            if markers:
                try:
                    seen = markers[-1].read_bytes()
                except FileNotFoundError:  # its maker has taken the claim over by now
                    return False
                if not self._is_stale(markers[-1], seen):
                    return False
            markers.append(path.with_name(f".{path.name}.{hashlib.sha256(seen).hexdigest()[:16]}"))
        try:
            return self._replace(path, content, token)
        finally:
            for marker in markers:
                marker.unlink(missing_ok=True)

    def _replace(self, path: Path, content: bytes, token: str) -> bool:
        """The claim is ours if it still is what we saw."""
        ours = path.with_name(f".{path.name}.{token}")
        with self._lock:
            try:
                if path.read_bytes() != content:
                    return False
                _write_exclusively(ours, self._content(token))
                ours.replace(path)
            except FileNotFoundError:
                return False
            finally:
                ours.unlink(missing_ok=True)
            self._hold(path, token)
        return True

    def _hold(self, path: Path, token: str) -> None:
        self._held[path] = token
        self._lost.discard(path)
        self._seen.pop(path, None)


def _write_exclusively(path: Path, content: bytes) -> bool:
    """Whether the file was made; it was not where there is one already. Raises OSError, with the file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    try:
        os.write(file, content)
        os.fsync(file)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(file)
    return True
