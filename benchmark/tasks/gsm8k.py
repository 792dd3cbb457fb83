"""`gsm8k`: grade-school word problems (Cobbe et al. 2021, arXiv:2110.14168), 7,473 for training and 1,319 for the exam.

The calculator annotations `<<48/2=24>>` of the published solutions are removed: no policy here has a calculator.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmark.grading import extract_gold_gsm8k
from benchmark.tasks.dataset import DatasetTask, Mirror, Source

if TYPE_CHECKING:
    from benchmark.tasks.files import RawRow

__all__ = ["TASK", "without_annotations"]

MIRRORS = (Mirror("openai/gsm8k", ("main",)), Mirror("gsm8k", ("main",)))


def without_annotations(solution: str) -> str:
    """The solution without `<<…>>`."""
    return re.sub(r"<<[^<>\n]*>>", "", solution)


def _always_answered(solution: str) -> bool:
    """Every published solution states its answer."""
    del solution
    return False


def _no_kind(row: RawRow) -> tuple[str, int]:
    """The set names neither kinds nor levels."""
    del row
    return "", 0


TASK = DatasetTask(
    name="gsm8k",
    answer_format="#### n",
    instruction="Solve the problem step by step and end with a line '#### ' followed by the final number.",
    question_columns=("question",),
    answer_columns=("answer",),
    train=Source("gsm8k", "train", MIRRORS, "train"),
    test=Source("gsm8k", "test", MIRRORS, "test"),
    gold=extract_gold_gsm8k,
    solution=without_annotations,
    kind_and_level=_no_kind,
    unanswered=_always_answered,
)
