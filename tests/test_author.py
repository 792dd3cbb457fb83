"""An author's mistakes: one sentence with the author's own file and line, in `check` and in `run`."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

from benchmark.commands.exact_world.check import check_all
from benchmark.errors import ConfigurationError
from benchmark.suite.author import fault_of
from benchmark.suite.registry import adapter_class, resolve

HEAD = textwrap.dedent(
    """
    from dataclasses import dataclass
    from typing import ClassVar

    import torch
    from algorithms._batch import Loss
    from algorithms._on_policy import OnPolicy
    from algorithms._pieces import mean_of_rows, sum_of_tokens
    from benchmark.contract import Checkpoint


    @dataclass(frozen=True, slots=True)
    class Mine(OnPolicy):
        paper: ClassVar[str] = "none"
    """
).lstrip()
GOOD_PREPARE = """
    def prepare(self, batch):
        groups = batch.reward.view(-1, batch.group_size)
        return batch.with_advantage((groups - groups.mean(1, keepdim=True)).flatten())
"""
START = "\n    def loss(self, batch, now):\n"
LOSS = "        return Loss(-mean_of_rows(sum_of_tokens(batch.advantage * now.logp, batch.mask), batch.rows), {})\n"


def method(tmp_path, body, name="mine.py"):
    path = tmp_path / name
    path.write_text(HEAD + body, encoding="utf-8")
    return path


def line_of(path, text):
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


MISTAKES = [
    (
        "tensor",
        GOOD_PREPARE
        + "\n    def loss(self, batch, now):\n        return (batch.advantage * now.logp).mean()  # HERE\n",
        r"'loss' returned a Tensor, not a Loss: return Loss\(total, \{\}\)",
    ),
    (
        "shape",
        GOOD_PREPARE + "\n    def loss(self, batch, now):\n        return Loss(now.logp.sum(1), {})  # HERE\n",
        r"the loss's total has shape \[\d+\], not \[\]",
    ),
    (
        "detached",
        GOOD_PREPARE + "\n    def loss(self, batch, now):\n        return Loss(now.logp.detach().mean(), {})  # HERE\n",
        "carries no gradient",
    ),
    (
        "nothing",
        GOOD_PREPARE + "\n    def loss(self, batch, now):  # HERE\n        now.logp.mean()\n",
        "'loss' returned None, not a Loss",
    ),
    (
        "needs",
        GOOD_PREPARE + START + "        gap = now.logp - batch.ref_logp  # HERE\n        return Loss(gap.mean(), {})\n",
        "'ref_logp' is None until 'needs' holds \"reference\"",
    ),
    (
        "value",
        GOOD_PREPARE + START + "        gap = now.logp - now.value  # HERE\n        return Loss(gap.mean(), {})\n",
        "'value' is None until 'needs' holds \"value_head\"",
    ),
    (
        "unprepared",
        START + "        gap = now.logp * batch.advantage  # HERE\n        return Loss(gap.mean(), {})\n",
        "'advantage' is None until 'prepare' fills it",
    ),
    (
        "zero by zero",
        "\n    def prepare(self, batch):\n"
        "        return batch.with_advantage(batch.reward * 0 / (batch.reward * 0))  # HERE\n" + START + LOSS,
        "'prepare' made a 'advantage' that is not finite before any weight has moved",
    ),
    (
        "batch",
        "\n    def prepare(self, batch):\n        return batch.reward  # HERE\n\n    def loss(self, batch, now):\n"
        + LOSS,
        "'prepare' returned a Tensor, not the batch",
    ),
    (
        "name",
        GOOD_PREPARE + "\n    def loss(self, batch, now):\n        return Loss(typo.mean(), {})  # HERE\n",
        "NameError: name 'typo' is not defined",
    ),
    (
        "checkpoint",
        GOOD_PREPARE + START + LOSS + "\n    def train(self, run):  # HERE\n        return None\n",
        "'train' returned NoneType: it must return a Checkpoint",
    ),
]


@pytest.mark.parametrize(("what", "body", "message"), MISTAKES, ids=[what for what, *_ in MISTAKES])
def test_a_mistake_is_named_at_the_author_s_line(tmp_path, what, body, message):
    del what
    path = method(tmp_path, body)
    (found,) = check_all([f"{path}:Mine"])
    assert not found.passed
    place = f"mine.py:{line_of(path, '# HERE')}: "
    reason = next((one for one in found.reasons if one.startswith(place)), "")
    assert reason, (place, found.reasons)
    assert re.search(message, reason), reason
    assert "\n" not in reason


def test_a_nan_before_the_first_step_is_arithmetic(tmp_path):
    body = GOOD_PREPARE + START + "        return Loss(now.logp.sum() * torch.zeros(()).log(), {})\n"
    (found,) = check_all([f"{method(tmp_path, body)}:Mine"])
    reasons = " ".join(found.reasons)
    assert "before any weight has moved" in reasons
    assert "not the learning rate" in reasons


def test_one_mistake_does_not_keep_the_others_from_being_checked(tmp_path):
    broken = method(tmp_path, MISTAKES[0][1])
    missing = method(tmp_path, "", "abstract.py")
    found = list(check_all([f"{broken}:Mine", f"{missing}:Mine", "base_model"]))
    assert [one.passed for one in found] == [False, False, True]
    assert "does not define 'loss'" in found[1].reasons[-1]


def test_a_misspelt_catalogue_name_is_said_before_any_is_checked(tmp_path):
    path = method(tmp_path, MISTAKES[0][1])
    with pytest.raises(ConfigurationError, match="did you mean 'grpo'"):
        next(check_all([f"{path}:Mine", "gpro"]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n", r"broken\.py:1: SyntaxError while importing 'broken\.py'"),
        ("import nowhere_at_all\n", r"broken\.py:1: ModuleNotFoundError while importing"),
        (
            "x = 1\nraise ValueError('no [bold] cache')\n",
            r"broken\.py:2: ValueError while importing .*no \[bold\] cache",
        ),
        ("import sys\nsys.exit(3)\n", r"broken\.py:2: SystemExit while importing"),
        (
            HEAD + "    size: int\n\n    def loss(self, batch, now):\n        return None\n",
            "non-default argument 'size'",
        ),
        (
            HEAD.replace("(frozen=True, slots=True)", "(frozen=True)")
            + START
            + "        return None\n\n    @property\n    def needs(self):\n        return undefined\n",
            r"broken\.py:\d+: NameError while making Mine",
        ),
    ],
)
def test_a_module_that_cannot_be_used_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "broken.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        resolve(f"{path}:Mine", {})


def test_a_method_by_path_finds_its_neighbours_and_two_files_of_one_name_are_two(tmp_path):
    for folder, value in (("a", 1.0), ("b", 2.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            HEAD + f"    scale: float = {value}\n" + GOOD_PREPARE + "\n    def loss(self, batch, now):\n" + LOSS,
            encoding="utf-8",
        )
    one, other = (adapter_class(f"{tmp_path / folder / 'mine.py'}:Mine") for folder in "ab")
    assert one is not other
    assert (one().scale, other().scale) == (1.0, 2.0)


def test_an_exception_outside_the_author_s_file_stays_as_it_is():
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert fault_of(caught.value, "algorithms.grpo:GRPO") is None


def test_folders_named_like_our_packages_do_not_hide_ours(tmp_path, repository):
    for name in ("benchmark", "algorithms"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n", encoding="utf-8")
    method(tmp_path, GOOD_PREPARE + "\n    def loss(self, batch, now):\n" + LOSS)
    (tmp_path / "mine.toml").write_text(
        'tasks = ["competition"]\nseeds = [0]\n[training]\nsteps = 1\nprompts_per_step = 2\ngroup_size = 2\n'
        "probe_every = 0\n[exam]\nproblems = 2\nsamples = 2\n[algorithms]\n"
        'base_model = {}\nMine = { class = "mine.py:Mine" }\n',
        encoding="utf-8",
    )
    program = (
        "import sys; sys.path[0] = sys.prefix; from benchmark.cli import main; main()"  # as a console script begins
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "mine.toml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 jobs done" in done.stdout
    assert not done.stderr
