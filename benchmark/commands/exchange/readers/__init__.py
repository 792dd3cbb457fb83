"""Completions in the files of other programs, one module a format; every reader gives `SampledRow`s.

`bakeoff import`, `grade` and `diversity` read through `read_samples`. docs/exchange.md says which program and version
wrote the file each reader is tested on.
"""

from __future__ import annotations

from benchmark.commands.exchange.readers.registry import FORMATS, Asked, columns_from, read_samples
from benchmark.commands.exchange.readers.row import SampledRow

__all__ = ["FORMATS", "Asked", "SampledRow", "columns_from", "read_samples"]
