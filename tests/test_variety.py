"""`bakeoff diversity`: files, groups, intervals, and the published figures of labelled GSM8K solutions."""

from __future__ import annotations

import csv
import gzip
import http.server
import io
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.commands.diversity.columns import budgets, columns_of
from benchmark.commands.diversity.llm_judge import Endpoint, Judge
from benchmark.commands.diversity.measure import measure_file
from benchmark.commands.diversity.rows import ROWS, MetricRow, rows_over
from benchmark.commands.diversity.samples import Sample, read_samples
from benchmark.commands.diversity.tables import Resampling, grids, notes
from benchmark.errors import ConfigurationError, MalformedRow

ROOT = Path(__file__).resolve().parents[1]
TWO = "16-3-4=9. 9*2=18\n#### 18"
OTHER = "16*2=32. 3*2=6. 4*2=8. 32-6-8=18\n#### 18"
WRONG = "16-3=13. 13*2=26\n#### 26"
QUICK = Resampling(resamples=200)


def row(problem, completion, correct, **more):
    return {"problem": problem, "completion": completion, "correct": correct, **more}


ROWS_OF_TWO = [
    *(row("a", text, correct=text != WRONG) for text in (TWO, TWO, OTHER, WRONG)),
    *(row("b", WRONG, correct=False) for _ in range(4)),
    *(row("c", TWO, correct=True) for _ in range(4)),
]


def write(path, rows):
    text = "".join(json.dumps(each) + "\n" for each in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "samples.jsonl", ROWS_OF_TWO)


def measured(path, reading="wide", judge=None):
    return measure_file(path, reading, judge)


def cells(grid):
    return {line[0]: dict(zip(grid.header[1:], line[1:], strict=True)) for line in grid.rows}


def value(cell):
    return cell.split(" ")[0]


def test_a_file_by_hand(file):
    budget, table = grids(measured(file), QUICK)
    # c = 3, 0, 4 of 4: pass@1 is 7/12, pass@2 (1 + 0 + 1)/3
    assert [value(cell) for cell in budget.rows[0][:3]] == ["1", "0.583333", "0.583333"]
    # strategies@2 of a: 2 of 4 and 1 of 4: 5/6 + 1/2; of c: 1
    assert value(budget.rows[1][2]) == f"{(5 / 6 + 1 / 2 + 1) / 3:.6f}"
    assert [line[0] for line in budget.rows] == ["1", "2", "3", "4"]
    assert table.header == ("", "all 3", "solved 2", "all-correct 1")
    found = cells(table)
    # two of a's three agree in 1 pair of 3, c's always: 1 / mean(1/3, 1)
    assert value(found["D2, expr (effective strategies, order 2)"]["solved 2"]) == "1.500000"
    assert found["D2, expr (effective strategies, order 2)"]["all 3"] == "–"
    assert value(found["distinct correct strategies, expr"]["solved 2"]) == "1.500000"
    assert value(found["maj@4"]["all 3"]) == "0.666667"
    # a: 18 and 26, b: 26, c: 18
    assert value(found["distinct answers"]["all 3"]) == f"{4 / 3:.6f}"
    assert value(found["coverage: correct samples with a strategy"]["all 3"]) == "1.000000"
    # three of a's four samples agree at most: 2/4 of all; of its correct ones 2/3
    assert value(found["dominance score of all samples, expr"]["all 3"]) == f"{(3 + 1 + 1) / 3:.6f}"
    assert value(found["dominance score of correct, expr"]["solved 2"]) == f"{(3 + 1) / 2:.6f}"
    assert "judge score (1 to 5)" not in found
    assert "Problems with 0, 3, 4 correct samples: 1, 1, 1." in notes(measured(file), QUICK)


def test_wrong_steps_are_a_share_and_left_out_of_the_strict_numbers(tmp_path):
    texts = ["9+9=18. #### 18", "1+1=18. #### 18"]
    path = write(tmp_path / "a.jsonl", [row("a", text, correct=True) for text in texts])
    found = cells(grids(measured(path), QUICK)[1])
    assert value(found["correct samples with an invalid step"]["all 1"]) == "0.500000"
    assert value(found["strategies@2, every step valid, expr"]["all 1"]) == "1.000000"
    assert value(found["distinct correct strategies, expr"]["solved 1"]) == "2.000000"


def test_several_methods_stand_side_by_side_over_the_same_problems(tmp_path):
    ours = [each | {"method": "ours"} for each in ROWS_OF_TWO]
    theirs = [row(name, OTHER, correct=True, method="theirs") for name in "abcd" for _ in range(4)]
    found = measured(write(tmp_path / "a.jsonl.gz", ours + theirs))
    assert found.problems == ("a", "b", "c")
    assert found.remarks == ("Left out, because not every method has them: 1 problems.",)
    tables = {grid.title: grid for grid in grids(found, QUICK)}
    assert [title.split(":")[0] for title in tables][:2] == ["ours", "theirs"]
    solved = cells(tables["solved 2 problems"])
    assert {name: value(cell) for name, cell in solved["D2, expr (effective strategies, order 2)"].items()} == {
        "ours": "1.500000",
        "theirs": "1.000000",
    }
    # four correct samples: problem c alone for ours, so for theirs too
    assert value(solved["self-BLEU of 4 correct (lower: more diverse)"]["theirs"]) == "1.000000"
    (pair,) = next(grid for title, grid in tables.items() if title.startswith("D2")).rows
    assert [value(cell) for cell in pair] == ["ours", "2", "1.500000", "1.000000"]
    with pytest.raises(ConfigurationError, match="ours, theirs have no problem in common"):
        measured(write(tmp_path / "b.jsonl", [ours[0], theirs[-1]]))


def test_unequal_numbers_of_samples_are_handled_and_said(tmp_path):
    rows = [*ROWS_OF_TWO, *(row("d", text, correct=text != WRONG) for text in (WRONG, TWO, TWO, OTHER, TWO, TWO))]
    found = measured(write(tmp_path / "a.jsonl", rows))
    assert found.n == 4
    assert "4 to 6 samples. k ends at 4" in found.remarks[0]
    last = found.columns[""][-1]
    # 5 of 6 are correct: all count for pass@2 = 1 - 0/15, the first four for distinct answers and strategies
    assert (last["samples"], last["pass@2"]) == (6.0, 1.0)
    assert (last["answers"], last["distinct_expr"], last["any_expr"]) == (2.0, 2.0, 3.0)


def test_names_of_fields_and_values(tmp_path):
    rows = [
        {"question": 7, "response": TWO, "is_correct": 1},
        {"problem_id": "7", "solution": "so", "correct": 0.0, "final_answer": None},
        {"group": "7", "prediction": "so 5", "expected": False, "extracted_answer": 5},
        {"prompt": "7", "text": "#### 9", "correct": False, "answer": "  "},
    ]
    assert read_samples(write(tmp_path / "a.jsonl", rows)) == [
        Sample("7", TWO, correct=True, answer="18"),
        Sample("7", "so", correct=False, answer=None),
        Sample("7", "so 5", correct=False, answer="5"),
        Sample("7", "#### 9", correct=False, answer=None),
    ]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"completion": "x", "correct": True},
            r"3: no field 'problem' \(or .*group\); the line has completion, correct",
        ),
        (row(None, "x", correct=True), r"3: field 'problem' must be text or a whole number, found NoneType None"),
        (row(True, "x", correct=True), r"3: field 'problem' must be"),
        (row("a", 5, correct=True), r"3: field 'completion' must be text, found int 5"),
        (row("a", "x", correct="yes"), r"3: field 'correct' must be true or false \(or 1 or 0\), found str 'yes'"),
        (row("a", "x", correct=2), r"3: field 'correct'"),
        (row("a", "x", correct=None), r"3: field 'correct'"),
        (row("a", "x", correct=True, answer=[1]), r"3: field 'answer' must be text, a number or null, found list"),
        (row("a", "x", correct=True, method="m"), r"3: field 'method' is there, unlike in the lines before"),
        (row("a", "x", correct=True, method=None), r"3: field 'method' must be text"),
        ([], r"3: a line must be one JSON object"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, bad, message):
    path = write(tmp_path / "bad.jsonl", [ROWS_OF_TWO[0], ROWS_OF_TWO[1], bad])
    with pytest.raises(MalformedRow, match=rf"bad\.jsonl:{message}"):
        read_samples(path)


def test_files_that_are_not_there_or_hold_nothing(tmp_path):
    with pytest.raises(ConfigurationError, match="is no file"):
        read_samples(tmp_path / "none.jsonl")
    with pytest.raises(ConfigurationError, match="holds no samples"):
        read_samples(write(tmp_path / "a.jsonl", []))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROWS_OF_TWO[0]).encode() * 50)[:-9])
    with pytest.raises(MalformedRow, match="damaged or cut off"):
        read_samples(path)


def test_an_answer_that_is_the_reference_is_noticed(tmp_path):
    rows = [each | {"answer": "18"} for each in ROWS_OF_TWO]
    assert (
        "In 1 problems a wrong sample gives the very answer" in measured(write(tmp_path / "a.jsonl", rows)).remarks[0]
    )


# --- rows and intervals ---------------------------------------------------------------------------------------------


def test_a_row_is_a_ratio_of_sums_over_the_problems_that_define_both():
    problems = [{"x": 1.0, "q": 0.5, "m": 4.0}, {"x": 0.0, "q": None, "m": 0.0}, {"x": None, "q": 1.0, "m": 2.0}]
    rows = [MetricRow("", "x"), MetricRow("", "", "q"), MetricRow("", "x", "m"), MetricRow("", "nowhere")]
    found = [number.mean for number in rows_over(problems, rows, resamples=100, seed=0)]
    # (1 + 0)/2; 2/(0.5 + 1); (1 + 0)/(4 + 0)
    assert found == [0.5, pytest.approx(4 / 3), 0.25, None]


def test_intervals_are_seeded_and_as_wide_as_theory_says():
    draw = np.random.Generator(np.random.PCG64(3))
    problems = [{"x": float(value)} for value in draw.integers(0, 2, size=400)]
    one, again, other = (rows_over(problems, [MetricRow("", "x")], resamples=4_000, seed=seed)[0] for seed in (1, 1, 2))
    assert one == again != other
    share = one.mean
    half = 1.96 * (share * (1 - share) / 400) ** 0.5
    assert (one.high - one.low) / 2 == pytest.approx(half, rel=0.08)
    assert rows_over(problems[:1], [MetricRow("", "x")], resamples=100, seed=0)[0].low is None
    assert rows_over([], [MetricRow("", "x")], resamples=100, seed=0)[0].mean is None


def test_large_files_are_resampled_in_pieces(monkeypatch):
    problems = [{"x": float(place % 7)} for place in range(50)]
    whole = rows_over(problems, [MetricRow("", "x")], resamples=500, seed=5)
    monkeypatch.setattr("benchmark.stats.bootstrap._CELLS", 700)
    (pieces,) = rows_over(problems, [MetricRow("", "x")], resamples=500, seed=5)
    assert pieces.mean == whole[0].mean
    assert (pieces.low, pieces.high) == pytest.approx((whole[0].low, whole[0].high), abs=0.15)


def test_an_interval_has_a_width_and_stays_in_its_range():
    wrong = [{"pass@1": 0.0}] * 20
    (accuracy,) = rows_over(wrong, ROWS[:1], resamples=200, seed=0)
    assert (accuracy.mean, accuracy.low, accuracy.high) == (0.0, None, None)
    few = rows_over([{"x": 1.5}, {"x": 1.0}], [MetricRow("", "x", least=1.1, most=1.4)], resamples=200, seed=0)
    assert (few[0].low, few[0].high) == (1.1, 1.4)
    assert [(row.least, row.most) for row in ROWS[:3]] == [(0.0, 1.0), (0.0, 1.0), (1.0, np.inf)]


def test_every_row_has_its_columns():
    found = columns_of([Sample("p", TWO, correct=True, answer="18")] * 4, 4, "wide", bleu=True)
    needed = {name for each in ROWS for name in (each.top, each.bottom) if name}
    assert needed - found.keys() == {"judge"}
    assert budgets(4) == (1, 2, 3, 4)
    assert budgets(70) == (*range(1, 17), 32, 64, 70)


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_prints_tables_and_writes_every_column(file, tmp_path):
    out = tmp_path / "deep" / "columns.csv"
    result = CliRunner().invoke(app, ["diversity", str(file), "--reading", "wide", "--csv", str(out)])
    assert result.exit_code == 0, result.output
    assert "0.583333 [" in result.output
    assert "sacrebleu 2." in result.output
    lines = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [line["problem"] for line in lines] == ["a", "b", "c"]
    assert [line["correct"] for line in lines] == ["3.000000", "0.000000", "4.000000"]
    assert lines[1]["collision_expr"] == ""
    again = CliRunner().invoke(app, ["diversity", "-", "--reading", "wide"], input=file.read_bytes())
    assert again.output == result.output


def test_without_sacrebleu_the_rest_is_there(file, monkeypatch):
    monkeypatch.setattr("benchmark.commands.diversity.measure.sacrebleu_version", lambda: None)
    found = measured(file)
    assert not any("self-BLEU" in line[0] for grid in grids(found, QUICK) for line in grid.rows)
    assert "pip install -e '.[diversity]'" in notes(found, QUICK)[0]


def test_the_judge_needs_an_address(file, monkeypatch):
    monkeypatch.delenv("BAKEOFF_JUDGE_URL", raising=False)
    result = CliRunner().invoke(app, ["diversity", str(file), "--judge"])
    assert isinstance(result.exception, ConfigurationError)
    assert "BAKEOFF_JUDGE_URL is not set" in str(result.exception)


class Answers(http.server.BaseHTTPRequestHandler):
    """4 for the problem "good", an error for any other."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if b"good" in body else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [{"message": {"content": "4"}}]}).encode())

    def log_message(self, *arguments):
        del arguments


def test_missing_judgements_are_counted_and_are_not_three(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    rows = [row(name, TWO, correct=True) for name in ("good", "bad") for _ in range(10)]
    judge = Judge(Endpoint(f"http://127.0.0.1:{server.server_address[1]}"), tmp_path / "cache")
    found = measured(write(tmp_path / "a.jsonl", rows), judge=judge)
    server.shutdown()
    server.server_close()
    assert value(cells(grids(found, QUICK)[1])["judge score (1 to 5)"]["all 2"]) == "4.000000"
    assert found.remarks == ("Judge: 1 problems scored, 1 missing (1 HTTP status 503).",)


# --- labelled GSM8K solutions ----------------------------------------------------------------------------------------

COLUMN_OF = {
    "c": "correct",
    "distinct1": "distinct1",
    "distinct2": "distinct2",
    "distinct4": "distinct4",
    "distinct2_li": "distinct2_per_token",
    "self_bleu": "self_bleu",
    "vendi_bow": "vendi",
    "cosdiv_bow": "cosine",
    "n_answers": "answers",
    "answer_entropy": "answer_entropy",
    "nstrat_all_expr": "any_expr",
    "nstrat_all_steps": "any_steps",
    "nstrat_expr": "distinct_expr",
    "nstrat_steps": "distinct_steps",
    "eff_expr": "effective_expr",
    "eff_steps": "effective_steps",
    "maj4": "maj@n",
}
"""The published values' name of a column → ours."""

OF_792 = """
distinct-1, all samples: 0.157971 0.157498 0.144818
distinct-2, all samples: 0.415800 0.402782 0.326293
distinct-4, all samples: 0.683033 0.658630 0.521409
distinct-2 per token, all samples: 0.410823 0.397610 0.321058
self-BLEU, all samples: 0.536062 0.578187 0.757382
Vendi score, all samples: 2.051332 1.967157 1.581495
cosine diversity, all samples: 0.279036 0.256997 0.152378
distinct answers: 2.921717 2.632270 1.000000
answer entropy (nats): 0.948060 0.819015 0.000000
distinct strategies, wrong ones included, expr: 3.015152 2.726079 1.080808
distinct strategies, wrong ones included, steps: 3.143939 2.874296 1.282828
distinct correct strategies, expr: – 1.105066 1.080808
distinct correct strategies, steps: – 1.227017 1.282828
effective correct strategies (order 1), expr: – 1.096840 1.060991
effective correct strategies (order 1), steps: – 1.211988 1.241960
maj@4: 0.480219 0.713571 1.000000
k = 4: 0.672980 0.743687 0.825758
"""
"""Means of the published values over the 792 problems among the graded pairs; 0.672980 is 533/792, the solved ones."""

OF_1319 = """
distinct-1, all samples: 0.157752 0.156842 0.147598
distinct-2, all samples: 0.415011 0.401936 0.329167
distinct-4, all samples: 0.682683 0.658526 0.520323
distinct-2 per token, all samples: 0.410064 0.396832 0.323953
self-BLEU, all samples: 0.537399 0.577499 0.755143
Vendi score, all samples: 2.045438 1.964770 1.577437
cosine diversity, all samples: 0.277999 0.256915 0.150818
distinct answers: 2.901440 2.615558 1.000000
answer entropy (nats): 0.941063 0.815680 0.000000
distinct strategies, wrong ones included, expr: 3.007582 2.733935 1.108974
distinct strategies, wrong ones included, steps: 3.131918 2.885006 1.275641
distinct correct strategies, expr: – 1.124014 1.108974
distinct correct strategies, steps: – 1.252537 1.275641
effective correct strategies (order 1), expr: – 1.115576 1.084294
effective correct strategies (order 1), steps: – 1.237569 1.234302
maj@4: 0.481931 0.716648 1.000000
k = 1: 0.379265 0.378317 0.378317
k = 2: 0.532727 0.554460 0.579100
k = 3: 0.617513 0.668878 0.724412
k = 4: 0.672479 0.755876 0.842305
"""
"""As published for all 1,319 problems."""


SPEARMAN = {
    "distinct2": -0.441,
    "self_bleu": 0.608,
    "vendi": -0.528,
    "answers": -0.739,
    "answer_entropy": -0.748,
    "any_expr": -0.698,
}
"""With the number of correct solutions, as published."""


def printed(measured):
    """Every line of the tables, as `label: cell cell cell`."""
    budget, table = grids(measured, QUICK)
    lines = [(f"k = {line[0]}", *line[1:]) for line in budget.rows] + list(table.rows)
    return [f"{line[0]}: {' '.join(map(value, line[1:]))}" for line in lines]


def data_folder() -> Path:
    return Path(os.environ.get("BAKEOFF_DATA") or ROOT.parent / "shared" / "data")


def last_line_answer(text):
    """What follows the last `A:`, in which these solutions end; `None` for one without."""
    return text.rsplit("A:", 1)[1].strip() if "A:" in text else None


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """RowEstimate of the problem in the test split → columns, of the labelled solutions among the graded pairs."""
    source = data_folder() / "grading" / "dev.jsonl.gz"
    if not source.exists():
        pytest.skip(f"no graded pairs in {source.parent}; set BAKEOFF_DATA")
    with gzip.open(source, "rt", encoding="utf-8", newline="\n") as lines:
        pairs = [each for each in map(json.loads, lines) if "example_model_solutions" in each["source"]]
    order = {"6b_finetuning": 0, "6b_verification": 1, "175b_finetuning": 2, "175b_verification": 3}
    pairs.sort(key=lambda pair: (int(pair["id"].split("-")[1]), order[pair["id"].split("-")[2]]))
    path = tmp_path_factory.mktemp("gsm8k") / "samples.jsonl"
    write(
        path,
        [
            row(
                pair["group"], pair["prediction"], correct=pair["expected"], answer=last_line_answer(pair["prediction"])
            )
            for pair in pairs
        ],
    )
    return measure_file(path, "published")


def test_labelled_gsm8k_solutions_give_the_published_values_of_each_problem(labelled):
    source = ROOT.parent / "shared" / "design" / "diversity_gsm8k_per_problem.csv.gz"
    if not source.exists():
        pytest.skip("the published values of each problem are not here")
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        published = {line["idx"]: line for line in csv.DictReader(lines)}
    assert (len(labelled.problems), labelled.n) == (792, 4)
    for name, columns in zip(labelled.problems, labelled.columns[""], strict=True):
        expected = published[name.removeprefix("gsm8k-test-")]
        for theirs, ours in COLUMN_OF.items():
            assert (columns[ours] or 0.0) == pytest.approx(float(expected[theirs]), abs=1.01e-6), (name, theirs)


def test_labelled_gsm8k_solutions_print_the_published_means(labelled):
    found = dict(line.rsplit(": ", 1) for line in printed(labelled))
    for line in OF_792.strip().split("\n"):
        label, numbers = line.rsplit(": ", 1)
        for ours, theirs in zip(found[label].split(), numbers.split(), strict=True):
            # theirs are means of values of six digits
            assert ours == theirs == "–" or float(ours) == pytest.approx(float(theirs), abs=1.5e-6), label
    # 259 + 181 + 136 + 117 + 99 = 792 problems
    assert "Problems with 0, 1, 2, 3, 4 correct samples: 259, 181, 136, 117, 99." in notes(labelled, QUICK)


def test_all_labelled_gsm8k_solutions_print_the_published_table(tmp_path):
    source = data_folder() / "gsm8k" / "example_model_solutions.jsonl"
    if not source.exists():
        pytest.skip(f"{source.name} of openai/grade-school-math is not in {source.parent}")
    rows = []
    for line in source.read_text(encoding="utf-8").split("\n"):
        problem = json.loads(line or "{}")
        for name in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification") if problem else ():
            text = problem[name]["solution"]
            answer = last_line_answer(text)
            rows.append(row(problem["question"], text, correct=problem[name]["is_correct"], answer=answer))
    found = measure_file(write(tmp_path / "samples.jsonl", rows), "published")
    assert not set(OF_1319.strip().split("\n")) - set(printed(found))
    assert "Problems with 0, 1, 2, 3, 4 correct samples: 432, 290, 236, 205, 156." in notes(found, QUICK)
    columns = found.columns[""]
    # 1,996 of 2,001 correct solutions have a strategy, 1,992 one without a wrong step
    counted = [sum(each[name] for each in columns) for name in ("correct", "with_strategy", "invalid")]
    assert counted == [2001, 1996, 4]
    right = [each["correct"] for each in columns]
    found = {name: round(spearmanr([each[name] for each in columns], right).statistic, 3) for name in SPEARMAN}
    assert found == SPEARMAN
