"""`bakeoff grade`: files in, verdicts and tables out, and what it says of files that are not what they should be."""

import gzip
import io
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.commands.grade.pairs import grade_pairs, graders_named, read, write
from benchmark.commands.grade.scores import agreement, score
from benchmark.contract import Verdict
from benchmark.errors import ConfigurationError, MalformedRow, UnknownName
from benchmark.grading.rivals import Grader, grader

ROWS = [
    {"id": "a", "gold": "18", "prediction": "#### 18", "expected": True, "kind": "numeric"},
    {"id": "b", "gold": "18", "prediction": "#### 18.00", "expected": True, "kind": "numeric"},
    {"id": "c", "gold": "18", "prediction": "\\boxed{17} on page 18", "expected": False, "kind": "no-marker"},
    {"id": "d", "gold": "18", "prediction": "#### 19", "expected": False, "kind": "no-marker"},
]


@pytest.fixture
def asked(tmp_path):
    def write_rows(rows, name="rows.jsonl"):
        content = "\n".join(json.dumps(row) if isinstance(row, dict) else row for row in rows).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)

    return write_rows


def run(*arguments, **extra):
    return CliRunner().invoke(app, ["grade", *arguments], catch_exceptions=False, **extra)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_verdicts_are_json_lines_on_standard_output_and_the_summary_is_not(asked, name):
    result = run(asked(ROWS, name))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["id"], one["verdict"], one["answer"]) for one in lines] == [
        ("a", "correct", "18"),
        ("b", "correct", "18.00"),
        ("c", "wrong", "17"),
        ("d", "wrong", "19"),
    ]
    assert set(lines[0]) == {"id", "grader", "verdict", "answer", "route", "seconds"}
    assert "accuracy" in result.stderr
    assert "1.0000" in result.stderr


def test_standard_input_and_an_output_file(tmp_path):
    out = tmp_path / "new" / "verdicts.jsonl"
    result = run("-", "--output", str(out), "--graders", "exact", input=json.dumps(ROWS[1]))
    assert result.stdout == ""
    assert json.loads(out.read_text())["verdict"] == "wrong"


def test_several_graders_are_compared(asked, tmp_path):
    out = tmp_path / "both.jsonl"
    result = run(asked(ROWS), "--graders", "bakeoff,flexible", "--output", str(out))
    text = " ".join(result.stdout.split())
    # ours accepts a and b, flexible a and c: they agree on a and d
    assert "bakeoff flexible 50.00 %" in text
    assert "rows on which they disagree: 2" in text
    assert "b 18 correct: 18.00 wrong: 18.00" in text
    assert "c 18 wrong: 17 correct: 18" in text
    assert len(out.read_text().splitlines()) == 2 * len(ROWS)
    assert "disagree: 2, the first 1" in run(asked(ROWS), "--graders", "bakeoff,flexible", "--show", "1").stdout


def test_kinds_can_be_left_out(asked):
    assert [row.id for row in read(asked(ROWS), without=["no-marker"])] == ["a", "b"]
    with pytest.raises(ConfigurationError, match="no rows to grade"):
        read(asked(ROWS), without=["no-marker", "numeric"])


def test_scores_and_agreement_by_hand(asked):
    graders = graders_named("exact,flexible,exact")
    assert [each.name for each in graders] == ["exact", "flexible"]
    rows = list(grade_pairs(read(asked(ROWS)), graders))
    exact, flexible = score(rows, 0), score(rows, 1)
    # exact accepts a alone, flexible a and c; expected are a and b
    assert (exact.right, exact.false_accepts, exact.false_rejects) == (3, 0, 1)
    assert (flexible.right, flexible.false_accepts, flexible.false_rejects) == (2, 1, 1)
    (pair,) = agreement(rows, graders)
    assert (pair.share, pair.first_only, pair.second_only) == (0.75, 0, 1)
    # chance: 1/4·1/2 + 3/4·1/2 = 1/2; κ = (3/4 − 1/2)/(1 − 1/2)
    assert pair.kappa == pytest.approx(0.5)
    (level,) = agreement(rows[:1], graders)
    assert (level.share, level.kappa) == (1.0, None)


def test_a_grader_that_breaks_costs_one_row(asked):
    def judge(completion, _gold):
        if "19" in completion:
            raise RecursionError
        return Verdict("wrong", None, "fake")

    out = io.StringIO()
    graders = (Grader("fake", "a test", judge), grader("exact"))
    rows = list(grade_pairs(read(asked(ROWS)), graders))
    for one in rows:
        write(one, graders, out)
    assert [one.verdicts[0].kind for one in rows] == ["wrong", "wrong", "wrong", "error"]
    assert rows[3].verdicts[0].route == "RecursionError"
    assert rows[3].verdicts[1].kind == "wrong"
    assert score(rows, 0).errors == 1
    assert len(out.getvalue().splitlines()) == 2 * len(ROWS)


def test_a_gold_solution_is_reduced_to_its_answer(asked):
    rows = [
        {"gold": "9+9=18\n#### 18", "gold_form": "solution", "prediction": "#### 18"},
        {"gold": "no answer in here", "gold_form": "solution", "prediction": "#### 18"},
    ]
    first, second = grade_pairs(read(asked(rows)), graders_named("exact"))
    assert (first.row.id, first.row.gold, first.verdicts[0].kind) == ("1", "18", "correct")
    assert (second.verdicts[0].kind, second.verdicts[0].route) == ("error", "gold_without_answer")


@pytest.mark.parametrize(
    "row",
    [
        {"answer": "18", "completion": "#### 18"},
        {"gold": "18", "completion": "#### 18"},
        {"gold": "18", "answer": "other", "prediction": "#### 18", "completion": "other"},
    ],
)
def test_aliases_stand_in_where_the_name_is_missing(asked, row):
    (found,) = read(asked([row]))
    assert (found.gold, found.prediction) == ("18", "#### 18")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{'gold'", "rows.jsonl:2: not JSON"),
        ("[" * 100_000, "rows.jsonl:2: not JSON"),
        ("[1]", "rows.jsonl:2: not an object"),
        ({"prediction": "x"}, "rows.jsonl:2: no field 'gold'"),
        ({"gold": "x"}, "rows.jsonl:2: no field 'prediction'"),
        ({"gold": "x", "answer": "y"}, "rows.jsonl:2: field 'answer' may be either side"),
        ({"gold": 18, "prediction": "x"}, "rows.jsonl:2: field 'gold' is 18, not text"),
        ({"gold": "x", "prediction": "x", "expected": "yes"}, "rows.jsonl:2: field 'expected' is 'yes'"),
        ({"gold": "x", "prediction": "x", "gold_form": "box"}, "rows.jsonl:2: field 'gold_form' is 'box'"),
        ({"gold": "x", "prediction": "x", "kind": 3}, "rows.jsonl:2: field 'kind' is 3"),
    ],
)
def test_a_malformed_row_is_named_with_line_and_field(asked, row, message):
    path = asked([ROWS[0], row])
    with pytest.raises(MalformedRow) as caught:
        read(path)
    assert message in str(caught.value)


def test_files_that_cannot_be_read(asked, tmp_path):
    with pytest.raises(ConfigurationError, match="no such file"):
        read(str(tmp_path / "absent.jsonl"))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"{}" * 1000)[:-10])
    with pytest.raises(ConfigurationError, match="UTF-8, plain or gzip"):
        read(str(tmp_path / "cut.gz"))
    with pytest.raises(ConfigurationError, match="no rows to grade"):
        read(asked([""]))


def test_an_unknown_grader_is_named_before_anything_is_read():
    with pytest.raises(UnknownName, match="did you mean 'flexible'"):
        run("absent.jsonl", "--graders", "bakeoff,flexibel")
    with pytest.raises(ConfigurationError, match="--graders is empty"):
        graders_named(" ,")


HOSTILE = "[bold red]18[/] [/nonsense] \x1b[31m\x07\u202e \udce4"


@pytest.mark.parametrize("graders", ["exact", "exact,flexible"])
def test_texts_are_data(asked, graders):
    row = {"id": HOSTILE, "kind": HOSTILE, "gold": HOSTILE, "prediction": f"\\boxed{{{HOSTILE}}}", "expected": True}
    result = run(asked([row]), "--graders", graders)
    assert result.exit_code == 1  # the one gold is no answer
    shown = result.stdout + result.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "[bold red]18[/]" in shown.replace("\n", "")
    assert "\\x1b[31m" in shown.replace("\n", "") or "\\u001b[31m" in shown


def test_the_command_loads_no_torch(asked):
    code = (
        "import sys\nfrom benchmark.cli import app\n"
        f"app(['grade', {asked(ROWS)!r}], standalone_mode=False)\n"
        "assert not {'torch', 'transformers', 'sympy'} & set(sys.modules), 'torch was loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
