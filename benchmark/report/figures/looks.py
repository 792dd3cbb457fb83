"""How each method is drawn, in every figure of every report: its colour, line and marker follow from its name.

Six colours of at least 4.6:1 against white, chosen so that any two stay 30 apart in CIELAB for normal vision and for
simulated protanopia, deuteranopia and tritanopia (Machado et al. 2009). Related methods share a colour and differ in
line and marker.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.comparison.table import code, words
from benchmark.contract import FLOOR
from benchmark.report.metrics import ACCURACY

if TYPE_CHECKING:
    from benchmark.report.reading import ReportData

__all__ = ["COLOURS", "GREY", "Look", "highlighted", "look", "others", "style_of"]

COLOURS = ("#193852", "#d33f0b", "#088567", "#c925b8", "#820cf1", "#740408")
NAVY, VERMILION, GREEN, MAGENTA, VIOLET, MAROON = range(6)
GREY = "#6b6b6b"
"""The floor, and methods without a label."""
LABELLED = 8
"""Methods up to which every one has its colour and label."""
BEST = 5
"""Trained methods with colour and label where there are more."""
_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (6, 2, 1, 2, 1, 2)), (0, (3, 1)), (0, (1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_KNOWN = {
    "sft": (VIOLET, 0),
    "raft": (VERMILION, 5),
    "expert_iteration": (VIOLET, 1),
    "grpo": (VERMILION, 0),
    "grpo_areal": (VERMILION, 1),
    "dr_grpo": (VERMILION, 2),
    "dapo": (VERMILION, 3),
    "gspo": (MAROON, 0),
    "cispo": (MAROON, 1),
    "rloo": (NAVY, 1),
    "reinforce_pp": (NAVY, 2),
    "remax": (NAVY, 3),
    "ppo": (NAVY, 0),
    "paired": (MAROON, 2),
    "gflownet_tb": (GREEN, 0),
    "gflownet_vargrad": (GREEN, 1),
    "gflownet_db": (GREEN, 2),
    "gflownet_subtb": (GREEN, 3),
    "gflownet_subtb_prefix": (GREEN, 4),
    "gflownet_pg": (MAGENTA, 1),
    "tba": (MAGENTA, 2),
    "flowrl": (MAGENTA, 0),
    "gflownet_naive": (GREEN, 5),
    "trl_grpo": (VERMILION, 4),
    "trl_rloo": (NAVY, 4),
    "trl_online_dpo": (MAROON, 3),
}
"""Name → colour and variant of it. A name that is not here draws both from a digest of itself."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a method is drawn."""

    colour: str
    line: Any
    marker: str
    width: float
    """Of its line, in points."""
    labelled: bool


def style_of(method: str) -> Look:
    """The look of a labelled method: the same in every report."""
    if method == FLOOR:
        return Look(GREY, "-", "o", 1.6, labelled=True)
    colour, variant = _KNOWN.get(method) or _drawn(method)
    style = colour + variant  # two methods of one colour never share it, and each colour begins with another
    return Look(COLOURS[colour], _LINES[style % len(_LINES)], _MARKERS[style % len(_MARKERS)], 1.6, labelled=True)


def look(reading: ReportData, method: str) -> Look:
    """Of a method in this report: thin and grey where it has no label."""
    return style_of(method) if method in highlighted(reading) else Look(GREY, "-", ".", 0.5, labelled=False)


def highlighted(reading: ReportData) -> tuple[str, ...]:
    """The methods with a colour and a label: all, or of many the floor and those with the best mean exam accuracy."""
    evidence = reading.evidence
    if len(evidence.methods) <= LABELLED:
        return evidence.methods
    means = {method: _over_tasks(reading, method) for method in evidence.trained}
    best = sorted(means, key=lambda method: (-means[method], method))[:BEST]
    return tuple(method for method in evidence.methods if method in best or method == FLOOR)


def others(reading: ReportData) -> str:
    """The sentence that says which methods are labelled; empty where all are."""
    rest = len(reading.evidence.methods) - len(highlighted(reading))
    if not rest:
        return ""
    named = words(code(method) for method in highlighted(reading))
    return (
        f"Labelled: {named} (the floor and the {BEST} trained methods with the highest exam accuracy, averaged over "
        f"tasks). The other {rest} are thin and grey."
    )


def _drawn(method: str) -> tuple[int, int]:
    digest = hashlib.sha256(method.encode()).digest()
    return digest[0] % len(COLOURS), digest[1] % len(_LINES)


def _over_tasks(reading: ReportData, method: str) -> float:
    means = [reading.estimate(method, task, ACCURACY).mean for task in reading.evidence.suite.tasks]
    known = [mean for mean in means if mean is not None]
    return sum(known) / len(known) if known else -1.0
