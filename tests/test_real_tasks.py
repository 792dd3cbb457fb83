"""Published data sets as tasks: local files, splits, messages. Every row written here is made up."""

import gzip
import json
import os
import socket
import time
from pathlib import Path

import pytest

from benchmark.errors import ConfigurationError, DataUnavailable, MalformedRow, UnknownName
from benchmark.grading import grade
from benchmark.tasks import CATALOGUE, digest, load_task
from benchmark.tasks.dataset import held_out
from benchmark.tasks.files import read_rows, text_column
from benchmark.tasks.gsm8k import without_annotations
from benchmark.tasks.math import kind_and_level

PUBLISHED = os.environ.get("BAKEOFF_DATA")
ROWS = [
    {"question": f"What is {n} and {n}?", "answer": f"It is <<{n}+{n}={2 * n}>>{2 * n}.\n#### {2 * n}"}
    for n in range(200)
]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("BAKEOFF_DATA", raising=False)


def published() -> Path:
    folder = Path(PUBLISHED or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (folder / "gsm8k").is_dir():
        pytest.skip(f"no published data in {folder}; set BAKEOFF_DATA")
    return folder


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "gsm8k" / "train.jsonl.gz", ROWS)
    write(tmp_path / "gsm8k" / "test.jsonl", [{"question": "WHAT is 7\nand 7?", "answer": "#### 14"}])
    return tmp_path


@pytest.mark.parametrize(
    ("name", "train_and_validation", "test"), [("gsm8k", 7473, 1319), ("math", 7496, 5000), ("math500", 7498, 500)]
)
def test_published_sets(name, train_and_validation, test):
    data = published()
    splits = {split: load_task(name).load(split, data) for split in ("train", "validation", "test")}
    assert len(splits["train"]) + len(splits["validation"]) == train_and_validation
    assert len(splits["test"]) == test
    assert 0.04 < len(splits["validation"]) / train_and_validation < 0.06
    prompts = {split: {problem.prompt for problem in problems} for split, problems in splits.items()}
    assert not prompts["train"] & prompts["validation"]
    assert not (prompts["train"] | prompts["validation"]) & prompts["test"]
    problems = [problem for split in splits.values() for problem in split]
    assert len({problem.id for problem in problems}) == len(problems)
    assert {grade(problem.solution, problem.gold).kind for problem in problems} == {"correct"}
    assert {problem.level for problem in problems} <= set(range(6))
    assert not any("<<" in problem.solution for problem in problems if name == "gsm8k")


def test_rows_become_problems(folder):
    task = load_task("gsm8k")
    (problem,) = task.load("test", folder)
    assert (problem.id, problem.prompt, problem.gold, problem.level) == ("gsm8k/test/0", "WHAT is 7\nand 7?", "14", 0)
    assert task.answer_format == "#### n"
    first = task.load("train", folder)[0]
    assert first.solution == "It is 0.\n#### 0"


def test_splits_are_disjoint_and_without_the_exam(folder):
    train, validation = (load_task("gsm8k").load(split, folder) for split in ("train", "validation"))
    assert len(train) + len(validation) == len(ROWS) - 1  # 7 and 7 is in the exam, in other case and spacing
    assert 0 < len(validation) < 30
    assert all(held_out(problem.prompt) for problem in validation)
    assert not any(held_out(problem.prompt) for problem in train)


def test_the_folder_of_the_set_itself_and_the_environment(folder, monkeypatch):
    task = load_task("gsm8k")
    assert task.load("test", folder / "gsm8k") == task.load("test", folder)
    monkeypatch.setenv("BAKEOFF_DATA", str(folder))
    assert task.load("test") == task.load("test", folder)


def test_parquet_is_read_like_json_lines(folder, tmp_path):
    pytest.importorskip("pyarrow")
    import pandas as pd

    other = tmp_path / "parquet" / "gsm8k"
    other.mkdir(parents=True)
    pd.DataFrame(ROWS).to_parquet(other / "train.parquet")
    pd.DataFrame([{"question": "WHAT is 7\nand 7?", "answer": "#### 14"}]).to_parquet(other / "test.parquet")
    task = load_task("gsm8k")
    assert task.load("train", other.parent) == task.load("train", folder)


def test_lines_end_at_line_feeds_only(tmp_path):
    write(tmp_path / "a.jsonl", [{"text": "one\u2028two\x85three"}, {"text": "four"}])
    assert [(n, row["text"]) for n, row in read_rows(tmp_path / "a.jsonl")] == [
        (1, "one\u2028two\x85three"),
        (2, "four"),
    ]


@pytest.mark.parametrize("line", [b"{broken", b"[1]", b"\xff", b"[" * 100_000])
def test_a_malformed_line_is_named(tmp_path, line):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n\n' + line + b"\n")
    with pytest.raises(MalformedRow, match=r"rows\.jsonl:3: "):
        list(read_rows(path))


def test_a_cut_off_archive_is_named(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-12])
    with pytest.raises(MalformedRow, match=r"rows\.jsonl\.gz:\d+: .*damaged"):
        list(read_rows(path))


def test_a_text_file_is_no_parquet_file(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "rows.parquet").write_text("no")
    with pytest.raises(MalformedRow, match=r"rows\.parquet:1: not a parquet file"):
        list(read_rows(tmp_path / "rows.parquet"))


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"\.jsonl\.gz, \.jsonl, .*\.parquet"):
        list(read_rows(tmp_path / "rows.xlsx"))


def test_a_missing_column_names_those_there_are(folder):
    write(folder / "gsm8k" / "test.jsonl", [{"prompt": "x", "answer": "#### 1"}])
    with pytest.raises(MalformedRow, match=r"test\.jsonl:1: no column 'question'; the columns are answer, prompt"):
        load_task("gsm8k").load("test", folder)


def test_a_column_of_another_type_and_a_solution_without_answer(folder):
    with pytest.raises(MalformedRow, match=r"f:1: column 'a' must be text and not empty, found int 3"):
        text_column({"a": 3}, ("a",), "f:1")
    write(folder / "gsm8k" / "test.jsonl", [{"question": "x", "answer": "so 1"}])
    with pytest.raises(MalformedRow, match=r"test\.jsonl:1: the solution has no line '####"):
        load_task("gsm8k").load("test", folder)


def test_training_rows_with_an_empty_box_are_left_out(tmp_path):
    made_up = [{"problem": f"p{n}", "solution": "so \\boxed{}" if n == 3 else f"\\boxed{{{n}}}"} for n in range(5)]
    write(tmp_path / "train.jsonl", made_up)
    write(tmp_path / "test.jsonl", made_up[:3])
    task = load_task("math")
    found = {problem.gold for split in ("train", "validation") for problem in task.load(split, tmp_path)}
    assert found == {"4"}
    write(tmp_path / "test.jsonl", made_up)
    with pytest.raises(MalformedRow, match=r"test\.jsonl:4: the solution has no complete"):
        task.load("test", tmp_path)


def test_a_missing_folder_and_a_missing_file_say_what_to_do(tmp_path):
    with pytest.raises(DataUnavailable, match=r"is not a folder.*--data DIR.*BAKEOFF_DATA"):
        load_task("math").load("test", tmp_path / "nowhere")
    with pytest.raises(DataUnavailable, match=r"has no file of this split.*math/math500"):
        load_task("math500").load("test", tmp_path)


@pytest.mark.parametrize("name", ["gsm8k", "math", "math500"])
def test_offline_fails_at_once(name, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    started = time.perf_counter()
    with pytest.raises(DataUnavailable, match=f"task '{name}': .*HF_HUB_OFFLINE.*--data DIR.*BAKEOFF_DATA"):
        load_task(name).load("train")
    assert time.perf_counter() - started < 1.0


def test_an_unreachable_hub_is_one_sentence(monkeypatch):
    def refuse(address, timeout):
        assert (address, timeout) == (("hub.example", 443), 3.0)
        raise OSError("no route")

    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(DataUnavailable, match=r"the Hub \(hub\.example\) is not reachable \(no route\)"):
        load_task("gsm8k").load("test")


def test_the_catalogue():
    assert {"grade_school", "competition", "gsm8k", "math", "math500", "svamp", "asdiv", "aime24"} <= set(CATALOGUE)
    with pytest.raises(UnknownName, match="did you mean 'gsm8k'"):
        load_task("gms8k")
    assert [load_task(name).name for name in CATALOGUE] == list(CATALOGUE)


def test_the_digest_depends_on_ids_prompts_and_golds(folder):
    problems = load_task("gsm8k").load("train", folder)
    assert digest(problems) == digest(list(problems))
    assert len({digest(problems), digest(problems[1:]), digest(problems[::-1]), digest(())}) == 4


def test_small_readers():
    assert without_annotations("1 + 1 = <<1+1=2>>2 < 3") == "1 + 1 = 2 < 3"
    assert kind_and_level({"type": "Geometry", "level": "Level 3"}) == ("Geometry", 3)
    assert kind_and_level({"subject": "Algebra", "level": 2}) == ("Algebra", 2)
    assert kind_and_level({"level": "Level ?"}) == ("", 0)
