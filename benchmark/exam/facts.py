"""The facts about one problem's samples that metrics need: counts, lengths, and facts read from texts.

Every form of an exam (outcomes, columns of a file, samples in a file) is converted to these facts, and the metrics
of `benchmark.exam.definitions` are computed from them alone.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CORRECT", "RIGHT", "Counts", "ProblemFacts", "TextFacts"]

CORRECT = 4
"""Correct samples at which `richness@k` and `distinct_2_correct` are taken, so that accuracy does not move them."""

RIGHT = "\0right"
"""The one class of all correct answers; no extracted answer holds this character."""


class Counts(NamedTuple):
    """Counts over the samples of one problem, without the greedy completion."""

    samples: int
    """n"""
    correct: int
    with_strategy: int = 0
    """Correct samples in which a strategy could be read."""
    strategies: tuple[int, ...] = ()
    """How many correct samples each strategy has, fewest first."""
    wrong: tuple[int, ...] = ()
    """How many samples each answer that is not correct has, fewest first."""
    no_answer: int = 0
    undecided: int = 0
    error: int = 0


class TextFacts(NamedTuple):
    """Facts read from the texts of one problem's correct completions."""

    step_strategies: tuple[int, ...]
    """How many of them each strategy of the finer level `steps` has."""
    invalid: int
    """Number of completions whose strategy contains a wrong step."""
    distinct_2: float | None
    """Distinct-2 of the first `CORRECT` of them; `None` where there are fewer."""
    equations: tuple[int, int] = (0, 0)
    """Different equations, and all equations, in all samples of the problem, wrong ones included."""


class ProblemFacts(NamedTuple):
    """One problem of an exam. `None` is "not known"."""

    counts: Counts
    tokens: int | None = None
    """Of all samples together."""
    truncated: int | None = None
    """Samples cut at the length limit."""
    greedy: bool | None = None
    """Whether the greedy completion is correct."""
    texts: TextFacts | None = None
