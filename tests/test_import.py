"""Completions of other programs as records of a suite: the same verdicts, every blank left blank, bad files refused."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from exchanged import RIGHT, completions, problems, question, ran
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.commands.exchange.imports import ImportRequest, import_files
from benchmark.commands.exchange.readers.registry import Asked
from benchmark.comparison.evidence import gather
from benchmark.contract import IMPORTED, Algorithm
from benchmark.errors import ConfigurationError, MalformedRow, UnknownName
from benchmark.report import document, write_report
from benchmark.report.html.page import html
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.report.tables.export import csv
from benchmark.store.outcomes import read_outcomes
from benchmark.store.records import read_record
from benchmark.store.steps import read_steps
from benchmark.suite.fairness import compare_rows
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve


def harness(**changes):
    """Lines of a harness file of which 6 of 12 samples are correct."""
    found = []
    for place, (one, right) in enumerate(zip(problems(), RIGHT, strict=True)):
        greedy, *samples = completions(one, right)
        for resps, how in (([greedy], {"do_sample": False}), (samples, {"do_sample": True, "temperature": 1.0})):
            found.append(
                {
                    "doc_id": place,
                    "doc": {"question": one.prompt, "answer": "not read"},
                    "arguments": {"gen_args_0": {"arg_0": f"Q: {one.prompt}\nA:", "arg_1": how}},
                    "resps": [resps],
                    "filter": "none",
                    **changes,
                }
            )
    return found


def trl(step=100):
    """Rows of a TRL log: samples only, problem after problem."""
    return [
        {"step": step, "prompt": one.prompt, "completion": text, "reward_func": 0.0, "advantage": 0.5}
        for one, right in zip(problems(), RIGHT, strict=True)
        for text in completions(one, right)[1:]
    ]


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


class Bench:
    """A suite without results, and the import of files into it."""

    def __init__(self, folder):
        self.folder, self.results = folder, folder / "results"
        self.suite = load_suite(question(folder), resolve)

    def take(self, rows, kind="lm-eval", *, partial=False, **asked):
        file = rows if not isinstance(rows, list) else lines(self.folder / "theirs.jsonl", rows)
        cell = ImportRequest(
            **({"method": "theirs", "task": "competition", "seed": 0} | asked), reading=Asked(kind), partial=partial
        )
        return import_files([file], self.suite, cell, self.results)

    def refused(self, rows, message, kind="lm-eval", error=MalformedRow, **asked):
        with pytest.raises(error, match=message):
            self.take(rows, kind, **asked)
        assert not self.results.exists()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


# --- what comes in -------------------------------------------------------------------------------------------------


def test_there_and_back_again(tmp_path):
    results, jobs = ran(tmp_path)
    out = tmp_path / "out"
    command = ["export", "mine", "--to", "lm-eval", "--results", str(results), "--out", str(out)]
    CliRunner().invoke(app, command, catch_exceptions=False)
    command = ["import", str(out / "grpo" / "samples_competition_s0.jsonl"), "--as", "theirs", "--suite"]
    command += [str(tmp_path / "mine.toml"), "--task", "competition", "--seed", "0", "--format", "lm-eval"]
    said = CliRunner().invoke(app, [*command, "--results", str(results)], catch_exceptions=False)
    assert "3 problems × 4 samples, accuracy 50.0%; 0 rows left out" in said.output
    ours, theirs = (read_record(results / "mine" / jobs[name].id) for name in ("grpo", "theirs"))
    unknown = {"completion_tokens", "truncated"}
    assert {name: ours.metrics[name] for name in ours.metrics if name not in unknown} == {
        name: theirs.metrics[name] for name in theirs.metrics if name not in unknown
    }
    assert {theirs.metrics[name] for name in unknown} == {None}
    judged = [read_outcomes(results / "mine" / jobs[name].id) for name in ("grpo", "theirs")]
    assert [replace(one, tokens=None, truncated=None) for one in judged[0]] == list(judged[1])
    assert sum(one.verdict == "correct" for one in judged[1]) == 6 + 2


def test_an_imported_record_knows_what_was_given_and_nothing_else(bench):
    record, left_out = bench.take(harness())
    assert (record.metrics["accuracy"], record.metrics["greedy_accuracy"], left_out) == (6 / 12, 2 / 3, 0)
    assert record.imported.startswith("lm-eval theirs.jsonl (SHA-256 ")
    assert record.wall_seconds is record.training_seconds is None
    assert record.phase_seconds == record.peak_bytes == record.counts == {}
    folder = bench.results / "mine" / record.job.id
    assert read_record(folder) == record
    assert read_steps(folder) == ()
    assert {(one.tokens, one.truncated) for one in read_outcomes(folder)} == {(None, None)}
    texts = {text for one, right in zip(problems(), RIGHT, strict=True) for text in completions(one, right)}
    assert {one.text for one in read_outcomes(folder)} == texts


def test_verdicts_are_ours_and_not_the_files(bench):
    record, _ = bench.take(harness(exact_match=1.0, verdicts=["correct"] * 4))
    assert record.metrics["accuracy"] == 6 / 12


def test_the_log_of_a_trl_trainer(bench):
    import pandas as pd

    path = bench.folder / "completions_00100.parquet"
    pd.DataFrame(trl()).to_parquet(path)
    record, _ = bench.take(path, "trl")
    assert record.metrics["accuracy"] == 6 / 12
    assert record.metrics["greedy_accuracy"] is None
    assert record.imported.startswith("trl completions_00100.parquet")


def test_a_trl_conversation_is_read_by_its_roles(bench):
    rows = [
        row
        | {
            "prompt": [{"role": "system", "content": "Think."}, {"role": "user", "content": row["prompt"]}],
            "completion": [{"role": "assistant", "content": [{"type": "text", "text": row["completion"]}]}],
        }
        for row in trl()
    ]
    assert bench.take(rows, "trl")[0].metrics["accuracy"] == 6 / 12


def test_problems_are_known_by_id_by_text_and_inside_a_prompt(bench):
    rows = harness()
    for row, one in zip(rows[:2], [problems()[0]] * 2, strict=True):
        row["doc"] = {"id": one.id}
        row["arguments"]["gen_args_0"]["arg_0"] = "nothing"
    for row in rows[2:4]:
        row["doc"] = {"question": row["doc"]["question"].upper().replace(" ", "\n ")}
    for row in rows[4:]:
        row["doc"] = {}
    assert bench.take(rows)[0].metrics["accuracy"] == 6 / 12


def test_the_same_completions_under_a_second_filter_count_once(bench):
    rows = harness()
    again = [row | {"filter": "flexible-extract"} for row in rows]
    assert bench.take([*rows, *again])[0].metrics["samples"] == 4


def test_texts_of_published_problems_are_not_kept(bench, tmp_path):
    made = [{"question": f"What is {n} and {n}?", "answer": f"Both.\n#### {2 * n}"} for n in range(40)]
    (tmp_path / "gsm8k").mkdir()
    lines(tmp_path / "gsm8k" / "train.jsonl", made[3:])
    lines(tmp_path / "gsm8k" / "test.jsonl", made[:3])
    text = question(tmp_path).read_text().replace("competition", "gsm8k")
    (tmp_path / "real.toml").write_text(text)
    rows = [
        {"step": 1, "prompt": one["question"], "completion": f"So #### {2 * n}"}
        for n, one in enumerate(made[:3])
        for _ in range(4)
    ]
    suite = load_suite(tmp_path / "real.toml", resolve)
    cell = ImportRequest("theirs", "gsm8k", 0)
    record, _ = import_files([lines(tmp_path / "log.jsonl", rows)], suite, cell, bench.results, tmp_path)
    assert record.metrics["accuracy"] == 1.0
    assert not (bench.results / "real" / record.job.id / "samples.jsonl.gz").exists()


# --- what is refused -----------------------------------------------------------------------------------------------


def without(row, name):
    return {key: value for key, value in row.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: without(row, "doc"), r"theirs\.jsonl:1: no field 'doc'; the fields are"),
        (lambda row: row | {"doc": "text"}, r":1: 'doc' must be dict, found str 'text'"),
        (lambda row: without(row, "resps"), r":1: no field 'resps'"),
        (lambda row: row | {"resps": []}, r":1: 'resps' must hold the completions of one request"),
        (lambda row: row | {"resps": [["a"], ["b"]]}, r":1: 'resps' must hold the completions of one request"),
        (lambda row: row | {"resps": [[1.5]]}, r":1: 'resps' must hold text, found float 1\.5"),
        (lambda row: row | {"resps": [["a", "b"]]}, r":1: 'resps' has 2 completions of a greedy request"),
        (lambda row: row | {"resps": [["\ud800"]]}, r":1: 'resps' holds half a surrogate pair at 0"),
        (lambda row: without(row, "arguments"), r":1: no field 'arguments'"),
        (lambda row: row | {"arguments": {"gen_args_0": {"arg_0": "x"}}}, r":1: 'arguments' must hold gen_args_0"),
        (
            lambda row: row | {"arguments": {"gen_args_0": {"arg_0": "x", "arg_1": {"temperature": "hot"}}}},
            r":1: 'temperature' must be a number, found str 'hot'",
        ),
        (lambda row: row | {"doc": {"id": problems()[1].id, **row["doc"]}}, r":1: the id is '.*/1', but the text is"),
    ],
)
def test_a_malformed_harness_line_is_named_with_its_field(bench, change, message):
    first, *rest = harness()
    bench.refused([change(first), *rest], message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: without(row, "completion"), r":1: no field 'completion'"),
        (lambda row: row | {"completion": None}, r":1: 'completion' must be str or list, found NoneType"),
        (
            lambda row: row | {"prompt": [{"role": "system", "content": "x"}]},
            r":1: 'prompt' has no message of the role",
        ),
        (lambda row: row | {"completion": [{"role": "assistant", "content": 3}]}, r":1: 'completion' must hold text"),
        (lambda row: row | {"step": True}, r":1: 'step' must be int, found bool"),
        (lambda row: row | {"step": 99}, r":2: 'step' is 100, but the first row's is 99"),
    ],
)
def test_a_malformed_trl_row_is_named_with_its_field(bench, change, message):
    first, *rest = trl()
    bench.refused([change(first), *rest], message, "trl")


@pytest.mark.parametrize("content", [b"{", b"[1]\n", b"\xff\xfe\n", b'{"a": ' * 100_000])
def test_a_line_that_is_no_json_object(bench, content):
    path = bench.folder / "theirs.jsonl"
    path.write_bytes(content)
    bench.refused(path, r"theirs\.jsonl:1: ")


def test_numbers_of_samples_must_be_the_exams(bench):
    bench.refused(trl()[:-1], r"problem '.*/2' has 3 samples, but the suite's exam has 4 of each of its 3", "trl")
    bench.refused([*trl(), trl()[0]], r":13: 5 samples of problem '.*/0', but the suite's exam has 4", "trl")
    bench.refused(harness()[:-2], r"problem '.*/2' has 0 samples")
    bench.refused(harness()[:-2], r"problem '.*/2' has 0 samples", partial=True)
    bench.refused(harness()[1:], r"problem '.*/0' has no greedy completion, others have")


def test_two_runs_in_one_file_are_refused(bench):
    rows = harness()
    other = rows[1] | {"resps": [["something", "else", "at", "all"]]}
    bench.refused([*rows, other], r":7: problem '.*/0' has other completions than in .*:2\. Give the file of one run")


def test_rows_of_other_problems_are_counted_and_left_out_only_when_asked(bench):
    other = [row | {"doc": {"question": "Why?"}, "arguments": {"gen_args_0": {"arg_1": {}}}} for row in harness()[:1]]
    bench.refused([*harness(), *other * 5], r"5 rows match none of the 3 problems of 'competition'.*:7, .*:8, .*:9, …")
    bench.refused(other, "1 rows match none", partial=True)
    record, left_out = bench.take([*harness(), *other * 5], partial=True)
    assert (left_out, record.metrics["accuracy"]) == (5, 6 / 12)


def test_the_cell_must_be_one_of_the_suite(bench):
    wrong = {"error": ConfigurationError}
    bench.refused(harness(), r"'grpo' is not an imported row of suite 'mine': write 'grpo = \{", method="grpo", **wrong)
    bench.refused(
        harness(), r"no imported row named 'thiers'; did you mean 'theirs'", method="thiers", error=UnknownName
    )
    bench.refused(harness(), "no task of this suite named 'gsm8k'", task="gsm8k", error=UnknownName)
    bench.refused(harness(), "--seed 7: suite 'mine' has the seeds 0", seed=7, **wrong)
    bench.refused(bench.folder / "none.jsonl", "no such file", **wrong)


def test_nothing_is_imported_over(bench):
    bench.take(harness())
    with pytest.raises(ConfigurationError, match=r"exists already, from lm-eval theirs\.jsonl .*: delete "):
        bench.take(harness())
    path = bench.folder / "theirs.jsonl"
    with pytest.raises(ConfigurationError, match="is given twice"):
        import_files([path, path], bench.suite, ImportRequest("theirs", "competition", 0), bench.folder / "other")


def test_long_texts_are_graded_like_others(bench):
    rows = harness()
    rows[1]["resps"] = [
        [text + " 1+1=2." * 15_000 + f"\n\\boxed{{{problems()[0].gold}}}" for text in rows[1]["resps"][0]]
    ]
    assert len(rows[1]["resps"][0][0]) > 100_000
    rows[5]["resps"] = [["((" * 50_000, "\\frac{" * 20_000, "9" * 100_000, "\\boxed{" * 15_000]]
    started = time.perf_counter()
    record, _ = bench.take(rows)
    assert record.metrics["accuracy"] == 6 / 12
    assert time.perf_counter() - started < 30


# --- how it stands in a suite --------------------------------------------------------------------------------------


def test_a_suite_names_an_imported_row():
    assert resolve("theirs", {"imported": True}) == Algorithm("theirs", IMPORTED)
    for name, settings, message in (
        ("theirs", {"imported": False}, "is written 'theirs = { imported = true }'"),
        ("theirs", {"imported": True, "clip": 0.2}, "has no other settings; found imported = True, clip = 0.2"),
        ("grpo", {"imported": True}, "grpo is trained here"),
        ("../x", {"imported": True}, "cannot name an imported row"),
    ):
        with pytest.raises(ConfigurationError, match=message.replace("{", r"\{")):
            resolve(name, settings)


def test_the_fairness_check_names_it_and_judges_only_what_it_knows(bench):
    found = compare_rows(bench.suite)
    assert [one.message for one in found if one.rows == ("theirs",)] == ["trained and sampled elsewhere: theirs."]
    assert all(one.severity != "refuse" for one in found)


def test_a_run_waits_for_it_and_says_so(tmp_path):
    from benchmark.run.plan import make_plan

    results, jobs = ran(tmp_path)
    plan = make_plan(str(tmp_path / "mine.toml"), results=results, data=None, workers=1, threads=1)
    assert plan.describe() == "mine: 3 jobs, 2 done, 1 not imported yet, 0 to run"
    assert plan.awaited == (jobs["theirs"],)
    (line,) = plan.awaiting("mine.toml")
    assert line.startswith("not imported yet: bakeoff import FILE --as theirs --suite mine.toml --task competition")
    assert line.endswith(" --seed 0 --format lm-eval")


def report(folder, results):
    return write_report(results, folder / "reports", "mine").read_text(encoding="utf-8")


def test_the_report_before_and_after(tmp_path):
    results, _ = ran(tmp_path)
    before = report(tmp_path, results)
    assert "| `theirs`\u00a0† |" in before.split("## Results")[1]
    assert "not imported yet" in before
    Bench(tmp_path).take(harness())
    after = report(tmp_path, results)
    assert "not imported yet" not in after
    assert "Every method except `theirs` starts from the same policy" in after
    assert "† Trained and sampled elsewhere, imported, graded here by bakeoff-grader" in after
    evidence = gather(results, "mine")
    whole = document.markdown("mine", evidence.digest, sections(ReportData(evidence)), whole=True)
    result, spent = (whole.split(part)[1].split("\n## ")[0] for part in ("## Results\n", "### What was spent\n"))
    row = next(line for line in result.splitlines() if line.startswith("| `theirs`")).strip("| ").split(" | ")
    assert row[1].startswith("50.0\u00a0%")
    assert row[4:6] == ["–", "–"]  # seconds and memory are not known
    theirs = next(line for line in spent.splitlines() if "`theirs`" in line)
    assert theirs.startswith("| `theirs`\u00a0† | `competition` | – |")
    assert set(theirs.split(" | ")[2:]) == {"–", "– |"}
    assert "trained and sampled elsewhere: theirs." in after


def test_the_page_and_the_tables_hold_it(tmp_path):
    results, _ = ran(tmp_path)
    Bench(tmp_path).take(harness())
    report(tmp_path, results)
    evidence = gather(results, "mine")
    assert evidence.devices == ("CPU, 1 thread",)
    row = next(
        line for line in csv(ReportData(evidence)).splitlines() if line.startswith("mine,competition,theirs,accuracy")
    )
    assert row.startswith("mine,competition,theirs,accuracy,share,0.5,")
    assert html(evidence, "<!-- x -->\n# x", {}, "")
    assert evidence.compare("accuracy", "competition", "theirs", "base_model").difference.mean == 0.5


def test_jobs_that_ran_here_keep_their_ids(tmp_path):
    with_row = {job.id for job in jobs_of(load_suite(question(tmp_path), resolve)) if not job.algorithm.imported}
    path = tmp_path / "mine.toml"
    path.write_text(path.read_text().replace("theirs = { imported = true }\n", ""))
    assert with_row == {job.id for job in jobs_of(load_suite(path, resolve))}
