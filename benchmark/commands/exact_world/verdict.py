"""What was found of a method in the exact world, and when it fails. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.contract.aim import Aim

__all__ = ["COLUMNS", "CheckResult", "Tolerances", "cells", "page", "with_verdict"]


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far from its aim a method may end; total variation unless stated otherwise."""

    tempered: float = 5e-3
    """Residual and variance vanish together at the target, so there is no noise floor."""
    whitened: float = 1.5e-2
    """`tempered` with advantages normalised over the batch's tokens: a bias of order 1/tokens, and a noise floor."""
    length: float = 1e-2
    """FlowRL's target: as `tempered`, but the log Z head's gradient is as large as the policy's."""
    loss_kl: float = 2e-2
    """The KL in the loss leaves a noise floor of about 0.01."""
    correct: float = 3e-2
    """A finite number of right completions."""
    best: float = 2e-2
    """Mass that is not on the best completions."""
    gradient: float = 5e-2
    """Relative error of the first step's gradient; 1 to 3 % is sampling noise."""
    log_z: float = 3e-2
    """Nats."""
    rise: float = 0.1
    """E[r] must rise by this much if a method declares no distribution."""
    miss: float = 0.3
    """`nothing` must stay this far from the tempered target."""

    def of(self, aim: Aim | None) -> float | None:
        """The tolerance of the distance to this aim; `None` if it is not judged."""
        if aim is None:
            return None
        by_target = {
            "tempered": self.whitened if aim.credit == "batch_whitened" else self.tempered,
            "length_tempered": self.length,
            "loss_kl": self.loss_kl,
            "correct": self.correct,
            "best": self.best,
            "start": 1e-9,
            "nothing": self.miss,
        }
        return by_target[aim.target]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One method's figures; `None` is not defined for it."""

    method: str
    aim: Aim | None
    reward_start: float | None
    """E[r] of the start, exact; `None` where the method raised an error."""
    distance_start: float | None
    """Total variation to the target; of `best`, the mass elsewhere."""
    reward_end: float | None = None
    """E[r], averaged over the last third of training, as is the distance."""
    distance_end: float | None = None
    tolerance: float | None = None
    gradient_error: float | None = None
    """‖ĝ − s·g‖/‖s·g‖ of the first step against enumeration."""
    gradient_cosine: float | None = None
    log_z_error: float | None = None
    """Nats, signed: the method's log Z less the exact one."""
    seconds: float = 0.0
    """Of the processor."""
    reasons: tuple[str, ...] = ()
    """Why it fails; empty for a pass."""

    @property
    def passed(self) -> bool:
        """Whether every figure it names is within its tolerance."""
        return not self.reasons


def with_verdict(result: CheckResult, tolerances: Tolerances) -> CheckResult:
    """With its tolerance and the reasons for which it fails."""
    limit = tolerances.of(result.aim)
    reasons = [*_of_the_end(result, tolerances, limit)]
    if result.gradient_error is not None and not result.gradient_error <= tolerances.gradient:
        reasons.append(
            f"gradient: relative error {result.gradient_error:.3f} > {tolerances.gradient:g}, "
            f"cosine {_number(result.gradient_cosine, '.3f')}"
        )
    if result.log_z_error is not None and not abs(result.log_z_error) <= tolerances.log_z:
        reasons.append(f"log Z: off by {result.log_z_error:+.3f} nats, allowed {tolerances.log_z:g}")
    return replace(result, tolerance=limit, reasons=(*result.reasons, *reasons))


def _of_the_end(result: CheckResult, tolerances: Tolerances, limit: float | None) -> list[str]:
    """Reasons why the end of training is out of tolerance."""
    end, reward = result.distance_end, result.reward_end
    if reward is None or result.reward_start is None:
        return []
    rise = reward - result.reward_start
    if result.aim is None or end is None or limit is None:
        return [] if rise >= tolerances.rise else [f"reward: rose by {rise:.3f}, expected {tolerances.rise:g} at least"]
    if result.aim.target == "nothing":
        near = [f"distance: {end:.3f} to the tempered target, expected more than {limit:g}"] if not end > limit else []
        return near + ([f"reward: rose by {rise:.3f} without being read"] if rise > tolerances.rise else [])
    what = "mass off the best" if result.aim.target == "best" else "total variation"
    return [] if end <= limit else [f"distance: {what} {end:.4f} > {limit:g}"]


COLUMNS = (
    "method",
    "aim",
    "E[r]",
    "distance to aim",
    "allowed",
    "gradient error",
    "cosine",
    "log Z error",
    "CPU s",
    "verdict",
)


def cells(result: CheckResult) -> tuple[str, ...]:
    """One row of the table, in the order of `COLUMNS`."""
    return (
        result.method,
        aim_text(result.aim),
        f"{_number(result.reward_start, '.3f')} → {_number(result.reward_end, '.3f')}",
        f"{_number(result.distance_start, '.3f')} → {_number(result.distance_end, '.4f')}",
        _number(result.tolerance, "g")
        if result.aim is None or result.aim.target != "nothing"
        else f"> {result.tolerance:g}",
        _number(result.gradient_error, ".3f"),
        _number(result.gradient_cosine, ".4f"),
        _number(result.log_z_error, "+.4f"),
        f"{result.seconds:.1f}",
        "pass" if result.passed else "fail: " + "; ".join(result.reasons),
    )


def aim_text(aim: Aim | None) -> str:
    """An aim as a short formula."""
    if aim is None:
        return "reward rises"
    t = f"{aim.temperature:g}"
    power = {1.0: "π_ref·", 0.0: ""}.get(aim.ref_power, f"π_ref^{aim.ref_power:g}·")
    texts = {
        "tempered": f"{power}e^(r/{t})/Z",
        "length_tempered": f"π_ref·e^(n(r/{aim.temperature:.3g} − log Z))",
        "loss_kl": f"r against {t}·{'ρ·k3' if aim.corrected_kl else 'k3'} in the loss",
        "best": "best completions",
        "correct": "π_ref given r ≥ 1",
        "start": "the start",
        "nothing": "nothing",
    }
    return texts[aim.target] + (", 1/n" if aim.target == "loss_kl" and aim.span == "row_mean" else "")


def page(results: Sequence[CheckResult], command: str, conditions: str) -> str:
    """The table as a page, with the command that made it."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(cells, results)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"# Every method in the exact world\n\nMade by `{command}`. {conditions}\n\n{table}\n"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
