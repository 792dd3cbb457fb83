"""How far the strategy key agrees with labels that do not come from it: the tables of docs/diversity.md.

    python tests/strategy_agreement.py [FOLDER]      with the data sets under FOLDER for the second table

Pairs of correct solutions of one problem are labelled "same" or "different". Generated problems know which of their
ways wrote a text; a text and its restyling by a rule are the same way. For GSM8K and MATH a label is known where it
needs no judgement: a solution and a restyling of it. What the key says of two solutions by different writers is counted
there, but nobody has labelled it.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.exam.strategy.key import StrategyLevel, strategy_key
from benchmark.grading import extract_answer, grade
from benchmark.tasks.generated.competition import TASK as COMPETITION
from benchmark.tasks.generated.family import ProblemFamily
from benchmark.tasks.generated.grade_school import TASK as GRADE_SCHOOL

LEVELS: tuple[StrategyLevel, ...] = ("expr", "steps")
PROBLEMS = 2_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two solutions of one problem, and whether they took the same way."""

    first: str
    second: str
    answer: str
    same: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Pairs by label and key: same or different by the label, then by the key; `unread` have no key on one side."""

    same_same: int
    same_different: int
    different_same: int
    different_different: int
    unread: int

    @property
    def row(self) -> tuple[str, ...]:
        """Pairs, agreement, precision and recall of "different", and pairs without a key."""
        read = self.same_same + self.same_different + self.different_same + self.different_different
        found = self.different_different + self.same_different
        wanted = self.different_different + self.different_same
        shares = ((self.same_same + self.different_different, read), (self.different_different, found))
        cells = (*shares, (self.different_different, wanted))
        return (f"{read:,}", *(f"{top / of:.3f}" if of else "–" for top, of in cells), f"{self.unread:,}")


def counted(pairs: Iterable[Pair], level: StrategyLevel) -> Counts:
    """What the key says of each pair."""
    found: defaultdict[tuple[bool, bool | None], int] = defaultdict(int)
    for pair in pairs:
        keys = [strategy_key(text, pair.answer, level) for text in (pair.first, pair.second)]
        found[pair.same, None if None in keys else keys[0] == keys[1]] += 1
    return Counts(
        found[True, True],
        found[True, False],
        found[False, True],
        found[False, False],
        found[True, None] + found[False, None],
    )


# --- restylings that leave the way as it is -------------------------------------------------------------------------


def swapped(text: str) -> str:
    """`a+b` and `a*b` the other way round, where a step has these two operands alone."""
    return re.sub(r"(?<![\d.)+*/-])(\d+)([+*])(\d+)=", r"\3\2\1=", text)


def in_words(text: str) -> str:
    """Words around every step, and the sign × for *."""
    return re.sub(r"(\d[^.=]*=[^.\n]*)\.", r"So we see that \1, as it should be.", text).replace("*", " × ")


def annotated(text: str) -> str:
    """Every step twice: as it is, and in GSM8K's calculator brackets."""
    return re.sub(r"([\d(-][\d+*/() -]*)=(\d+)(?=\.)", r"\1 = <<\1=\2>>\2", text)


def checked(text: str) -> str:
    """The first step again at the end, as a check on which the answer does not rest."""
    first, _, rest = text.partition(".")
    head, line, last = rest.rpartition("\n")
    return f"{first}.{head} Check: {first}.{line}{last}"


RESTYLINGS: dict[str, Callable[[str], str]] = {
    "operands swapped": swapped,
    "in words": in_words,
    "annotated": annotated,
    "a step repeated": checked,
}


# --- generated problems ---------------------------------------------------------------------------------------------


def ways(family: ProblemFamily) -> Iterator[list[tuple[str, str]]]:
    """(text, answer) of every right way of the first problems."""
    for index in itertools.islice(family.indices(), PROBLEMS):
        yield [family.completion(way) for way in family.sketch(index)[2].right]


def of_ways(family: ProblemFamily) -> Iterator[Pair]:
    """Two ways of one problem are different."""
    for written in ways(family):
        for (one, answer), (other, _) in itertools.combinations(written, 2):
            yield Pair(one, other, answer, same=False)


def of_restylings(family: ProblemFamily, restyle: Callable[[str], str]) -> Iterator[Pair]:
    """A text and its restyling are the same; texts that the rule leaves as they are do not count."""
    for written in ways(family):
        for text, answer in written:
            other = restyle(text)
            if other != text:
                yield Pair(text, other, answer, same=True)


# --- data sets ------------------------------------------------------------------------------------------------------


def solutions(path: Path, dataset: str) -> dict[str, list[tuple[str, str]]]:
    """Correct solutions of the grading corpus by problem: the gold where it is one, and every right prediction."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["dataset"] != dataset or not row["expected"] or row["gold_form"] != "solution":
                continue
            answer = extract_answer(row["gold"], stated=False)
            if answer is not None and "rule-made" not in row["source"] and grade(row["prediction"], answer).reward:
                found[row["group"]][row["gold"]] = answer
                found[row["group"]][row["prediction"]] = answer
    return {group: list(texts.items()) for group, texts in found.items() if len(texts) > 1}


def line(name: str, label: str, pairs: list[Pair]) -> Iterator[str]:
    """One line of the table for each level."""
    for level in LEVELS:
        yield f"| {name} | {label} | `{level}` | {' | '.join(counted(pairs, level).row)} |"


def main(folder: Path | None) -> None:
    """Print the tables."""
    print("| solutions | label | level | pairs | agreement | precision | recall | without a key |")
    print("| --- | --- | --- | --: | --: | --: | --: | --: |")
    for family in (GRADE_SCHOOL, COMPETITION):
        different = list(of_ways(family))
        same = {name: list(of_restylings(family, rule)) for name, rule in RESTYLINGS.items()}
        for text in line(family.name, "two ways: different", different):
            print(text)
        for name, pairs in same.items():
            for text in line(family.name, f"{name}: same", pairs):
                print(text)
        for text in line(family.name, "all", [*different, *itertools.chain(*same.values())]):
            print(text)
    if folder is None:
        return
    print("\n| solutions | problems | pairs | different by `expr` | different by `steps` | without a key |")
    print("| --- | --: | --: | --: | --: | --: |")
    for dataset in ("gsm8k", "math"):
        texts = solutions(folder / "grading" / "dev.jsonl.gz", dataset)
        pairs = [
            Pair(one, other, answer, same=True)
            for written in texts.values()
            for (one, answer), (other, _) in itertools.combinations(written, 2)
        ]
        both = [counted(pairs, level) for level in LEVELS]
        shares = [f"{each.same_different / max(each.same_same + each.same_different, 1):.3f}" for each in both]
        print(f"| {dataset} | {len(texts):,} | {len(pairs):,} | {' | '.join(shares)} | {both[0].unread:,} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
