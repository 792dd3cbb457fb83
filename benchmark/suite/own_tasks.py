"""Tasks that a suite brings along: `[task.NAME]` tables, and objects named by module or by file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmark.contract import OwnTask, TaskData
from benchmark.errors import ConfigurationError, UnknownName
from benchmark.importing import locate
from benchmark.suite.source import SuiteText
from benchmark.suite.values import section, shown
from benchmark.tasks import CATALOGUE, load_task

__all__ = ["named_tasks", "tables_of"]


def tables_of(text: SuiteText) -> dict[str, TaskData]:
    """The `[task.NAME]` tables. Raises `ConfigurationError` for one without files or with a name of the catalogue."""
    tables = text.table.get("task", {})
    if not isinstance(tables, Mapping) or not all(isinstance(one, Mapping) for one in tables.values()):
        raise ConfigurationError(
            f"{text.where}: [task] must hold tables, such as '[task.mine]' with data = \"mine.jsonl\"."
        )
    found = {}
    for name, table in tables.items():
        if name in CATALOGUE:
            raise ConfigurationError(
                f"{text.where}: [task.{name}]: '{name}' comes with the package: choose another name."
            )
        made = section(text.where, TaskData, table, f"task.{name}")
        if made.data is None and made.test is None:
            raise ConfigurationError(
                f"{text.where}: [task.{name}] names no file: give 'data', or at least 'test', a path to the rows."
            )
        if made.data is not None and made.test is not None and made.train is not None:
            raise ConfigurationError(
                f"{text.where}: [task.{name}] has 'data', 'train' and 'test': leave 'data' out, it would not be read."
            )
        found[name] = dataclasses.replace(
            made,
            data=_located(text, name, "data", made.data),
            train=_located(text, name, "train", made.train),
            validation=_located(text, name, "validation", made.validation),
            test=_located(text, name, "test", made.test),
        )
    return found


def named_tasks(
    text: SuiteText, asked: Iterable[str], own: Mapping[str, TaskData]
) -> tuple[tuple[str, ...], dict[str, OwnTask]]:
    """Names of the tasks asked for, and those that are not of the catalogue. Imports classes, reads no data."""
    names: list[str] = []
    found: dict[str, OwnTask] = {}
    for each in asked:
        if ":" in each:
            target = locate(each, text.folders)
            name = load_task(target, {target: target}).name
            if name in CATALOGUE or name in own:
                raise ConfigurationError(
                    f"{text.where}: the task '{each}' is named '{name}', which is taken: rename it."
                )
            found[name] = target
            names.append(name)
        elif each in own:
            found[each] = own[each]
            names.append(each)
        elif each in CATALOGUE:
            names.append(each)
        else:
            hint = "Your own is '[task.NAME]' in the suite, 'package.module:TASK' or 'file.py:TASK'."
            raise UnknownName("task", each, [*CATALOGUE, *own], hint)
    return tuple(names), found


def _located(text: SuiteText, name: str, key: str, value: str | None) -> str | None:
    """The path relative to the current folder where that contains it, so that records read the same in every clone."""
    if value is None:
        return None
    tried = list(dict.fromkeys((folder / Path(value).expanduser()).resolve() for folder in text.folders))
    try:
        found = next((path for path in tried if path.exists()), None)
    except OSError as error:
        raise ConfigurationError(f"{text.where}: [task.{name}] {key} = {shown(value)}: {error.strerror}.") from error
    if found is None:
        raise ConfigurationError(
            f"{text.where}: [task.{name}] {key} = {shown(value)}: no such file or folder; looked for "
            f"{' and '.join(map(str, tried))}."
        )
    here = Path.cwd().resolve()
    return str(found.relative_to(here) if found.is_relative_to(here) else found)
