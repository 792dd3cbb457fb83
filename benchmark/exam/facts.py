"""What the metrics ask of the samples of one problem: counts, lengths, and what only the texts say.

Every form of an exam (outcomes, columns of a file, anyone's samples) is made into these facts; the metrics of
`benchmark.exam.definitions` are computed from nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CORRECT", "RIGHT", "Counts", "ProblemFacts", "TextFacts"]

CORRECT = 4
"""Correct samples at which `richness@k` and `distinct_2_correct` are taken, so that accuracy does not move them."""

RIGHT = "\0right"
"""The one class of all correct answers; no extracted answer holds this character."""


class Counts(NamedTuple):
    """Samples of one problem, counted. The greedy completion is none of them."""

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
    """What is read from the correct completions of one problem."""

    step_strategies: tuple[int, ...]
    """How many of them each strategy of the finer level `steps` has."""
    invalid: int
    """Those whose strategy has a step that is wrong."""
    distinct_2: float | None
    """Distinct-2 of the first `CORRECT` of them; `None` where there are fewer."""


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
