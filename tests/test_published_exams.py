"""The further published exams, on rows of our own in the layout of each set on the Hub."""

import json

import pytest

from benchmark.errors import MalformedRow
from benchmark.grading import grade
from benchmark.tasks import load_task

LAYOUTS = [
    (
        "svamp",
        {
            "ID": "chal-1",
            "Body": "Ann has 3 pens.",
            "Question": "How many has she after buying 2?",
            "Equation": "( 3.0 + 2.0 )",
            "Answer": "5.0",
            "Type": "Addition",
        },
        ("Ann has 3 pens. How many has she after buying 2?", "5", "Addition", 0),
    ),
    (
        "svamp",
        {"Body": "Ann has 3 pens", "Question": "How many legs have 2 pens?", "Answer": 0.5, "Type": "Division"},
        ("Ann has 3 pens. How many legs have 2 pens?", "0.5", "Division", 0),
    ),
    (
        "asdiv",
        {
            "body": "Seven apples are red.",
            "question": "How many are green of 9?",
            "solution_type": "Subtraction",
            "answer": "2 (apples)",
            "formula": "9-7=2",
            "grade": "2",
        },
        ("Seven apples are red. How many are green of 9?", "2", "Subtraction", 2),
    ),
    (
        "asdiv",
        {"body": "b.", "question": "q?", "solution_type": "Ratio", "answer": "3 (boys); 4 (girls)"},
        ("b. q?", "3, 4", "Ratio", 0),
    ),
    (
        "aime24",
        {"id": 60, "problem": "Find p+q.", "solution": "It is 73.", "answer": "073", "url": "u", "year": "2024"},
        ("Find p+q.", "73", "", 0),
    ),
    ("aime24", {"id": 60, "problem": "Find p+q.", "solution": "\\boxed{204}", "url": "u"}, ("Find p+q.", "204", "", 0)),
    ("aime25", {"problem": "Find n.", "answer": "70", "id": "0"}, ("Find n.", "70", "", 0)),
    ("aime25", {"question": "Find n.", "answer": "336^\\circ"}, ("Find n.", "336", "", 0)),
    ("amc", {"id": 0, "problem": "Evaluate.", "answer": 142.0, "url": "u"}, ("Evaluate.", "142", "", 0)),
    ("amc23", {"id": 0, "question": "Evaluate.", "answer": 27.0, "url": "u"}, ("Evaluate.", "27", "", 0)),
    ("minerva", {"question": "What mass?", "answer": "4.49e33"}, ("What mass?", "4.49e33", "", 0)),
    (
        "olympiadbench",
        {
            "id": 1606,
            "question": "Find x.",
            "solution": ["Long."],
            "final_answer": ["$\\frac{1}{2}$"],
            "context": None,
            "is_multiple_answer": False,
            "unit": None,
            "answer_type": "Numerical",
            "subfield": "Algebra",
        },
        ("Find x.", "\\frac{1}{2}", "Algebra", 0),
    ),
    (
        "olympiadbench",
        {"question": "Find x and y.", "final_answer": ["1", "2"], "context": "Let x < y.", "subfield": "Algebra"},
        ("Let x < y.\nFind x and y.", "1, 2", "Algebra", 0),
    ),
]


@pytest.mark.parametrize(("name", "row", "wanted"), LAYOUTS)
def test_a_row_of_the_published_layout(tmp_path, name, row, wanted):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "test.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    task = load_task(name)
    problem = task.load("test", tmp_path)[0]
    assert (problem.prompt, problem.gold, problem.kind, problem.level) == wanted
    assert problem.id == f"{name}/test/0"
    ending = (
        task.answer_format.replace("n", problem.gold)
        if task.answer_format == "#### n"
        else f"\\boxed{{{problem.gold}}}"
    )
    assert grade(f"So the answer follows.\n{ending}", problem.gold).kind == "correct"


@pytest.mark.parametrize(("name", "answer"), [("aime24", "1000"), ("aime24", "x+1"), ("svamp", "five"), ("amc", None)])
def test_an_answer_the_set_cannot_have_is_named(tmp_path, name, answer):
    row = {"problem": "p", "Body": "b", "Question": "q", "answer": answer, "Answer": answer}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(MalformedRow, match=r"test\.jsonl:1: "):
        load_task(name).load("test", tmp_path)


def test_exams_have_no_training_split(tmp_path):
    (tmp_path / "test.jsonl").write_text(json.dumps({"problem": "p", "answer": "7"}) + "\n", encoding="utf-8")
    for name in ("aime24", "aime25", "amc", "amc23", "minerva"):
        task = load_task(name)
        assert task.exam_only
        assert task.load("train", tmp_path) == task.load("validation", tmp_path) == ()
        assert len(task.load("test", tmp_path)) == 1
    assert not load_task("svamp").exam_only
    assert not load_task("grade_school").exam_only


def test_a_snapshot_below_the_data_folder_is_found_by_its_repository(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    for place in ("aime_2024/data", "datasets--math-ai--aime25/snapshots/abc/data"):
        (tmp_path / place).mkdir(parents=True)
        split = "train" if "aime_2024" in place else "test"
        pd.DataFrame([{"problem": "Find n.", "answer": "70"}]).to_parquet(
            tmp_path / place / f"{split}-00000-of-00001.parquet"
        )
    assert load_task("aime24").load("test", tmp_path)[0].gold == "70"
    assert load_task("aime25").load("test", tmp_path)[0].gold == "70"


def test_an_empty_exam_is_refused(tmp_path):
    (tmp_path / "test.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(MalformedRow, match="task 'amc': its test split is empty"):
        load_task("amc").load("test", tmp_path)
