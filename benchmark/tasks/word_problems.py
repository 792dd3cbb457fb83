"""`svamp` and `asdiv`: short arithmetic word problems, usual transfer exams beside GSM8K.

Columns and splits are those of the data set cards, the files themselves were not read when this was written.

- `svamp` (Patel et al. 2021, arXiv:2103.07191): ChilleD/SVAMP, columns `ID, Body, Question, Equation, Answer, Type` and
  `question_concat`. Its authors publish one set of 1,000 problems for evaluation alone
  (github.com/arkilpatel/SVAMP); this copy is split by chance into 700 for training and 300 for the exam. Who compares
  with results on all 1,000 (Qwen2.5-Math, `evaluation/data_loader.py`) gives a file of them. MU-NLPC/Calc-svamp is no
  mirror: it has the 1,000 as its test split.
- `asdiv` (Miao et al. 2020, arXiv:2106.15772): EleutherAI/asdiv, configuration `asdiv`, split `validation` with all
  2,305 problems, columns `body, question, solution_type, answer, formula`, examined whole; nothing is trained on it.
  Its main branch is a script, which `datasets` no longer runs from version 4 on; its first pull request has the same
  rows in Parquet. Answers carry their unit, `9 (apples)`, as in the README of
  github.com/chaochun/nlu-asdiv-dataset. lm-eval (`lm_eval/tasks/asdiv/default.yaml`) keeps what stands before the
  first ` (`, Qwen2.5-Math leaves out problems with several answers (`3 (boys); 4 (girls)`); here all of the answers
  must be given.
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
SVAMP_MIRRORS = (Mirror("ChilleD/SVAMP"),)
ASDIV_MIRRORS = (
    Mirror("EleutherAI/asdiv", ("asdiv",), split="validation"),
    Mirror("EleutherAI/asdiv", ("asdiv",), "refs/pr/1", split="validation"),
)
_UNIT = re.compile(r"\s*\([^()]*\)\s*$")


def read_svamp(row: RawRow, where: str) -> Read:
    """Columns `Body`, `Question`, `Answer` (`145.0`), `Type`; a full stop is set between body and question."""
    body, asked = (question_text(cell(row, name, where), where) for name in ("Body", "Question"))
    prompt = f"{body if body.endswith(('.', '?', '!')) else body + '.'} {asked}"
    gold = _number(cell(row, "Answer", where), where)
    return Read(prompt, gold, f"#### {gold}", str(row.get("Type") or ""))


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
    test=Source("asdiv", "test", ASDIV_MIRRORS, "test"),
    read=read_asdiv,
)
