"""Which files hold a split: plain files, shards of a Hub snapshot, and what `datasets` saves and caches."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import MalformedRow
from benchmark.tasks.files import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cached_files", "data_files", "named_files", "split_files"]

_SHARD = re.compile(r"-\d+-of-\d+$")
_COMMON = ("", "data", "main", "default")
"""Folders of a snapshot in which a data set with one configuration has its shards."""


def split_files(folder: Path, stem: str, configs: Sequence[str | None] = (None,)) -> tuple[Path, ...]:
    """The files of a split below `folder`, in order; empty when there are none.

    Looked for are `stem.jsonl` and the other endings, a saved data set `stem/state.json`, and the Parquet shards of
    each configuration, `config/stem-00000-of-00001.parquet`; of several configurations all must be there.
    """
    plain = _first_file(folder, stem)
    if plain:
        return plain
    if (folder / stem / "state.json").is_file():
        return _saved(folder / stem)
    found: list[Path] = []
    for config in configs:
        places = (config,) if config is not None and len(configs) > 1 else (config or "", *_COMMON)
        shards = next((files for place in places if (files := _shards(folder / place, stem))), ())
        if not shards:
            return ()
        found += shards
    return tuple(found)


def data_files(path: Path) -> tuple[Path, ...]:
    """The file itself, or all data files of a folder, a saved data set in its own order."""
    if not path.is_dir():
        return (path,)
    if (path / "state.json").is_file():
        return _saved(path)
    return tuple(sorted(file for file in path.iterdir() if file.is_file() and file.name.lower().endswith(SUFFIXES)))


def named_files(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Files of a repository by their paths in it; empty unless all are there."""
    found = tuple(folder / name for name in names)
    return found if all(file.is_file() for file in found) else ()


def cached_files(
    repo: str, split: str, configs: Sequence[str | None], revision: str | None, names: Sequence[str] = ()
) -> tuple[Path, ...]:
    """The files of a split in the caches of `huggingface_hub` and `datasets`; asks no network, empty when not there.

    `names` are paths in the repository of files whose names do not say their split.
    """
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"datasets--{repo.replace('/', '--')}"
    for snapshot in _snapshots(hub, revision):
        files = named_files(snapshot, names) or split_files(snapshot, split, configs)
        if files:
            return files
    prepared = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets")
    return _prepared(prepared, repo, split, configs)


def _first_file(folder: Path, stem: str) -> tuple[Path, ...]:
    return next(((path,) for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()), ())


def _shards(folder: Path, stem: str) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    shards = (file for file in folder.glob(f"{stem}-*.parquet") if _SHARD.sub("", file.stem) == stem)
    return tuple(sorted(shards)) or _first_file(folder, stem)


def _saved(folder: Path) -> tuple[Path, ...]:
    """The Arrow files of `Dataset.save_to_disk`, as its `state.json` lists them."""
    state = folder / "state.json"
    try:
        names = [str(one["filename"]) for one in json.loads(state.read_bytes())["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedRow(f"{state}: not the state of a saved data set ({error!r}). Save it again.") from error
    missing = [name for name in names if not (folder / name).is_file() or Path(name).name != name]
    if missing:
        raise MalformedRow(f"{state}: names the file '{missing[0]}', which is not beside it. Copy the whole folder.")
    return tuple(folder / name for name in names)


def _snapshots(hub: Path, revision: str | None) -> list[Path]:
    """The snapshot of the revision, of `main` where none is named; without a reference the newest."""
    reference = hub / "refs" / (revision or "main")
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision
    if commit is not None:
        return [hub / "snapshots" / commit]
    return sorted(hub.glob("snapshots/*"), key=lambda folder: folder.stat().st_mtime, reverse=True)


def _prepared(cache: Path, repo: str, split: str, configs: Sequence[str | None]) -> tuple[Path, ...]:
    """`openai___gsm8k/main/0.0.0/<hash>/gsm8k-test.arrow`, as `load_dataset` leaves it."""
    wanted = _plain(repo.replace("/", "___"))
    folders = [one for one in (cache.iterdir() if cache.is_dir() else ()) if _plain(one.name) == wanted]
    found: list[Path] = []
    for config in configs:
        files = [
            sorted(version)
            for folder in folders
            for place in folder.glob(f"{config or 'default'}/*/*/")
            if (version := [file for file in place.glob("*.arrow") if _split_of(file) == split])
        ]
        if not files:
            return ()
        found += files[-1]
    return tuple(found)


def _split_of(file: Path) -> str:
    return _SHARD.sub("", file.stem).rpartition("-")[2]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower().replace("___", "0slash0"))
