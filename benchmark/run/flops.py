"""Model FLOPs: the cost of the mathematics of a pass over a causal transformer, independent of hardware.

Forward, per token fed to the backbone (Kaplan et al. 2020, arXiv:2001.08361, section 2.1; Hoffmann et al. 2022,
arXiv:2203.15556, appendix F): 2·N for its matrices, and 2·2·layers·width·context for the scores and the weighted sums
of attention. Beside it 2·H·V for every position whose logits are computed.

N counts the weight matrices of the backbone: projections and feed-forward layers, LoRA's factors too. Embedding tables
are looked up and cost nothing; norms, biases, rotations, soft-maxes and activations are left out, as in both papers.
`width` is heads × head size; the context of a token is every token it sees, itself included (causal: half a square).
Padding is left out. A multiplication with an addition is two operations.

Backward: as much again for the gradients of the inputs, and as much again for those of trained weights: twice the
forward when all weights are trained, about once with LoRA. Attention has two inputs and no weights: twice.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Passes", "Shape", "backward", "forward", "matrix"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes on which a backbone's cost depends."""

    matrices: int
    """N, weights in matrices, embeddings and output head left out."""
    trained: int
    """Those of N that are trained."""
    attention: int
    """layers × heads × head size."""


@dataclass(frozen=True, slots=True)
class Passes:
    """Tokens that went through a backbone."""

    tokens: int
    """Fed, padding left out."""
    context: int
    """Sum over these of the tokens each sees, itself included."""


def forward(shape: Shape, passes: Passes) -> int:
    """FLOPs of reading these tokens."""
    return 2 * shape.matrices * passes.tokens + 4 * shape.attention * passes.context


def backward(shape: Shape, passes: Passes) -> int:
    """FLOPs of a gradient through them."""
    return 2 * (shape.matrices + shape.trained) * passes.tokens + 8 * shape.attention * passes.context


def matrix(weights: int, rows: int, *, backward_rows: int = 0, trained: bool = True) -> int:
    """FLOPs of `rows` vectors through one matrix, and of the gradients of `backward_rows` of them."""
    return 2 * weights * rows + 2 * weights * backward_rows * (2 if trained else 1)
