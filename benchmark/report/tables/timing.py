"""Which seconds may not be comparable: of a busy machine, of other commits, and seeds that took very different times.

How busy the machine was stands in the record, as the harness saw it. Records of before that hold the commit and the
versions they were made with, and their own seconds.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmark.comparison.table import code, words
from benchmark.report.metrics import SECONDS

if TYPE_CHECKING:
    from benchmark.contract import MachineLoad, Provenance
    from benchmark.report.reading import ReportData

__all__ = ["UNEVEN", "marks", "notes"]

UNEVEN = 1.5
"""Slowest seed over fastest, from which on a machine was probably busy for one of them."""
_SUPERSCRIPTS = "¹²³⁴⁵⁶⁷⁸⁹"
_UNEVEN = "‡"
_BUSY = "§"


def marks(reading: ReportData) -> dict[tuple[str, str], str]:
    """(method, task) → the footnotes behind its seconds; those without any are left out."""
    sets = _sets(reading)
    found = {}
    for task in reading.evidence.suite.tasks:
        for method in reading.evidence.trained:
            own = [_SUPERSCRIPTS[place] for place, one in enumerate(sets[:9]) if (method, task) in one[1]]
            own += [_BUSY] if _busy(reading, method, task) else []
            own += [_UNEVEN] if _uneven(reading, method, task) else []
            if own:
                found[method, task] = " ".join(own)
    return found


def notes(reading: ReportData) -> tuple[str, ...]:
    """What the footnotes mean; none without a mark."""
    sets = _sets(reading)
    said = [
        f"{mark} Recorded with {name}, in another run than the unmarked rows; the records do not say how busy the "
        "machine was, so compare these seconds with those of the same mark."
        for mark, (name, _) in zip(_SUPERSCRIPTS, sets, strict=False)
    ]
    pairs = [(m, t) for t in reading.evidence.suite.tasks for m in reading.evidence.trained]
    if any(_uneven(reading, *pair) for pair in pairs):
        said.append(
            f"{_UNEVEN} The slowest seed took at least {UNEVEN} times as long as the fastest on the same work: the "
            "machine was probably busy. Read the fastest seed, at the left end of the range."
        )
    loads = [load for pair in pairs for load in _busy(reading, *pair)]
    if loads:
        said.append(
            f"{_BUSY} The machine was busy while a seed of these rows trained, as the harness saw: {_seen(loads)}. "
            "These seconds say little about the method."
        )
    return tuple(said)


def _busy(reading: ReportData, method: str, task: str) -> list[MachineLoad]:
    """What the harness saw of the machine while seeds of one cell trained, of those for which it was busy."""
    done = [one for one in reading.evidence.cell(method, task) if one.status == "done" and one.load is not None]
    return [one.load for one in done if one.load and one.load.busy(one.training_seconds or 0.0)]


def _seen(loads: list[MachineLoad]) -> str:
    """`load average up to 6.2 on 2 processors, up to 3 jobs of the sweep at once`."""
    averages = [load.average for load in loads if load.average is not None]
    waited = [load.waited_seconds for load in loads if load.waited_seconds]
    parts = [f"load average up to {max(averages):.1f} on {loads[0].processors} processors"] if averages else []
    parts += [f"up to {max(waited):.1f} s of waiting for a processor"] if waited else []
    return words([*parts, f"up to {max(load.jobs for load in loads)} jobs of the sweep at once"])


def _sets(reading: ReportData) -> list[tuple[str, set[tuple[str, str]]]]:
    """Origins other than the commonest, with the cells that have a record of them."""
    if reading.mixed:
        return []
    found: dict[str, set[tuple[str, str]]] = {}
    counts = Counter[str]()
    for record in reading.evidence.done:
        cell = (record.job.algorithm.name, record.job.task)
        if record.provenance is None or record.imported is not None or cell[0] not in reading.evidence.trained:
            continue
        origin = _origin(record.provenance)
        counts[origin] += 1
        found.setdefault(origin, set()).add(cell)
    commonest = max(sorted(counts), key=counts.__getitem__, default="")
    return [(origin, found[origin]) for origin in sorted(found) if origin != commonest]


def _origin(provenance: Provenance) -> str:
    commit = f"commit {code(provenance.commit[:12])}" if provenance.commit else "an unknown commit"
    libraries = ", ".join(
        f"{name} {provenance.libraries[name]}" for name in ("torch", "transformers") if name in provenance.libraries
    )
    return words([commit, libraries]) if libraries else commit


def _uneven(reading: ReportData, method: str, task: str) -> bool:
    known = [value for value in reading.seeds(method, task, SECONDS).values() if value]
    return not reading.mixed and len(known) > 1 and max(known) >= UNEVEN * min(known)
