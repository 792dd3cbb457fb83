"""How far the strategy key agrees with labels that do not come from it: the tables of docs/diversity.md.

    python tests/strategy_agreement.py [FOLDER]      with the data sets under FOLDER for the second table

Pairs of correct solutions of one problem are labelled "same" or "different". Generated problems know which of their
ways wrote a text; a text and its restyling by a rule are the same way. Pairs of GSM8K solutions were labelled by one
reader who did not see the key (`strategy_labels.csv`); of MATH solutions is counted only how often the key differs.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
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
PROBLEMS = 500
LABELS = Path(__file__).parent / "strategy_labels.csv"
DRAWN = {True: 359, False: 140}
"""Pairs that `expr` calls the same, and different, among one random pair of each GSM8K problem: the labelled ones were
drawn from these two, as many of each as there are rows."""


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
    return re.sub(r"([\d(-][\d+*/() -]*)=(\d+(?:/\d+)?)(?=\.)", r"\1 = <<\1=\2>>\2", text)


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
            answer = extract_answer(row["gold"], require_marker=True)
            if answer is not None and "rule-made" not in row["source"] and grade(row["prediction"], answer).reward:
                found[row["group"]][row["gold"]] = answer
                found[row["group"]][row["prediction"]] = answer
    return {group: list(texts.items()) for group, texts in found.items() if len(texts) > 1}


def labelled(texts: dict[str, list[tuple[str, str]]]) -> list[Pair]:
    """The pairs of `strategy_labels.csv`, which names a text by the start of its SHA-256."""
    with LABELS.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = []
    for row in rows:
        known = {
            hashlib.sha256(text.encode()).hexdigest()[:12]: (text, answer) for text, answer in texts[row["problem"]]
        }
        (first, answer), (second, _) = known[row["first"]], known[row["second"]]
        found.append(Pair(first, second, answer, same=row["label"] == "same"))
    return found


def weighted(pairs: list[Pair], level: StrategyLevel) -> tuple[str, ...]:
    """Agreement, precision and recall of "different", each pair weighted by how often its kind was drawn from."""
    called = [strategy_key(one.first, one.answer) == strategy_key(one.second, one.answer) for one in pairs]
    weights = [DRAWN[same] / called.count(same) for same in called]
    says = [strategy_key(one.first, one.answer, level) == strategy_key(one.second, one.answer, level) for one in pairs]
    rows = list(zip(weights, says, pairs, strict=True))
    agree = sum(weight for weight, same, one in rows if same == one.same)
    both = sum(weight for weight, same, one in rows if not same and not one.same)
    different = sum(weight for weight, same, _ in rows if not same)
    wanted = sum(weight for weight, _, one in rows if not one.same)
    return tuple(f"{share:.2f}" for share in (agree / sum(weights), both / different, both / wanted))


def line(name: str, label: str, pairs: list[Pair]) -> Iterator[str]:
    """One line of the table for each level."""
    for level in LEVELS:
        yield f"| {name} | {label} | `{level}` | {' | '.join(counted(pairs, level).row)} |"


def generated() -> Iterator[str]:
    """The table of generated problems."""
    yield "| solutions | label | level | pairs | agreement | precision | recall | without a key |"
    yield "| --- | --- | --- | --: | --: | --: | --: | --: |"
    for family in (GRADE_SCHOOL, COMPETITION):
        different = list(of_ways(family))
        same = {name: list(of_restylings(family, rule)) for name, rule in RESTYLINGS.items()}
        yield from line(family.name, "two ways: different", different)
        for name, pairs in same.items():
            yield from line(family.name, f"{name}: same", pairs)
        yield from line(family.name, "all", [*different, *itertools.chain(*same.values())])


def published(folder: Path) -> Iterator[str]:
    """The labelled pairs of GSM8K, and how often the key differs in all pairs of the corpus."""
    corpus = {dataset: solutions(folder / "grading" / "dev.jsonl.gz", dataset) for dataset in ("gsm8k", "math")}
    yield "\n| level | agreement | precision | recall |\n| --- | --: | --: | --: |"
    pairs = labelled(corpus["gsm8k"])
    for level in LEVELS:
        yield f"| `{level}` | {' | '.join(weighted(pairs, level))} |"
    yield "\n| solutions | problems | pairs | different by `expr` | different by `steps` | without a key |"
    yield "| --- | --: | --: | --: | --: | --: |"
    for dataset, texts in corpus.items():
        every = [
            Pair(one, other, answer, same=True)
            for written in texts.values()
            for (one, answer), (other, _) in itertools.combinations(written, 2)
        ]
        both = [counted(every, level) for level in LEVELS]
        shares = [f"{each.same_different / max(each.same_same + each.same_different, 1):.3f}" for each in both]
        yield f"| {dataset} | {len(texts):,} | {len(every):,} | {' | '.join(shares)} | {both[0].unread:,} |"


def main(folder: Path | None) -> None:
    """Print the tables."""
    for text in itertools.chain(generated(), published(folder) if folder else ()):
        sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
