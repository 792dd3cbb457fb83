"""Folders are tried before hours of training depend on them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmark.errors import ConfigurationError

__all__ = ["require_writable"]


def require_writable(folder: Path, option: str) -> None:
    """Make the folder and write a byte into it; `ConfigurationError` with the option that names another one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\n")
    except OSError as error:
        raise ConfigurationError(
            f"nothing can be written into '{folder}' ({error.strerror}): name another folder with '{option} DIR'."
        ) from error
