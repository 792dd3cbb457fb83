"""The check: train an adapter in the exact world through its own `train`, and hold it to its own `aim`."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from algorithms import CATALOGUE
from benchmark.adapter import Adapter
from benchmark.commands.exact_world.gradient import GradientAgreement, agreement, exact_gradient, off_reference_logits
from benchmark.commands.exact_world.network import network_policy, table_of
from benchmark.commands.exact_world.policy import TreePolicy
from benchmark.commands.exact_world.rules import broken_rules
from benchmark.commands.exact_world.run import ExactRun, exact_job
from benchmark.commands.exact_world.targets import TargetDistribution, target_of
from benchmark.commands.exact_world.tree import BINARY, World
from benchmark.commands.exact_world.verdict import CheckResult, Tolerances, with_verdict
from benchmark.contract import Algorithm, StepLog, Training
from benchmark.contract.aim import Aim
from benchmark.errors import BakeoffError, ConfigurationError, MethodFault, TrainingStopped
from benchmark.model.policy import LanguagePolicy
from benchmark.suite.author import fault_of, refuse_other_checkpoint
from benchmark.suite.registry import adapter_class, build, resolve

__all__ = ["NETWORK", "TABLE", "CheckSettings", "check", "check_all", "check_named", "first_step"]


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """How a policy is trained, and how near it must come."""

    training: Training
    tolerances: Tolerances = field(default_factory=Tolerances)
    network: bool = False
    """A two-layer transformer instead of a table; its gradient is not compared."""

    def describe(self) -> str:
        """The conditions, in a sentence."""
        asked = self.training
        what = "A two-layer transformer" if self.network else "A table of logits"
        return (
            f"{what}, {asked.steps} steps of {asked.prompts_per_step} × {asked.group_size} completions, "
            f"learning rate {asked.learning_rate:g} (heads {asked.head_learning_rate:g}); p(y) is exact, averaged over "
            "the last third of training."
        )


_PLAIN = Training(warmup_steps=0, max_grad_norm=1e9, probe_every=0, group_size=8)
TABLE = CheckSettings(replace(_PLAIN, steps=500, prompts_per_step=12, learning_rate=0.05, head_learning_rate=0.01))
NETWORK = CheckSettings(
    replace(_PLAIN, steps=400, prompts_per_step=12, learning_rate=1e-3, head_learning_rate=5e-3),
    Tolerances(tempered=0.10, whitened=0.10, length=0.10, loss_kl=0.10, best=0.05, log_z=0.15),
    network=True,
)
FIRST_STEP = replace(_PLAIN, steps=1, prompts_per_step=4096)
"""One batch so large that the sampled gradient is the expected one within 1 to 3 %."""
STRIDE = 5
"""Steps between two looks at p(y); those of the last third are averaged, so that one step's noise does not count."""


def check_all(names: Sequence[str] | None, settings: CheckSettings = TABLE) -> Iterator[CheckResult]:
    """`names` one after the other; `None` is every algorithm of the catalogue that can be driven here."""
    if names is None:
        names = [name for name, target in CATALOGUE.items() if not adapter_class(target).own_loop]
    for name in names:  # a wrong name is refused before anything is trained; an author's mistake is a result
        if ":" not in name:
            _refuse_own_loop(name, adapter_class(resolve(name, {}).target))
    for name in names:
        yield _checked(name, settings)


def _checked(name: str, settings: CheckSettings) -> CheckResult:
    """`check_named`; whatever a method raises is its result, and the others go on."""
    clock = time.process_time()
    try:
        return check_named(name, settings)
    except Exception as error:  # noqa: BLE001 - anybody's code runs here, and a failure is what is asked for
        shown, seconds = name.rpartition(":")[2], time.process_time() - clock
        return CheckResult(shown, None, None, None, reasons=(_reason(error, name),), seconds=seconds)


def _reason(error: Exception, name: str) -> str:
    """What a method raised, with the line of its own file where it passed through that."""
    if isinstance(error, BakeoffError):
        return str(error)
    fault = fault_of(error, resolve(name, {}).target)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return fault or f"raised {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"


def check_named(name: str, settings: CheckSettings = TABLE) -> CheckResult:
    """Rules and `check` of a catalogue name or `package.module:Class`, with the class's `exact_settings`."""
    target = resolve(name, {})
    exact = dict(adapter_class(target.target).exact_settings)
    adapter = build(resolve(name, exact))
    broken = tuple(f"contract: {reason}" for reason in broken_rules(adapter))
    result = check(adapter, target.name, settings=settings)
    return replace(result, reasons=(*broken, *result.reasons))


def check(
    adapter: Adapter, name: str = "adapter", *, settings: CheckSettings = TABLE, world: World = BINARY, seed: int = 0
) -> CheckResult:
    """Train `adapter` and compare it with its aim. Raises `ConfigurationError` where it cannot be trained here."""
    _refuse_own_loop(name, type(adapter))
    clock, aim = time.process_time(), adapter.aim()
    policy: TreePolicy | LanguagePolicy = network_policy(world, seed) if settings.network else TreePolicy(world)
    world = replace(world, reference=table_of(policy, world))
    start = world.log_p(world.reference).exp()
    target = target_of(world, aim, settings.training.group_size) if aim is not None else None
    result = CheckResult(name, aim, float(start @ world.rewards), _distance(aim, target, start))
    try:
        p, log_z = _trained(adapter, policy, world, settings.training, seed)
        first = None if settings.network or aim is None else first_step(adapter, aim, world, seed)
    except MethodFault as fault:
        return replace(result, reasons=(str(fault),), seconds=time.process_time() - clock)
    except TrainingStopped as stopped:
        return replace(result, reasons=(f"stopped: {stopped}",), seconds=time.process_time() - clock)
    result = replace(
        result,
        reward_end=float(p @ world.rewards),
        distance_end=_distance(aim, target, p),
        gradient_error=first.error if first else None,
        gradient_cosine=first.cosine if first else None,
        log_z_error=None if log_z is None or target is None or target.log_z is None else log_z - target.log_z,
        seconds=time.process_time() - clock,
    )
    return with_verdict(result, settings.tolerances)


def _refuse_own_loop(name: str, cls: type[Adapter]) -> None:
    if cls.own_loop:
        raise ConfigurationError(f"{name} has its own loop; it is compared with ours in tests. Leave it out.")


def first_step(adapter: Adapter, aim: Aim, world: World, seed: int) -> GradientAgreement | None:
    """The gradient of one large batch, away from the reference, beside the exact one; `None` without a `credit`."""
    if aim.credit is None:
        return None
    logits, gradients = off_reference_logits(world), list[Tensor]()
    policy = TreePolicy(world, logits)
    policy.logits.register_hook(gradients.append)  # type: ignore[no-untyped-call]
    _train(adapter, policy, world, FIRST_STEP, seed, lambda _: None)
    measured = gradients[0] if gradients else torch.zeros_like(logits)
    return agreement(measured, exact_gradient(world, logits, aim, FIRST_STEP.group_size))


def _trained(
    adapter: Adapter, policy: TreePolicy | LanguagePolicy, world: World, training: Training, seed: int
) -> tuple[Tensor, float | None]:
    """[Y] mean p(y) over the last third of training, and the mean of the logged log Z there."""
    seen: list[Tensor] = []
    first = training.steps * 2 // 3

    def watch(step: int) -> None:
        if step > first and step % STRIDE == 0:
            seen.append(world.log_p(table_of(policy, world)).exp())

    steps = _train(adapter, policy, world, training, seed, watch)
    log_z = [step.metrics["gfn/log_z"] for step in steps if step.step > first and "gfn/log_z" in step.metrics]
    p = torch.stack(seen).mean(0) if seen else world.log_p(table_of(policy, world)).exp()
    return p, sum(log_z) / len(log_z) if log_z else None


def _train(
    adapter: Adapter,
    policy: TreePolicy | LanguagePolicy,
    world: World,
    training: Training,
    seed: int,
    watch: Callable[[int], None],
) -> list[StepLog]:
    algorithm = Algorithm("exact", f"{type(adapter).__module__}:{type(adapter).__name__}")
    job = exact_job(world, algorithm, replace(training, max_completion_tokens=world.limit), seed)
    reason = adapter.refuses(job)
    if reason is not None:
        raise ConfigurationError(f"{type(adapter).__name__} {reason}: change its `exact_settings`.")
    with tempfile.TemporaryDirectory() as folder:
        run = ExactRun(world, job, policy, Path(folder), watch)
        refuse_other_checkpoint(adapter, adapter.train(run))
    return run.steps


def _distance(aim: Aim | None, target: TargetDistribution | None, p: Tensor) -> float | None:
    """½ Σ|p − p*|; of `best` the mass elsewhere, whatever the proportions among the best."""
    if aim is None or target is None:
        return None
    return float(p[target.p == 0].sum() if aim.target == "best" else (p - target.p).abs().sum() / 2)
