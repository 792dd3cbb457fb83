"""A causal language model in two halves, tokens → states and states → logits, and the cache between two readings.

The second half is the model's own: where it does more than its output head (a scale, a soft-cap, a bias), the model's
`forward` is run on given states, with a module that returns them in the backbone's place. Where that is impossible the
whole model is run for every reading. Which of these is right for a model is found out and proved by
`benchmark.model.verify`; nothing here chooses silently.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.modeling_outputs import BaseModelOutputWithPast

__all__ = [
    "LogitsBy",
    "Network",
    "ReadingPlan",
    "Sampling",
    "Scoring",
    "States",
    "choose_rows",
    "context_of",
    "positions",
    "repeat_rows",
    "text_config",
]

LogitsBy = Literal["head", "tail", "whole"]
"""Logits are made by the output head alone; by everything the model does behind its backbone; by running all of it."""
Sampling = Literal["left_padded", "equal_lengths", "without_cache"]
Scoring = Literal["shared_prompt", "right_padded", "row_by_row"]
CACHE_NAMES = ("cache", "past_key_values")
"""What `forward` calls its cache: the first since transformers 5.24, the second before it."""


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """How a model is read; each faster way is taken only where it was proved equal to the plain forward pass."""

    logits: LogitsBy
    sampling: Sampling
    """Prompts of all lengths in one batch with a cache; one batch for each length; each token by a whole pass."""
    scoring: Scoring
    """Each prompt read once for its group; whole rows in one batch; whole rows one by one."""
    passed_over: tuple[str, ...] = ()
    """Why each faster way was not taken."""

    @property
    def slower(self) -> str | None:
        """In words the slower ways that are taken, and why; `None` where all are the fastest."""
        ways = (_SLOWER.get(way) for way in (self.logits, self.sampling, self.scoring))
        said = ", ".join(words for words in ways if words is not None)
        if not said:
            return None
        return f"slower than the fastest way: {said}" + "".join(f", because {why}" for why in self.passed_over)


_SLOWER: dict[str, str] = {
    "tail": "logits by the model's own forward pass over given states",
    "whole": "logits by the whole model",
    "equal_lengths": "sampling in batches of equal prompt lengths",
    "without_cache": "sampling without a cache",
    "right_padded": "scoring whole rows in one batch",
    "row_by_row": "scoring row by row",
}


class States(NamedTuple):
    """What a model made of some tokens."""

    hidden: Tensor
    """[B, T, H] what the output head reads."""
    cache: Any
    """To be given to the next reading; `None` where the model has none that rows can be chosen from."""
    logits: Tensor | None = None
    """[B, T, V], only where they cannot be made of `hidden` afterwards."""


@dataclass(eq=False)
class Network:
    """A model of transformers, LoRA inside or not."""

    model: Any
    """A `…ForCausalLM`, or another class with an output head over text."""
    logits_by: LogitsBy = "head"
    backbone: Any = field(init=False)
    head: Any = field(init=False)

    def __post_init__(self) -> None:
        self.backbone = self.model.base_model
        if self.backbone is self.model:  # a class whose prefix names no part of it
            self.backbone = self.model.get_decoder()
        self.head = self.model.get_output_embeddings()
        self._names = {
            whole: frozenset(inspect.signature(module.forward).parameters)
            for whole, module in ((True, self.model), (False, self.backbone))
        }

    @property
    def device(self) -> torch.device:
        """Where tokens go in."""
        weight: Tensor = next(self.model.parameters())
        return weight.device

    def read(self, ids: Tensor, mask: Tensor | None, cache: Any = None, *, keep: bool = False) -> States:  # noqa: ANN401
        """States of tokens [B, T] behind what `cache` holds; `mask` [B, seen + T] covers both. `keep` wants a cache.

        Without a mask the model is called as plainly as can be: `model(input_ids=…)`.
        """
        given = self._accepted(ids, mask, cache, keep=keep)
        if self.logits_by != "whole":
            out = self.backbone(input_ids=ids, **given)
            return States(out.last_hidden_state, _cache_of(out) if keep else None)
        with self._watched() as seen:
            out = self.model(input_ids=ids, **given)
        return States(seen[-1], _cache_of(out) if keep else None, out.logits)

    def logits(self, states: States, rows: Tensor | None = None) -> Tensor:
        """[…, V] of all states, or of those where `rows` [B, T] is true, one behind the other."""
        if states.logits is not None:
            return states.logits if rows is None else states.logits[rows]
        return self.project(states.hidden if rows is None else states.hidden[rows])

    def project(self, hidden: Tensor) -> Tensor:
        """[…, V] logits of states […, H]; not for models that are run whole."""
        return self.head(hidden) if self.logits_by == "head" else self.tail(hidden)

    def tail(self, hidden: Tensor) -> Tensor:
        """[…, V] what the model itself makes of states […, H]: its `forward` with the backbone left out."""
        flat = hidden.reshape(1, -1, hidden.shape[-1])
        name = next(name for name, part in self.model.named_children() if part is self.backbone)
        held = self.backbone
        self.model._modules[name] = _Given(flat, held)  # noqa: SLF001 - torch has no public way to stand in for a part
        try:
            out = self.model(input_ids=torch.zeros(flat.shape[:2], dtype=torch.long, device=flat.device))
        finally:
            self.model._modules[name] = held  # noqa: SLF001 - as above
        return out.logits.reshape(*hidden.shape[:-1], -1)  # type: ignore[no-any-return]

    def _accepted(self, ids: Tensor, mask: Tensor | None, cache: Any, *, keep: bool) -> dict[str, Any]:  # noqa: ANN401
        """Those arguments that the model's `forward` has by name: not every one has positions, a mask or a cache."""
        names = self._names[self.logits_by == "whole"]
        wanted: dict[str, Any] = {"use_cache": keep}
        if mask is not None:
            wanted |= {"attention_mask": mask, "position_ids": positions(mask)[:, -ids.shape[1] :]}
        if cache is not None:
            wanted |= {next((name for name in CACHE_NAMES if name in names), CACHE_NAMES[0]): cache}
        return {name: value for name, value in wanted.items() if name in names}

    @contextlib.contextmanager
    def _watched(self) -> Iterator[list[Tensor]]:
        """What goes into the output head meanwhile."""
        seen: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        try:
            yield seen
        finally:
            hook.remove()


class _Given(nn.Module):
    """Stands where a backbone was and returns given states [1, N, H]."""

    def __init__(self, hidden: Tensor, backbone: nn.Module) -> None:
        super().__init__()
        self._hidden, self.config = hidden, backbone.config

    def forward(self, *_: object, **__: object) -> _Output:
        """Whatever it is asked."""
        return _Output(last_hidden_state=self._hidden)


class _Output(BaseModelOutputWithPast):  # type: ignore[misc]  # transformers is untyped here
    """States and nothing else: what other outputs a backbone may have (routers, cross-attention, …) is `None`."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


KEYS_AND_VALUES = (DynamicLayer, DynamicSlidingWindowLayer)
"""Layers of a cache that hold nothing else; a layer derived from them may hold a recurrent state, too."""


def choose_rows(cache: Any, rows: Tensor) -> None:  # noqa: ANN401 - transformers' caches share no useful type
    """Keep the rows at the indices `rows` [b] of the cache's present ones."""
    cache.reorder_cache(rows)


def repeat_rows(cache: Any, times: int, rows: Tensor) -> None:  # noqa: ANN401 - as above
    """Each row of the cache `times` times, one behind the other; `rows` [B] are the indices of its present ones."""
    if isinstance(cache, DynamicCache) and all(type(layer) in KEYS_AND_VALUES for layer in cache.layers):
        cache.batch_repeat_interleave(times)
    else:  # recurrent states can be chosen, but not repeated, so they are chosen several times
        cache.reorder_cache(rows.repeat_interleave(times))


def positions(mask: Tensor) -> Tensor:
    """Position ids of a left-padded batch: 0 at the first valid token."""
    return (mask.long().cumsum(-1) - 1).clamp(min=0)


def text_config(model: Any) -> Any:  # noqa: ANN401 - transformers' configurations are typed by model
    """The configuration of the part that reads text: itself, or its `text_config`."""
    return model.config.get_text_config(decoder=True)


def context_of(config: PreTrainedConfig) -> int | None:
    """Tokens the model was made for, prompt and completion together; `None` where it names no limit."""
    known = vars(config)
    names = ("max_position_embeddings", *config.attribute_map.get("max_position_embeddings", "").split(), "max_seq_len")
    found = [known[name] for name in names if isinstance(known.get(name), int) and known[name] > 0]
    return found[0] if found else None


def _cache_of(out: Any) -> Any:  # noqa: ANN401 - as transformers returns it
    """The cache in a model's output, where it is one that rows can be chosen from."""
    for name in CACHE_NAMES:
        if name in out and isinstance(out[name], Cache):
            return out[name]
    return None
