"""Intervals that stay inside the range of what they speak of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from benchmark.contract import Estimate
from benchmark.stats.intervals import interval

__all__ = ["seed_range", "share_interval"]


def share_interval(values: Sequence[float | None], planned: int) -> Estimate:
    """Mean over seeds of a share known for whole seeds only, with Student's interval taken through Wilson's formula.

    Student's half width h stands for m(1 - m)/h² trials; Wilson's interval (1927) of so many, with t² = 1, lies in
    [0, 1]:  (m + q/2 ± √(q·m(1 - m) + q²/4)) / (1 + q),  q = h²/(m(1 - m)).

    Equal values, a single one, and a mean of 0 or 1 say nothing of their spread: no interval. Raises `ValueError` for
    a value outside [0, 1].
    """
    if any(value is not None and not 0 <= value <= 1 for value in values):
        raise ValueError(f"shares lie between 0 and 1; these do not: {values}")
    found = interval(values, planned)
    if found.mean is None or found.low is None or found.high is None:
        return found
    half, trial = found.high - found.mean, found.mean * (1 - found.mean)
    ratio = half**2 / trial
    centre = (found.mean + ratio / 2) / (1 + ratio)
    width = math.sqrt(ratio * trial + ratio**2 / 4) / (1 + ratio)
    return replace(found, low=max(centre - width, 0.0), high=min(centre + width, 1.0))


def seed_range(values: Sequence[float | None], planned: int) -> Estimate:
    """Mean over seeds, with the smallest and the largest seed in place of an interval.

    For seconds and bytes: they cannot be negative, one busy moment makes a seed slow, and three seeds do not say how
    they are distributed. It is no confidence interval. One value, or equal ones, have no range.
    """
    known = [value for value in values if value is not None]
    found = replace(interval(values, planned), low=None, high=None)
    return replace(found, low=min(known), high=max(known)) if len(set(known)) > 1 else found
