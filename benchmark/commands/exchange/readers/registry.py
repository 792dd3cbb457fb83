"""Which reader a file takes: the one that is asked for, or the one whose fields its first row has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from benchmark.commands.exchange.readers import columns as by_columns
from benchmark.commands.exchange.readers import inspect_ai, lm_eval, trainers
from benchmark.commands.exchange.readers.files import raw_rows
from benchmark.commands.exchange.readers.row import ForeignRow, LocatedRows, SampledRow
from benchmark.errors import ConfigurationError, MalformedRow

__all__ = ["AUTO", "FORMATS", "Asked", "columns_from", "known_format", "read_samples"]

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Format:
    """One program's file."""

    rows: Callable[[LocatedRows], Iterator[SampledRow]]
    is_written_by: Callable[[ForeignRow], bool]


def _with(*names: str, any_of: Sequence[str] = ()) -> Callable[[ForeignRow], bool]:
    wanted, some = frozenset(names), frozenset(any_of)
    return lambda row: wanted <= row.keys() and (not some or bool(some & row.keys()))


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "lm-eval": Format(lm_eval.rows, lm_eval.is_written_by),
        "inspect-ai": Format(inspect_ai.rows, inspect_ai.is_written_by),
        "prime-rl": Format(
            trainers.prime_rl,
            lambda row: {"nodes", "task"} <= row.keys() or {"example_id", "prompt", "completion"} <= row.keys(),
        ),
        "trl": Format(trainers.trl, _with("step", "prompt", "completion")),
        "verl": Format(trainers.verl, _with("input", "output", any_of=("score", "gts"))),
        "nemo-rl": Format(trainers.nemo_rl, _with("content", "idx")),
        "openrlhf": Format(trainers.openrlhf, _with("input", "output")),
    }
)
"""By name, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a file is to be read."""

    kind: str = AUTO
    """A key of `FORMATS`, or `auto`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field → column; takes the place of a format."""
    greedy: bool | None = None
    """Whether all completions were decoded greedily, where the file does not say."""

    @property
    def name(self) -> str:
        """For the record of an import."""
        return "columns" if self.columns else self.kind


def columns_from(written: str | None) -> dict[str, str]:
    """`--columns` as field → column; none where it was not given."""
    return {} if written is None else by_columns.parse(written)


def known_format(row: ForeignRow) -> str | None:
    """The name of the format whose fields a row has."""
    return next((name for name, one in FORMATS.items() if one.is_written_by(row)), None)


def read_samples(paths: Sequence[Path], asked: Asked) -> Iterator[SampledRow]:
    """The rows of all files of one policy.

    Raises `MalformedRow` with file and line, also for a second training step, since every step is another policy;
    `ConfigurationError` for a file that is missing, given twice, or of no known format.
    """
    _refuse_twice(paths)
    first: SampledRow | None = None
    for path in paths:
        for row in _rows(path, asked):
            first = first or row
            if row.step != first.step:
                raise MalformedRow(
                    f"{row.where}: 'step' is {row.step}, but the first row's is {first.step}: every step is another "
                    "policy. Give the files of one step."
                )
            yield replace(row, greedy=asked.greedy) if row.greedy is None else row


def _rows(path: Path, asked: Asked) -> Iterator[SampledRow]:
    found = raw_rows(path)
    if asked.columns:
        yield from by_columns.rows(found, asked.columns)
        return
    kind = asked.kind
    if kind == AUTO:
        head = next(found, None)
        if head is None:
            return
        found = chain([head], found)
        kind = known_format(head[1]) or ""
        if not kind:
            raise ConfigurationError(
                f"{path}: the fields {', '.join(map(str, head[1])) or '(none)'} are of no format that is known "
                f"({', '.join(FORMATS)}): name them, --columns question=…,response=…,gold=…,score=…."
            )
    yield from FORMATS[kind].rows(found)


def _refuse_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"{path}: no such file.")
        if path.resolve() in seen:
            raise ConfigurationError(f"{path} is given twice.")
        seen.add(path.resolve())
