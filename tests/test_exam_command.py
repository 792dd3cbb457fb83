"""`bakeoff exam` on a job of this suite: the same samples give the record's metrics, other ones a new exam."""

import csv
import gzip
import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.run.plan import carry_out, make_plan

SUITE = """
model = "pocket"
tasks = ["grade_school"]
seeds = [0]
keep = "full"
[training]
steps = 1
prompts_per_step = 4
group_size = 2
learning_rate = 1e-3
probe_every = 0
[exam]
problems = 4
samples = 2
[algorithms]
base_model = {}
grpo = {}
"""


@pytest.mark.slow
def test_a_finished_job_is_examined_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(SUITE, encoding="utf-8")
    plan = make_plan("mine.toml", results=tmp_path / "r", data=None, workers=1, threads=1)
    assert not carry_out(plan, Console(quiet=True))
    for folder in sorted((tmp_path / "r" / "mine").glob("*-s0-*")):
        ran = CliRunner().invoke(app, ["exam", str(folder), "--samples", "2", "--out", "again"])
        assert ran.exit_code == 0, ran.output
        record, again = (
            json.loads(path.read_text()) for path in (folder / "record.json", tmp_path / "again/exam.json")
        )
        assert again["metrics"] == record["metrics"]
        with gzip.open("again/outcomes.csv.gz", "rt") as lines, gzip.open(folder / "outcomes.csv.gz", "rt") as kept:
            assert lines.read() == kept.read()
        assert (folder / "weights").exists() == ("grpo" in folder.name)
        CliRunner().invoke(app, ["exam", str(folder), "--samples", "5", "--problems", "1", "--out", "more"])
        with gzip.open("more/outcomes.csv.gz", "rt") as lines:
            assert len(list(csv.DictReader(lines))) == 6


def test_weights_that_were_not_kept_are_asked_for(repository):
    folder = next((repository / "results" / "pocket").glob("grpo-grade_school-s0-*"))
    ran = CliRunner().invoke(app, ["exam", str(folder)])
    assert ran.exit_code != 0
    assert 'write keep = "full"' in str(ran.exception)
