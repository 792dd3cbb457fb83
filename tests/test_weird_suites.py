"""Hundreds of suites that mean little: each becomes a plan that means something, or one sentence and exit code 2."""

import itertools
import json

import pytest

from benchmark import cli
from benchmark.contract import Exam, Model, Training, name_fault
from benchmark.errors import BakeoffError, ConfigurationError
from benchmark.suite.load import jobs_of, load_suite
from benchmark.suite.registry import resolve
from benchmark.suite.source import suite_path
from benchmark.suite.values import expected, fits, hints_of

BASE = 'tasks = ["competition"]\nseeds = [0]\n[algorithms]\nbase_model = {}\n'

# what TOML can write, meaningful or not
VALUES = [
    "0",
    "-1",
    "1",
    "0.0",
    "-0.5",
    "1e-300",
    "1e300",
    "nan",
    "inf",
    "-inf",
    "10000000000000000000000",
    "9" * 4000,
    "true",
    '""',
    '"x"',
    '"50"',
    '"a\\nb"',
    f'"{"x" * 5000}"',
    "1979-05-27",
    "07:32:00",
    "1979-05-27T07:32:00Z",
    "[]",
    "[[]]",
    "[1, 2]",
    '["a", 3]',
    "{}",
    "{ a = 1 }",
    "[{ a = 1 }]",
]
SECTIONS = {"training": Training, "exam": Exam, "model": Model}
FIELDS = [(section, key) for section, kind in SECTIONS.items() for key in hints_of(kind)]


def single_values():
    for (section, key), value in itertools.product(FIELDS, VALUES):
        yield f"{BASE}[{section}]\n{key} = {value}\n"


def top_level():
    for key, value in itertools.product(("model", "tasks", "seeds", "timeout_seconds", "algorithms", "task"), VALUES):
        lines = [line for line in BASE.splitlines() if not line.startswith(f"{key} =")]
        text = "\n".join(lines) + "\n"
        if key == "algorithms":
            text = text.partition("[algorithms]")[0]
        yield f"{key} = {value}\n{text}"
    for key, value in itertools.product(("training", "exam", "tuned", "extends", "only", "task"), VALUES):
        yield f"{key} = {value}\n{BASE}"


def rows():
    for key, value in itertools.product(
        ("class", "imported", "clip", "mini_batches", "std_level", "kl_weight"), VALUES
    ):
        yield f"{BASE}grpo = {{ {key} = {value} }}\n"
    for target in (
        "..x:y",
        "os:system",
        ":",
        "a:",
        ":b",
        "a:b:c",
        "benchmark.adapter:Adapter",
        "algorithms._on_policy:OnPolicy",
        "./nowhere.py:Mine",
        "nowhere.py:Mine",
        "/etc/passwd:x",
        "a b:c",
        "algorithms.grpo:grpo",
        "algorithms.grpo:GRP",
        "x" * 5000 + ":y",
        "\\u0000:x",
    ):
        yield f'{BASE}mine = {{ class = "{target}" }}\n'
        yield f'{BASE}"{target}" = {{}}\n'
    yield f'{BASE}mine = {{ clas = "algorithms.grpo:GRPO" }}\n'
    yield f'{BASE}mine = {{ kind = "algorithms.grpo:GRPO" }}\n'


def names():
    odd = [
        "lr/1e-4",
        "../../evil",
        "..",
        ".",
        "",
        " ",
        "a\\nb",
        "a|b",
        "x" * 300,
        "é" * 64,
        "CON ",
        "a:b",
        "-rf",
        "a b",
        "a.",
        "<b>",
        "\\u202ename",
        "a\\tb",
    ]
    for name in odd:
        yield f'{BASE}"{name}" = {{ class = "algorithms.grpo:GRPO" }}\n'
        yield f'{BASE}"{name}" = {{ imported = true }}\n'
        yield BASE.replace("competition", name)
        yield f'{BASE}[task."{name}"]\ndata = "x.jsonl"\n'
    yield BASE + 'grpo = {}\nGRPO = { class = "algorithms.grpo:GRPO" }\n'
    yield BASE + '"algorithms.grpo:GRPO" = {}\ngRPo = { class = "algorithms.grpo:GRPO" }\n'
    yield BASE + '"a.b:M" = {}\n"c.d:M" = {}\n'
    yield BASE.replace('["competition"]', '["competition", "competition"]')
    yield BASE.replace("[0]", "[0, 1, 0]")
    yield BASE.replace("[0]", "[4294967296]")
    yield f"{BASE}[exam]\ntransfer = ['svamp', 'svamp']\n"
    yield f"{BASE}[exam]\ntransfer = ['nowhere']\n"


def shapes():
    yield ""
    yield "\x00"
    yield "[" * 2000
    yield "x = " + "[" * 3000 + "]" * 3000
    yield BASE + "[training]\n" + ".".join("abcdefghij") + " = 1\n"
    yield "x = { a = " * 200 + "1" + " }" * 200
    yield BASE + "[training.steps]\nx = 1\n"
    yield BASE + "[model]\n[model.prompt]\nx = 1\n"
    yield BASE + '[tuned]\ngrpo = { trials = 4, completions = 8, on = "validation" }\n'
    yield BASE + '[tuned]\nbase_model = { trials = 2, completions = -8, on = "validation" }\n'
    yield BASE + '[task.mine]\ndata = "nowhere.jsonl"\n'
    yield BASE + "[task.mine]\ntest_fraction = 0.5\n"
    yield BASE + "[task.mine]\ndata = 3\n"
    yield BASE + '[task.mine]\ndata = "x"\ncolumns = { question = 3 }\n'
    yield BASE + '[task.mine]\ndata = "x"\ncolumns = "question"\n'
    yield BASE + '[task.gsm8k]\ndata = "x"\n'
    yield 'extends = "weird.toml"\n' + BASE
    yield 'extends = "../weird"\n' + BASE
    yield 'extends = "poket"\n'
    yield 'extends = "pocket"\nonly = ["nobody"]\n'
    yield 'extends = ["pocket"]\n'


GENERATED = [*single_values(), *top_level(), *rows(), *names(), *shapes()]


def test_there_are_many():
    assert len(GENERATED) > 800
    assert len(set(GENERATED)) > 0.95 * len(GENERATED)


def check_plan(suite):
    """A plan that means something: every bound holds, every name can be a folder, every job has its own id."""
    for kind, made in ((Training, suite.training), (Exam, suite.exam), (Model, suite.model)):
        for key, hint in hints_of(kind).items():
            value = getattr(made, key)
            assert value is None or fits(list(value) if isinstance(value, tuple) else value, hint), (key, value)
    jobs = jobs_of(suite)
    assert jobs
    folded = {job.id.casefold() for job in jobs}
    assert len(folded) == len(jobs)
    assert all(name_fault(name) is None for name in (suite.name, *suite.tasks, *(row.name for row in suite.algorithms)))
    assert all("/" not in job.id and len(job.id.encode()) < 250 for job in jobs)
    json.dumps([job.id for job in jobs])


@pytest.mark.parametrize("part", range(8))
def test_every_one_is_a_plan_or_a_sentence(tmp_path, monkeypatch, part):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weird.toml"
    accepted = 0
    for text in GENERATED[part::8]:
        path.write_text(text, encoding="utf-8")
        try:
            suite = load_suite(path, resolve)
        except BakeoffError as error:
            said = cli.message_line(str(error))
            assert 10 < len(said) < 1200, (text[:200], said)
            assert "Traceback" not in said
            assert "\n" not in said
        else:
            accepted += 1
            check_plan(suite)
    assert 0 < accepted < 0.4 * len(GENERATED) / 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\ntemperature = 0.0", r"\[training\] temperature = 0.0: expected a number from 0.01 to 100"),
        ("[training]\nsteps = 0", r"\[training\] steps = 0: expected a whole number from 1 to 10,000,000"),
        ("[training]\nlearning_rate = -1", r"learning_rate = -1: expected a number above 0 and up to 10"),
        ("[training]\nlearning_rate = nan", r"learning_rate = nan: expected a number above 0 and up to 10"),
        ("[training]\nsteps = 1979-05-27", r"steps = 1979-05-27: expected a whole number"),
        ("[training]\nmax_grad_norm = inf", r"max_grad_norm = inf: expected a number above 0"),
        ("[training]\nprompts_per_step = 0", r"prompts_per_step = 0: expected a whole number from 1"),
        ("[exam]\nproblems = 0", r"\[exam\] problems = 0: expected a whole number from 1"),
        ("[exam]\nsamples = 0", r"\[exam\] samples = 0: expected a whole number from 1"),
        ("[exam]\nmax_completion_tokens = 0", r"max_completion_tokens = 0: expected a whole number from 1"),
        ("[exam]\ntemperature = 0", r"\[exam\] temperature = 0: expected a number from 0.01"),
        ("[exam]\nsamples = 10000000000000000000000", r"samples = a number of about 10\^22: expected a whole number"),
        ("[exam]\nsamples = [[]]", r"samples = a list of 1: expected a whole number"),
        ("[algorithms.grpo]\nmini_batches = 0", "grpo.mini_batches = 0: expected a whole number from 1"),
        ("[algorithms.grpo]\nlearning_rate = -1e-4", "grpo.learning_rate = -0.0001: expected a number above 0"),
        ("[algorithms.grpo]\nlearning_rate = 'fast'", "grpo.learning_rate = 'fast': expected a number above 0"),
        ('[algorithms.mine]\nclas = "m:M"', "mine: unknown key 'clas'; did you mean 'class'?"),
        ('[algorithms.mine]\nclass = "..x:y"', r"'\.\.x:y' is not a class: write 'package.module:Class'"),
        (
            '[algorithms.mine]\nclass = "algorithms._on_policy:OnPolicy"',
            r"_on_policy\.py:\d+: class OnPolicy does not define 'loss'",
        ),
        ('[algorithms.mine]\nclass = "algorithms.grpo:GRP"', "has no 'GRP'; did you mean 'GRPO'?"),
        ('[algorithms."lr/1e-4"]\nclass = "algorithms.grpo:GRPO"', "'lr/1e-4' cannot name a row: a name is made of"),
        ('[algorithms."../../evil"]\nclass = "algorithms.grpo:GRPO"', "'../../evil' cannot name a row"),
        ('[algorithms.Base_Model]\nclass = "algorithms.grpo:GRPO"', "differ in case only"),
        (
            '[algorithms."algorithms.grpo:GRPO"]\n[algorithms.GRPO]\nclass = "algorithms.ppo:PPO"',
            "two rows are named 'GRPO'",
        ),
    ],
)
def test_what_has_no_meaning_is_refused_with_what_has(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(BASE + text + "\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message.replace("?", r"\?")) as caught:
        load_suite(path, resolve)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["my suite", "-x", "x" * 80, "a|b"])
def test_a_suite_is_named_by_its_file(tmp_path, name):
    path = tmp_path / f"{name}.toml"
    path.write_text(BASE, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the suite's name is that of its file"):
        load_suite(path, resolve)


def test_an_alike_name_is_one_name():
    for first, second in (("straße", "STRASSE"), ("ﬁt", "fit"), ("é", "e\u0301")):
        from benchmark.contract import collision

        assert collision([first, "other", second]) == (first, second)
    assert name_fault("grpo_2.lr-3") is None
    assert name_fault("方法") is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nosuch.toml", "no such file: nosuch.toml"),
        ("sub/nosuch", "no such file: sub/nosuch"),
        (".", "no suite named"),
        ("folder/", "is a folder: name the .toml file"),
        ("poket", "did you mean 'pocket'"),
    ],
)
def test_a_path_without_a_file_says_so(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match=message):
        suite_path(name)


def test_a_bare_name_beside_a_file_of_that_name_says_how_to_give_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(BASE, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"write 'bakeoff run mine\.toml'"):
        suite_path("mine")


def test_words_and_checks_agree():
    hint = hints_of(Training)["steps"]
    assert expected(hint) == "a whole number from 1 to 10,000,000"
    assert [fits(value, hint) for value in (0, 1, 10_000_000, 10_000_001, 1.0, True, "1", None)] == [
        False,
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]
    rate = hints_of(Training)["learning_rate"]
    assert [fits(value, rate) for value in (0, 0.0, 1e-9, 10, 10.1, float("nan"), True)] == [
        False,
        False,
        True,
        True,
        False,
        False,
        False,
    ]
