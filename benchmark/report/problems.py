"""The problems that records were examined on, where they are kept beside the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Problem

__all__ = ["asked"]


def asked(evidence: Evidence, task: str) -> dict[str, Problem]:
    """The test problems by id; none where they are not kept (published ones never are) or others than were sat."""
    return evidence.problems(task)
