"""Packages that only one format needs, imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import Any

from benchmark.errors import ConfigurationError

__all__ = ["needed"]


def needed(module: str, extra: str) -> Any:  # noqa: ANN401 - a package that may not be there
    """The module, or `ConfigurationError` that names the extra which brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ConfigurationError(f"--to {extra} needs the package '{package}': pip install -e '.[{extra}]'.") from error
