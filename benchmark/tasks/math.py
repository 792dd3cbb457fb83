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
from benchmark.tasks.dataset import DatasetTask, Mirror, Source

if TYPE_CHECKING:
    from benchmark.tasks.files import RawRow

__all__ = ["MATH500", "TASK", "box_is_empty", "kind_and_level"]

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


def _task(name: str, test: Source) -> DatasetTask:
    """MATH with one of its two exams."""
    return DatasetTask(
        name=name,
        answer_format="\\boxed{n}",
        instruction=INSTRUCTION,
        question_columns=("problem",),
        answer_columns=("solution",),
        train=Source("math", "train", MIRRORS, "train"),
        test=test,
        gold=extract_gold_math,
        solution=str,
        kind_and_level=kind_and_level,
        unanswered=box_is_empty,
    )


TASK = _task("math", Source("math", "test", MIRRORS, "test"))
MATH500 = _task("math500", Source("math", "math500", (Mirror("HuggingFaceH4/MATH-500"),), "test"))
