"""Where another grader's text rules say something else of a completion than the examiner did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.comparison.evidence import Evidence
    from benchmark.report.html.samples import SampledRun

__all__ = ["Disagreements", "disagreements"]

Disagreements = Mapping[str, Mapping[tuple[str, int], Mapping[str, str]]]
"""Job id → problem and sample → another grader's name → its verdict, where only one of the two accepts."""


def disagreements(evidence: Evidence, runs: Iterable[SampledRun]) -> Disagreements:
    """What is kept of these runs' completions; nothing of a job whose cross-grading is not."""
    records = {record.job.id: record for record in evidence.done}
    found: dict[str, dict[tuple[str, int], dict[str, str]]] = {}
    for run in runs:
        kept = evidence.cross_grading(records[run.job])
        differing = {} if kept is None else kept.differing
        shown = ((one.problem, one.sample) for one in run.outcomes)
        own = {key: _as_words(differing[key]) for key in shown if key in differing}
        if own:
            found[run.job] = own
    return found


def _as_words(verdicts: Mapping[str, str]) -> dict[str, str]:
    return {name: kind.replace("_", " ") for name, kind in verdicts.items()}
