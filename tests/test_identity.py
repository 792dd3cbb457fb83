"""A job's name covers what it depends on; what was made with something else is stale, named, and run again."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import textwrap
from dataclasses import replace

import pytest

from algorithms import CATALOGUE
from benchmark.contract import GREEDY, PROGRAM, Algorithm, Identity, Model, Outcome, Record, job_id
from benchmark.model.pocket import POCKET
from benchmark.run import identity
from benchmark.run.identity import differences, identified, problems_digest
from benchmark.run.plan import carry_out, make_plan, planned
from benchmark.run.stale import stale_records
from benchmark.store.digests import digests_of
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import is_done, job_folder, read_suite, write_record, write_suite
from benchmark.suite.code import algorithm_digest, method_digest, method_files, program_files
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve
from benchmark.tasks import load_task

METHOD = """
import math, json
import torch
from dataclasses import dataclass
from typing import ClassVar
import helper
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint

@dataclass(frozen=True)
class Mine(Adapter):
    paper: ClassVar[str] = "none"
    def train(self, run):
        from package.inner import deep
        return Checkpoint(0)
"""
FILES = {
    "mine.py": METHOD,
    "helper.py": "SIGN = 1\n",
    "package/__init__.py": "",
    "package/inner.py": "from . import sibling\nfrom .sub import deeper\ndef deep(): return 1\n",
    "package/sibling.py": "X = 1\n",
    "package/sub/__init__.py": "",
    "package/sub/deeper.py": "import importlib\nwhich = importlib.import_module('late')\n",
    "late.py": "Y = 1\n",
    "unrelated.py": "Z = 1\n",
}
ROWS = [
    {"question": f"What is {a} + {b}?", "answer": f"{a}+{b}={a + b}\n#### {a + b}"} for a in range(6) for b in range(9)
]
SUITE = """
model = "start"
tasks = ["sums"]
seeds = [0]
[training]
steps = 1
prompts_per_step = 2
probe_every = 0
[exam]
samples = 2
[task.sums]
data = "rows.jsonl"
answer_format = "hash"
[algorithms]
base_model = {}
mine = { class = "mine.py:Mine" }
"""


@pytest.fixture(autouse=True)
def _forget_modules():
    """Every test has files of the same names in a folder of its own."""
    path, before = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"helper", "package", "late", "unrelated"} or name.startswith("mine_"):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A suite with a method, a model and data of its own."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
    (tmp_path / "mine.toml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    shutil.copytree(POCKET, tmp_path / "start")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(folder):
    suite = load_suite(folder / "mine.toml", resolve)
    return {job.algorithm.name: job for job in identified(suite, jobs_of(suite), None)}


# --- source of a method ----------------------------------------------------------------------------------------------


def test_a_method_s_source_is_its_file_and_what_that_imports(folder):
    found = method_files("mine.py:Mine")
    assert set(found) == {
        "mine.py",
        "helper",
        "package",
        "package.inner",
        "package.sibling",
        "package.sub",
        "package.sub.deeper",
        "late",
    }
    assert all(path.is_relative_to(folder) for path in found.values())


@pytest.mark.parametrize("name", [name for name in FILES if name != "unrelated.py"])
def test_an_edit_of_any_imported_file_is_another_method(folder, name):
    before = method_digest("mine.py:Mine")
    path = folder / name
    path.write_text(path.read_text(encoding="utf-8") + "\nNEW = 1\n", encoding="utf-8")
    assert method_digest("mine.py:Mine") != before


def test_what_is_not_imported_and_how_lines_end_do_not_count(folder):
    before = method_digest("mine.py:Mine")
    (folder / "unrelated.py").write_text("Z = 2\n", encoding="utf-8")
    (folder / "helper.py").write_bytes(b"SIGN = 1\r\n")
    assert method_digest("mine.py:Mine") == before


def test_where_the_files_lie_does_not_count(folder):
    before = method_digest("mine.py:Mine")
    shutil.copytree(folder, folder.parent / "elsewhere", ignore=shutil.ignore_patterns("start"))
    for name in [name for name in sys.modules if name.partition(".")[0] in {"helper", "package", "late"}]:
        del sys.modules[name]
    sys.path[:] = [path for path in sys.path if path != str(folder)]
    assert method_digest(f"{folder.parent / 'elsewhere' / 'mine.py'}:Mine") == before


def test_our_methods_count_the_pieces_they_share_and_nothing_of_libraries():
    found = method_files(CATALOGUE["grpo"])
    assert {"algorithms.grpo", "algorithms._on_policy", "algorithms._surrogate"} <= set(found)
    assert all(name.startswith("algorithms.") for name in found)  # no torch, no harness, not the list of all methods
    assert "algorithms.ppo" not in found
    assert set(method_files(CATALOGUE["trl_grpo"])) > {"algorithms._trl"}


def test_a_method_of_an_installed_package_is_that_package(tmp_path, monkeypatch):
    installed = tmp_path / "site"
    (installed / "theirs").mkdir(parents=True)
    (installed / "theirs" / "__init__.py").write_text("", encoding="utf-8")
    (installed / "theirs" / "losses.py").write_text("import helper_of_others\n", encoding="utf-8")
    (installed / "helper_of_others.py").write_text("", encoding="utf-8")
    (installed / "theirs" / "method.py").write_text(METHOD.replace("import helper", "import theirs.losses"))
    monkeypatch.syspath_prepend(installed)
    from benchmark.suite import code

    libraries = code._installed()
    monkeypatch.setattr(code, "_installed", lambda: (*libraries, installed.resolve()))
    assert set(method_files("theirs.method:Mine")) == {"theirs", "theirs.losses", "theirs.method"}


def test_a_program_s_source_is_its_files_and_the_modules_beside_it(folder):
    (folder / "train.py").write_text("import torch\nfrom package.inner import deep\nimport helper\n", encoding="utf-8")
    (folder / "settings.yaml").write_text("rate: 1\n", encoding="utf-8")
    assert program_files(f"python -c '{'x = 1;' * 500}'") == {}  # no word of it is the name of a file
    command = "python train.py --settings settings.yaml --model '{model}'"
    files = set(program_files(command))
    assert files == {
        *("train.py", "settings.yaml", "helper.py"),
        *("package/__init__.py", "inner.py", "sibling.py", "sub/__init__.py", "deeper.py"),
    }
    row = Algorithm("mine", PROGRAM, {"command": command})
    before = algorithm_digest(row)
    (folder / "package" / "sub" / "deeper.py").write_text("which = 1\n", encoding="utf-8")
    assert algorithm_digest(row) != before


# --- the six parts ---------------------------------------------------------------------------------------------------


def edit_method(folder, _):
    (folder / "helper.py").write_text("SIGN = -1\n", encoding="utf-8")


def edit_solution(folder, _):
    row = {**ROWS[0], "answer": ROWS[0]["answer"].replace("0+0", "0-0")}  # same question, same gold
    (folder / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (row, *ROWS[1:])), encoding="utf-8")


def grow(path):
    path.write_bytes(path.read_bytes() + b"\n")


def edit_config(folder, _):
    grow(folder / "start" / "config.json")


def edit_tokenizer(folder, _):
    grow(folder / "start" / "tokenizer_config.json")


def add_weights(folder, _):
    (folder / "start" / "pytorch_model.bin").write_bytes(b"\0")


def edit_prompt(folder, _):
    path = folder / "mine.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"hash"\n', '"hash"\ninstruction = "Say it."\n'))


def newer_grader(_, monkeypatch):
    monkeypatch.setattr(identity, "GRADER", "bakeoff-grader 99")


def newer_version(_, monkeypatch):
    monkeypatch.setattr(identity, "numbers_version", lambda: "9.9")


CHANGES = {
    edit_method: "method",
    edit_solution: "task",
    edit_config: "model",
    edit_tokenizer: "model",
    add_weights: "model",
    edit_prompt: "prompt",
    newer_grader: "grader",
    newer_version: "version",
}


@pytest.mark.parametrize(("change", "part"), CHANGES.items(), ids=lambda one: getattr(one, "__name__", one))
def test_whatever_moves_the_numbers_changes_the_name_and_one_part_says_which(folder, monkeypatch, change, part):
    before = named(folder)
    change(folder, monkeypatch)
    after = named(folder)
    old, new = (dataclasses.asdict(one["mine"].identity) for one in (before, after))
    assert {name for name in old if old[name] != new[name]} == {part}
    assert before["mine"].id != after["mine"].id
    assert (before["base_model"].id != after["base_model"].id) == (part != "method")
    (said,) = differences(after["mine"].identity, before["mine"].identity)
    assert said.startswith(identity.WORDS[part])


def test_names_are_the_same_again_and_in_another_folder(folder):
    first = {name: job.id for name, job in named(folder).items()}
    assert {name: job.id for name, job in named(folder).items()} == first
    assert all(job_id(job) == job.id for job in named(folder).values())
    (folder / "start" / ".cache").mkdir()
    (folder / "start" / ".cache" / "lock").write_text("x")
    assert {name: job.id for name, job in named(folder).items()} == first


def test_every_field_that_is_trained_on_or_shown_is_in_the_digest():
    one = load_task("competition").load("train")[0]
    other = {"id": "x", "prompt": "x", "gold": "1", "solution": "x", "published": "x", "kind": "x", "level": 9}
    digests = {problems_digest([replace(one, **{name: value})]) for name, value in other.items()}
    assert len(digests | {problems_digest([one])}) == 1 + len(other)
    assert problems_digest([one, one]) != problems_digest([one])


# --- stale records ---------------------------------------------------------------------------------------------------


def done(results, job, accuracy=0.5):
    """A finished record with two outcomes a problem."""
    outcomes = [
        Outcome("p", sample, "correct" if sample == 0 else "wrong", "1", "exact", 3, False, None, "#### 1")
        for sample in (GREEDY, 0, 1)
    ]
    folder = job_folder(results, job)
    write_outcomes(folder, outcomes)
    metrics = {"problems": 1.0, "samples": 2.0, "accuracy": accuracy, "greedy_accuracy": 0.0}
    return write_record(results, Record(job, "done", None, 1.0, {}, {}, {}, metrics, None, files=digests_of(folder)))


def plan_of(folder):
    return make_plan(str(folder / "mine.toml"), results=folder / "results", data=None, workers=1, threads=1)


@pytest.mark.parametrize("change", [one for one in CHANGES if one is not edit_prompt], ids=lambda one: one.__name__)
def test_a_changed_method_model_or_exam_makes_results_stale_and_runs_again(folder, monkeypatch, change):
    results = folder / "results"
    for job in named(folder).values():
        done(results, job)
    assert (len(plan_of(folder).done), plan_of(folder).stale) == (2, ())
    change(folder, monkeypatch)
    plan = plan_of(folder)
    rows = {"mine"} if CHANGES[change] == "method" else {"base_model", "mine"}
    assert {job.algorithm.name for job in plan.to_run} == rows
    assert {one.job.algorithm.name for one in plan.stale} == rows
    assert f"{len(rows)} stale, {len(rows)} to run" in plan.describe()
    assert all(identity.WORDS[CHANGES[change]] in one.line for one in plan.stale)


def test_a_record_of_before_identities_were_kept_is_stale(folder):
    results = folder / "results"
    for job in jobs_of(load_suite(folder / "mine.toml", resolve)):
        done(results, job)
    plan = plan_of(folder)
    assert (len(plan.done), len(plan.to_run), len(plan.stale)) == (0, 2, 2)
    assert plan.stale[0].changes == ("it was made before identities were kept",)


def test_a_job_with_other_settings_is_another_question_and_not_stale(folder):
    done(folder / "results", named(folder)["mine"])
    path = folder / "mine.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("steps = 1", "steps = 2"), encoding="utf-8")
    assert stale_records(folder / "results", list(named(folder).values())) == ()


def test_a_record_under_the_right_name_with_another_identity_is_not_done(folder):
    job = named(folder)["mine"]
    other = replace(job, identity=replace(job.identity, version="0.0"))
    done(folder, other)
    assert is_done(folder, other)
    assert not is_done(folder, job)


def test_the_suite_file_holds_the_planned_jobs(folder):
    plan = plan_of(folder)
    write_suite(folder / "results", planned(plan))
    assert read_suite(folder / "results", "mine").planned == tuple(sorted(job.id for job in plan.jobs()))


def test_an_edit_while_the_sweep_runs_ends_the_job_and_the_next_run_goes_on(folder):
    from rich.console import Console

    path = folder / "mine.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("samples = 2", "samples = 1\nproblems = 2"))
    plan = plan_of(folder)
    edit_method(folder, None)
    mine = tuple(job for job in plan.to_run if job.algorithm.name == "mine")
    (failed,) = carry_out(replace(plan, to_run=mine), Console(quiet=True))
    assert failed.status == "failed"
    assert "the code of 'mine' was changed while the sweep ran" in failed.reason
    assert [job.id for job in plan_of(folder).to_run] != [job.id for job in plan.to_run]


def test_data_that_changed_while_the_sweep_ran_is_not_examined(folder):
    from benchmark.errors import ConfigurationError
    from benchmark.run.examine import _refuse_other_data
    from benchmark.run.job import Order

    job = named(folder)["mine"]
    order = Order(job, folder / "results", None, threads=1)
    task = load_task("sums", job.own_tasks)
    splits = {split: task.load(split) for split in ("train", "validation", "test")}
    _refuse_other_data(order, splits)
    fewer = {**splits, "train": splits["train"][1:]}
    with pytest.raises(
        ConfigurationError, match=r"the data of task 'sums' was changed while the sweep ran \(.* → .*\)"
    ):
        _refuse_other_data(order, fewer)


def test_a_task_without_test_problems_is_refused_before_the_first_job(folder):
    from benchmark.errors import ConfigurationError
    from benchmark.run.plan import _refuse_too_few

    suite = load_suite(folder / "mine.toml", resolve)
    problems = load_task("sums", suite.own_tasks).load("train")
    _refuse_too_few(suite, "sums", problems, (), problems)
    with pytest.raises(ConfigurationError, match="task 'sums' has no test problems, so that nothing can be examined"):
        _refuse_too_few(suite, "sums", problems, (), ())


def test_a_part_that_is_a_text_is_said_whole():
    old = Identity("a" * 64, "b" * 64, "c" * 64, "d" * 64, "bakeoff-grader 2", "0.1")
    new = replace(old, method="e" * 64, version="0.2")
    assert differences(new, old) == (
        f"the method's code changed ({'a' * 12} → {'e' * 12})",
        "the package's version changed (0.1 → 0.2)",
    )


# --- models of the Hub, and worlds ------------------------------------------------------------------------------------


def test_a_model_of_the_hub_is_its_name_and_commit(monkeypatch):
    commits = {"a/b": "1" * 40}
    monkeypatch.setattr(identity, "hub_commit", lambda name, _: commits.get(name))
    identity._commit.cache_clear()
    first = identity.model_digest(Model("a/b"))
    commits["a/b"] = "2" * 40
    assert identity.model_digest(Model("a/b")) == first  # asked once in a run
    identity._commit.cache_clear()
    assert identity.model_digest(Model("a/b")) != first
    assert identity.model_digest(Model("a/c")) != identity.model_digest(Model("a/d"))
    identity._commit.cache_clear()


def test_a_cached_model_s_commit_is_that_of_its_snapshot(tmp_path, monkeypatch):
    import huggingface_hub

    from benchmark.model.hub import hub_commit

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    snapshot = tmp_path / "models--a--b" / "snapshots" / ("3" * 40) / "config.json"
    kept = {"a/b": str(snapshot)}
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda name, *_, **__: kept.get(name))
    assert hub_commit("a/b") == "3" * 40
    assert hub_commit("a/c") is None
    monkeypatch.undo()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub_commit("no name of a repository/at/all") is None


def test_a_world_and_its_method_are_part_of_a_job_s_name(tmp_path, monkeypatch):
    from benchmark.lab import plan as lab_plan

    path = tmp_path / "small.toml"
    path.write_text('tasks = ["grid_8x8"]\nseeds = [0]\n[methods]\nbase_model = {}\ntb = {}\n', encoding="utf-8")

    def ids():
        plan = lab_plan.make_lab_plan(str(path), results=tmp_path / "results", data=None, workers=1)
        return {job.algorithm.name: job.id for job in plan.jobs()}

    first = ids()
    assert ids() == first
    assert {"benchmark.lab.methods.tb", "benchmark.lab.methods.method"} <= set(
        method_files("benchmark.lab.methods.tb:GraphTrajectoryBalance")
    )
    monkeypatch.setattr(
        lab_plan, "method_digest", lambda target: "f" * 64 if ".tb:" in target else method_digest(target)
    )
    assert {name for name, id_ in ids().items() if id_ != first[name]} == {"tb"}
    monkeypatch.setattr(lab_plan, "world_digest", lambda _: "e" * 64)
    assert {name for name, id_ in ids().items() if id_ != first[name]} == {"base_model", "tb"}
