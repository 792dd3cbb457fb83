"""`math` and `math500`: competition problems (Hendrycks et al. 2021, arXiv:2103.03874) with 7,500 rows for training.

`math` is examined on all 5,000 problems of the test split, `math500` on the 500 of them that Lightman et al. 2023
(arXiv:2305.20050) hold out; they train on the same rows. Kinds are the seven subjects, levels 1 to 5, and 0 where the
set says "Level ?". Left out of training: two rows whose published box is empty, and two whose problem is in the exam of
`math` (none is in that of `math500`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmark.grading import extract_gold_math
from benchmark.tasks.dataset import DatasetTask, Mirror, Read, Source, gold_of
from benchmark.tasks.files import text_column

if TYPE_CHECKING:
    from benchmark.tasks.files import RawRow

__all__ = ["INSTRUCTION", "MATH500", "TASK", "box_is_empty", "kind_and_level", "read"]

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
MIRRORS = (Mirror("EleutherAI/hendrycks_math", SUBJECTS), Mirror("DigitalLearningGmbH/MATH-lighteval", ("default",)))
INSTRUCTION = "Solve the problem step by step and give the final answer in \\boxed{}."


def kind_and_level(row: RawRow) -> tuple[str, int]:
    """Subject and level of a row, whichever of the published column names and types it uses; ("", 0) where unknown."""
    kind = row.get("type") or row.get("subject") or ""
    digits = re.search(r"\d+", str(row.get("level", "")))
    return str(kind), int(digits.group()) if digits else 0


def box_is_empty(solution: str) -> bool:
    """Whether the solution has a box with nothing in it, which leaves the problem without a gold answer."""
    return "\\boxed{}" in solution


def read(row: RawRow, where: str) -> Read:
    """Columns `problem` and `solution`, whose last box holds the answer."""
    worked = text_column(row, ("solution",), where)
    return Read(
        text_column(row, ("problem",), where), gold_of(extract_gold_math, worked, where), worked, *kind_and_level(row)
    )


def _unanswered(row: RawRow) -> bool:
    return box_is_empty(text_column(row, ("solution",), "a row of MATH"))


def _task(name: str, test: Source) -> DatasetTask:
    """MATH with one of its two exams."""
    return DatasetTask(
        name=name,
        answer_format="\\boxed{n}",
        instruction=INSTRUCTION,
        train=Source("math", "train", MIRRORS, "train"),
        test=test,
        read=read,
        unanswered=_unanswered,
    )


TASK = _task("math", Source("math", "test", MIRRORS, "test"))
MATH500 = _task("math500", Source("math", "math500", (Mirror("HuggingFaceH4/MATH-500"),), "test"))
