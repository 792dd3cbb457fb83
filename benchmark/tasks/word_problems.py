"""`svamp` and `asdiv`: short arithmetic word problems, usual transfer exams beside GSM8K.

`svamp` (Patel et al. 2021, arXiv:2103.07191) has 700 problems for training and 300 for the exam. `asdiv` (Miao et al.
2020, arXiv:2106.15772) is one published split of 2,305 problems, which is examined whole; nothing is trained on it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmark.errors import MalformedRow
from benchmark.tasks.columns import answer_text, cell, level_of, question_text
from benchmark.tasks.dataset import DatasetTask, Mirror, Read, Source

if TYPE_CHECKING:
    from benchmark.tasks.files import RawRow

__all__ = ["ASDIV", "SVAMP", "read_asdiv", "read_svamp", "without_unit"]

INSTRUCTION = "Solve the problem step by step and end with a line '#### ' followed by the final number."
SVAMP_MIRRORS = (Mirror("ChilleD/SVAMP"), Mirror("MU-NLPC/Calc-svamp"))
_UNIT = re.compile(r"\s*\([^()]*\)\s*$")


def read_svamp(row: RawRow, where: str) -> Read:
    """Columns `Body`, `Question`, `Answer` (`145.0`), `Type`; `question`, `result` in the second mirror."""
    if "Question" in row:
        body, asked = (question_text(cell(row, name, where), where) for name in ("Body", "Question"))
        prompt = f"{body if body.endswith(('.', '?', '!')) else body + '.'} {asked}"
        gold, kind = _number(cell(row, "Answer", where), where), str(row.get("Type") or "")
    else:
        prompt = question_text(cell(row, "question", where), where)
        gold, kind = _number(cell(row, "result", where), where), str(row.get("problem_type") or "")
    return Read(prompt, gold, f"#### {gold}", kind)


def read_asdiv(row: RawRow, where: str) -> Read:
    """Columns `body`, `question`, `answer` (`9 (apples)`), `solution_type`, perhaps `grade`."""
    prompt = f"{question_text(cell(row, 'body', where), where)} {question_text(cell(row, 'question', where), where)}"
    gold = without_unit(answer_text(cell(row, "answer", where), where))
    return Read(prompt, gold, f"#### {gold}", str(row.get("solution_type") or ""), level_of(row.get("grade")))


def without_unit(answer: str) -> str:
    """`9 (apples)` → `9`; of `3 (boys); 4 (girls)` both numbers, `3, 4`."""
    return ", ".join(_UNIT.sub("", part).strip() for part in answer.split(";") if part.strip())


def _number(value: object, where: str) -> str:
    """`145.0` → `145`: the set writes whole numbers as floats, also as text."""
    text = answer_text(value, where)
    try:
        return answer_text(float(text.replace(",", "")), where)
    except (ValueError, OverflowError) as error:
        raise MalformedRow(f"{where}: the answer must be a number, found {text[:40]!r}") from error


SVAMP = DatasetTask(
    name="svamp",
    answer_format="#### n",
    instruction=INSTRUCTION,
    train=Source("svamp", "train", SVAMP_MIRRORS, "train"),
    test=Source("svamp", "test", SVAMP_MIRRORS, "test"),
    read=read_svamp,
)
ASDIV = DatasetTask(
    name="asdiv",
    answer_format="#### n",
    instruction=INSTRUCTION,
    train=None,
    test=Source("asdiv", "test", (Mirror("EleutherAI/asdiv", split="validation"),), "test"),
    read=read_asdiv,
)
