"""The command line: what may be said, and that everything else is one sentence with exit code 2."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmark import cli
from benchmark.commands.options import say
from benchmark.commands.run.folders import require_writable
from benchmark.contract import Problem, Record
from benchmark.errors import ConfigurationError, UnknownName
from benchmark.run import progress
from benchmark.run.devices import checked_device, crowding, default_workers, devices_of
from benchmark.run.durations import Durations
from benchmark.run.identity import identified
from benchmark.run.plan import make_plan
from benchmark.run.progress import Display
from benchmark.store.atomic import write
from benchmark.store.records import is_done, job_folder, read_suite, write_record, write_suite
from benchmark.suite.fairness import unreadable_golds
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve
from benchmark.suite.source import Changes

SUITE = """
tasks = ["competition"]
seeds = [0, 1]
[training]
steps = 4
prompts_per_step = 2
group_size = 2
probe_every = 0
[exam]
problems = 4
samples = 2
[algorithms]
base_model = {}
grpo = {}
ppo = {}
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.toml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def run(*words):
    return CliRunner().invoke(cli.app, ["run", *words])


def ended(monkeypatch, capsys, *words):
    """Exit code and standard error of the whole program."""
    monkeypatch.setattr(sys, "argv", ["bakeoff", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code, capsys.readouterr().err


def test_version_help_and_completion():
    assert CliRunner().invoke(cli.app, ["--version"]).output.startswith("bakeoff 0.")
    for words in (["-h"], ["run", "-h"], ["tape", "-h"], ["check", "--help"]):
        assert CliRunner().invoke(cli.app, words).exit_code == 0
    assert "--install-completion" in CliRunner().invoke(cli.app, ["--help"]).output
    assert "gold_form" in CliRunner().invoke(cli.app, ["grade", "-h"]).output


def test_a_dry_run_writes_nothing_and_says_everything(mine):
    said = run(str(mine), "--dry-run")
    assert said.exit_code == 0, said.output
    assert "mine: 6 jobs, 0 done, 6 to run" in said.output
    assert said.output.count("to run   ") == 6
    assert sorted(path.name for path in mine.parent.iterdir()) == ["mine.toml"]
    plan = json.loads(run(str(mine), "--dry-run", "--json").stdout)
    assert [job["seed"] for job in plan["to_run"]] == [0, 0, 0, 1, 1, 1]
    assert plan["done"] == plan["refused"] == []
    assert plan["findings"]


def suite_of(path, **changes):
    return load_suite(path, resolve, Changes(**changes))


def test_changes_make_another_suite(mine):
    same = suite_of(mine)
    assert same.name == "mine"
    changed = suite_of(
        mine,
        settings=("training.steps=8", "algorithms.grpo.clip=0.3", "model.source=some/folder", "exam.temperature=0.5"),
        only=("base_model", "grpo"),
        seeds=(3,),
        limit=2,
    )
    assert changed.training.steps == 8
    assert changed.exam.temperature == 0.5
    assert changed.exam.problems == 2
    assert changed.model.source == "some/folder"
    assert [row.name for row in changed.algorithms] == ["base_model", "grpo"]
    assert changed.algorithms[1].settings["clip"] == 0.3
    assert changed.seeds == (3,)
    assert changed.name.startswith("mine-")
    assert (
        changed.name
        == suite_of(
            mine,
            settings=(
                "training.steps=8",
                "algorithms.grpo.clip=0.3",
                "model.source=some/folder",
                "exam.temperature=0.5",
            ),
            only=("base_model", "grpo"),
            seeds=(3,),
            limit=2,
        ).name
    )
    assert suite_of(mine, settings=("training.steps=8",)).name != suite_of(mine, settings=("training.steps=9",)).name
    assert suite_of(mine, settings=("training.steps=8",), name="eight").name == "eight"
    assert suite_of(mine, model="x").model.source == "x"
    ids = {job.id for job in jobs_of(same)}
    assert {job.id for job in jobs_of(suite_of(mine, only=("grpo",)))} < ids  # the same jobs under another name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": ("training.stepz=8",)}, "unknown key 'stepz'; did you mean 'steps'"),
        ({"settings": ("training.steps=0",)}, "steps = 0: expected a whole number from 1"),
        ({"settings": ("training.steps=many",)}, "steps = 'many': expected a whole number"),
        ({"settings": ("steps",)}, "--set 'steps': write 'table.key=value'"),
        ({"settings": ("seeds.x=1",)}, "'seeds' is a list of 2, not a table"),
        ({"settings": ("algorithms.grpo.clipp=1",)}, "no hyper-parameter 'clipp'; did you mean 'clip'"),
        ({"only": ("gpro",)}, "no row of \\[algorithms\\] named 'gpro'; did you mean 'grpo'"),
        ({"name": "../x"}, "the suite's name"),
        ({"seeds": (0, 0)}, "a seed is given twice"),
    ],
)
def test_a_change_that_means_nothing_is_refused(mine, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        suite_of(mine, **changes)


def test_a_suite_extends_another(mine):
    child = mine.parent / "child.toml"
    child.write_text(
        'extends = "mine.toml"\nonly = ["grpo", "mine"]\n[training]\nsteps = 9\n'
        '[algorithms]\nmine = { class = "algorithms.ppo:PPO" }\ngrpo = { clip = 0.3 }\n',
        encoding="utf-8",
    )
    suite = load_suite(child, resolve)
    assert suite.name == "child"
    assert (suite.training.steps, suite.training.group_size) == (9, 2)
    assert {row.name: row.target for row in suite.algorithms} == {
        "grpo": "algorithms.grpo:GRPO",
        "mine": "algorithms.ppo:PPO",
    }
    other = mine.parent / "other.toml"
    other.write_text('extends = "pocket"\n[model]\nlora_rank = 4\n', encoding="utf-8")
    assert load_suite(other, resolve).model.lora_rank == 4
    assert len(load_suite(other, resolve).algorithms) == 6
    mine.write_text('extends = "child.toml"\n' + SUITE, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="extend one another in a circle"):
        load_suite(child, resolve)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "./nosuch.toml"], "no such file: nosuch.toml"),
        (["run", "mine"], "write 'bakeoff run mine.toml'"),
        (["run", "mine.toml", "--seeds", "0,x"], "--seeds '0,x': expected whole numbers"),
        (["run", "mine.toml", "--device", "gpu"], "--device 'gpu': expected auto, cpu, cuda, cuda:N or mps"),
        (["run", "mine.toml", "--device", "cuda:99"], "--device cuda:99: torch sees"),
        (["run", "mine.toml", "--set", "tasks=['aime24']"], "is an exam, nothing can be trained on it|Give a folder"),
        (["run", "mine.toml", "--set", "training.prompts_per_step=5000"], "has 1024 for training: lower it"),
        (["run", "mine.toml", "--results", "/proc/nope"], "nothing can be written into '/proc/nope'.*--results DIR"),
        (["run", "mine.toml", "--reports", "/proc/nope"], "nothing can be written into '/proc/nope'.*--reports DIR"),
        (["check", "nowhere.py:Mine", "gpro"], "did you mean 'grpo'"),
        (["tape", "compare", "tape", "nowhere.py:Mine"], "no such file for 'nowhere.py:Mine'|no such file"),
        (["fairness", "a\nb"], r"no suite named 'a b'"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_exit_code_2(mine, monkeypatch, capsys, words, message):
    code, said = ended(monkeypatch, capsys, *words)
    assert code == 2, said
    assert said.startswith("bakeoff: ")
    assert said.count("\n") == 1
    assert re.search(message, said), said
    assert not (mine.parent / "results").exists() or not list((mine.parent / "results").glob("*/*"))


@pytest.mark.parametrize(
    "command", [["run", "pocket"], ["check", "grpo"], ["fairness", "pocket"], ["tape", "record", "x"]]
)
def test_without_torch_a_command_names_what_to_install(tmp_path, repository, command):
    blocked = "".join(
        f"sys.modules['{name}'] = None\n"
        for name in ("torch", "transformers", "peft", "trl", "safetensors", "datasets")
    )
    program = f"import sys\n{blocked}from benchmark.cli import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", program, *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    said = "bakeoff: this needs the package '{}', which is not installed: pip install -e '.[train]'\n"
    assert done.stderr in (said.format("torch"), said.format("safetensors"))  # whichever a module imports first


def test_text_is_printed_as_text(capsys):
    console = Console(file=sys.stdout, width=100)
    say("no such cache [TMP/x] [/] :smile: [bold]", "red", to=console)
    assert "no such cache [TMP/x] [/] :smile: [bold]" in capsys.readouterr().out
    assert cli.message_line("a\nb\x1b[31m\u202e c") == "a b\\x1b[31m\\u202e c"


def done_record(job, seconds=10.0):
    return Record(job, "done", None, seconds, {}, {}, {}, {"accuracy": 0.5}, None)


def test_force_runs_finished_jobs_again(mine, tmp_path):
    results = tmp_path / "results"
    suite = load_suite(mine, resolve)
    jobs = identified(suite, jobs_of(suite), None)
    for job in jobs[:2]:
        write_record(results, done_record(job))
    options = {"results": results, "data": None, "workers": 1, "threads": 1}
    assert len(make_plan(str(mine), **options).to_run) == 4
    plan = make_plan(str(mine), **options, force=True)
    assert (len(plan.to_run), len(plan.again), plan.done) == (6, 2, ())
    assert is_done(results, jobs[0])  # the plan alone takes nothing away


@pytest.mark.usefixtures("mine")
def test_an_interrupted_run_says_how_to_go_on(monkeypatch):
    def interrupted(plan, _console):
        write_record(plan.results, done_record(plan.to_run[0]))
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmark.run.plan.carry_out", interrupted)
    monkeypatch.setattr(sys, "argv", ["bakeoff", "run", "mine.toml", "--workers", "2"])
    said = run("mine.toml", "--workers", "2")
    assert said.exit_code == 130
    assert "interrupted: 1 of 6 jobs are done and keep their results" in said.output
    assert "Go on with the same command: bakeoff run mine.toml --workers 2" in said.output


@pytest.mark.usefixtures("mine")
def test_a_failure_s_text_is_printed_whole(monkeypatch):
    from benchmark.run.job import unfinished

    def failed(plan, _console):
        write_suite(plan.results, plan.suite)
        records = [unfinished(job, "failed", "no such cache [TMP/x] [/b]") for job in plan.to_run]
        for record in records:
            write_record(plan.results, record)
        return records

    monkeypatch.setattr("benchmark.run.plan.carry_out", failed)
    said = run("mine.toml")
    assert said.exit_code == 1
    assert said.output.count("no such cache [TMP/x] [/b]") == 6


def test_the_time_left_knows_which_jobs_train(mine, monkeypatch):
    jobs = jobs_of(load_suite(mine, resolve))
    base, grpo, ppo = jobs[:3]
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    display = Display(Console(quiet=True), jobs, 1)
    assert display._left() == "?"
    display.started(base)
    display.finished(done_record(base, 2.0))
    assert display._left() == "?"  # a row that trains nothing says nothing of the others
    display.started(grpo)
    now[0] = 10.0
    display.progress(grpo, "train", 1)
    assert display._left() == "3 min"  # 30 s of this one, 2 s of a base model, 40 s for each of three that train: 152 s
    display.finished(done_record(grpo, 40.0))
    assert display._left() == "2 min"  # 2 + 3 × 40 = 122 s
    past = Durations()
    past.add(done_record(base, 2.0))
    past.add(done_record(grpo, 40.0))
    past.add(Record(ppo, "failed", "x", 900.0, {}, {}, {}, {}, None))
    assert (past.of(base), past.of(grpo), past.of(ppo)) == (2.0, 40.0, 40.0)


@pytest.mark.parametrize(("threads", "workers"), [(1, 8), (2, 4), (3, 2), (8, 1), (9, 1)])
def test_by_default_jobs_share_no_processor(monkeypatch, threads, workers):
    monkeypatch.setattr("benchmark.run.devices.processors", lambda: 8)
    assert default_workers("cpu", threads) == workers
    assert (crowding(workers, threads) is None) == (threads <= 8)
    assert f"{workers + 8} jobs at once of {threads} thread" in crowding(workers + 8, threads)


def test_devices(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices_of("auto") == devices_of("cuda") == ("cuda:0", "cuda:1")
    assert devices_of("cuda:1") == ("cuda:1",)
    assert devices_of("cpu") == ("cpu",)
    assert (default_workers("auto"), default_workers("cuda:1")) == (2, 1)
    assert checked_device("cuda:1") == "cuda:1"
    with pytest.raises(ConfigurationError, match="sees 2 CUDA devices"):
        checked_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert devices_of("auto") == ("auto",)


def test_a_folder_that_cannot_be_written_is_named_before_the_jobs(tmp_path):
    require_writable(tmp_path / "new" / "folder", "--results")
    assert (tmp_path / "new" / "folder").is_dir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="name another folder with '--reports DIR'"):
        require_writable(tmp_path / "file", "--reports")


def test_a_full_disk_is_named_with_the_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"record\.json") as caught:
        write(tmp_path / "record.json", b"{}")
    assert caught.value.errno == 28
    assert not list(tmp_path.iterdir())


def test_a_suite_s_folder_bears_its_name(mine, tmp_path):
    from benchmark.errors import BadRecord

    suite = load_suite(mine, resolve)
    path = write_suite(tmp_path / "results", suite)
    assert read_suite(tmp_path / "results", "mine") == suite
    path.write_text(path.read_text().replace('"name": "mine"', '"name": "../../evil"'), encoding="utf-8")
    with pytest.raises(BadRecord, match=r"is of the suite '\.\./\.\./evil': a suite has the name of its folder"):
        read_suite(tmp_path / "results", "mine")


def test_unknown_names_are_cut_to_a_readable_length():
    assert len(str(UnknownName("algorithm", "x" * 5000, ["grpo"]))) < 200


def test_job_folders_stay_below_the_results(mine, tmp_path):
    for job in jobs_of(load_suite(mine, resolve)):
        folder = job_folder(tmp_path / "results", job)
        assert folder.resolve().is_relative_to((tmp_path / "results").resolve())
        assert Path(job.id).name == job.id


def test_gold_answers_that_the_grader_cannot_read_are_found_before_the_jobs(mine):
    rows = [{"question": f"What is {n} + 1?", "answer": n + 1} for n in range(40)]
    rows += [{"question": "What is 0 + 0?", "answer": "0"}]
    mine.with_name("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    mine.write_text(
        SUITE.replace('["competition"]', '["sums"]') + '[task.sums]\ndata = "rows.jsonl"\ntest_fraction = 0.5\n',
        encoding="utf-8",
    )
    options = {"results": mine.parent / "results", "data": None, "workers": 1, "threads": 1}
    assert not [one for one in make_plan(str(mine), **options).findings if "gold" in one.message]
    problems = [Problem(f"sums/test/{n}", "?", gold, "") for n, gold in enumerate(["7", "}{", "{{"])]
    (found,) = unreadable_golds("sums", "\\boxed{n}", problems)
    assert found.severity == "warn"
    assert "does not accept 2 of 3 gold answers from themselves: sums/test/1 '}{'; sums/test/2 '{{'" in found.message
    assert unreadable_golds("sums", "\\boxed{n}", problems[1:])[0].severity == "refuse"
    assert unreadable_golds("sums", "#### n", problems[:1]) == ()
