"""Completions in the files of other programs, one module a format; every reader gives `SampledRow`s.

`bakeoff import`, `grade` and `diversity` read through `registry.read_samples`. docs/exchange.md says which program and
version wrote the file each reader is tested on.
"""
