"""A step log by metric: ends, trends and levels of each series, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmark.contract import Setting, StepLog

__all__ = ["FEWEST", "Chart", "Series", "mean", "span"]

FEWEST = 4
"""Batches: fewer show no trend."""
WINDOW = 4
"""Batches averaged at either end of a log; a quarter of it where it is short."""
LEARNS = 0.05
"""Rise of the mean reward between both ends; a window of 4 × 128 completions has a standard error of 0.02."""


@dataclass(frozen=True)
class Series:
    """One metric over the batches that logged it."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def window(self) -> int:
        """Batches averaged at either end."""
        return max(1, min(WINDOW, len(self.values) // 4))

    @property
    def first(self) -> float:
        """Value of the first batch."""
        return self.values[0]

    @property
    def early(self) -> float:
        """Mean of the first window."""
        return mean(self.values[: self.window])

    @property
    def late(self) -> float:
        """Mean of the last window."""
        return mean(self.values[-self.window :])

    @property
    def half(self) -> float:
        """Mean of the last half."""
        return mean(self.values[len(self.values) // 2 :])

    def best(self) -> tuple[float, int]:
        """Highest mean of a window, and the step that ends it."""
        w = self.window
        return max((mean(self.values[i : i + w]), self.steps[i + w - 1]) for i in range(len(self.values) - w + 1))

    def trend(self) -> str:
        """`policy/entropy 0.076 (step 1) → 0.012 (steps 13–16)`."""
        return f"{self.name} {self.first:.3g} (step {self.steps[0]}) → {self.end()}"

    def end(self) -> str:
        """`0.012 (steps 13–16)`."""
        return f"{self.late:.3g} ({span(self.steps[-self.window :])})"

    def level(self) -> str:
        """`policy/clip_fraction 0.93 on average (steps 9–16)`."""
        return f"{self.name} {self.half:.3g} on average ({span(self.steps[len(self.steps) // 2 :])})"

    def peak(self) -> str:
        """`policy/ratio_max 1.5e+03 (step 3)`."""
        at = max(range(len(self.values)), key=self.values.__getitem__)
        return f"{self.name} {self.values[at]:.3g} (step {self.steps[at]})"


@dataclass(frozen=True)
class Chart:
    """A whole log, by metric."""

    steps: tuple[StepLog, ...]
    settings: Mapping[str, Setting]

    def get(self, name: str) -> Series | None:
        """The series, unless too few batches logged it."""
        points = [(step.step, step.metrics[name]) for step in self.steps if name in step.metrics]
        if len(points) < FEWEST:
            return None
        return Series(name, tuple(step for step, _ in points), tuple(value for _, value in points))

    @cached_property
    def reward(self) -> Series | None:
        """Mean reward; none in supervised training."""
        return self.get("reward/mean")

    @cached_property
    def learns(self) -> bool:
        """Whether the reward rose; true for logs without a reward (supervised methods)."""
        return self.reward is None or self.reward.late - self.reward.early > LEARNS

    def reward_trend(self) -> str:
        """The reward's trend, where there is one."""
        return self.reward.trend() if self.reward else ""


def mean(values: Sequence[float]) -> float:
    """Mean of at least one number."""
    return sum(values) / len(values)


def span(steps: Sequence[int]) -> str:
    """`steps 13–16`."""
    return f"step {steps[0]}" if len(steps) == 1 else f"steps {steps[0]}–{steps[-1]}"
