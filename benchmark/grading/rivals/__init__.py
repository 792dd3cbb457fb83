"""Named graders behind one interface, for cross-examining ours. Each is given the completion and the answer alone.

`minerva` and `hendrycks` compare after their own normalisation. Where a completion has neither their sentence nor a box
(GSM8K's `#### 18`), they are handed what our extraction finds: their authors' scripts would find nothing at all there.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from benchmark.errors import UnknownName
from benchmark.grading import grade
from benchmark.grading.rivals.find import box_first, last_number, marked, sentence_first
from benchmark.grading.rivals.grader import Grader, text_grader
from benchmark.grading.rivals.normal import as_written, of_flexible, of_hendrycks, of_minerva
from benchmark.grading.rivals.whole import grade_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GRADERS", "OURS", "Grader", "grader"]

OURS = "bakeoff"

_ALL = (
    Grader(OURS, "this repository, benchmark/grading", grade),
    text_grader("exact", "our extraction, then the same text", marked, as_written),
    text_grader(
        "flexible", "EleutherAI/lm-evaluation-harness, gsm8k, filter flexible-extract", last_number, of_flexible
    ),
    text_grader("minerva", "Lewkowycz et al. 2022, arXiv 2206.14858, appendix D; no sympy", sentence_first, of_minerva),
    text_grader("hendrycks", "Hendrycks et al. 2021, arXiv 2103.03874, is_equiv", box_first, of_hendrycks),
    Grader("math_verify", "huggingface/Math-Verify 0.9.0, parse and verify", grade_whole),
)

GRADERS: Mapping[str, Grader] = MappingProxyType({each.name: each for each in _ALL})
"""By name. All but `bakeoff` and `math_verify` are pure text rules: tens of thousands of pairs a second."""


def grader(name: str) -> Grader:
    """The grader of that name; raises `UnknownName`."""
    if name not in GRADERS:
        raise UnknownName("grader", name, GRADERS)
    return GRADERS[name]
