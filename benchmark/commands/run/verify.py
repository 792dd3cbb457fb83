"""`bakeoff verify`: whether records are what the files beside them say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmark.comparison.admission import admitted, disagreement
from benchmark.errors import BadRecord, ConfigurationError
from benchmark.exam.metrics import measure
from benchmark.store.outcomes import OUTCOMES, SAMPLES, file_of, read_outcomes
from benchmark.store.records import job_folder, read_suite

if TYPE_CHECKING:
    from benchmark.contract import Record

__all__ = ["Verified", "verify_folder"]


class Verified(NamedTuple):
    """What became of the records of a folder."""

    records: int
    """Records looked at."""
    without_digests: int
    """Of these the finished ones of before digests were kept: only their metrics could be computed again."""
    faults: tuple[str, ...]
    """One sentence each, with the file."""

    @property
    def line(self) -> str:
        """For the terminal."""
        state = f"{len(self.faults)} {'fault' if len(self.faults) == 1 else 'faults'}"
        said = state if self.faults else "all are what their files say"
        older = (
            f"; {self.without_digests} of them have no digests of their files, they are older"
            if self.without_digests
            else ""
        )
        return f"{self.records} records: {said}{older}."


def verify_folder(folder: Path) -> Verified:
    """Hold every record against its files. Raises `ConfigurationError` for a folder without results.

    Records, names, digests and metrics are those that a report checks; here the metrics that need texts are computed
    again, too, where the texts were kept, and those of transfer tasks.
    """
    suites = (
        [folder] if (folder / "suite.json").is_file() else sorted(path.parent for path in folder.glob("*/suite.json"))
    )
    if not suites:
        raise ConfigurationError(f"{folder}: no results there: name a folder of results, or one of a suite in it.")
    looked, older, faults = 0, 0, list[str]()
    for suite in suites:
        root, name = suite.absolute().parent, suite.absolute().name
        try:
            found = admitted(root, read_suite(root, name))
        except BadRecord as error:
            faults.append(str(error))
            continue
        faults += [one.reason for one in found.unreadable]
        done = [record for record in found.records if record.status == "done"]
        older += sum(not record.files for record in done)
        looked += len(found.records) + len(found.unreadable)
        faults += [said for record in done if (said := _fault(root, record)) is not None]
    return Verified(looked, older, tuple(faults))


def _fault(root: Path, record: Record) -> str | None:
    """The first metric, of the exam or of a transfer task, that is not what its outcomes and texts give."""
    folder = job_folder(root, record.job)
    for task in (None, *record.job.exam.transfer):
        if not (folder / file_of(OUTCOMES, task)).exists():
            continue
        try:
            outcomes = read_outcomes(folder, task=task)
            found = measure(outcomes)
        except (BadRecord, ValueError) as error:
            return str(error) if isinstance(error, BadRecord) else f"{folder / file_of(OUTCOMES, task)}: {error}."
        if not (folder / file_of(SAMPLES, task)).exists():
            found = {name: value for name, value in found.items() if value is not None}
        said = disagreement(record, found if task is None else {f"transfer/{task}/{n}": v for n, v in found.items()})
        if said is not None:
            return f"{folder / 'record.json'}: {said} Restore the folder, or delete it to run the job again."
    return None
