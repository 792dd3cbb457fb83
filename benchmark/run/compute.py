"""Counts optimiser steps in torch's optimiser hook, and tokens and FLOPs in forward hooks of the models.

Adapters need not count anything. Hooks read only shapes and masks, so they do not change training. Copies of a watched
model (a reference, older sampling weights) keep its hooks and are counted with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from benchmark.model.network import Network
from benchmark.model.policy import LanguagePolicy
from benchmark.run import flops

__all__ = ["Meter"]

Undo = Callable[[], None]
ReadPass = Callable[[Mapping[str, Any], Any], None]
"""Keyword arguments and output of a forward pass."""


class Meter:
    """Counts one job's training inside its `with` block."""

    def __init__(self, policy: LanguagePolicy, *, models: bool) -> None:
        """With `models` off, FLOPs are unknown: a foreign trainer may compute without calling the watched modules."""
        policy.proved()  # its own passes are not training's
        self.updates = 0
        """Steps of optimisers that hold weights of the policy."""
        self._policy, self._shape = policy, _shape(Network(policy.network).backbone) if models else None
        self._models = self._shape is not None
        self._weights = {id(weight) for weight in policy.trainable}
        self._backbones: list[_Backbone] = []
        self._matrices: list[_Matrix] = []
        self._undo: list[Undo] = []
        self._paused = False
        self._earlier: list[Sequence[int]] = []
        """Sums of an interrupted attempt for modules that are not watched yet."""

    def __enter__(self) -> Self:
        self._undo.append(register_optimizer_step_post_hook(self._stepped).remove)
        if self._shape is not None:
            network = self._policy.network
            self._backbones.append(_Backbone(self._shape))
            self._undo.append(_hook(Network(network).backbone, self._unless_paused(self._backbones[-1].read)))
            self.watch(network.get_output_embeddings())
        return self

    def __exit__(self, *_: object) -> None:
        while self._undo:
            self._undo.pop()()

    def watch(self, module: nn.Module) -> None:
        """Count the linear layers of a module from now on: an output head, a critic, log Z."""
        for layer in module.modules():
            if self._models and isinstance(layer, nn.Linear):
                self._matrices.append(_Matrix(layer))
                if self._earlier:
                    self._matrices[-1].sums = self._earlier.pop(0)
                self._undo.append(_hook(layer, self._unless_paused(self._matrices[-1].read)))

    @property
    def flops(self) -> int | None:
        """Model FLOPs so far, as `benchmark.run.flops` counts them; `None` where they cannot be known."""
        if not self._models or any(one.hidden for one in self._backbones):
            return None
        return sum(one.flops for one in self._backbones) + sum(one.flops for one in self._matrices)

    @property
    def _watched(self) -> Sequence[_Backbone | _Matrix]:
        return (*self._backbones, *self._matrices)

    @property
    def passes(self) -> tuple[tuple[int, ...], ...]:
        """Sums of all passes so far, by watched module in the order they were given: what a checkpoint keeps."""
        return tuple(tuple(one.sums) for one in self._watched)

    def restore(self, updates: int, passes: Sequence[Sequence[int]]) -> None:
        """Go on from the sums of an interrupted attempt that watched the same modules in the same order."""
        self.updates, self._earlier = updates, list(passes)
        for one in self._watched:
            if self._earlier:
                one.sums = self._earlier.pop(0)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count what happens inside the block."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def _stepped(self, optimiser: Optimizer, *_: Any) -> None:  # noqa: ANN401 - what torch passes a hook
        self.updates += any(
            id(weight) in self._weights for group in optimiser.param_groups for weight in group["params"]
        )

    def _unless_paused(self, read: ReadPass) -> ReadPass:
        def guarded(given: Mapping[str, Any], output: Any) -> None:  # noqa: ANN401 - as transformers returns it
            if not self._paused:
                read(given, output)

        return guarded


def _hook(module: nn.Module, read: ReadPass) -> Undo:
    def after(_: nn.Module, __: Any, given: Mapping[str, Any], output: Any) -> None:  # noqa: ANN401 - as torch calls it
        read(given, output)

    return module.register_forward_hook(after, with_kwargs=True).remove


class _Backbone:
    """Tokens through a transformer without its output head. Sums stay on its device: reading them waits for it."""

    def __init__(self, shape: flops.Shape) -> None:
        self._shape = shape
        self.hidden = False
        """Whether a pass was made that cannot be counted."""
        self._forward: list[Tensor | int] = [0, 0]
        self._backward: list[Tensor | int] = [0, 0]

    def read(self, given: Mapping[str, Any], output: Any) -> None:  # noqa: ANN401 - as transformers returns it
        """Valid tokens [B, q] behind what a cache holds, from the mask [B, seen + q] over both."""
        states: Tensor = output[0]
        mask = given.get("attention_mask")
        if mask is None and given.get("input_ids") is not None and not given.get("use_cache"):
            mask = torch.ones_like(given["input_ids"])  # whole rows without padding
        if not isinstance(mask, Tensor) or mask.dim() != 2:
            self.hidden = True
            return
        mask = mask.long()
        fed = mask[:, -states.shape[1] :]
        counts = fed.sum(), (mask.cumsum(1)[:, -states.shape[1] :] * fed).sum()
        _add(self._forward, counts)
        if states.requires_grad:
            states.register_hook(lambda _: _add(self._backward, counts))  # type: ignore[no-untyped-call]

    @property
    def sums(self) -> Sequence[int]:
        """Tokens and attended positions forward, the same backward, and whether a pass could not be counted."""
        return [*map(int, (*self._forward, *self._backward)), int(self.hidden)]

    @sums.setter
    def sums(self, given: Sequence[int]) -> None:
        self._forward, self._backward, self.hidden = list(given[:2]), list(given[2:4]), bool(given[4])

    @property
    def flops(self) -> int:
        """FLOPs of all passes."""
        there, back = (flops.Passes(int(one[0]), int(one[1])) for one in (self._forward, self._backward))
        return flops.forward(self._shape, there) + flops.backward(self._shape, back)


class _Matrix:
    """Rows through one linear layer."""

    def __init__(self, layer: nn.Linear) -> None:
        self._layer, self._rows, self._back = layer, 0, 0

    def read(self, _: Mapping[str, Any], output: Tensor) -> None:
        """Rows of the output [..., out]; a gradient counts when it comes."""
        rows = output.numel() // output.shape[-1]
        self._rows += rows
        if output.requires_grad:
            output.register_hook(lambda _: self._came_back(rows))  # type: ignore[no-untyped-call]

    def _came_back(self, rows: int) -> None:
        self._back += rows

    @property
    def sums(self) -> Sequence[int]:
        """Rows forward and backward."""
        return [self._rows, self._back]

    @sums.setter
    def sums(self, given: Sequence[int]) -> None:
        self._rows, self._back = given

    @property
    def flops(self) -> int:
        """FLOPs of all passes."""
        weight = self._layer.weight
        return flops.matrix(weight.numel(), self._rows, backward_rows=self._back, trained=weight.requires_grad)


def _add(sums: list[Tensor | int], counts: tuple[Tensor, Tensor]) -> None:
    for place, count in enumerate(counts):
        sums[place] = sums[place] + count


def _shape(backbone: Any) -> flops.Shape | None:  # noqa: ANN401 - as above
    """What its passes cost; `None` where the formula does not hold or the configuration does not say.

    The formula holds where every matrix works on every token and every layer sees the whole context. Names that a
    configuration gives these figures (`n_head`, `n_layer`, a `text_config`) are transformers' own matter.
    """
    config = backbone.config.get_text_config(decoder=True)
    known = config.to_dict()
    kinds = set(known.get("layer_types") or ["full_attention"])
    if kinds != {"full_attention"} or any(word in name for name in known for word in UNKNOWN):
        return None
    heads, layers, size = (
        _figure(config, name) for name in ("num_attention_heads", "num_hidden_layers", "hidden_size")
    )
    if heads is None or layers is None or size is None:
        return None
    own = _figure(config, "head_dim")
    matrices = [
        weight
        for module in backbone.modules()
        if not isinstance(module, nn.Embedding)
        for weight in module.parameters(recurse=False)
        if weight.dim() == 2
    ]
    trained = sum(weight.numel() for weight in matrices if weight.requires_grad)
    return flops.Shape(sum(map(torch.numel, matrices)), trained, layers * (own * heads if own else size))


UNKNOWN = ("expert", "mamba", "ssm", "conv", "recurrent", "linear_num", "lora_rank", "state_size", "encoder_layers")
"""In the names of settings of models that route tokens, keep a state instead of a context, or have an encoder."""


def _figure(config: Any, name: str) -> int | None:  # noqa: ANN401 - as above
    """A whole number of a configuration under transformers' common name for it; `None` where it is not one."""
    found = vars(config).get(config.attribute_map.get(name, name))
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
