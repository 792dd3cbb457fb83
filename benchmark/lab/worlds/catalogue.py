"""The worlds a suite can name. Each is built in its process when it is needed; names are literal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from benchmark.errors import UnknownName
from benchmark.lab.worlds.bayes_net import bayes_net
from benchmark.lab.worlds.bits import bits
from benchmark.lab.worlds.graph import Graph
from benchmark.lab.worlds.hypergrid import hypergrid
from benchmark.lab.worlds.sequence import any_order, both_ends
from benchmark.lab.worlds.tfbind import read_tfbind8

__all__ = ["TREES", "WORLDS", "load_world"]

TFBIND8 = "tfbind8"
WORLDS: Mapping[str, Callable[[], Graph] | None] = MappingProxyType(
    {
        "grid_8x8": partial(hypergrid, 2, 8),
        "grid_8x8_hard": partial(hypergrid, 2, 8, 0.001),
        "grid_16x16": partial(hypergrid, 2, 16),
        "grid_32x32": partial(hypergrid, 2, 32),
        "grid_64x64": partial(hypergrid, 2, 64),
        "grid_128x128": partial(hypergrid, 2, 128),
        "grid_256x256": partial(hypergrid, 2, 256),
        "grid_8x8x8": partial(hypergrid, 3, 8),
        "grid_32x32x32": partial(hypergrid, 3, 32),
        "grid_64x64x64": partial(hypergrid, 3, 64),
        "grid_8x8x8x8": partial(hypergrid, 4, 8),
        "grid_20x20x20x20": partial(hypergrid, 4, 20),
        "sequence_4x4": partial(any_order, 4),
        "sequence_8x4": partial(any_order, 8),
        "sequence_8x4_ends": partial(both_ends, 8),
        "sequence_10x4_ends": partial(both_ends, 10),
        "bayes_net_3": partial(bayes_net, 3, 2),
        "bayes_net_4": partial(bayes_net, 4, 4),
        "bayes_net_5": partial(bayes_net, 5, 5),
        "bits_16": partial(bits, 16, 4),
        TFBIND8: None,  # read from a table of the user's
    }
)


TREES = frozenset({"bits_16"})
"""The worlds in which every object has one way."""


def load_world(name: str, data: Path | None = None) -> Graph:
    """The world of that name. Raises `UnknownName`, and `DataUnavailable` where its table is not in `data`."""
    if name not in WORLDS:
        raise UnknownName("world", name, WORLDS)
    build = WORLDS[name]
    return any_order(8, 4, y=read_tfbind8(data)) if build is None else build()
