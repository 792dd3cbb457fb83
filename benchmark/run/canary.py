"""What the examiner sees of a training that did what it must not: test problems known, seconds or counts not true.

A canary shows such a thing where it can; it proves nothing where it is silent. All functions here are pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.contract import GREEDY, Diagnosis, Job, Outcome, Trained
from benchmark.errors import MethodFault

__all__ = ["BY_EXAMINER", "SAMPLES", "refuse_impossible", "test_known", "unaccounted"]

KNOWN, HIDDEN_SECONDS = "test problems known", "seconds not accounted for"
BY_EXAMINER = frozenset({KNOWN, HIDDEN_SECONDS})
"""Names of diagnoses that no step log shows."""
SAMPLES = 2
"""Completions of each validation problem that the examiner asks for."""
GAP, DEVIATIONS = 0.15, 4.0
"""A gap of accuracy that is told: at least this large, and so many of its standard errors."""
SLACK_SECONDS, SLACK_SHARE = 2.0, 0.05
"""What starting and ending a process may take, beside what its own clock measured."""


def test_known(test: Sequence[Outcome], validation: Sequence[Outcome]) -> Diagnosis | None:
    """Whether a policy solves the test problems far better than validation problems that were not in its training.

    Accuracies are means over problems of their share of accepted samples, greedy completions left out. The standard
    error of the gap is √(s²_test/P_test + s²_val/P_val) over these shares; each s² is taken with one more problem that
    went the other way, so that a perfect exam has an error too.
    """
    if not test or not validation:
        return None
    (high, high_error, asked), (low, low_error, held) = (_accuracy(one) for one in (test, validation))
    error = math.sqrt(high_error + low_error)
    if high - low < max(GAP, DEVIATIONS * error):
        return None
    return Diagnosis(
        KNOWN,
        f"accuracy {high:.1%} on {asked} test problems, {low:.1%} on {held} validation problems that it was not given",
        "Look whether training reads test problems; a gap of base_model too says that the splits differ in difficulty.",
    )


def _accuracy(outcomes: Sequence[Outcome]) -> tuple[float, float, int]:
    """Mean over problems, its squared standard error, and the number of problems."""
    found: dict[str, list[bool]] = {}
    for one in outcomes:
        if one.sample == GREEDY:
            continue
        found.setdefault(one.problem, []).append(one.verdict == "correct")
    shares = [sum(each) / len(each) for each in found.values()]
    count = len(shares)
    mean = sum(shares) / count
    other = [*shares, 0.0 if mean >= 0.5 else 1.0]
    centre = sum(other) / len(other)
    variance = sum((share - centre) ** 2 for share in other) / count
    return mean, variance / count, count


def unaccounted(trained: Trained, measured: float | None) -> tuple[float, Diagnosis | None]:
    """Seconds of the training process that its own clock did not see, and what to say of them.

    `measured` is the process's life by the clock of the process that watched it. Starting and ending take a part of it;
    what is beyond counts as training time.
    """
    own = sum(trained.phase_seconds.values()) - trained.earlier_seconds
    missing = 0.0 if measured is None else measured - own
    if measured is None or missing <= SLACK_SECONDS + SLACK_SHARE * measured:
        return 0.0, None
    return missing, Diagnosis(
        HIDDEN_SECONDS,
        f"training took {measured:.1f} s by the sweep's clock and {measured - missing:.1f} s by its own",
        "Look for code that changes clocks, or work behind the end of 'train'; seconds in the learning curve are too "
        "few, the total counts them as other.",
    )


def refuse_impossible(trained: Trained, job: Job) -> None:
    """Raise `MethodFault` for more completions than the suite grants: only a changed count can say so."""
    used, granted = trained.counts.get("completions", 0), job.training.completions
    if used > granted:
        raise MethodFault(
            f"training handed over {used:,} completions of a budget of {granted:,}: what exceeds it is refused where "
            "it is sampled, so a method changed the count."
        )
