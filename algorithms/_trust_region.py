"""The natural gradient step of TRPO (arXiv:1502.05477, appendix C) over a list of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["conjugate_gradient", "natural_step"]

Vector = Sequence[Tensor]


def dot(one: Vector, other: Vector) -> Tensor:
    """[] Σ of products."""
    return torch.stack([(a * b).sum() for a, b in zip(one, other, strict=True)]).sum()


def conjugate_gradient(curvature: Callable[[Vector], Vector], gradient: Vector, iterations: int) -> Vector:
    """X with H·x ≈ gradient for a positive semi-definite H given by its products; ends early when nothing is left."""
    x = [torch.zeros_like(g) for g in gradient]
    residual = [g.clone() for g in gradient]
    direction = [g.clone() for g in gradient]
    left = dot(residual, residual)
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
    curvature: Callable[[Vector], Vector], gradient: Vector, radius: float, iterations: int = 10
) -> Vector:
    """The descent step x·√(2δ/(xᵀHx)), x = H⁻¹·gradient, whose quadratic KL is `radius` δ. Zero for a zero gradient."""
    x = conjugate_gradient(curvature, gradient, iterations)
    quadratic = dot(x, curvature(x))
    if quadratic <= 0:
        return [torch.zeros_like(g) for g in gradient]
    scale = (2 * radius / quadratic).sqrt()
    return [-scale * a for a in x]
