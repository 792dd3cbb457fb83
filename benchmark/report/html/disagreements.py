"""Where another grader's text rules say something else of a completion than the examiner did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark.report.tables.graders import rival_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.contract import Outcome, Problem, VerdictKind
    from benchmark.report.html.samples import SampledRun

__all__ = ["Disagreements", "disagreements"]

Disagreements = Mapping[str, Mapping[tuple[str, int], Mapping[str, str]]]
"""Job id → problem and sample → another grader's name → its verdict, where only one of the two accepts."""


def disagreements(runs: Iterable[SampledRun], asked: Mapping[str, Mapping[str, Problem]]) -> Disagreements:
    """Judges the completions whose texts and right answers are known; equal ones once."""
    found: dict[str, dict[tuple[str, int], dict[str, str]]] = {}
    for run in runs:
        known = asked[run.task] if run.texts else {}
        for one in run.outcomes:
            if one.problem in known:
                others = _differing(one, rival_verdicts(one.text, known[one.problem].gold))
                if others:
                    found.setdefault(run.job, {})[one.problem, one.sample] = others
    return found


def _differing(ours: Outcome, others: Mapping[str, VerdictKind]) -> dict[str, str]:
    accepted = ours.verdict == "correct"
    return {name: kind.replace("_", " ") for name, kind in others.items() if (kind == "correct") != accepted}
