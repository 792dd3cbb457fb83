"""Any table or JSON lines, by the names of its columns: `question=…,response=…,gold=…,score=…`.

A name with dots looks inside (`reward_model.ground_truth`). A response is a text, a conversation, or a list of texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from benchmark.commands.exchange.readers.row import ForeignRow, SampledRow, content, described, said, score_of, text
from benchmark.errors import ConfigurationError, MalformedRow

__all__ = ["NAMES", "parse", "rows"]

NAMES = ("question", "response", "gold", "score", "id", "method", "step")
_TRUTHS = {"true": 1.0, "false": 0.0}
_ABSENT = object()


def parse(written: str) -> dict[str, str]:
    """The option as field → column. Raises `ConfigurationError` with what may be written."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column or name not in NAMES or name in found:
            raise ConfigurationError(
                f"--columns: '{part}' must be NAME=COLUMN with one of {', '.join(NAMES)}, each once, as in "
                "question=prompt,response=output,gold=answer."
            )
        found[name] = column
    if "response" not in found or not {"question", "id"} & found.keys():
        raise ConfigurationError("--columns needs response=… and question=… or id=….")
    return found


def rows(found: Iterable[tuple[str, ForeignRow]], columns: Mapping[str, str]) -> Iterator[SampledRow]:
    """One row each; the completions of a problem may be spread over rows or stand in a list."""
    for where, row in found:
        question = _value(row, columns, "question", where)
        step, method = _value(row, columns, "step", where), _value(row, columns, "method", where)
        completions = _responses(_value(row, columns, "response", where), columns["response"], where)
        yield SampledRow(
            where,
            () if question is None else (said(question, columns["question"], "user", where),),
            completions,
            id=_word(_value(row, columns, "id", where), "id", where),
            gold=_gold(_value(row, columns, "gold", where), where),
            scores=_scores(_value(row, columns, "score", where), len(completions), where),
            several=True,
            step=_whole(step, where),
            method=_word(method, "method", where) or "",
        )


def _value(row: ForeignRow, columns: Mapping[str, str], name: str, where: str) -> object:
    """What stands in the column of a field; `None` for a field that was not asked for."""
    if name not in columns:
        return None
    column = columns[name]
    if column in row:
        return row[column]
    found: object = row
    for part in column.split("."):
        found = found.get(part, _ABSENT) if isinstance(found, Mapping) else _ABSENT
    if found is _ABSENT:
        raise MalformedRow(f"{where}: no column '{column}'; the columns are {', '.join(map(str, row)) or 'none'}.")
    return found


def _responses(value: object, column: str, where: str) -> tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(text(one, column, where) for one in value)
    if isinstance(value, list) and value and all(isinstance(one, list) for one in value):
        return tuple(said(one, column, "assistant", where) for one in value)
    return (said(value, column, "assistant", where),)


def _gold(value: object, where: str) -> str | None:
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if value is None or isinstance(value, str):
        return None if value is None or not value.strip() else text(value, "gold", where)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise MalformedRow(f"{where}: 'gold' must be text or a number, found {described(value)}.")


def _scores(value: object, count: int, where: str) -> tuple[float, ...]:
    """One score for each completion: numbers, truths, or either as a CSV writes them."""
    values = value if isinstance(value, list) else [value]
    found = [one for each in values for one in _score(each, where)]
    if found and len(found) != count:
        raise MalformedRow(f"{where}: {len(found)} scores for {count} responses.")
    return tuple(found)


def _score(value: object, where: str) -> tuple[float, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        word = value.strip().lower()
        try:
            found = score_of(_TRUTHS[word] if word in _TRUTHS else float(word))
        except ValueError:
            found = ()
    else:
        found = score_of(value)
    if not found:
        raise MalformedRow(f"{where}: 'score' must be a finite number or true or false, found {described(value)}.")
    return found


def _whole(value: object, where: str) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(str(value))
    except ValueError as error:
        raise MalformedRow(f"{where}: 'step' must be a whole number, found {described(value)}.") from error


def _word(value: object, name: str, where: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(content(value), name, where)
