"""Finished jobs stay as their examiner left them: what a later job of the same sweep changes in them is found.

A method runs as the user who started the sweep, so it can write any file. The sweep's own process keeps a digest of
each finished job's files from the moment it ended, and compares at the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from benchmark.contract import Job, Record
from benchmark.run.job import unfinished
from benchmark.store.kept import CROSS_GRADING
from benchmark.store.records import job_folder, write_record

__all__ = ["Seals"]


class Seals:
    """Digests of the files of finished jobs under one folder of results."""

    def __init__(self, results: Path, done: Iterable[Job] = ()) -> None:
        self._results = results
        self._digests = {job.id: (job, _digest(job_folder(results, job))) for job in done}

    def put(self, job: Job) -> None:
        """The job has ended: its files stay from now on."""
        self._digests[job.id] = (job, _digest(job_folder(self._results, job)))

    def broken(self) -> list[Record]:
        """Record jobs whose files were changed as `failed`, since their numbers are nobody's, and return the records.

        A changed file that is no longer there counts, too.
        """
        found = []
        for job, digest in self._digests.values():
            if _digest(job_folder(self._results, job)) != digest:
                reason = (
                    "its files were changed after it had ended, while other jobs of the sweep ran: no method may write "
                    "into the results. Find the row that does, then run this job again."
                )
                found.append(unfinished(job, "failed", reason))
                write_record(self._results, found[-1])
        return found


def _digest(folder: Path) -> str:
    """Over names and contents of a job's results: what `bakeoff regrade` may write, and kept weights, are left out."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith((".", CROSS_GRADING)):
            content = path.read_bytes()
            total.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()
