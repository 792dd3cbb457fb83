"""A method's state as JSON and named tensors, and back: no pickle, so reading a checkpoint runs no code.

Lists, numbers, texts, booleans and `None` are themselves; everything else is an object with one key that says what it
is: `{"dict": [[key, value], …]}`, `{"tuple": […]}`, `{"tensor": name}`, `{"array": [dtype, shape, name]}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import MethodFault

__all__ = ["Node", "from_node", "to_node"]

Node = Any
"""What `json` writes and reads."""
NUMERIC = "biufc"
"""Kinds of numpy types whose bytes are their value."""


def to_node(value: object, tensors: dict[str, Tensor], place: str) -> Node:
    """The value as a node; its tensors are added to `tensors`, named after their `place`.

    Raises `MethodFault` for a value that is none of the kinds above, with its place.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        tensors[place] = value.detach()
        return {"tensor": place}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in NUMERIC:
        tensors[place] = torch.from_numpy(np.frombuffer(value.tobytes(), np.uint8).copy())
        return {"array": [value.dtype.str, list(value.shape), place]}
    if isinstance(value, Mapping):
        pairs = [
            [to_node(key, tensors, f"{place}.{index}k"), to_node(item, tensors, f"{place}.{_word(key, index)}")]
            for index, (key, item) in enumerate(value.items())
        ]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        items = [to_node(item, tensors, f"{place}.{index}") for index, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    raise MethodFault(
        f"{place} is of type {type(value).__name__}, which a checkpoint cannot hold: give tensors, arrays, numbers, "
        "texts, None, and lists, tuples and dicts of these."
    )


def from_node(node: Node, tensors: Mapping[str, Tensor]) -> Any:  # noqa: ANN401 - whatever was given
    """The value of a node. Raises ValueError or KeyError for a node that `to_node` did not make."""
    if isinstance(node, list):
        return [from_node(item, tensors) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) != 1:
        raise ValueError(f"{len(node)} keys where one says what the value is")
    ((kind, content),) = node.items()
    return _KINDS[kind](content, tensors)


def _array(content: Node, tensors: Mapping[str, Tensor]) -> Any:  # noqa: ANN401 - an array, or one number of numpy's
    dtype, shape, name = content
    flat = np.frombuffer(tensors[name].numpy().tobytes(), np.dtype(dtype)).copy()
    return flat.reshape(shape) if shape else flat[0]


_KINDS: Mapping[str, Callable[[Node, Mapping[str, Tensor]], Any]] = {
    "dict": lambda content, tensors: {from_node(key, tensors): from_node(item, tensors) for key, item in content},
    "tuple": lambda content, tensors: tuple(from_node(item, tensors) for item in content),
    "tensor": lambda content, tensors: tensors[content],
    "array": _array,
}


def _word(key: object, index: int) -> str:
    """The name of a value's place: its index, and the key where that is a plain word."""
    return f"{index}-{key}" if isinstance(key, str) and key.replace("_", "").isalnum() else str(index)
