"""What a method hands back is held against the contract, and a mistake is named at the method's own line."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from algorithms._batch import Loss, Rollouts
from benchmark.errors import MethodFault

__all__ = ["checked_batch", "checked_loss"]

MADE = ("advantage", "target", "keep", "weight")
"""Fields that `prepare` fills."""


def checked_loss(found: object, method: Callable[..., Loss]) -> Loss:
    """The loss itself. Raises `MethodFault` unless it is a `Loss` whose total is one number with gradient."""
    if not isinstance(found, Loss):
        is_tensor = isinstance(found, Tensor)
        wanted = "return Loss(total, {})" if is_tensor else "return a Loss"
        raise MethodFault(f"{_place(method)}: 'loss' returned {_kind(found)}, not a Loss: {wanted}.")
    total = found.total
    if not isinstance(total, Tensor):
        raise MethodFault(f"{_place(method)}: the loss's total is {_kind(total)}, not a tensor.")
    if total.dim():
        shape = list(total.shape)
        raise MethodFault(
            f"{_place(method)}: the loss's total has shape {shape}, not []: reduce it, as "
            "'mean_of_rows(..., batch.rows)' does."
        )
    if not total.requires_grad:
        raise MethodFault(
            f"{_place(method)}: the loss carries no gradient: something in it was detached, or it does not depend on "
            "'now', such as 'now.logp'."
        )
    return found


def checked_batch(found: object, method: Callable[..., Rollouts]) -> Rollouts:
    """The batch itself. Raises `MethodFault` unless it is a `Rollouts` whose prepared fields are finite."""
    if not isinstance(found, Rollouts):
        raise MethodFault(
            f"{_place(method)}: 'prepare' returned {_kind(found)}, not the batch: 'return batch.with_advantage(...)'."
        )
    given = (found.old_logp, found.ref_logp)
    if not all(torch.isfinite(each[found.learned.bool()]).all() for each in given if each is not None):
        return found  # the policy itself is broken: the optimiser's step says so
    for name in MADE:
        value: Tensor | None = getattr(found, name)
        if value is None or not (value.shape == found.mask.shape or value.dim() == 1):
            continue
        valid = value[found.learned.bool()] if value.dim() == 2 else value
        if not torch.isfinite(valid).all():
            raise MethodFault(
                f"{_place(method)}: 'prepare' made a '{name}' that is not finite before any weight has moved: a "
                "division by zero or a logarithm of 0, for example in groups whose rewards are all equal."
            )
    return found


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _place(method: Callable[..., object]) -> str:
    """`mine.py:44`: the method's return statement, or its first line where it has none or several."""
    code = inspect.unwrap(method).__code__
    line = code.co_firstlineno
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, SyntaxError, TypeError):  # source that is not on disk, or is no statement of its own
        return f"{Path(code.co_filename).name}:{line}"
    returns = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Return)]
    return f"{Path(code.co_filename).name}:{line + returns[0] - 1 if len(returns) == 1 else line}"
