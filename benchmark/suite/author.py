"""What an author's code did wrong, in one sentence with the file and line where it stands."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from benchmark.contract import Checkpoint
from benchmark.errors import BakeoffError, MethodFault
from benchmark.suite.registry import adapter_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.adapter import Adapter

__all__ = ["fault_of", "refuse_other_checkpoint"]

NEEDS: Mapping[str, str] = MappingProxyType(
    {
        "ref_logp": '"reference"',
        "ref_end_logp": '"reference" and "end_logp"',
        "prefix_reward": '"prefix_rewards"',
        "greedy_reward": '"greedy"',
        "old_value": '"value_head"',
        "value": '"value_head"',
        "log_z": '"log_z_head" or "deep_log_z_head"',
        "old_log_z": '"log_z_head" or "deep_log_z_head"',
        "flow": '"flow_head"',
        "end_logp": '"end_logp"',
    }
)
"""Fields that are `None` until `needs` asks for them, with the word that does."""
SHARED = ("benchmark.adapter", "algorithms._", "abc", "builtins")
"""Modules of base classes that are none of the method's own."""
PREPARED = ("advantage", "target", "keep", "weight")
"""Fields that are `None` until the method's `prepare` fills them."""


def fault_of(error: BaseException, target: str) -> str | None:
    """One sentence on an exception that passed through the method's own file; `None` when it did not.

    The line is the innermost of that file. A deliberate error says itself what is wrong, so it is not rewritten.
    """
    if isinstance(error, BakeoffError):
        return None
    files = _files(target)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    if not frames:
        return None
    last = frames[-1]
    words = " ".join(str(error).split()) or "no message"
    line = last.line or linecache.getline(last.filename, last.lineno or 0).strip()
    return f"{Path(last.filename).name}:{last.lineno}: {type(error).__name__}: {words}.{_hint(words, line)}"


def _files(target: str) -> set[str]:
    """The file of the class and of its bases outside the shared pieces."""
    own = (cls for cls in adapter_class(target).__mro__ if not cls.__module__.startswith(SHARED))
    return {file for cls in own if (file := inspect.getsourcefile(cls)) is not None}


def _hint(words: str, line: str) -> str:
    """What to add, where a field that nobody filled was used."""
    if "NoneType" not in words and not words.startswith("no message"):
        return ""
    fields = [name for name in re.findall(r"\w\.(\w+)", line) if name in NEEDS or name in PREPARED]
    if not fields:
        return ""
    name = fields[-1] if len(set(fields)) == 1 else _first_unfilled(fields)
    if name in PREPARED:
        return f" '{name}' is None until 'prepare' fills it."
    return f" '{name}' is None until 'needs' holds {NEEDS[name]}: add it."


def _first_unfilled(fields: list[str]) -> str:
    return next((name for name in fields if name in NEEDS), fields[0])


def refuse_other_checkpoint(adapter: Adapter, returned: object) -> None:
    """Raise `MethodFault` where `train` returned something else than a `Checkpoint`."""
    if isinstance(returned, Checkpoint):
        return
    code = inspect.unwrap(type(adapter).train).__code__
    raise MethodFault(
        f"{Path(code.co_filename).name}:{code.co_firstlineno}: 'train' returned {type(returned).__name__}: it must "
        "return a Checkpoint, as 'return Checkpoint(steps)'."
    )
