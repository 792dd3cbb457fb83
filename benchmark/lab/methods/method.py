"""What every method of a world shares: its fields, what it is shown, and the bridge to the classes of texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, Protocol, cast

import torch
from torch import Tensor

from algorithms._batch import Loss, Now, Rollouts
from benchmark.contract import Setting
from benchmark.lab.policies import Networks, Tables
from benchmark.lab.sampling import Paths
from benchmark.model.policy import Prompts
from benchmark.suite.registry import build, resolve

__all__ = ["BACKWARD", "Backward", "Method", "TextLoss", "View", "now_of", "rollouts", "text_loss", "ways_back"]

Backward = Literal["uniform", "same_loss", "max_likelihood", "policy_gradient", "guided"]
BACKWARD: Mapping[str, str] = {
    "uniform": "all ways back alike, not learned",
    "same_loss": "learned by the method's own loss",
    "max_likelihood": "−mean Σ log P_B on sampled trajectories, before each step (arXiv:2410.15474)",
    "policy_gradient": "KL(P_B‖P_F) on trajectories drawn backwards, after each step (RL-B)",
    "guided": "KL(P_B‖P_G) to a guide of longer trajectories, likewise (RL-G)",
}


class TextLoss(Protocol):
    """What is used of an algorithm for texts."""

    def prepare(self, batch: Rollouts) -> Rollouts:
        """Advantages and targets."""
        ...

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """Of a whole batch."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """What a loss may read."""

    world: Tables
    networks: Networks
    slow: Networks | None
    """A copy whose weights follow slowly, for methods that ask for one."""
    paths: Paths
    batch: Rollouts
    now: Now


@dataclass(frozen=True, slots=True)
class Method(ABC):
    """One row of a comparison; its fields are its hyper-parameters."""

    paper: ClassVar[str]
    on_policy: ClassVar[bool] = False
    """Whether its gradient is only right for trajectories of the policy itself."""
    backwards: ClassVar[tuple[Backward, ...]] = ("uniform", "same_loss", "max_likelihood", "policy_gradient", "guided")
    """The backward policies it can be trained with."""
    backward: Backward = "uniform"
    """How P_B is chosen; `BACKWARD` says what each name means."""
    epsilon: float = 0.0
    """Share of actions that are drawn evenly among the allowed ones."""
    replay: float = 0.0
    """Trajectories drawn again from earlier ones, per new one."""
    log_z_rate: float = 0.1
    """Adam's step size for log Z: the released code's, 1.0 there for Bayesian networks."""
    flow_rate: float = 1e-3
    """For the state flows."""
    value_rate: float = 5e-3
    """For critics."""
    backward_rate: float = 1e-3
    """For a learned backward policy."""

    @property
    def needs(self) -> frozenset[str]:
        """Networks beside the forward policy, by the names of `policies.Networks`; `slow` for a slow copy."""
        return frozenset()

    @property
    def networks(self) -> frozenset[str]:
        """`needs` and those of the backward policy."""
        own = {"same_loss": {"backward"}, "max_likelihood": {"backward"}}.get(self.backward, set())
        if self.backward in ("policy_gradient", "guided"):
            own = {"backward", "backward_value"}
        return self.needs | own

    def refuses(self, *, is_tree: bool) -> str | None:
        """Why it cannot be run as it is set; `None` when it can."""
        if self.backward not in self.backwards:
            return f"backward = {self.backward!r}: expected one of {', '.join(self.backwards)}"
        if self.on_policy and (self.epsilon or self.replay):
            return "its gradient holds for its own trajectories only: set epsilon and replay to 0"
        if not (0 <= self.epsilon <= 1 and self.replay >= 0):
            return f"epsilon = {self.epsilon}, replay = {self.replay}: expected a share from 0 to 1 and a number from 0"
        if is_tree and self.backward != "uniform":
            return f"backward = {self.backward!r}, but every object of this world has one way only: leave it uniform"
        return None

    @abstractmethod
    def loss(self, view: View) -> Loss:
        """What is minimised; its metrics hold `gfn/log_z`, the method's own log Z."""


@cache
def text_loss(name: str, **settings: Setting) -> TextLoss:
    """A text's algorithm at τ = 1 and a = 1, so that its log R is log R(x) + Σ log P_B."""
    return cast("TextLoss", build(resolve(name, {"tau": 1.0, "ref_power": 1.0, **settings})))


def ways_back(networks: Networks, paths: Paths) -> Tensor:
    """[B, T] log P_B(s_{t−1}|s_t) of each action of a trajectory, 0 for "stop" and on padding."""
    world = networks.world
    onward = paths.actions != world.stop
    log_backward = networks.log_backward(paths.following)
    slot = world.slot[paths.actions].unsqueeze(-1)
    return torch.where(onward, log_backward.gather(-1, slot).squeeze(-1), 0.0)


def now_of(networks: Networks, paths: Paths) -> Now:
    """What the weights say of trajectories, with gradient."""
    logp = networks.log_forward(paths.states).gather(-1, paths.actions.unsqueeze(-1)).squeeze(-1)
    flow, value, log_z = networks.flow, networks.value, networks.log_z
    return Now(
        logp=torch.where(paths.mask.bool(), logp, 0.0),
        value=None if value is None else networks.read(value, paths.states).squeeze(-1),
        log_z=None if log_z is None else log_z.expand(len(paths.mask)),
        flow=None if flow is None else networks.read(flow, paths.states).squeeze(-1),
    )


def rollouts(world: Tables, paths: Paths, now: Now, log_backward: Tensor) -> Rollouts:
    """Trajectories as the batch that a text's loss reads: one "prompt", log R as reward, P_B [B, T] as reference."""
    rows = len(paths.mask)
    nothing = torch.zeros(1, 1, dtype=torch.int64)
    return Rollouts(
        group_size=rows,
        prompts=Prompts(nothing, nothing.float()),
        ids=paths.actions,
        mask=paths.mask,
        terminated=torch.ones(rows, dtype=torch.bool),
        reward=world.log_reward[paths.last],
        old_logp=now.logp.detach(),
        rows=rows,
        tokens=float(paths.mask.sum()),
        limit=world.graph.longest,
        ref_logp=log_backward,
        old_value=None if now.value is None else now.value.detach(),
        old_log_z=None if now.log_z is None else now.log_z.detach(),
    )
