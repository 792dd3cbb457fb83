"""The loop that trains every method on a world, and the exact numbers along the way.

A step: trajectories of the policy, the method's loss, one step of Adam; a backward policy with a loss of its own steps
before (maximum likelihood) or after (policy gradient) it. Rows step together; no loop runs over trajectories.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from algorithms._batch import Loss
from benchmark.contract import Phase, Training
from benchmark.errors import Diverged
from benchmark.lab.exact import distances, log_z, terminal
from benchmark.lab.methods.backward import Guide, backward_gradient, backward_likelihood, inner
from benchmark.lab.methods.method import Method, View, now_of, rollouts, ways_back
from benchmark.lab.methods.rl_t import TrustRegion, trust_region_step
from benchmark.lab.methods.soft_q import SoftQ
from benchmark.lab.policies import WHOLE, Networks, NetworkShape, Tables
from benchmark.lab.sampling import Paths, Row, concatenated, sample_backward, sample_forward
from benchmark.seeds import seed_of

__all__ = ["Silent", "TrainedNetworks", "Watch", "build_view", "measures", "train"]

REPLAY_KEPT = 5000
"""Trajectories that a replay memory holds, the newest."""
BACKWARD_KINDS = ("policy_gradient", "guided")


class Watch(Protocol):
    """Whoever times and logs a training."""

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Everything inside counts for `name`."""
        ...

    def log(self, step: int, metrics: Mapping[str, float], trained: TrainedNetworks) -> None:
        """One point of training."""
        ...


@dataclass(slots=True)
class TrainedNetworks:
    """What a training leaves."""

    networks: Networks
    trajectories: int = 0
    transitions: int = 0
    updates: int = 0
    found: set[int] = field(default_factory=set)
    """Modes that were sampled at least once."""
    log_z: float | None = None
    """The method's own, of its last batch; `None` without training."""


@dataclass(frozen=True, slots=True)
class _Optimisers:
    forward: torch.optim.Adam
    backward: torch.optim.Adam | None


def train(
    world: Tables, method: Method | None, training: Training, seed: int, watch: Watch, shape: NetworkShape | None = None
) -> TrainedNetworks:
    """Train a new policy; `None` trains nothing. Raises `Diverged` where a loss is not finite.

    With the same seed all methods start from the same forward policy and draw from the same stream of numbers.
    """
    needs = frozenset[str]() if method is None else method.networks
    networks = Networks(world, needs, seed_of(seed, "networks"), shape)
    trained = TrainedNetworks(networks)
    with watch.phase("evaluate"):
        found = measures(trained)
    watch.log(0, found, trained)
    if method is None:
        return trained
    loop = _Loop(world, method, training, seed, watch, trained)
    for step in range(1, training.steps + 1):
        metrics = loop.step(step)
        if training.probe_every and (step % training.probe_every == 0 or step == training.steps):
            with watch.phase("evaluate"):
                metrics = {**metrics, **measures(trained)}
            watch.log(step, metrics, trained)
    return trained


def measures(trained: TrainedNetworks) -> dict[str, float]:
    """The exact distances of the present policy, by the names of the report."""
    networks = trained.networks
    graph = networks.world.graph
    sampled = terminal(graph, networks.whole_forward())
    found = distances(graph, sampled)
    own = {} if trained.log_z is None else {"log_z_difference": trained.log_z - log_z(graph)}
    return {
        "total_variation": found.total_variation,
        "jensen_shannon": found.jensen_shannon,
        "kl_to_target": found.kl,
        "mean_reward": found.mean_reward,
        "mode_mass": found.mode_mass,
        "modes_found": float(len(trained.found)),
        **own,
    }


class _Loop:
    """One training's state between steps."""

    def __init__(
        self, world: Tables, method: Method, training: Training, seed: int, watch: Watch, trained: TrainedNetworks
    ) -> None:
        self._world, self._method, self._training, self._watch, self._trained = world, method, training, watch, trained
        self._generator = np.random.default_rng(seed_of(seed, "trajectories"))
        self._ways = np.random.default_rng(seed_of(seed, "backward trajectories"))
        self._optimisers = _optimisers(trained.networks, method, training)
        self._guide = Guide(world, method.backward)
        self._memory: Paths | None = None
        self._slow = copy.deepcopy(trained.networks) if "slow" in method.needs else None
        self._mode = torch.from_numpy(world.graph.mode)

    def step(self, step: int) -> dict[str, float]:
        """One batch of trajectories and what is learned from it."""
        with self._watch.phase("rollout"):
            paths = self._sampled()
        with self._watch.phase("update"):
            if self._method.backward == "max_likelihood":
                self._update_backward(backward_likelihood(self._trained.networks, paths))
            metrics = self._update_forward(paths, step)
            if self._method.backward in BACKWARD_KINDS:
                self._update_backward(self._backward_gradient(paths))
        return metrics

    def _sampled(self) -> Paths:
        trained, method = self._trained, self._method
        rows = self._training.prompts_per_step * self._training.group_size
        with torch.no_grad():
            forward = _explored(self._world, _reader(self._world, trained.networks.log_forward), method.epsilon)
            paths = sample_forward(self._world, forward, rows, self._generator)
        trained.trajectories += rows
        trained.transitions += int(paths.mask.sum())
        trained.found |= set(paths.last[self._mode[paths.last]].tolist())
        self._guide.remember(paths)
        return self._with_replay(paths) if method.replay else paths

    def _with_replay(self, paths: Paths) -> Paths:
        memory = paths if self._memory is None else concatenated(self._memory, paths)
        kept = slice(-REPLAY_KEPT, None)
        self._memory = Paths(memory.states[kept], memory.actions[kept], memory.mask[kept])
        again = round(self._method.replay * len(paths.mask))
        rows = torch.from_numpy(self._generator.integers(len(self._memory.mask), size=again))
        drawn = Paths(self._memory.states[rows], self._memory.actions[rows], self._memory.mask[rows])
        return concatenated(paths, drawn)

    def _update_forward(self, paths: Paths, step: int) -> dict[str, float]:
        networks, method = self._trained.networks, self._method
        view = build_view(networks, paths, self._slow, learn_backward=method.backward == "same_loss")
        found = method.loss(view)
        _refuse_infinite(found, step)
        self._optimisers.forward.zero_grad()
        found.total.backward()  # type: ignore[no-untyped-call]
        metrics = {name: float(value) for name, value in found.metrics.items()}
        if isinstance(method, TrustRegion):
            for weight in networks.policy.parameters():
                weight.grad = None  # Adam moves the heads alone
            metrics |= trust_region_step(view, method)
        self._optimisers.forward.step()
        self._trained.updates += 1
        self._trained.log_z = metrics.get("gfn/log_z")
        if self._slow is not None and isinstance(method, SoftQ):
            _follow(self._slow, networks, method.slow_rate)
        return {"loss": float(found.total.detach()), **metrics}

    def _update_backward(self, loss: Tensor) -> None:
        optimiser = self._optimisers.backward
        assert optimiser is not None
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def _backward_gradient(self, paths: Paths) -> Tensor:
        networks = self._trained.networks
        assert networks.backward_value is not None
        with torch.no_grad():
            drawn = sample_backward(self._world, _reader(self._world, networks.log_backward), paths.last, self._ways)
            if self._method.backward == "guided":
                goal = self._guide.log_prob(networks, drawn)
            else:
                goal = networks.log_forward(drawn.states).gather(-1, drawn.actions.unsqueeze(-1)).squeeze(-1)
        value = networks.read(networks.backward_value, drawn.following).squeeze(-1)
        return backward_gradient(ways_back(networks, drawn), goal, value, inner(drawn, self._world.stop))


def build_view(networks: Networks, paths: Paths, slow: Networks | None = None, *, learn_backward: bool = False) -> View:
    """What a loss reads of trajectories; log P_B carries gradient only where it is learned by the same loss."""
    now = now_of(networks, paths)
    log_backward = ways_back(networks, paths)
    batch = rollouts(networks.world, paths, now, log_backward if learn_backward else log_backward.detach())
    return View(networks.world, networks, slow, paths, batch, now)


def _reader(world: Tables, log_policy: Callable[[Tensor], Tensor]) -> Row:
    """The probabilities of a forward or backward policy; of a small world as one table, read once."""
    if world.graph.states > WHOLE:
        return lambda states: log_policy(torch.from_numpy(states)).exp().numpy()
    table = log_policy(torch.arange(world.graph.states)).exp().numpy()
    return lambda states: table[states]


def _explored(world: Tables, forward: Row, epsilon: float) -> Row:
    """With probability `epsilon` an action is drawn evenly among the allowed ones."""
    if not epsilon:
        return forward

    def mixed(states: NDArray[np.int64]) -> NDArray[np.float32]:
        even = world.graph.allowed[states].astype(np.float32)
        return np.asarray((1 - epsilon) * forward(states) + epsilon * even / even.sum(1, keepdims=True))

    return mixed


def _optimisers(networks: Networks, method: Method, training: Training) -> _Optimisers:
    """Adam with a step size for each part; a backward policy with a loss of its own has its own."""
    apart = method.backward not in ("uniform", "same_loss")
    forward: list[dict[str, object]] = [{"params": list(networks.policy.parameters()), "lr": training.learning_rate}]
    rates: list[tuple[nn.Module | None, float]] = [
        (networks.flow, method.flow_rate),
        (networks.value, method.value_rate),
        (None if apart else networks.backward_policy, method.backward_rate),
    ]
    forward += [{"params": list(net.parameters()), "lr": rate} for net, rate in rates if net is not None]
    if networks.log_z is not None:
        forward.append({"params": [networks.log_z], "lr": method.log_z_rate})
    backward: list[dict[str, object]] = []
    if apart:
        parts = [(networks.backward_policy, method.backward_rate), (networks.backward_value, method.value_rate)]
        backward = [{"params": list(net.parameters()), "lr": rate} for net, rate in parts if net is not None]
    return _Optimisers(
        torch.optim.Adam(forward, fused=True), torch.optim.Adam(backward, fused=True) if backward else None
    )


def _refuse_infinite(found: Loss, step: int) -> None:
    if not math.isfinite(float(found.total.detach())):
        raise Diverged(f"the loss is not finite at step {step}: lower the learning rate.")


@torch.no_grad()
def _follow(slow: Networks, fast: Networks, rate: float) -> None:
    for old, new in zip(slow.parameters(), fast.parameters(), strict=True):
        old.lerp_(new, rate)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


class Silent:
    """Times nothing and keeps the log, for tests and notebooks."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, dict[str, float]]] = []

    def phase(self, name: Phase) -> AbstractContextManager[None]:
        """Nothing."""
        del name
        return _nothing()

    def log(self, step: int, metrics: Mapping[str, float], trained: TrainedNetworks) -> None:
        """Kept."""
        del trained
        assert all(np.isfinite(value) for value in metrics.values()), metrics
        self.steps.append((step, dict(metrics)))
