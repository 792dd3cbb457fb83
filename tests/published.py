"""Published data for tests: in the folder that BAKEOFF_DATA names, or beside the checkout."""

import gzip
import json
import os
from pathlib import Path

import pytest


def data_folder() -> Path:
    """The folder of published data sets; skips where there is none."""
    folder = Path(os.environ.get("BAKEOFF_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (folder / "gsm8k").is_dir():
        pytest.skip(f"no published data in {folder}; set BAKEOFF_DATA")
    return folder


def rows(name):
    """The rows of one file, e.g. `math/test`."""
    with gzip.open(data_folder() / f"{name}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as stream:
        return [json.loads(line) for line in stream]
