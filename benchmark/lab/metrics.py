"""What is measured of a policy on a world: exact numbers without outcomes. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from benchmark.contract import Direction, StepLog

__all__ = ["LAB_METRICS", "NEAR", "LabMetric", "spent_until"]

NEAR = 0.1
"""Total variation at which a policy counts as near its target: "time to target" is the time until it is there."""


@dataclass(frozen=True, slots=True)
class LabMetric:
    """The definition of one metric of a world."""

    title: str
    direction: Direction
    kind: Literal["percent", "count", "seconds", "tokens"]
    """How it is written."""
    description: str


LAB_METRICS: Mapping[str, LabMetric] = MappingProxyType(
    {
        "total_variation": LabMetric("total variation", "lower", "percent", "½ Σ|p − R/Z| of the exact p; 0 to 1"),
        "jensen_shannon": LabMetric("Jensen–Shannon (nats)", "lower", "count", "of p and R/Z; 0 to log 2"),
        "kl_to_target": LabMetric("KL (nats)", "lower", "count", "KL(p‖R/Z)"),
        "log_z_error": LabMetric("log Z off by (nats)", "lower", "count", "|log Z of the method − exact|"),
        "modes_found": LabMetric("modes found", "higher", "tokens", "modes sampled at least once in training"),
        "mode_mass": LabMetric("mass on modes", "neither", "percent", "exact probability of the modes"),
        "mean_reward": LabMetric("mean reward", "neither", "count", "Σ p·R, exact; the target's is not the highest"),
        "trajectories_to_near": LabMetric(
            "trajectories to near", "lower", "tokens", "trajectories until the total variation is 10 % or less"
        ),
        "seconds_to_near": LabMetric("seconds to near", "lower", "seconds", "training seconds until then"),
    }
)


def spent_until(steps: Sequence[StepLog], near: float = NEAR) -> tuple[float, float] | None:
    """Trajectories and training seconds when the total variation first was `near` or less; `None` if it never was.

    Between two probes the distance is taken to fall on a straight line; nothing is extrapolated.
    """
    probes = [step for step in steps if "total_variation" in step.metrics]
    for before, after in zip([None, *probes], probes, strict=False):
        now = after.metrics["total_variation"]
        if now <= near:
            if before is None:
                return float(after.completions), after.seconds
            then = before.metrics["total_variation"]
            share = (then - near) / (then - now)
            return (
                before.completions + share * (after.completions - before.completions),
                before.seconds + share * (after.seconds - before.seconds),
            )
    return None
