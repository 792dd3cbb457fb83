"""TRPO's update (arXiv:1502.05477, appendix C): a natural gradient step within a KL radius, then a line search.

The curvature is that of KL(π_old‖π_θ) on the sampled tokens, summed over a completion and averaged over completions,
the same KL that the line search holds against the radius. Its products come from differences of gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from algorithms._batch import Now, Rollouts
from algorithms._heads import Heads
from algorithms._on_policy import OnPolicy, evaluate_now, update
from algorithms._optimiser import Optimiser
from algorithms._pieces import k3, mean_of_rows, sum_of_tokens
from benchmark.contract import Run

__all__ = ["conjugate_gradient", "natural_step", "step_share", "trust_region_update"]

ITERATIONS = 10
HALVINGS = 20
PROBE_NORM = 1e-2
"""Length of the displacement over which gradients of the KL are compared."""
ParameterList = Sequence[Tensor]


def trust_region_update(
    run: Run,
    batch: Rollouts,
    heads: Heads,
    method: OnPolicy,
    optimiser: Optimiser,
    *,
    radius: float,
    objective: Callable[[Rollouts, Now], Tensor],
) -> dict[str, float]:
    """Update the heads with the optimiser and the policy with one natural-gradient step.

    The step is halved until `objective` falls and the KL stays within `radius`; if that never happens, none is taken.
    `objective` is the policy's part of the loss alone: a step moves the states that the critic reads, so the critic's
    loss would otherwise decide about steps that it has nothing to do with.
    """
    weights: list[Tensor] = list(run.policy.trainable)

    def surrogate(now: Now) -> Tensor:
        return objective(batch, now)

    def kl_to_old(now: Now) -> Tensor:  # with the roles changed, k3 estimates KL(π_old‖π_θ) from samples of π_old
        return mean_of_rows(sum_of_tokens(k3(batch.old_logp, now.logp, batch.mask), batch.mask), batch.rows)

    def evaluated(of: Callable[[Now], Tensor]) -> Tensor:
        return of(evaluate_now(run, batch, heads, method.needs))

    def gradient(of: Callable[[Now], Tensor]) -> ParameterList:
        return [g.detach() for g in torch.autograd.grad(evaluated(of), weights)]

    def curvature(v: ParameterList) -> ParameterList:
        size = dot(v, v).sqrt() / PROBE_NORM
        with moved(weights, [x / size for x in v]):
            return [size * g for g in gradient(kl_to_old)]

    with torch.no_grad():
        before = float(evaluated(surrogate))
    step = natural_step(curvature, gradient(surrogate), radius)

    def acceptable() -> bool:
        now = evaluate_now(run, batch, heads, method.needs)
        return float(surrogate(now)) < before and float(kl_to_old(now)) <= radius

    share = step_share(weights, step, acceptable)
    metrics = update(run, batch, heads, method, optimiser)
    with torch.no_grad():
        for weight, x in zip(weights, step, strict=True):
            weight.add_(share * x)
    return {**metrics, "trust/step_share": share}


def step_share(weights: ParameterList, step: ParameterList, acceptable: Callable[[], bool]) -> float:
    """The largest of 1, 1/2, 1/4, … of `step` after which the weights are acceptable; 0 where none of 20 is."""
    for halvings in range(HALVINGS):
        tried = 0.5**halvings
        with moved(weights, [tried * x for x in step]), torch.no_grad():
            if acceptable():
                return tried
    return 0.0


@contextmanager
def moved(weights: ParameterList, by: ParameterList) -> Iterator[None]:
    """Displace the weights inside the block and restore them bit for bit afterwards."""
    kept = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for weight, x in zip(weights, by, strict=True):
            weight.add_(x)
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, old in zip(weights, kept, strict=True):
                weight.copy_(old)


def dot(one: ParameterList, other: ParameterList) -> Tensor:
    """Scalar product of two lists of tensors."""
    return torch.stack([(a * b).sum() for a, b in zip(one, other, strict=True)]).sum()


def conjugate_gradient(
    curvature: Callable[[ParameterList], ParameterList], gradient: ParameterList, iterations: int
) -> ParameterList:
    """Solve H·x ≈ gradient for a positive semi-definite H given by its products; stops early at a zero residual."""
    x = [torch.zeros_like(g) for g in gradient]
    residual = [g.clone() for g in gradient]
    direction = [g.clone() for g in gradient]
    left: Tensor = dot(residual, residual)
    enough = left * 1e-20
    for _ in range(iterations):
        if left <= enough:
            break
        product = curvature(direction)
        length = left / dot(direction, product)
        x = [a + length * d for a, d in zip(x, direction, strict=True)]
        residual = [r - length * p for r, p in zip(residual, product, strict=True)]
        after = dot(residual, residual)
        direction = [r + (after / left) * d for r, d in zip(residual, direction, strict=True)]
        left = after
    return x


def natural_step(
    curvature: Callable[[ParameterList], ParameterList],
    gradient: ParameterList,
    radius: float,
    iterations: int = ITERATIONS,
) -> ParameterList:
    """The descent step x·√(2δ/(xᵀHx)), x = H⁻¹·gradient, whose quadratic KL is `radius` δ. Zero for a zero gradient."""
    x = conjugate_gradient(curvature, gradient, iterations)
    quadratic = dot(x, curvature(x))
    if quadratic <= 0:
        return [torch.zeros_like(g) for g in gradient]
    scale = (2 * radius / quadratic).sqrt()
    return [-scale * a for a in x]
