"""The problems that records were examined on, where this repository makes them and so knows them without data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from benchmark.tasks import CATALOGUE, digest, load_task

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Problem

__all__ = ["Generated", "asked", "generated"]


@dataclass(frozen=True, slots=True)
class Generated:
    """A task whose problems are made here."""

    digest: str
    """Of all its splits, as in a record's provenance."""
    test: tuple[Problem, ...]


@cache
def generated(task: str) -> Generated | None:
    """`None` for published data, whose texts are not passed on, and for a task that is not in the catalogue."""
    if task not in CATALOGUE or not load_task(task).generated:
        return None
    splits = [load_task(task).load(split) for split in ("train", "validation", "test")]
    return Generated(digest(problem for split in splits for problem in split), splits[-1])


def asked(evidence: Evidence, task: str) -> dict[str, Problem]:
    """The test problems by id; none where other ones would be made today than the finished records sat.

    Published tasks have none even where their files are at hand: a report must not depend on the machine.
    """
    made = {one.provenance.task_digest for one in evidence.done if one.job.task == task and one.provenance}
    found = generated(task) if made else None
    return {one.id: one for one in found.test} if found and made == {found.digest} else {}
