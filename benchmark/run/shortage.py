"""Which exceptions say that memory or disk has run out: there are several kinds, and some only say it in words."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

import torch

__all__ = ["is_out_of_memory", "is_out_of_space"]

_MEMORY = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory"  # torch on a processor: c10/core/impl/alloc_cpu.cpp
    r"|out of memory"  # CUDA drivers, MPS
    r"|(CUBLAS|CUDNN|CUSPARSE|CUSOLVER)_STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the exception, or one that it was raised from, says that there is no memory left."""
    return any(_says_memory(each) for each in _chain(error))


def is_out_of_space(error: BaseException) -> bool:
    """Whether the exception, or one that it was raised from, says that a disk is full or a quota used up."""
    return any(isinstance(each, OSError) and each.errno in {errno.ENOSPC, errno.EDQUOT} for each in _chain(error))


def _says_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _MEMORY.search(str(error)) is not None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that it was raised from or while handling."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
