"""Files that the programs themselves wrote, and rows after the writers' own code: read, graded, and put into a table.

`tests/foreign_files` was written by `tests/foreign.py` with the versions in each folder's VERSION. With BAKEOFF_FOREIGN
the files of that folder are read instead: `nox -s exchange` writes them anew with the versions it installs.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from exchanged import RIGHT, completions, problems, question, ran
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.commands.diversity.measure import measure_file
from benchmark.commands.exchange.readers.registry import Asked, columns_from, read_samples
from benchmark.commands.grade.pairs import read, unreadable_golds
from benchmark.comparison.evidence import gather
from benchmark.errors import ConfigurationError, MalformedRow
from benchmark.report import write_report
from benchmark.store.steps import read_steps

FILES = Path(os.environ.get("BAKEOFF_FOREIGN", Path(__file__).parent / "foreign_files"))
INSPECT = ("log.eval", "log.json", "log.json.gz")


def rows(path, **how):
    return list(read_samples([path], Asked(**how)))


def written(path, lines, *, mark=b"", pack=False):
    content = mark + "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if pack else content)
    return path


def asked_and_answered():
    """(problem, completion, right) of the three problems, four samples each: 6 of 12 are right."""
    return [
        (one, text, place < right)
        for one, right in zip(problems(), RIGHT, strict=True)
        for place, text in enumerate(completions(one, right)[1:])
    ]


def message(role, text):
    return {"role": role, "content": text}


WRITTEN_AS = {
    "verl": lambda one, text, right: {
        "input": f"user\n{one.prompt}\nassistant\n",
        "output": text,
        "gts": one.gold,
        "score": float(right),
        "step": 40,
    },
    "openrlhf": lambda one, text, right: {"input": one.prompt, "output": text, "reward": float(right)},
    "nemo-rl": lambda one, text, right: {
        "content": [[message("user", f"<|im_start|>user\n{one.prompt}<|im_end|>"), message("assistant", text)]],
        "rewards": [float(right)],
        "idx": 0,
    },
    "prime-rl": lambda one, text, right: {
        "example_id": 3,
        "task": "math",
        "prompt": [message("system", "Think."), message("user", one.prompt)],
        "completion": [message("assistant", text)],
        "answer": one.gold,
        "reward": float(right),
    },
    "prime-rl trace": lambda one, text, right: {
        "id": "a",
        "task": {"type": "Math", "data": {"idx": 3, "answer": one.gold}},
        "run": {"type": "eval", "step": 7},
        "nodes": [
            {"parent": None, "message": message("user", one.prompt), "sampled": False},
            {"parent": 0, "message": message("assistant", text), "sampled": True},
        ],
        "rewards": {"exact": {"score": float(right), "weight": 1.0}},
    },
    "trl": lambda one, text, right: {"step": 5, "prompt": one.prompt, "completion": text, "exact": float(right)},
}
"""Rows after the code of the writers, as docs/exchange.md names it."""


class Import:
    """A suite that waits for `theirs`, and the command on files."""

    def __init__(self, folder, seeds="[0]"):
        self.suite, self.results = question(folder), folder / "results"
        self.suite.write_text(self.suite.read_text().replace("seeds = [0]", f"seeds = {seeds}"))

    def __call__(self, *arguments, seed=0):
        cell = ["--as", "theirs", "--suite", str(self.suite), "--task", "competition", "--seed", str(seed)]
        return CliRunner().invoke(
            app, ["import", *map(str, arguments), *cell, "--results", str(self.results)], catch_exceptions=False
        )


@pytest.fixture
def bring(tmp_path):
    return Import(tmp_path)


# --- files that the programs wrote ----------------------------------------------------------------------------------


def test_the_harness_greedy_and_sampled_in_one_row(bring):
    folder = FILES / "lm_eval"
    said = bring(folder / "samples_greedy.jsonl", folder / "samples_sampled.jsonl")
    assert "3 problems × 4 samples, accuracy" in said.output
    greedy, sampled = (rows(folder / f"samples_{name}.jsonl") for name in ("greedy", "sampled"))
    assert [(len(one.completions), one.greedy) for one in greedy] == [(1, True)] * 3
    assert [(len(one.completions), one.greedy) for one in sampled] == [(4, False)] * 3
    assert {one.id for one in greedy} == {one.id for one in problems()}


def test_greedy_answers_alone_are_an_exam(bring):
    said = bring(FILES / "lm_eval" / "samples_greedy.jsonl")
    assert "3 problems, one greedy completion each, greedy accuracy" in said.output
    (record,) = gather(bring.results, "mine").done
    assert record.metrics["greedy_accuracy"] is not None
    assert record.metrics["accuracy"] is record.metrics["effective_strategies"] is None
    assert "pass@1" not in record.metrics


def test_a_results_file_says_which_file_is_wanted():
    with pytest.raises(MalformedRow, match=r"results file, which holds averages.*samples_\*\.jsonl"):
        rows(FILES / "lm_eval" / "results.json")


def test_an_inspect_log_as_archive_and_as_json(bring):
    found = [rows(FILES / "inspect_ai" / name) for name in INSPECT if (FILES / "inspect_ai" / name).exists()]
    assert len(found) == 2
    for each in found:
        assert len(each) == 12
        assert {one.id for one in each} == {one.id for one in problems()}
        assert {one.gold for one in each} == {one.gold for one in problems()}
        assert sorted(one.scores[0] for one in each) == [0.0] * 6 + [1.0] * 6
        assert {one.greedy for one in each} == {False}
    assert "accuracy 50.0%" in bring(FILES / "inspect_ai" / "log.eval").output


def test_the_log_of_a_trl_trainer_with_its_state(bring):
    folder = FILES / "trl"
    (log,) = folder.glob("completions_*.parquet")
    said = bring(log, "--history", folder / "trainer_state.json", "--completions", 12, "--seconds", 9)
    assert "3 problems × 4 samples, accuracy" in said.output
    (record,) = gather(bring.results, "mine").done
    assert record.counts == {"completions": 12}
    assert record.wall_seconds == record.training_seconds == 9
    (step,) = read_steps(bring.results / "mine" / record.job.id)
    assert (step.step, step.completions) == (1, 12)
    assert {"loss", "policy/entropy", "reward/mean"} <= step.metrics.keys()


def test_every_format_stands_in_one_report(tmp_path):
    text = question(tmp_path).read_text()
    names = ("lm_eval", "inspect_ai", "trl", *(name.replace("-", "_").replace(" ", "_") for name in WRITTEN_AS))
    rows_of = "".join(f"{name}_row = {{ imported = true }}\n" for name in dict.fromkeys(names))
    (tmp_path / "mine.toml").write_text(text.replace("theirs = { imported = true }\n", rows_of))
    files = {
        "lm_eval": [FILES / "lm_eval/samples_greedy.jsonl", FILES / "lm_eval/samples_sampled.jsonl"],
        "inspect_ai": [FILES / "inspect_ai/log.eval"],
        "trl": list((FILES / "trl").glob("*.parquet")),
        **{
            kind.replace("-", "_").replace(" ", "_"): [
                written(tmp_path / f"{kind}.jsonl", [make(*each) for each in asked_and_answered()])
            ]
            for kind, make in WRITTEN_AS.items()
            if kind != "trl"
        },
    }
    results = tmp_path / "results"
    for name, given in files.items():
        command = ["import", *map(str, given), "--as", f"{name}_row", "--suite", str(tmp_path / "mine.toml")]
        command += ["--task", "competition", "--seed", "0", "--results", str(results)]
        assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0, name
    page = write_report(results, tmp_path / "reports", "mine").read_text(encoding="utf-8")
    assert all(f"{name}_row" in page for name in files)


# --- rows after the writers' code -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WRITTEN_AS)
@pytest.mark.parametrize(("mark", "pack"), [(b"", False), (b"\xef\xbb\xbf", False), (b"\xef\xbb\xbf", True)])
def test_a_rollout_file_is_recognised_and_read(tmp_path, kind, mark, pack):
    path = written(
        tmp_path / "x.jsonl", [WRITTEN_AS[kind](*each) for each in asked_and_answered()], mark=mark, pack=pack
    )
    found = rows(path)
    assert [one.completions[0] for one in found] == [text for _, text, _ in asked_and_answered()]
    assert [one.scores for one in found] == [(float(right),) for *_, right in asked_and_answered()]
    assert all(one.prompt in row.asked[0] for row, (one, *_) in zip(found, asked_and_answered(), strict=True))


def test_the_layouts_of_every_release_of_the_harness(tmp_path):
    one = problems()[0]
    line = {"doc_id": 0, "doc": {"question": one.prompt}, "target": one.gold, "resps": [["x"]], "exact_match": 0.0}
    how = {"until": ["\n"], "do_sample": False, "temperature": 0.0}
    early = [line | {"arguments": [[one.prompt, how]]}]
    (tmp_path / "early.jsonl").write_text(json.dumps(early, indent=2))  # 0.4.0 to 0.4.2: one indented array
    late = line | {"arguments": {"gen_args_0": {"arg_0": one.prompt, "arg_1": how}}, "filter": "none"}
    written(tmp_path / "late.jsonl", [late])
    read_early, read_late = rows(tmp_path / "early.jsonl"), rows(tmp_path / "late.jsonl")
    assert [(row.asked, row.completions, row.gold, row.greedy, row.scores) for row in read_early] == [
        (row.asked, row.completions, row.gold, row.greedy, row.scores) for row in read_late
    ]
    assert read_late[0].greedy


def test_columns_of_a_table(tmp_path):
    import pandas as pd

    made = [{"q": one.prompt, "a": text, "g": one.gold, "s": right} for one, text, right in asked_and_answered()]
    names = {"columns": columns_from("question=q,response=a,gold=g,score=s")}
    pd.DataFrame(made).to_csv(tmp_path / "x.csv", index=False)
    pd.DataFrame(made).to_parquet(tmp_path / "x.parquet")
    written(tmp_path / "x.jsonl", made)
    found = [rows(tmp_path / f"x.{ending}", **names) for ending in ("csv", "parquet", "jsonl")]
    assert {tuple(one.scores[0] for one in each) for each in found} == {tuple(float(one["s"]) for one in made)}
    assert {tuple(one.completions[0] for one in each) for each in found} == {tuple(one["a"] for one in made)}
    nested = written(tmp_path / "n.jsonl", [{"m": {"q": "Why?"}, "a": ["x", "y"], "s": [1, 0]}])
    (row,) = rows(nested, columns=columns_from("question=m.q,response=a,score=s"))
    assert (row.asked, row.completions, row.scores) == (("Why?",), ("x", "y"), (1.0, 0.0))
    for option, words in (
        ("question", "must be NAME=COLUMN"),
        ("question=q", "needs response="),
        ("response=a,respons=b,question=q", "must be NAME=COLUMN with one of question"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            columns_from(option)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"input": "q", "output": "\\ud800", "score": 1}', "holds half a surrogate pair"),
        ('{"input": "q", "output": 7, "score": 1}', "'output' must be str, found int 7"),
        ('{"input": "q", "output": "a", "score": 1, "step": "x"}', "'step' must be int"),
        ('{"nothing": 1}', "are of no format that is known"),
        ("[" * 100_000, "nested too deeply"),
        ('{"content": ["all in one text"], "rewards": [1.0], "idx": 0}', "prompt and completion cannot be told apart"),
    ],
)
def test_a_broken_line_is_one_sentence_with_its_place(tmp_path, line, words):
    path = tmp_path / "x.jsonl"
    path.write_text(line + "\n")
    with pytest.raises((MalformedRow, ConfigurationError), match=words) as caught:
        rows(path)
    assert "x.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_beyond_a_float(tmp_path):
    one = problems()[0]
    how = '{"do_sample": true, "temperature": 1' + "0" * 400 + "}"
    arguments = f'{{"gen_args_0": {{"arg_1": {how}}}}}'
    line = f'{{"doc": {{"question": "{one.prompt}"}}, "resps": [["x"]], "arguments": {arguments}}}'
    path = tmp_path / "x.jsonl"
    path.write_text(line.replace('"do_sample": true, ', ""))
    with pytest.raises(MalformedRow, match=r"x\.jsonl:1: 'temperature' must be a number, found int 1000"):
        rows(path)


def test_one_run_is_one_seed(tmp_path):
    bring = Import(tmp_path, "[0, 1]")
    log = FILES / "inspect_ai" / "log.eval"
    bring(log)
    with pytest.raises(ConfigurationError, match="seed 0 of 'theirs' on 'competition' has this very file"):
        bring(log, seed=1)
    same = next(FILES / "inspect_ai" / name for name in INSPECT[1:] if (FILES / "inspect_ai" / name).exists())
    with pytest.raises(ConfigurationError, match="has the same outcomes, completion by completion"):
        bring(same, seed=1)


def test_a_history_needs_what_places_its_steps(tmp_path, bring):
    log = FILES / "inspect_ai" / "log.eval"
    history = tmp_path / "history.csv"
    history.write_text("_step,_runtime,train/entropy,train/reward\n0,0.5,1.0,0.1\n5,10,0.5,\n10,20,0.25,0.6\n")
    with pytest.raises(ConfigurationError, match="add --completions N"):
        bring(log, "--history", history)
    bring(log, "--history", history, "--completions", 1000)
    (record,) = gather(bring.results, "mine").done
    steps = read_steps(bring.results / "mine" / record.job.id)
    assert [(one.step, one.completions, one.seconds) for one in steps] == [(0, 0, 0.5), (5, 500, 10), (10, 1000, 20)]
    assert [one.metrics.get("reward/mean") for one in steps] == [0.1, None, 0.6]
    assert record.training_seconds == 20


# --- grade and diversity --------------------------------------------------------------------------------------------


def test_grade_reads_what_import_reads(tmp_path):
    pairs = read(str(FILES / "inspect_ai" / "log.eval"))
    assert len(pairs) == 12
    assert sum(pair.expected for pair in pairs) == 6
    assert len(read(str(FILES / "lm_eval" / "samples_greedy.jsonl"))) == 3
    path = written(tmp_path / "v.jsonl", [WRITTEN_AS["verl"](*each) for each in asked_and_answered()])
    result = CliRunner().invoke(app, ["grade", str(path)], catch_exceptions=False)
    kinds = [json.loads(line)["verdict"] == "correct" for line in result.stdout.splitlines()]
    assert kinds == [right for *_, right in asked_and_answered()]


def test_gsm8k_answers_are_golds_without_being_told(tmp_path):
    path = written(tmp_path / "g.jsonl", [{"answer": "9+9=<<9+9=18>>18\n#### 18", "completion": "#### 18"}])
    (row,) = read(str(path))
    assert row.gold == "18"
    assert not unreadable_golds([row])
    assert CliRunner().invoke(app, ["grade", str(path)]).exit_code == 0
    told = written(tmp_path / "t.jsonl", [{"gold": "a #### 1\n#### 2", "gold_form": "answer", "prediction": "2"}])
    assert read(str(told))[0].gold == "a #### 1\n#### 2"


def test_golds_that_cannot_be_read_are_said_in_words(tmp_path):
    path = written(tmp_path / "g.jsonl", [{"gold": "\\frac{1}{", "prediction": "#### 18"}] * 2)
    result = CliRunner().invoke(app, ["grade", str(path)], catch_exceptions=False)
    assert result.exit_code == 1
    assert "None of the 2 golds can be read as an answer" in " ".join(result.stderr.split())


def test_diversity_grades_foreign_files_and_finds_the_crossing(tmp_path):
    ours = written(tmp_path / "ours.jsonl", [WRITTEN_AS["verl"](*each) for each in asked_and_answered()])
    measured = measure_file([FILES / "inspect_ai" / "log.eval"], "wide")
    assert [columns["correct"] for columns in measured.columns[""]] == [2.0, 2.0, 2.0]
    result = CliRunner().invoke(app, ["diversity", str(ours), str(ours.with_name("b.jsonl")), "--resamples", "100"])
    assert result.exit_code == 2 or isinstance(result.exception, ConfigurationError)
    other = written(tmp_path / "b.jsonl", [WRITTEN_AS["verl"](*each) for each in asked_and_answered()])
    result = CliRunner().invoke(app, ["diversity", str(other), str(ours), "--resamples", "100"], catch_exceptions=False)
    assert "pass@k against b, all 3 problems" in result.output
    both = written(
        tmp_path / "g.jsonl",
        [
            {"problem": "p", "completion": "1+1=2 #### 2", "correct": True},
            {"problem": "p", "completion": "1+2=3 #### 3", "correct": False},
            {"problem": "p", "completion": "#### 4", "correct": False, "greedy": True},
        ],
    )
    (columns,) = measure_file(both, "wide").columns[""]
    # the greedy answer is wrong and one of two samples is right: potential@2 = pass@2 = 1; 2 equations, both different
    assert (columns["samples"], columns["potential@n"], columns["div_equ"]) == (2.0, 1.0, 1.0)


def test_inspect_ai_reads_our_export(tmp_path):
    log = pytest.importorskip("inspect_ai.log", reason="nox -s exchange installs it")
    results, _ = ran(tmp_path)
    command = ["export", "mine", "--to", "inspect-ai", "--results", str(results), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    found = log.read_eval_log(str(tmp_path / "out/grpo/competition_s0.json"))
    assert found.status == "success"
    assert [one.scores["bakeoff"].value for one in found.samples].count("C") == 6
    assert found.results.scores[0].metrics["accuracy"].value == 0.5


def test_our_inspect_log_comes_back(tmp_path):
    results, _ = ran(tmp_path)
    command = ["export", "mine", "--to", "inspect-ai", "--results", str(results), "--out", str(tmp_path / "out")]
    CliRunner().invoke(app, command, catch_exceptions=False)
    sampled, greedy = (rows(tmp_path / f"out/grpo/competition_s0{end}.json") for end in ("", "_greedy"))
    assert [one.scores[0] for one in sampled].count(1.0) == 6
    assert [one.greedy for one in greedy] == [True] * 3
    assert {one.id for one in sampled} == {one.id for one in problems()}


def test_a_model_card_has_the_tables_numbers(tmp_path):
    cards = pytest.importorskip("huggingface_hub")
    results, _ = ran(tmp_path)
    command = ["export", "mine", "--to", "model-card", "--results", str(results), "--out", str(tmp_path / "out")]
    CliRunner().invoke(app, command, catch_exceptions=False)
    text = (tmp_path / "out/grpo.md").read_text(encoding="utf-8")
    found = {one.metric_type: one.metric_value for one in cards.ModelCard(text).data.eval_results}
    # 6 of 12 samples, 2 of 3 greedy ones
    assert (found["accuracy"], found["greedy_accuracy"]) == (50.0, 66.7)
    assert "| `competition` | accuracy | 50.0" in text
