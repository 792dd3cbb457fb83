"""Suites: what is asked, said in TOML; every wrong word is named with the right one."""

import dataclasses
import shutil
import subprocess
import sys

import pytest

from algorithms import CATALOGUE
from algorithms.grpo import GRPO
from benchmark.contract import Exam, Model, Training, Tuning
from benchmark.errors import ConfigurationError, UnknownName
from benchmark.suite.load import KEYS, SUITES, jobs_of, load_suite, suite_path
from benchmark.suite.reference import SECTIONS, with_tables
from benchmark.suite.registry import adapter_class, build, resolve

GOOD = """
model = "pocket"
tasks = ["competition"]
seeds = [0, 1]
[training]
steps = 3
[algorithms]
base_model = {}
grpo = { kl_weight = 0.1 }
"""


def load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_suite(path, resolve)


def test_what_is_not_said_has_the_documented_default(tmp_path):
    suite = load(tmp_path, GOOD)
    assert suite.name == "mine"
    assert suite.training == Training(steps=3)
    assert suite.exam == Exam()
    assert suite.model == Model()
    base, grpo = suite.algorithms
    assert base.settings == {}
    assert grpo.changed == ("kl_weight",)
    assert grpo.settings == {**dataclasses.asdict(GRPO()), "kl_weight": 0.1}
    assert grpo.settings["clip"] == 0.2
    assert grpo.settings["learning_rate"] is None
    assert build(grpo).kl_weight == 0.1


def test_jobs_are_the_product_and_pair_methods_within_a_seed(tmp_path):
    jobs = jobs_of(load(tmp_path, GOOD))
    assert [(job.seed, job.algorithm.name) for job in jobs] == [
        (0, "base_model"),
        (0, "grpo"),
        (1, "base_model"),
        (1, "grpo"),
    ]
    assert len({job.id for job in jobs}) == 4


@pytest.mark.parametrize(
    "change",
    [
        ("steps = 3", "steps = 4"),
        ("kl_weight = 0.1", "kl_weight = 0.2"),
        ("[training]", "[exam]\nsamples = 4\n[training]"),
    ],
)
def test_a_job_s_name_changes_with_everything_that_moves_numbers(tmp_path, change):
    before, after = (jobs_of(load(tmp_path, text))[1].id for text in (GOOD, GOOD.replace(*change)))
    assert before != after


def test_a_job_s_name_does_not_depend_on_the_suite_s(tmp_path):
    first = jobs_of(load(tmp_path, GOOD))
    other = tmp_path / "other.toml"
    other.write_text(GOOD, encoding="utf-8")
    assert [job.id for job in first] == [job.id for job in jobs_of(load_suite(other, resolve))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("seeds", "seed"), "unknown key 'seed'; did you mean 'seeds'?"),
        (GOOD.replace("steps = 3", "step = 3"), r"\[training\] unknown key 'step'; did you mean 'steps'?"),
        (GOOD.replace("steps = 3", "steps = 'many'"), r"\[training\] steps = 'many'"),
        (GOOD.replace("steps = 3", "steps = -1"), r"\[training\] steps = -1: expected a whole number from 1 to"),
        (GOOD.replace("competition", "competiton"), "no task named 'competiton'; did you mean 'competition'?"),
        (GOOD.replace("grpo", "gpro"), "no algorithm named 'gpro'; did you mean 'grpo'?.*package.module:Class"),
        (GOOD.replace("kl_weight", "kl_wieght"), "grpo has no hyper-parameter 'kl_wieght'; did you mean 'kl_weight'?"),
        (GOOD.replace("0.1", "'much'"), "grpo.kl_weight = 'much'"),
        (GOOD.replace("[0, 1]", "[0, 0]"), "a seed is given twice"),
        (GOOD.replace("[0, 1]", "[]"), "'seeds' is missing or empty"),
        (GOOD.replace("[0, 1]", "[0, true]"), "whole numbers"),
        (GOOD.replace("seeds =", "seeds"), "not a TOML file"),
        ("timeout_seconds = 0\n" + GOOD, "timeout_seconds = 0"),
    ],
)
def test_a_wrong_word_is_named_with_the_right_one(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message.replace("?", r"\?")):
        load(tmp_path, text)


def test_an_unknown_suite_lists_the_known():
    with pytest.raises(UnknownName, match="no suite named 'poket'; did you mean 'pocket'"):
        suite_path("poket")


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_suite_of_the_package_loads(path):
    assert jobs_of(load_suite(path, resolve))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere.at_all:Thing", "no module 'nowhere'"),
        ("algorithms.grpo:GPRO", "module 'algorithms.grpo' has no 'GPRO'"),
        ("algorithms.grpo:Aim", "not an Adapter"),
        ("no_colon", "write 'package.module:Class'"),
    ],
)
def test_a_wrong_class_is_named(target, message):
    with pytest.raises(ConfigurationError, match=message):
        adapter_class(target)


def test_an_outside_module_s_own_import_error_is_shown(tmp_path, monkeypatch):
    (tmp_path / "broken_method.py").write_text("import surely_not_installed\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=r"broken_method\.py:1: ModuleNotFoundError .*surely_not_installed"):
        adapter_class("broken_method:Method")


def test_settings_are_frozen(tmp_path):
    with pytest.raises(dataclasses.FrozenInstanceError):
        build(load(tmp_path, GOOD).algorithms[1]).clip = 0.3


def test_all_is_the_whole_catalogue(tmp_path):
    text = GOOD.partition("[algorithms]")[0].replace('model = "pocket"', 'model = "pocket"\nalgorithms = "all"')
    assert [algorithm.name for algorithm in load(tmp_path, text).algorithms] == list(CATALOGUE)


@pytest.mark.slow
def test_a_method_is_its_file_and_its_line(tmp_path, repository):
    for package in ("algorithms", "benchmark"):
        shutil.copytree(
            repository / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "policy")
        )
    (tmp_path / "algorithms" / "cispo.py").unlink()
    catalogue = tmp_path / "algorithms" / "__init__.py"
    lines = catalogue.read_text(encoding="utf-8").splitlines(keepends=True)
    catalogue.write_text("".join(line for line in lines if "cispo" not in line), encoding="utf-8")
    code = (
        "from benchmark.suite.registry import build, resolve\nfrom benchmark.suite.load import SUITES, load_suite\n"
        "for path in sorted(SUITES.glob('*.toml')):\n"
        "    for algorithm in load_suite(path, resolve).algorithms:\n"
        "        build(algorithm)\n"
        "        assert algorithm.name != 'cispo'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)


def test_what_tuning_cost_may_be_said_and_moves_no_job(tmp_path):
    line = '[tuned]\ngrpo = { trials = 4, completions = 8192, on = "validation" }\n'
    suite = load(tmp_path, GOOD + line)
    assert suite.tuned == {"grpo": Tuning(4, 8192, "validation")}
    assert load(tmp_path, GOOD).tuned == {}
    assert [job.id for job in jobs_of(suite)] == [job.id for job in jobs_of(load(tmp_path, GOOD))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('grpo = { trials = 4, completions = 8192, on = "test" }', r"\[tuned\.grpo\] on = 'test'"),
        ("grpo = { trials = 4, completions = 8192 }", r"\[tuned\.grpo\] on"),
        ('grpo = { trials = 1, completions = 8, on = "validation" }', "a single setting is not tuning"),
        ('grpo = { trails = 4, completions = 8, on = "validation" }', "did you mean 'trials'"),
        ('gpro = { trials = 4, completions = 8, on = "validation" }', "did you mean 'grpo'"),
        ("grpo = 3", "must be a table of tables"),
    ],
)
def test_a_wrong_word_about_tuning_is_named(tmp_path, line, message):
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, f"{GOOD}[tuned]\n{line}\n")


def test_the_page_of_all_keys_is_what_the_fields_say(repository):
    page = (repository / "docs" / "suite.md").read_text(encoding="utf-8")
    assert page == with_tables(page), "run: python -m benchmark.suite.reference docs/suite.md"
    for key in KEYS:
        assert f"`{key}`" in page, key
    for kind in SECTIONS.values():
        for field in dataclasses.fields(kind):
            assert f"| `{field.name}` | " in page


def test_the_suites_of_the_page_load(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom algorithms.grpo import GRPO\n\n\n"
        "@dataclass(frozen=True, slots=True)\nclass Mine(GRPO):\n    scale: float = 1.0\n",
        encoding="utf-8",
    )
    (tmp_path / "problems.jsonl").write_text('{"prompt_text": "1 + 1 = ?", "target": 2}\n', encoding="utf-8")
    for name in ("suite", "tasks"):
        page = (repository / "docs" / f"{name}.md").read_text(encoding="utf-8")
        blocks = [block.partition("```")[0] for block in page.split("```toml\n")[1:]]
        whole = [block for block in blocks if "seeds" in block or "extends" in block]
        assert whole
        for number, block in enumerate(whole):
            path = tmp_path / f"{name}{number}.toml"
            path.write_text(block, encoding="utf-8")
            assert jobs_of(load_suite(path, resolve))
