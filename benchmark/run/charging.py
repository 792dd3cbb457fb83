"""Charges what a model samples by its own `generate`, as trainers of other libraries do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from types import MethodType
from typing import Any

import torch
from torch import Tensor

from benchmark.contract import Till
from benchmark.model.policy import LanguagePolicy

__all__ = ["charged_generation"]


@contextlib.contextmanager
def charged_generation(policy: LanguagePolicy, till: Till) -> Iterator[None]:
    """Inside the block, completions that `generate` of the policy's model returns are charged; copies charge too.

    Their tokens are counted up to and including the first that ends a completion. Raises `BudgetSpent` in `generate`.
    """
    network, ends = policy.network, policy.vocabulary.ends
    plain = type(network).generate

    def generate(model: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - transformers' own signature
        found = plain(model, *args, **kwargs)
        given = kwargs.get("input_ids", kwargs.get("inputs", args[0] if args else None))
        rows = found if isinstance(found, Tensor) else found.sequences  # without given tokens only the new ones
        drawn = rows[:, given.shape[1] :] if isinstance(given, Tensor) else rows
        till.charge(len(drawn), _tokens(drawn, ends))
        return found

    network.generate = MethodType(generate, network)  # a bound method: a deep copy of the model binds its own
    try:
        yield
    finally:
        del network.generate


def _tokens(drawn: Tensor, ends: Sequence[int]) -> int:
    """Tokens of completions [B, T], each up to and including its first end token."""
    ended = torch.isin(drawn, torch.tensor(list(ends), device=drawn.device))
    before = ended.long().cumsum(1) - ended.long()
    return int((before == 0).sum())
