"""Intervals, verdicts and groups from numbers per seed and problem. docs/statistics.md explains the methods.

Nothing here reads files or draws from a global generator.
"""

from __future__ import annotations

from benchmark.stats.across import Across, across, improvement, iqm, profile
from benchmark.stats.bootstrap import percentile, resample
from benchmark.stats.greedy import Greedy, greedy, mcnemar
from benchmark.stats.intervals import difference, estimate, interval, p_value, within
from benchmark.stats.outlook import MOST_SEEDS, POWER, detectable, power, seeds_needed
from benchmark.stats.scores import Components, FloatArray, Scores, common, components, from_seeds, scores_of
from benchmark.stats.ties import groups, letters
from benchmark.stats.verdicts import LEVEL, compare_all, families, flipped, holm, p_words, sign_flip

__all__ = [
    "LEVEL",
    "MOST_SEEDS",
    "POWER",
    "Across",
    "Components",
    "FloatArray",
    "Greedy",
    "Scores",
    "across",
    "common",
    "compare_all",
    "components",
    "detectable",
    "difference",
    "estimate",
    "families",
    "flipped",
    "from_seeds",
    "greedy",
    "groups",
    "holm",
    "improvement",
    "interval",
    "iqm",
    "letters",
    "mcnemar",
    "p_value",
    "p_words",
    "percentile",
    "power",
    "profile",
    "resample",
    "scores_of",
    "seeds_needed",
    "sign_flip",
    "within",
]
