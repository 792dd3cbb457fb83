"""Read completions of other programs: problem, completions, and position in the file of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import ConfigurationError, MalformedRow
from benchmark.tasks.files import read_rows, shown

__all__ = ["FORMATS", "Drawn", "read_drawn"]

QUESTIONS = ("question", "problem", "prompt", "query", "input")
"""Fields of a harness document that may hold the problem's text."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One row: completions of one problem."""

    where: str
    """`file:line`."""
    id: str | None
    """The problem's id, where the row has one."""
    asked: tuple[str, ...]
    """Texts that are the problem, or hold it, the surest first."""
    completions: tuple[str, ...]
    greedy: bool
    several: bool
    """Whether a problem's completions are spread over rows, as TRL writes them."""


def read_drawn(paths: list[Path], kind: str) -> Iterator[Drawn]:
    """The rows of all files. Raises `MalformedRow` with file, line and field, `ConfigurationError` for no such file."""
    seen: set[Path] = set()
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"{path}: no such file.")
        if path.resolve() in seen:
            raise ConfigurationError(f"{path} is given twice.")
        seen.add(path.resolve())
    yield from FORMATS[kind](paths)


def _rows(paths: list[Path]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in paths:
        for number, row in read_rows(path):
            yield f"{path}:{number}", row


# --- lm-evaluation-harness -----------------------------------------------------------------------------------------


def _lm_eval(paths: list[Path]) -> Iterator[Drawn]:
    """A `samples_*.jsonl` line: the `resps` of the one request of a document."""
    for where, row in _rows(paths):
        doc = _field(row, "doc", dict, where)
        requests = _field(row, "resps", list, where)
        if len(requests) != 1 or not isinstance(requests[0], list) or not requests[0]:
            raise MalformedRow(
                f"{where}: 'resps' must hold the completions of one request, [[text, …]], found {shown(requests)}. "
                "Only tasks that generate can be imported, with the texts that were generated."
            )
        completions = tuple(_text(each, "resps", where) for each in requests[0])
        prompt, how = _arguments(row, where)
        asked = [doc[name] for name in QUESTIONS if isinstance(doc.get(name), str)]
        id_ = doc.get("id")
        greedy = not how.get("do_sample", _number(how.get("temperature", 0.0), where) > 0)
        if greedy and len(completions) > 1:
            raise MalformedRow(
                f"{where}: 'resps' has {len(completions)} completions of a greedy request ('do_sample' is off)."
            )
        yield Drawn(
            where,
            id_ if isinstance(id_, str) else None,
            tuple(asked if prompt is None else [*asked, prompt]),
            completions,
            greedy=greedy,
            several=False,
        )


def _arguments(row: Mapping[str, Any], where: str) -> tuple[str | None, Mapping[str, Any]]:
    """Prompt and generation settings: `{"gen_args_0": {"arg_0": prompt, "arg_1": settings}}`."""
    first = _field(row, "arguments", dict, where).get("gen_args_0")
    how = first.get("arg_1") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(how, dict):
        raise MalformedRow(
            f"{where}: 'arguments' must hold gen_args_0 with arg_0, the prompt, and arg_1, the generation settings; "
            f"found {shown(row['arguments'])}."
        )
    prompt = first.get("arg_0")
    return prompt if isinstance(prompt, str) else None, how


def _number(value: object, where: str) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise MalformedRow(f"{where}: 'temperature' must be a number, found {shown(value)}.") from error


# --- TRL -----------------------------------------------------------------------------------------------------------


def _trl(paths: list[Path]) -> Iterator[Drawn]:
    """A row of `completions_*.parquet`: one sampled completion. All must be of one step, since a step is one policy."""
    first: object = None
    for where, row in _rows(paths):
        step = _field(row, "step", int, where)
        first = step if first is None else first
        if step != first:
            raise MalformedRow(
                f"{where}: 'step' is {step}, but the first row's is {first}: every step is another policy. "
                "Give the files of one step."
            )
        id_ = row.get("id")
        yield Drawn(
            where,
            id_ if isinstance(id_, str) else None,
            (_said(row, "prompt", "user", where),),
            (_said(row, "completion", "assistant", where),),
            greedy=False,
            several=True,
        )


def _said(row: Mapping[str, Any], name: str, role: str, where: str) -> str:
    """A text, or the last message of `role` in a conversation."""
    value = _field(row, name, (str, list), where)
    if isinstance(value, str):
        return _text(value, name, where)
    for message in reversed(value):
        if isinstance(message, dict) and message.get("role") == role:
            return _text(_content(message.get("content")), name, where)
    raise MalformedRow(f"{where}: '{name}' has no message of the role '{role}', found {shown(value)}.")


def _content(content: object) -> object:
    """A message's text; one in parts is joined."""
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(str(part.get("text") or "") for part in content)
    return content


FORMATS: Mapping[str, Callable[[list[Path]], Iterator[Drawn]]] = {"lm-eval": _lm_eval, "trl": _trl}


# --- fields --------------------------------------------------------------------------------------------------------


def _field(row: Mapping[str, Any], name: str, kind: type | tuple[type, ...], where: str) -> Any:  # noqa: ANN401 - checked
    if name not in row:
        raise MalformedRow(f"{where}: no field '{name}'; the fields are {', '.join(sorted(row)) or 'none'}.")
    if not isinstance(row[name], kind) or isinstance(row[name], bool):
        wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise MalformedRow(f"{where}: '{name}' must be {wanted}, found {shown(row[name])}.")
    return row[name]


def _text(value: object, name: str, where: str) -> str:
    if not isinstance(value, str):
        raise MalformedRow(f"{where}: '{name}' must hold text, found {shown(value)}.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise MalformedRow(
            f"{where}: '{name}' holds half a surrogate pair at {error.start}; UTF-8 has none."
        ) from error
    return value
