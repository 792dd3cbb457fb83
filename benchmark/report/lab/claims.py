"""The claims of arXiv:2408.05885's abstract and conclusion, and what a suite's seeds decide about each.

A claim is a list of pairs "this method against that one" on one metric. On a world it holds where every pair is decided
in its favour, it does not where at least one pair is decided against it and none for it, it is mixed where some are
decided either way or only some in its favour, and it is undecided where none is. Verdicts are those of
`benchmark.stats`; the pairs of a claim share half of the level (Holm), the other pairs of its methods the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.comparison.table import SPACE, Table, code, number, signed
from benchmark.contract import Comparison
from benchmark.report.lab.reading import SPEED, LabReading

__all__ = ["CLAIMS", "Claim", "claims_table", "outcome"]

VALUE_BASED = ("tb", "db", "subtb")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said, and the pairs that would show it."""

    words: str
    metric: str
    ours: str
    theirs: tuple[str, ...]


CLAIMS = (
    Claim("Policy-based training converges faster than value-based: RL-U", SPEED, "rl_u", VALUE_BASED),
    Claim("… and ends nearer to the target: RL-U", "total_variation", "rl_u", VALUE_BASED),
    Claim("A trust region speeds policy-based training up: RL-T", SPEED, "rl_t", ("rl_u", *VALUE_BASED)),
    Claim("Coupled training of the backward policy helps: RL-B against RL-U", SPEED, "rl_b", ("rl_u",)),
    Claim("A guided backward policy helps: RL-G against RL-U", SPEED, "rl_g", ("rl_u",)),
    Claim("… and against RL-B", SPEED, "rl_g", ("rl_b",)),
    Claim("RL-T beats TB with a learned backward policy", SPEED, "rl_t", ("tb_learned",)),
    Claim("Sub-EB's evaluator beats the critic (arXiv:2603.01047): against RL-U", SPEED, "sub_eb", ("rl_u",)),
)


def outcome(found: Sequence[Comparison]) -> str:
    """`holds`, `does not`, `mixed`, `undecided`, or a dash without any pair that has two seeds."""
    decisions = [each.decision for each in found if each.difference.done >= 2]
    if not decisions:
        return "–"
    for said, wanted in (("holds", "better"), ("does not", "worse"), ("undecided", "undecided")):
        if set(decisions) == {wanted}:
            return said
    if "better" not in decisions:
        return "does not"
    return "mixed"


def claims_table(reading: LabReading) -> Table | None:
    """A row for each claim whose methods are in the suite, a column for each world; `None` without any."""
    methods, tasks = reading.evidence.methods, reading.evidence.suite.tasks
    rows = []
    for claim in CLAIMS:
        pairs = [(claim.ours, two) for two in claim.theirs if {claim.ours, two} <= set(methods)]
        if pairs:
            named = tuple(dict.fromkeys(name for pair in pairs for name in pair))
            cells = [
                _cell([reading.compare(claim.metric, task, named, claim.ours)[pair] for pair in pairs])
                for task in tasks
            ]
            rows.append((claim.words, *cells))
    header = ("claim", *(code(task) for task in tasks))
    return Table(header, tuple(rows), left=len(header)) if rows else None


def _cell(found: Sequence[Comparison]) -> str:
    """The outcome, and each pair's difference in points of total variation with its interval."""
    said = outcome(found)
    parts = [
        f"{each.against}{SPACE}{signed(each.difference.mean, 'percent')}"
        f"{SPACE}[{number(each.difference.low, 'percent')},{SPACE}{number(each.difference.high, 'percent')}]"
        for each in found
        if each.difference.mean is not None and each.difference.low is not None and each.difference.high is not None
    ]
    return f"**{said}**: {'; '.join(parts)}" if parts else said
