r"""Contest exams: nothing is trained on them; they are transfer tasks beside `math`.

Columns and splits are those of the data set cards and of public loaders, named below; the files themselves were not
read when this was written. Answers are cut out as in the `parse_ground_truth` of Qwen2.5-Math's `evaluation/parser.py`
(github.com/QwenLM/Qwen2.5-Math), except where a line says otherwise.

- `aime24`, `aime25`: the 30 problems of AIME I and II of a year, answers whole numbers from 0 to 999.
  HuggingFaceH4/aime_2024 (card): split `train`, columns `id, problem, solution, answer, url, year`.
  math-ai/aime24: split `test`, columns `id, problem, solution, url`; `solution` is the boxed answer alone.
  math-ai/aime25: split `test`, columns `problem, answer, id`, as in `lm_eval/tasks/aime/aime25.yaml` of lm-eval.
  opencompass/AIME2025 (card): configurations `AIME2025-I` and `AIME2025-II`, a JSONL file each, split `test`, columns
  `question, answer`. yentinglin/aime_2025: split `train`, columns `problem` and `answer` among others.
- `amc`: AI-MO/aimo-validation-amc (card): 83 problems of AMC 12 of 2022 and 2023, split `train`, columns
  `id, problem, answer, url`. The problems are rewritten to have a whole number as answer, and those for which this
  cannot be done are left out, so that it is no multiple choice. `answer` is a float.
- `amc23`: math-ai/amc23: the 40 of 2023, split `test`, columns `id, question, answer, url`; `answer` is a float.
- `minerva`: math-ai/minervamath: 272 undergraduate problems of OCWCourses (Lewkowycz et al. 2022, arXiv:2206.14858),
  split `test`, columns `question, answer`. Qwen2.5-Math's own copy has `problem, solution` with a box, read as well.
- `olympiadbench`: the 674 English, text-only, open-ended mathematics problems of OlympiadBench (He et al. 2024,
  arXiv:2402.14008), columns as in the README of github.com/OpenBMB/OlympiadBench. Hothan/OlympiadBench: configuration
  `OE_TO_maths_en_COMP`, split `train`; math-ai/olympiadbench: split `test`. `final_answer` is a list with dollars
  around each entry; Qwen2.5-Math reads its first entry, here all of them count, as in the authors'
  `eval/auto_scoring_judge.py`, which pairs answers in any order. Their column `error`, an allowed absolute difference
  of numerical answers, is not used: an approximate answer must be equal to the digits of the gold answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmark.errors import MalformedRow
from benchmark.grading import extract_gold_math
from benchmark.tasks.columns import ANSWERS, answer_text, level_of, pick, question_text
from benchmark.tasks.dataset import DatasetTask, Mirror, Read, Source, gold_of
from benchmark.tasks.math import INSTRUCTION

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.tasks.files import RawRow

__all__ = ["AIME24", "AIME25", "AMC", "AMC23", "MINERVA", "OLYMPIADBENCH", "read_aime", "read_contest", "read_olympiad"]

ASKED = ("problem", "question")
LARGEST_AIME = 999
OLYMPIAD = "OE_TO_maths_en_COMP"
"""Open-ended, text-only, mathematics, English, competition."""
_DOLLARS = re.compile(r"^\$(?P<inside>[^$]*)\$$")


def read_contest(row: RawRow, where: str) -> Read:
    """`problem` or `question`; the gold is `answer`, or the last box of `solution` where there is no answer."""
    name, asked = pick(row, None, ASKED, "question", where)
    prompt = question_text(asked, f"{where}: column '{name}'")
    worked = row.get("solution")
    if row.get("answer") is None and isinstance(worked, str):
        gold = gold_of(extract_gold_math, worked, where)
    else:
        name, value = pick(row, None, ANSWERS, "answer", where)
        gold = _bare(answer_text(value, f"{where}: column '{name}'"))
    kind = str(row.get("subject") or row.get("type") or "")
    solution = worked if isinstance(worked, str) and "\\boxed" in worked else f"\\boxed{{{gold}}}"
    return Read(prompt, gold, solution, kind, level_of(row.get("level")))


def read_aime(row: RawRow, where: str) -> Read:
    """`read_contest` with the contest's own rule: `073` is 73, and everything else than 0 to 999 is a broken row."""
    read = read_contest(row, where)
    digits = read.gold.removesuffix("^\\circ").strip()
    if not digits.isdecimal() or int(digits) > LARGEST_AIME:
        raise MalformedRow(f"{where}: an answer of AIME is a whole number from 0 to 999, found {read.gold[:40]!r}")
    return read._replace(gold=str(int(digits)))


def read_olympiad(row: RawRow, where: str) -> Read:
    """`question`, `final_answer` (a list; several answers are one with commas), `subfield`; no unit in the answer.

    `context` opens the question where there is one; in mathematics the column is empty.
    """
    name, asked = pick(row, None, ASKED, "question", where)
    prompt = question_text(asked, f"{where}: column '{name}'")
    context = row.get("context")
    if isinstance(context, str) and context.strip():
        prompt = f"{context.strip()}\n{prompt}"
    name, value = pick(row, None, ("final_answer", "answer"), "answer", where)
    answers = list(value) if isinstance(value, list | tuple) else [value]
    place = f"{where}: column '{name}'"
    gold = answer_text([_bare(answer_text(one, place)) for one in answers], place)
    unit = row.get("unit")
    if isinstance(unit, str) and unit.strip() and gold.endswith(unit.strip()):
        gold = _bare(gold.removesuffix(unit.strip()))
    return Read(prompt, gold, f"\\boxed{{{gold}}}", str(row.get("subfield") or ""))


def _bare(answer: str) -> str:
    r"""`$\frac{1}{2}$` → `\frac{1}{2}`: dollars around the whole answer are typography."""
    found = _DOLLARS.match(answer.strip())
    return (found["inside"] if found else answer).strip()


def _exam(name: str, read: Callable[[RawRow, str], Read], *mirrors: Mirror) -> DatasetTask:
    return DatasetTask(
        name=name,
        answer_format="\\boxed{n}",
        instruction=INSTRUCTION,
        train=None,
        test=Source(name, "test", mirrors, "test"),
        read=read,
    )


AIME24 = _exam(
    "aime24",
    read_aime,
    Mirror("HuggingFaceH4/aime_2024", split="train"),
    Mirror("math-ai/aime24"),
)
AIME25 = _exam(
    "aime25",
    read_aime,
    Mirror("math-ai/aime25"),
    Mirror("opencompass/AIME2025", ("AIME2025-I", "AIME2025-II"), files=("aime2025-I.jsonl", "aime2025-II.jsonl")),
    Mirror("yentinglin/aime_2025", split="train"),
)
AMC = _exam("amc", read_contest, Mirror("AI-MO/aimo-validation-amc", split="train"))
AMC23 = _exam("amc23", read_contest, Mirror("math-ai/amc23"))
MINERVA = _exam("minerva", read_contest, Mirror("math-ai/minervamath"))
OLYMPIADBENCH = _exam(
    "olympiadbench",
    read_olympiad,
    Mirror(
        "Hothan/OlympiadBench",
        (OLYMPIAD,),
        split="train",
        files=(f"OlympiadBench/{OLYMPIAD}/{OLYMPIAD}.parquet",),
    ),
    Mirror("math-ai/olympiadbench"),
)
