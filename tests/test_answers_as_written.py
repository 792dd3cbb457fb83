"""Answers as people and models write them, by class: what has to be accepted, and near misses that must not be."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from benchmark.grading import grade

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "answers_as_written.jsonl").read_text(encoding="utf-8").split("\n")
    if line
]
CLASSES = sorted({row["kind"] for row in ROWS})


@pytest.mark.parametrize("require_marker", [False, True], ids=["exam of others", "reward"])
@pytest.mark.parametrize("kind", CLASSES)
def test_every_row_of_the_class_is_judged_as_expected(kind, require_marker):
    wrong = []
    for row in ROWS:
        if row["kind"] != kind:
            continue
        verdict = grade(row["prediction"], row["gold"], require_marker=require_marker)
        if (verdict.kind == "correct") != row["expected"] or verdict.kind == "error":
            wrong.append((row["id"], row["gold"], row["prediction"], verdict.kind, verdict.answer))
    assert wrong == []


def test_every_class_has_enough_rows_of_both_kinds():
    counts = defaultdict(Counter)
    for row in ROWS:
        counts[row["kind"]][row["expected"]] += 1
    for kind, found in counts.items():
        assert found.total() >= 20, kind
        assert min(found[True], found[False]) >= 7, kind


def test_no_pair_stands_twice_and_every_row_has_its_own_name():
    assert len({(row["gold"], row["prediction"]) for row in ROWS}) == len(ROWS)
    assert len({row["id"] for row in ROWS}) == len(ROWS)
