"""The key tables of `docs/suite.md`, made from the contract's fields: types, ranges, defaults and docstrings.

`python -m benchmark.suite.reference docs/suite.md` writes them into the page between its markers.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import textwrap
from pathlib import Path

from benchmark.contract import Columns, Exam, Model, Prompt, TaskData, Training, Tuning
from benchmark.suite.values import expected, hints_of

__all__ = ["SECTIONS", "key_table", "with_tables"]

SECTIONS: dict[str, type] = {
    "model": Model,
    "prompt": Prompt,
    "training": Training,
    "exam": Exam,
    "task.NAME": TaskData,
    "task.NAME.columns": Columns,
    "tuned.NAME": Tuning,
}
"""Tables of a suite, and the class each becomes."""


def key_table(kind: type) -> str:
    """One row a field: key, what it takes, its default, what it means."""
    hints, words = hints_of(kind), _docstrings(kind)
    rows = ["| key | takes | default | |", "|---|---|---|---|"]
    for one in dataclasses.fields(kind):
        takes = _cell(expected(hints[one.name]))
        rows.append(f"| `{one.name}` | {takes} | {_default(one)} | {_cell(words.get(one.name, ''))} |")
    return "\n".join(rows)


def with_tables(page: str) -> str:
    """The page with the table of each section between `<!-- keys: SECTION -->` and `<!-- end -->`."""
    for name, kind in SECTIONS.items():
        start, end = f"<!-- keys: {name} -->", "<!-- end -->"
        before, found, rest = page.partition(start)
        if not found:
            raise ValueError(f"the page has no marker '{start}'")
        _, _, after = rest.partition(end)
        page = f"{before}{start}\n\n{key_table(kind)}\n\n{end}{after}"
    return page


def _docstrings(kind: type) -> dict[str, str]:
    """Field → the string that stands below it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        text = below.value if isinstance(below, ast.Expr) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Constant):
            found[field.target.id] = " ".join(str(text.value).split())
    return found


def _default(one: dataclasses.Field[object]) -> str:
    if one.default is None:
        return "–"
    if one.default is not dataclasses.MISSING:
        return f"`{_toml(one.default)}`"
    return "required" if one.default_factory is dataclasses.MISSING else "–"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[]" if not value else str(list(value))
    if isinstance(value, str):
        return '"' + value.replace("\n", "\\n") + '"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`None`", "no value")


def main() -> None:
    """Rewrite the page named on the command line."""
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
