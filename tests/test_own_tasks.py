"""Tasks of a user's own: any file of rows, any names of columns, and every fault named with file and line."""

import gzip
import json

import pytest

from benchmark.contract import Columns, TaskData
from benchmark.errors import ConfigurationError, DataUnavailable, MalformedRow, UnknownName
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve
from benchmark.tasks import load_task
from benchmark.tasks.columns import answer_text, level_of, question_text
from benchmark.tasks.files import LONGEST_ROW, read_rows
from benchmark.tasks.splits import cached_files, split_files

ROWS = [{"q": f"What is {n} plus {n}?", "a": 2 * n} for n in range(200)]
COLUMNS = Columns(question="q", answer="a")


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def task(path, **table):
    made = TaskData(**{"data": str(path), "columns": COLUMNS, **table})
    return load_task("mine", {"mine": made})


def golds(path, **table):
    one = task(path, **table)
    return {p.prompt: p.gold for split in ("train", "validation", "test") for p in one.load(split)}


WANTED = {row["q"]: str(row["a"]) for row in ROWS}


@pytest.mark.parametrize(
    "ending", ["jsonl", "jsonl.gz", "json", "json.gz", "csv", "csv.gz", "tsv", "parquet", "bom.jsonl"]
)
def test_every_kind_of_file_gives_the_same_problems(tmp_path, ending):
    import pandas as pd

    path = tmp_path / f"rows.{ending}"
    table = pd.DataFrame(ROWS)
    content = {
        "jsonl": lines(ROWS),
        "bom.jsonl": b"\xef\xbb\xbf" + lines(ROWS),
        "json": json.dumps(ROWS).encode(),
        "csv": b"\xef\xbb\xbf" + table.to_csv(index=False).encode(),
        "tsv": table.to_csv(index=False, sep="\t").encode(),
    }
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        table.to_parquet(path)
    else:
        plain = content[ending.removesuffix(".gz")]
        path.write_bytes(gzip.compress(plain) if ending.endswith(".gz") else plain)
    assert golds(path) == WANTED


def test_splits_are_disjoint_and_do_not_depend_on_the_order(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "b.jsonl").write_bytes(lines(ROWS[::-1]))
    one, other = task(tmp_path / "a.jsonl"), task(tmp_path / "b.jsonl")
    parts = {split: {p.prompt for p in one.load(split)} for split in ("train", "validation", "test")}
    assert parts == {split: {p.prompt for p in other.load(split)} for split in parts}
    assert sum(map(len, parts.values())) == len(ROWS) == len(set.union(*parts.values()))
    assert (
        20 <= len(parts["test"]) <= 60
    )  # a fifth of 200, and a spread of 2.5 standard deviations of 5.7 on either side
    assert 2 <= len(parts["validation"]) <= 20
    assert not one.exam_only
    more = task(tmp_path / "a.jsonl", test_fraction=0.5)
    assert len(more.load("test")) > len(parts["test"])
    assert parts["test"] <= {p.prompt for p in more.load("test")}


def test_a_folder_of_splits_a_hub_snapshot_and_named_files(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    snapshot = tmp_path / "snapshot" / "main"
    snapshot.mkdir(parents=True)
    pd.DataFrame(ROWS[:100]).to_parquet(snapshot / "train-00000-of-00002.parquet")
    pd.DataFrame(ROWS[100:150]).to_parquet(snapshot / "train-00001-of-00002.parquet")
    pd.DataFrame(ROWS[140:]).to_parquet(snapshot / "test-00000-of-00001.parquet")
    one = task(tmp_path / "snapshot")
    assert [p.prompt for p in one.load("test")] == [row["q"] for row in ROWS[140:]]
    trained = {p.prompt for split in ("train", "validation") for p in one.load(split)}
    assert trained == {row["q"] for row in ROWS[:140]}  # ten of the exam's problems are left out
    (tmp_path / "t.jsonl").write_bytes(lines(ROWS[:50]))
    (tmp_path / "v.jsonl").write_bytes(lines(ROWS[40:60]))
    (tmp_path / "e.jsonl").write_bytes(lines(ROWS[55:70]))
    named = task(
        None,
        data=None,
        train=str(tmp_path / "t.jsonl"),
        validation=str(tmp_path / "v.jsonl"),
        test=str(tmp_path / "e.jsonl"),
    )
    assert len(named.load("test")) == 15
    assert {p.prompt for p in named.load("validation")} == {row["q"] for row in ROWS[40:55]}
    assert {p.prompt for p in named.load("train")} == {row["q"] for row in ROWS[:40]}
    exam = task(None, data=None, test=str(tmp_path / "e.jsonl"))
    assert exam.exam_only
    assert exam.load("train") == exam.load("validation") == ()


def test_what_datasets_saves_and_caches(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    made = datasets.DatasetDict(
        {"train": datasets.Dataset.from_list(ROWS[:150]), "test": datasets.Dataset.from_list(ROWS[150:])}
    )
    made.save_to_disk(tmp_path / "disk")
    assert [p.gold for p in task(tmp_path / "disk").load("test")] == [str(row["a"]) for row in ROWS[150:]]
    made["test"].save_to_disk(tmp_path / "one")
    assert len(golds(tmp_path / "one")) == 50
    (tmp_path / "one" / "data-00000-of-00001.arrow").unlink()
    with pytest.raises(MalformedRow, match=r"state\.json: names the file 'data-00000-of-00001\.arrow'"):
        golds(tmp_path / "one")
    hub = tmp_path / "home" / "hub" / "datasets--openai--gsm8k"
    (hub / "refs").mkdir(parents=True)
    (hub / "refs" / "main").write_text("abc")
    (hub / "snapshots" / "abc" / "main").mkdir(parents=True)
    rows = [{"question": f"How many is {n}?", "answer": f"So it is {n}.\n#### {n}"} for n in range(40)]
    for split, part in (("train", rows[:30]), ("test", rows[30:])):
        datasets.Dataset.from_list(part).to_parquet(
            hub / "snapshots" / "abc" / "main" / f"{split}-00000-of-00001.parquet"
        )
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "BAKEOFF_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert [p.gold for p in load_task("gsm8k").load("test")] == [str(n) for n in range(30, 40)]
    assert cached_files("openai/gsm8k", "test", ("main",), "another-commit") == ()
    prepared = tmp_path / "home" / "datasets" / "HuggingFaceH4___math-500" / "default" / "0.0.0" / "hash"
    prepared.mkdir(parents=True)
    arrow = next((tmp_path / "disk" / "test").glob("*.arrow"))
    (prepared / "math-500-test.arrow").write_bytes(arrow.read_bytes())
    assert len(cached_files("HuggingFaceH4/MATH-500", "test", (None,), None)) == 1
    assert cached_files("HuggingFaceH4/MATH-500", "train", (None,), None) == ()


VERL = {
    "data_source": "openai/gsm8k",
    "prompt": [{"role": "user", "content": "What is 2 plus 3?"}],
    "reward_model": {"style": "rule", "ground_truth": "5"},
    "extra_info": {"split": "train", "index": 0},
}
CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2 plus 3?"},
        {"role": "assistant", "content": "2 + 3 = 5\n#### 5"},
    ]
}


@pytest.mark.parametrize(
    ("row", "columns", "prompt", "gold"),
    [
        (VERL, Columns(), "What is 2 plus 3?", "5"),
        (CHAT, Columns(), "Be brief.\n\nWhat is 2 plus 3?", "5"),
        ({"prompt": [{"role": "user", "content": "2+3?"}], "solution": r"\boxed{5}"}, Columns(), "2+3?", "5"),
        ({"prompt": "2+3?", "ground_truth": 5.0}, Columns(), "2+3?", "5"),
        ({"problem": "2+3?", "answer": ["5"]}, Columns(), "2+3?", "5"),
        ({"problem": "Roots?", "answer": [1, 2]}, Columns(), "Roots?", "1, 2"),
        ({"problem": "x?", "answer": 0.5}, Columns(), "x?", "0.5"),
        ({"a": {"b": "2+3?"}, "c.d": "5"}, Columns(question="a.b", answer="c.d"), "2+3?", "5"),
        ({"question": "2+3?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"}, Columns(), "2+3?", "5"),
    ],
)
def test_layouts_of_trainers_are_read(tmp_path, row, columns, prompt, gold):
    path = tmp_path / "test.jsonl"
    path.write_bytes(lines([row]))
    one = task(None, data=None, test=str(path), columns=columns).load("test")[0]
    assert (one.prompt, one.gold) == (prompt, gold)


def test_a_solution_ends_in_the_task_s_own_format(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_bytes(lines([{"question": "2+3?", "answer": "2 + 3 = 5\n#### 5"}]))
    table = {"data": None, "test": str(path), "columns": Columns()}
    assert [
        task(None, **table, answer_format=form).load("test")[0].solution for form in ("hash", "boxed", "plain")
    ] == [
        "2 + 3 = 5\n#### 5",
        "2 + 3 = 5\n\\boxed{5}",
        "2 + 3 = 5\nThe answer is 5.",
    ]
    path.write_bytes(lines([{"question": "2+3?", "answer": 5}]))
    assert task(None, **table, answer_format="hash").load("test")[0].solution == "#### 5"
    made = task(None, **table, answer_format="hash")
    assert made.answer_format == "#### n"
    assert "'#### '" in made.instruction
    assert task(None, **table, instruction="Answer.").instruction == "Answer."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"rows\.jsonl: no rows"),
        (b'{"q": "x", "a": 1}\n{"q": "y"}\n', r"rows\.jsonl:2: no column 'a'; the columns are q"),
        (b'{"q": "x", "a": null}\n', r"rows\.jsonl:1: column 'a': an answer must be text, a number"),
        (b'{"q": "x", "a": ""}\n', r"rows\.jsonl:1: column 'a': must be text and not empty"),
        (b'{"q": "x", "a": true}\n', r"rows\.jsonl:1: column 'a': an answer must be .*found bool True"),
        (b'{"q": "x", "a": []}\n', r"rows\.jsonl:1: column 'a': the answer is an empty list"),
        (b'{"q": "x", "a": [[1]]}\n', r"rows\.jsonl:1: column 'a': an answer must be .*found list"),
        (b'{"q": "x", "a": NaN}\n', r"rows\.jsonl:1: column 'a': the answer is nan"),
        (b'{"q": 3, "a": 1}\n', r"rows\.jsonl:1: column 'q': must be text and not empty, found int 3"),
        (b'{"q": "half \\ud800", "a": 1}\n', r"rows\.jsonl:1: column 'q' holds half of a character"),
        (b'{"q": "x", "a": "\\udfff"}\n', r"rows\.jsonl:1: column 'a' holds half of a character"),
        (b'{"q": [{"role": "assistant", "content": "5"}], "a": 1}\n', r"rows\.jsonl:1: .*nothing is asked"),
        (b'{"q": [{"content": "5"}], "a": 1}\n', r"rows\.jsonl:1: .*needs 'role' and 'content'"),
        (b'{"q": "x", "a": "#### 5"}\n{"q": "y", "a": "6"}\n', r"rows\.jsonl:2: .*written as 'plain'.*gold_form"),
        (b'{"q": "x", "a": "\\\\boxed{5"}\n', r"rows\.jsonl:1: "),
        (
            b'{"q": "' + b"x" * (LONGEST_ROW + 10) + b'", "a": 1}\n',
            r"rows\.jsonl:1: a row of more than 4,194,304 bytes",
        ),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path, content, message):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(MalformedRow, match=message):
        task(None, data=None, test=str(path)).load("test")


@pytest.mark.parametrize(("name", "start"), [("rows.jsonl.gz", b'{"q": "'), ("rows.csv.gz", b"q,a\n")])
def test_a_compressed_bomb_is_not_unpacked(tmp_path, name, start):
    import tracemalloc

    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(start)
        for _ in range(300):
            file.write(b"x" * 2**20)
    tracemalloc.start()
    with pytest.raises(MalformedRow, match=r"rows\.(jsonl|csv)\.gz:[12]: a row of more than"):
        list(read_rows(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * 2**20  # of 300 MiB


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q,a\nx,1\ny\n", r"rows\.csv:3: fewer fields than the header's 2"),
        ("q,a\nx,1,2\n", r"rows\.csv:2: more fields than the header's 2"),
        ('q,a\n"x,1\n', r"rows\.csv:\d: not a row of CSV"),
    ],
)
def test_a_broken_table_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MalformedRow, match=message):
        list(read_rows(path))


def test_shards_of_all_configurations_or_none(tmp_path):
    for config in ("algebra", "geometry"):
        (tmp_path / config).mkdir()
        (tmp_path / config / "train-00000-of-00001.parquet").write_bytes(b"")
    assert len(split_files(tmp_path, "train", ("algebra", "geometry"))) == 2
    assert split_files(tmp_path, "train", ("algebra", "geometry", "precalculus")) == ()
    assert split_files(tmp_path, "trai", ("algebra",)) == ()


def test_small_readers():
    assert [answer_text(value, "f:1") for value in (18, 18.0, 0.1, "  x ", [1, "2"])] == [
        "18",
        "18",
        "0.1",
        "x",
        "1, 2",
    ]
    assert [level_of(value) for value in ("Level 3", 4, 5.0, "Level ?", None, True, float("nan"))] == [
        3,
        4,
        5,
        0,
        0,
        0,
        0,
    ]
    parts = [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]}
    ]
    assert question_text(parts, "f:1") == "ab"


SUITE = """
tasks = ["mine"]
seeds = [0]
[task.mine]
data = "rows.jsonl"
columns = {{ question = "q", answer = "a" }}
answer_format = "hash"
[exam]
transfer = ["competition"]
[algorithms]
base_model = {{}}
{more}
"""

OWN = """
from benchmark.contract import Problem
from benchmark.tasks import Task

class Sums(Task):
    name = "sums"
    answer_format = "#### n"
    instruction = "End with '#### ' and the number."

    def load(self, split, data=None):
        start = {"train": 0, "validation": 100, "test": 200}[split]
        numbers = range(start, start + 50)
        return tuple(Problem(f"sums/{split}/{n}", f"{n} + 1 = ?", str(n + 1), f"#### {n + 1}") for n in numbers)

TASK = Sums()
BROKEN = 3
"""


def test_a_table_in_a_suite_is_a_task(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "rows.jsonl").write_bytes(lines(ROWS))
    path = tmp_path / "sub" / "own.toml"
    path.write_text(SUITE.format(more=""), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    suite = load_suite(path, resolve)
    assert suite.tasks == ("mine",)
    assert suite.exam.transfer == ("competition",)
    assert suite.own_tasks["mine"].data == "sub/rows.jsonl"  # beside the suite, as seen from here
    job = jobs_of(suite)[0]
    assert load_task(job.task, job.own_tasks).digest() == load_task("mine", suite.own_tasks).digest()
    before = load_task("mine", suite.own_tasks).digest()
    (tmp_path / "sub" / "rows.jsonl").write_bytes(lines(ROWS[1:]))
    assert load_task("mine", suite.own_tasks).digest() != before
    monkeypatch.chdir(tmp_path / "sub")
    assert jobs_of(load_suite(path, resolve))[0].id == job.id  # where the files lie moves no number
    path.write_text(SUITE.format(more="").replace('"hash"', '"boxed"'), encoding="utf-8")
    assert jobs_of(load_suite(path, resolve))[0].id != job.id


@pytest.mark.parametrize("target", ["own_sums:TASK", "own_sums.py:TASK", "./own_sums.py:TASK"])
def test_an_object_of_one_s_own_is_a_task(tmp_path, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_sums.py").write_text(OWN, encoding="utf-8")
    path = tmp_path / "own.toml"
    path.write_text(f'tasks = ["{target}"]\nseeds = [0]\n[algorithms]\nbase_model = {{}}\n', encoding="utf-8")
    suite = load_suite(path, resolve)
    assert suite.tasks == ("sums",)
    job = jobs_of(suite)[0]
    assert len(load_task(job.task, job.own_tasks).load("test")) == 50


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("own_sums.py:BROKEN", "is not a task: derive its class from benchmark.tasks.Task"),
        ("own_sums.py:Sums", "is a class: name an object of it"),
        ("own_sums.py:TASKS", "has no 'TASKS'; did you mean 'TASK'"),
        ("nowhere.py:TASK", "no such file for 'nowhere.py:TASK'"),
        ("broken.py:TASK", r"broken\.py:2: ZeroDivisionError while importing 'broken.py': division by zero"),
        ("syntax.py:TASK", r"syntax\.py:1: SyntaxError while importing"),
    ],
)
def test_a_task_that_is_none_is_named(tmp_path, monkeypatch, target, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_sums.py").write_text(OWN, encoding="utf-8")
    (tmp_path / "broken.py").write_text("x = 0\ny = 1 / x\n", encoding="utf-8")
    (tmp_path / "syntax.py").write_text("def f(:\n", encoding="utf-8")
    path = tmp_path / "own.toml"
    path.write_text(f'tasks = ["{target}"]\nseeds = [0]\n[algorithms]\nbase_model = {{}}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        load_suite(path, resolve)


def test_a_table_without_a_use_or_a_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_bytes(lines(ROWS))
    path = tmp_path / "own.toml"
    path.write_text(SUITE.format(more='[task.idle]\ndata = "rows.jsonl"'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"\[task\.idle\] is in no list"):
        load_suite(path, resolve)
    path.write_text(SUITE.format(more="").replace("rows.jsonl", "nowhere.jsonl"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no such file or folder; looked for"):
        load_suite(path, resolve)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataUnavailable, match="holds no file of rows"):
        task(tmp_path / "empty").load("test")
    with pytest.raises(UnknownName, match="no task named 'mine'"):
        load_task("mine")
