"""Published exams against the layouts of their cards: file names, splits, answers with several parts."""

from __future__ import annotations

import json

import pytest

from benchmark.errors import DataUnavailable, MalformedRow
from benchmark.grading import grade
from benchmark.tasks import load_task
from benchmark.tasks.contests import OLYMPIADBENCH, read_olympiad
from benchmark.tasks.word_problems import ASDIV, SVAMP, read_asdiv


def lines(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def hub_snapshot(tmp_path, monkeypatch, repo, commit="c0ffee", reference="main"):
    """A repository in the cache of `huggingface_hub`, as a download leaves it."""
    monkeypatch.delenv("BAKEOFF_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    folder = tmp_path / "hub" / f"datasets--{repo.replace('/', '--')}"
    (folder / "refs" / reference).parent.mkdir(parents=True)
    (folder / "refs" / reference).write_text(commit)
    return folder / "snapshots" / commit


@pytest.mark.parametrize("below", ["AIME2025", "opencompass/AIME2025"])
def test_both_files_of_aime_2025_are_one_exam(tmp_path, below):
    for part, answer in (("I", "70"), ("II", "468")):
        lines(tmp_path / below / f"aime2025-{part}.jsonl", {"question": f"Find {part}.", "answer": answer})
    assert [one.gold for one in load_task("aime25").load("test", tmp_path)] == ["70", "468"]
    (tmp_path / below / "aime2025-II.jsonl").unlink()
    with pytest.raises(DataUnavailable, match="aime25"):
        load_task("aime25").load("test", tmp_path)


def test_olympiadbench_is_found_where_its_repository_has_it(tmp_path, monkeypatch):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    snapshot = hub_snapshot(tmp_path, monkeypatch, "Hothan/OlympiadBench")
    for name in ("OE_TO_maths_en_COMP", "OE_TO_physics_en_COMP"):
        path = snapshot / "OlympiadBench" / name / f"{name}.parquet"
        path.parent.mkdir(parents=True)
        pd.DataFrame([{"question": name, "final_answer": ["$2$"], "context": None, "unit": None}]).to_parquet(path)
    (only,) = load_task("olympiadbench").load("test")
    assert (only.prompt, only.gold) == ("OE_TO_maths_en_COMP", "2")


def test_asdiv_is_read_from_its_pull_request_with_parquet(tmp_path, monkeypatch):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    snapshot = hub_snapshot(tmp_path, monkeypatch, "EleutherAI/asdiv", reference="refs/pr/1")
    path = snapshot / "asdiv" / "validation-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    pd.DataFrame([{"body": "b.", "question": "q?", "solution_type": "Sum", "answer": "9 (apples)"}]).to_parquet(path)
    assert load_task("asdiv").load("test")[0].gold == "9"


def test_every_mirror_of_an_exam_has_the_same_problems():
    """A set with other numbers of problems under the same name would change a table without a word."""
    assert [mirror.repo for mirror in SVAMP.test.mirrors] == ["ChilleD/SVAMP"]
    assert {mirror.repo for mirror in ASDIV.test.mirrors} == {"EleutherAI/asdiv"}
    assert OLYMPIADBENCH.test.mirrors[0].configs == ("OE_TO_maths_en_COMP",)


@pytest.mark.parametrize(
    ("final_answer", "gold"),
    [
        (["$\\frac{1}{2}$"], "\\frac{1}{2}"),
        (["$1$", "$\\frac{1}{2}$"], "1, \\frac{1}{2}"),
        (["$(1,8,19), (2,7,13), (4,5,7)$"], "(1,8,19), (2,7,13), (4,5,7)"),
        (["$2^{1009}$ or $3$"], "$2^{1009}$ or $3$"),
        ("$5$", "5"),
        ([7], "7"),
    ],
)
def test_dollars_leave_every_part_of_an_answer(final_answer, gold):
    assert read_olympiad({"question": "q", "final_answer": final_answer}, "here").gold == gold


def test_answers_of_olympiadbench_count_in_any_order_and_all_of_them():
    gold = read_olympiad({"question": "q", "final_answer": ["$1$", "$\\frac{1}{2}$"]}, "here").gold
    assert grade("So \\boxed{0.5, 1}", gold).kind == "correct"
    assert grade("So \\boxed{1}", gold).kind == "wrong"


@pytest.mark.parametrize(
    ("unit", "answer", "gold"), [("cm", "$5$ cm", "5"), ("cm", "$5$", "5"), (None, "$5 m$", "5 m")]
)
def test_a_unit_of_its_own_column_is_not_in_the_answer(unit, answer, gold):
    assert read_olympiad({"question": "q", "final_answer": [answer], "unit": unit}, "here").gold == gold


@pytest.mark.parametrize("final_answer", [None, [], [None], [""], ["$ $"], [True]])
def test_a_row_without_an_answer_names_its_place(final_answer):
    with pytest.raises(MalformedRow, match="here"):
        read_olympiad({"question": "q", "final_answer": final_answer}, "here")


def test_all_answers_of_a_word_problem_must_be_given():
    gold = read_asdiv({"body": "b.", "question": "q?", "answer": "3 (boys); 4 (girls)"}, "here").gold
    assert gold == "3, 4"
    assert grade("#### 4, 3", gold).kind == "correct"
    assert grade("#### 3", gold).kind == "wrong"
