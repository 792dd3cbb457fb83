"""What a finished job leaves for pictures: the exact distribution a few times in training. No torch.

    ROOT/<suite>/<job-id>/gallery.json    {"steps": […], "cells": [[…]]}      a grid of at most 4,096 cells
                                          {"steps": […], "edges": [[…]]}      a Bayesian network: edge marginals
                                          {"steps": […], "objects": […], "cells": [[…]]}   another world: its best 20

Only the first seed of a suite keeps one: a picture is an example, the numbers are in the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.contract import Job
from benchmark.errors import BadRecord
from benchmark.lab.exact import target, terminal
from benchmark.lab.worlds.graph import Graph
from benchmark.stats.scores import FloatArray
from benchmark.store.atomic import write

__all__ = ["GALLERY", "Gallery", "Pictures", "read_gallery", "write_gallery"]

GALLERY = "gallery.json"
MOST_CELLS = 4096
TOP = 20
SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Of the training, at which a picture is taken."""
FIRST_SEED = 0


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures of one job. `rows` (P, C): probabilities of the same C things at P steps; `wanted` (C,) the target's."""

    kind: str
    """`cells`, `edges` or `objects`."""
    names: tuple[str, ...]
    """Of the C things; empty for cells."""
    shape: tuple[int, ...]
    """Of a grid."""
    steps: tuple[int, ...]
    rows: tuple[tuple[float, ...], ...]
    wanted: tuple[float, ...]


class Pictures:
    """Takes pictures of one job's policy."""

    def __init__(self, graph: Graph, job: Job) -> None:
        self._graph = graph
        last = job.training.steps
        probes = range(0, last + 1, job.training.probe_every)
        wanted = {min([*probes, last], key=lambda step: abs(step - share * last)) for share in SHARES}
        self._wanted = wanted if job.seed == FIRST_SEED else set()
        self._top = np.argsort(-graph.log_reward, kind="stable")[:TOP]
        self.steps: list[int] = []
        self.rows: list[FloatArray] = []

    @property
    def kind(self) -> str:
        """Which of the three pictures the world has."""
        if self._graph.shape and self._graph.states <= MOST_CELLS:
            return "cells"
        return "edges" if self._graph.edges else "objects"

    def take(self, step: int, log_forward: Callable[[], FloatArray]) -> None:
        """A picture, if one is wanted at this step."""
        if step in self._wanted:
            self.steps.append(step)
            self.rows.append(self._seen(terminal(self._graph, log_forward())))

    def gallery(self) -> Gallery | None:
        """What was taken; `None` without any."""
        if not self.rows:
            return None
        graph = self._graph
        names = graph.edges if self.kind == "edges" else ()
        if self.kind == "objects":
            names = tuple(graph.describe(int(state)) for state in self._top)
        return Gallery(
            self.kind,
            names,
            graph.shape if self.kind == "cells" else (),
            tuple(self.steps),
            tuple(tuple(_rounded(row)) for row in self.rows),
            tuple(_rounded(self._seen(target(graph)))),
        )

    def _seen(self, p: FloatArray) -> FloatArray:
        if self.kind == "cells":
            return p
        return p @ self._graph.features if self.kind == "edges" else p[self._top]


def _rounded(row: FloatArray) -> list[float]:
    """Six digits: a picture shows three."""
    return [float(f"{value:.6g}") for value in row.tolist()]


def write_gallery(folder: Path, pictures: Pictures) -> None:
    """Write the job's pictures, if it has any."""
    found = pictures.gallery()
    if found is not None:
        plain = {name: getattr(found, name) for name in Gallery.__slots__}
        write(folder / GALLERY, (json.dumps(plain, ensure_ascii=False, sort_keys=True) + "\n").encode())


def read_gallery(folder: Path) -> Gallery | None:
    """The pictures of one job, `None` without any. Raises `BadRecord` where the file is not what it should be."""
    path = folder / GALLERY
    if not path.exists():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(tuple(map(float, row)) for row in raw["rows"])
        found = Gallery(
            str(raw["kind"]),
            tuple(map(str, raw["names"])),
            tuple(map(int, raw["shape"])),
            tuple(map(int, raw["steps"])),
            rows,
            tuple(map(float, raw["wanted"])),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRecord(f"{path}: {error}. Restore it from version control, or run the job again.") from error
    if {len(row) for row in _all_rows(found)} != {len(found.wanted)} or len(found.rows) != len(found.steps):
        raise BadRecord(f"{path}: its rows have different lengths. Restore it from version control.")
    return found


def _all_rows(found: Gallery) -> Sequence[Sequence[float]]:
    return [*found.rows, found.wanted]
