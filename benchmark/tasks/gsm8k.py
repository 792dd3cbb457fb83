"""`gsm8k`: grade-school word problems (Cobbe et al. 2021, arXiv:2110.14168), 7,473 for training and 1,319 for the exam.

The calculator annotations `<<48/2=24>>` of the published solutions are removed: no policy here has a calculator.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmark.grading import extract_gold_gsm8k
from benchmark.tasks.dataset import DatasetTask, Mirror, Read, Source, gold_of
from benchmark.tasks.files import text_column

if TYPE_CHECKING:
    from benchmark.tasks.files import RawRow

__all__ = ["TASK", "read", "without_annotations"]

MIRRORS = (Mirror("openai/gsm8k", ("main",)), Mirror("gsm8k", ("main",)))


def without_annotations(solution: str) -> str:
    """The solution without `<<…>>`."""
    return re.sub(r"<<[^<>\n]*>>", "", solution)


def read(row: RawRow, where: str) -> Read:
    """Columns `question` and `answer`, whose last line is `#### ` and the number."""
    worked = text_column(row, ("answer",), where)
    return Read(
        prompt=text_column(row, ("question",), where),
        gold=gold_of(extract_gold_gsm8k, worked, where),
        solution=without_annotations(worked),
        published=worked,
    )


TASK = DatasetTask(
    name="gsm8k",
    answer_format="#### n",
    instruction="Solve the problem step by step and end with a line '#### ' followed by the final number.",
    train=Source("gsm8k", "train", MIRRORS, "train"),
    test=Source("gsm8k", "test", MIRRORS, "test"),
    read=read,
)
