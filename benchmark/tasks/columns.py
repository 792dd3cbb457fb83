"""Values of a row of unknown layout: dotted columns, chat messages, numbers and lists as answers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from benchmark.errors import MalformedRow
from benchmark.tasks.files import RawRow, shown, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ANSWERS", "QUESTIONS", "answer_text", "cell", "last_reply", "level_of", "pick", "question_text"]

QUESTIONS = ("question", "problem", "prompt", "messages", "input")
ANSWERS = (
    "answer",
    "final_answer",
    "reward_model.ground_truth",
    "ground_truth",
    "target",
    "gold",
    "solution",
    "output",
)
_ABSENT = object()


def cell(row: RawRow, name: str, where: str) -> object:
    """The value of a column, where a dot looks inside it; `MalformedRow` when the row has none."""
    found = _get(row, name)
    if found is _ABSENT:
        raise MalformedRow(f"{where}: no column '{name}'; the columns are {', '.join(map(str, row)) or 'none'}")
    return found


def pick(row: RawRow, asked: str | None, usual: Sequence[str], what: str, where: str) -> tuple[str, object]:
    """Name and value of the column asked for, or of the first usual one that is there."""
    if asked is not None:
        return asked, cell(row, asked, where)
    for name in usual:
        found = _get(row, name)
        if found is not _ABSENT and found is not None:
            return name, found
    raise MalformedRow(
        f"{where}: no column for the {what} among {', '.join(map(str, row)) or 'none'}: name it under 'columns', as in "
        f'columns = {{ {what} = "…" }}'
    )


def question_text(value: object, where: str) -> str:
    """Text as it is; of chat messages what the system and the user say before the first answer."""
    if not _is_chat(value):
        return _text(value, where)
    said: list[str] = []
    for role, text in _turns(value, where):
        if role in {"assistant", "gpt", "model"}:
            break
        said.append(text)
    else:
        role = ""
    if not said:
        raise MalformedRow(f"{where}: the messages begin with an answer, nothing is asked")
    return "\n\n".join(said)


def last_reply(value: object, where: str) -> str | None:
    """What the assistant says last in chat messages; `None` when it says nothing."""
    if not _is_chat(value):
        return None
    role, text = _turns(value, where)[-1]
    return text if role in {"assistant", "gpt", "model"} else None


def answer_text(value: object, where: str) -> str:
    """Text, a number, or a list of either, which is joined by commas. Raises `MalformedRow` for nothing at all."""
    if isinstance(value, list | tuple):
        if not value:
            raise MalformedRow(f"{where}: the answer is an empty list")
        return ", ".join(_scalar(one, where) for one in value)
    return _scalar(value, where)


def level_of(value: object) -> int:
    """The first whole number in a level (`Level 3`, 3, 3.0); 0 where there is none."""
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int | float):
        return int(value) if math.isfinite(value) and abs(value) < 1000 else 0
    digits = re.search(r"\d{1,3}", str(value))
    return int(digits.group()) if digits else 0


def _scalar(value: object, where: str) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, list | tuple | dict | bytes):
        raise MalformedRow(f"{where}: an answer must be text, a number or a list of them, found {shown(value)}")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise MalformedRow(f"{where}: the answer is {value}")
        return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
    return _text(str(value), where)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise MalformedRow(f"{where}: must be text and not empty, found {shown(value)}")
    return whole(value, where).strip()


def _is_chat(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(turn, dict) for turn in value)


def _turns(value: Any, where: str) -> list[tuple[str, str]]:  # noqa: ANN401 - as JSON gives it
    turns = []
    for turn in value:
        role, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
        if isinstance(content, list):  # parts, of which images and sounds are none of ours
            content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
        if not isinstance(role, str):
            raise MalformedRow(f"{where}: a chat message needs 'role' and 'content', found {shown(turn)}")
        turns.append((role, _text(content, f"{where}: message of '{role}'")))
    return turns


def _get(row: RawRow, name: str) -> object:
    if name in row:
        return row[name]
    inner: object = row
    for part in name.split("."):
        if not isinstance(inner, dict) or part not in inner:
            return _ABSENT
        inner = inner[part]
    return inner
