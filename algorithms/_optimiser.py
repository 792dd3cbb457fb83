"""One optimiser step, the same for every trained method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from algorithms._batch import Loss
from algorithms._heads import Heads
from benchmark.contract import Checkpoint, Run
from benchmark.errors import Diverged

__all__ = ["Optimiser"]


class Optimiser:
    """AdamW without weight decay over the policy and its heads, with linear warm-up and a clip of the gradient norm."""

    def __init__(self, run: Run, heads: Heads, rate: float | None, head_rate: float | None) -> None:
        training = run.job.training
        self._heads = heads
        self._policy_weights, self._head_weights = run.policy.trainable, list(heads.parameters())
        self._warmup, self._clip = training.warmup_steps, training.max_grad_norm
        rate = training.learning_rate if rate is None else rate
        groups = [{"params": self._policy_weights, "lr": rate}]
        if self._head_weights:
            head_rate = training.head_learning_rate if head_rate is None else head_rate
            groups.append({"params": self._head_weights, "lr": head_rate})
        self._adam = torch.optim.AdamW(groups, weight_decay=0.0)
        self._rates = [float(group["lr"]) for group in self._adam.param_groups]
        self.steps = 0

    def step(self, parts: Iterable[Callable[[], Loss]], *, frozen_policy: bool = False) -> dict[str, float]:
        """Accumulate the gradients of all parts of a batch and take one step.

        Raises `Diverged` if a loss or gradient is not finite, before any weight is changed.

        `frozen_policy` updates the heads only.
        """
        total: dict[str, Tensor] = {}
        for part in parts:
            loss = part()
            loss.total.backward()  # type: ignore[no-untyped-call]
            for name, value in {"loss": loss.total.detach(), **loss.metrics}.items():
                total[name] = _joined(name, total[name], value) if name in total else value
        norms = {"optim/grad_norm_policy": self._clipped(self._policy_weights)}
        if self._head_weights:
            norms["optim/grad_norm_heads"] = self._clipped(self._head_weights)
        metrics = {name: float(value) for name, value in {**total, **norms}.items()}
        metrics["optim/frac_steps_clipped"] = float(metrics["optim/grad_norm_policy"] > self._clip)
        self._refuse_nonfinite(metrics)
        self.steps += 1
        for group, rate in zip(self._adam.param_groups, self._rates, strict=True):
            group["lr"] = rate * min(1.0, self.steps / max(1, self._warmup))
        if frozen_policy:
            for weight in self._policy_weights:
                weight.grad = None
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)
        return metrics

    def checkpoint(self) -> Checkpoint:
        """What a finished training returns."""
        return Checkpoint(self.steps, sum(weight.numel() for weight in self._head_weights))

    def state_dict(self) -> dict[str, Any]:
        """Moments, steps and heads: what an interrupted training needs beside the policy's weights."""
        return {"adam": self._adam.state_dict(), "steps": self.steps, "heads": self._heads.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        self._heads.load_state_dict(state["heads"])
        self._adam.load_state_dict(state["adam"])
        self.steps = state["steps"]

    def _clipped(self, weights: list[torch.nn.Parameter]) -> Tensor:
        return torch.nn.utils.clip_grad_norm_(weights, self._clip)

    def _refuse_nonfinite(self, metrics: Mapping[str, float]) -> None:
        bad = {name: value for name, value in metrics.items() if not math.isfinite(value)}
        if bad:
            found = ", ".join(f"{name} = {value}" for name, value in sorted(bad.items()))
            if not self.steps:
                raise Diverged(
                    f"optimiser step 1: {found} before any weight has moved: the arithmetic of the loss or of "
                    "'prepare' makes it (a division by zero, a logarithm of 0, an overflow), not the learning rate.",
                    moved=False,
                )
            raise Diverged(
                f"optimiser step {self.steps + 1}: {found}. Lower the learning rate or look at the last steps' log."
            )


def _joined(name: str, one: Tensor, other: Tensor) -> Tensor:
    return torch.maximum(one, other) if name.endswith("_max") else one + other
