"""Grade the exam's completions with other text rules, as a step of the exam, so that reports grade nothing.

Only text rules are asked. `math_verify` takes minutes where they take seconds; `bakeoff grade` asks it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from benchmark.contract import CrossGrading
from benchmark.grading.rivals import GRADERS, OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.contract import Outcome, Problem, VerdictKind

__all__ = ["OURS", "RIVALS", "cross_grading"]

RIVALS = ("exact", "flexible", "minerva", "hendrycks")
"""The other graders. `OURS` is the name of the examiner's."""


def cross_grading(outcomes: Sequence[Outcome], problems: Sequence[Problem]) -> CrossGrading:
    """The completions on which another grader and the examiner disagree.

    `outcomes` have their texts. Raises `KeyError` for an outcome of a problem that is not among `problems`.
    """
    golds = {problem.id: problem.gold for problem in problems}
    differing: dict[tuple[str, int], Mapping[str, VerdictKind]] = {}
    for one in outcomes:
        accepted = one.verdict == "correct"
        verdicts = _verdicts(one.text, golds[one.problem])
        others = {name: kind for name, kind in verdicts.items() if (kind == "correct") != accepted}
        if others:
            differing[one.problem, one.sample] = others
    return CrossGrading(RIVALS, differing)


@lru_cache(maxsize=2**16)
def _verdicts(text: str, gold: str) -> dict[str, VerdictKind]:
    return {name: GRADERS[name].grade(text, gold).kind for name in RIVALS}
