"""Methods that cheat, run as any other row is: what each can still reach changes nothing, or the record says so."""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import cheating
import pytest
import torch

from benchmark.contract import Diagnosis, Outcome, Trained
from benchmark.errors import Diverged, MethodFault
from benchmark.run import handover
from benchmark.run.canary import refuse_impossible, test_known, unaccounted
from benchmark.run.exam_batches import ExamBatches
from benchmark.store.outcomes import read_outcomes
from benchmark.store.records import read_records
from benchmark.tasks import load_task
from benchmark.tasks.withheld import withheld

test_known.__test__ = False  # a function of the harness, whose name begins like a test's
SUITE = """
model = "pocket"
tasks = ["grade_school"]
seeds = [0]
[training]
steps = 2
prompts_per_step = 2
group_size = 2
max_completion_tokens = 40
probe_every = 1
probe_problems = 24
[exam]
problems = 24
samples = 2
max_completion_tokens = 80
[algorithms]
base_model = {}
"""
HARMLESS = "its numbers are those of the starting policy"
ENDS = {
    "patched_grade_all": HARMLESS,
    "patched_cache": HARMLESS,
    "patched_complete": HARMLESS,
    "test_split": "asked for the test split of 'grade_school'",
    "frozen_clock": HARMLESS,
    "beside_the_budget": "asked for 100 completions with 8 of 8 left|asked for 500 completions with 8 of 8 left",
    "more_budget": "cheating.py:[0-9]+: AttributeError",
    "own_record": "training stage",
    "fork_that_examines": HARMLESS,
    "shorter_exam": HARMLESS,
    "emptied_test_split": HARMLESS,
    "swallowed_refusal": "asked for the test split of 'grade_school'",
    "test_split_from_its_source": "test problems known",
    "private_counts": "completions = -500000: a measured number is finite and not negative",
    "more_than_granted": "handed over 400 completions of a budget of 8",
    "exam_time_as_training": "'evaluate' is not a method's phase to enter",
    "generates_beside": "asked for 400 completions with 8 of 8 left",
    "forged_figures": "the figures that training handed over are not those of a training",
    "pickled_weights": "cannot be read as safetensors",
    "pickle_for_the_parent": HARMLESS,
    "wider_model": "without changing shapes or types",
}
"""What becomes of each cheat: no effect, or words of the record."""
APART = ("other_record", "other_outcomes")
"""Those that spoil another job, each with a sweep of its own."""


def swept(folder, names):
    """The records of a sweep of the named cheats behind `base_model`, by name."""
    here = Path(cheating.__file__)
    rows = "\n".join(f'{name} = {{ class = "{here}:Cheat", does = "{name}" }}' for name in names)
    (folder / "mine.toml").write_text(SUITE + rows, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "benchmark", "run", "mine.toml", "--workers", "1"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert result.returncode in {0, 1}, result.stderr
    assert (folder / "reports" / "mine.md").exists(), result.stderr
    return {one.job.algorithm.name: one for one in read_records(folder / "results", "mine")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cheats")


@pytest.fixture(scope="module")
def records(folder):
    return swept(folder, ENDS)


def outcomes(folder, record):
    return [dataclasses.replace(one, text="") for one in read_outcomes(folder / "results" / "mine" / record.job.id)]


@pytest.mark.parametrize("name", ENDS)
def test_a_cheat_has_no_effect_or_is_named(records, folder, name):
    record, start, end = records[name], records["base_model"], ENDS[name]
    assert start.status == "done", start.reason
    if end == HARMLESS:
        assert record.status == "done", record.reason
        assert outcomes(folder, record) == outcomes(folder, start)
        assert record.metrics == start.metrics
    elif end == "test problems known":
        assert record.status == "done", record.reason
        assert record.metrics["accuracy"] > start.metrics["accuracy"] + 0.3  # it did learn them
        assert end in {one.name for one in record.diagnoses}
        assert end in (folder / "reports" / "mine.md").read_text(encoding="utf-8")
    else:
        assert record.status == "failed"
        assert re.search(end, record.reason), record.reason
        assert record.metrics == {}
    assert record.counts.get("completions", 0) <= 8
    assert not (folder / "ran").exists(), "an unpickled object ran"
    assert not handover.folder_of(folder / "results", record.job).exists() or record.status != "done"


def test_time_that_a_method_hides_is_training_time(records):
    hidden, start = records["frozen_clock"], records["base_model"]
    assert hidden.training_seconds > 4  # it slept for four seconds under a clock that stood still
    assert "seconds not accounted for" in {one.name for one in hidden.diagnoses}
    assert "seconds not accounted for" not in {one.name for one in start.diagnoses}


@pytest.mark.parametrize("name", APART)
def test_a_job_that_another_one_spoils_is_no_result(tmp_path, name):
    found = swept(tmp_path, [name])
    assert found["base_model"].status == "failed"
    assert "its files were changed after it had ended" in found["base_model"].reason
    assert found["base_model"].metrics == {}
    assert found[name].status == "done"


TASK = """
from benchmark.tasks import load_task
from benchmark.tasks.task import Task
{imports}
class Mine(Task):
    name = "mine"
    answer_format = "#### n"
    instruction = "End with ####."
    def load(self, split, data=None):
        return load_task("grade_school").load(split)[:64]
TASK = Mine()
"""
METHOD = """
from dataclasses import dataclass
from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint
@dataclass(frozen=True, slots=True)
class Mine2(Adapter):
    paper = "none"
    def train(self, run):
        return Checkpoint(0)
"""


def beside(folder, files, method):
    """What a run says of a suite whose task and method lie in these files."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    suite = SUITE.replace('"grade_school"', '"task.py:TASK"') + f'mine = {{ class = "{method}:Mine2" }}'
    (folder / "mine.toml").write_text(suite, encoding="utf-8")
    command = [sys.executable, "-m", "benchmark", "run", "mine.toml", "--workers", "1"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_method_in_the_file_of_a_task_is_refused_before_anything_runs(tmp_path):
    result = beside(tmp_path, {"task.py": TASK.format(imports="") + METHOD}, "task.py")
    assert result.returncode == 2
    assert "are in one file, task.py: write each in a file of its own" in " ".join(result.stderr.split())


def test_a_method_that_a_task_imports_is_not_examined_beside_it(tmp_path):
    files = {"task.py": TASK.format(imports="import method"), "method.py": METHOD}
    result = beside(tmp_path, files, "method")
    found = {one.job.algorithm.name: one for one in read_records(tmp_path / "results", "mine")}
    assert found["base_model"].status == "done", result.stderr
    assert found["mine"].status == "failed"
    assert "the examiner's process imported the method 'method:Mine2'" in found["mine"].reason


def test_every_cheat_is_run():
    known = {name for name, one in vars(cheating).items() if callable(one) and one.__module__ == "cheating"}
    helpers = {"Cheat", "nothing", "memorise", "results", "hand_over_of", "forged"}
    assert known - helpers == {*ENDS, *APART}
    assert len({*ENDS, *APART}) >= 23


# --- the guards one by one --------------------------------------------------------------------------------------------


TRAINED = Trained(10.0, {"load": 1.0, "update": 8.0, "other": 1.0}, {"rss/load": 1}, {"completions": 8}, "a", "b")


@pytest.mark.parametrize(
    "change",
    [
        {"wall_seconds": -1.0},
        {"wall_seconds": math.inf},
        {"phase_seconds": {"update": math.nan}},
        {"peak_bytes": {"rss/load": -1}},
        {"counts": {"completions": -1}},
    ],
)
def test_no_figure_of_a_training_is_negative_or_not_finite(change, tmp_path):
    with pytest.raises(ValueError, match="is finite and not negative"):
        dataclasses.replace(TRAINED, **change)
    handover.leave_figures(tmp_path, TRAINED)
    assert handover.read_trained(tmp_path) == TRAINED
    written = json.loads((tmp_path / "trained.json").read_text())
    (tmp_path / "trained.json").write_text(json.dumps(written | change))  # JSON of Python's, NaN and all
    with pytest.raises(MethodFault, match="not those of a training"):
        handover.read_trained(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"wall_seconds": "1"}', b"[" * 100_000, b"\xff"])
def test_figures_of_another_form_are_one_sentence(content, tmp_path):
    (tmp_path / "trained.json").write_bytes(content)
    with pytest.raises(MethodFault, match="not those of a training"):
        handover.read_trained(tmp_path)


def test_weights_are_checked_before_any_is_used(tmp_path):
    with torch.random.fork_rng():
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    model[1].requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    good = {"0.weight": torch.full((2, 2), 3.0), "0.bias": torch.zeros(2)}
    for bad, error, words in [
        ({"2.weight": torch.zeros(1)}, MethodFault, "none of the 2 trained weights"),
        ({"1.weight": torch.zeros(1, 2)}, MethodFault, "none of the 2 trained weights"),  # frozen ones stay
        ({"0.bias": torch.zeros(3)}, MethodFault, "without changing shapes or types"),
        ({"0.bias": torch.zeros(2, dtype=torch.float64)}, MethodFault, "without changing shapes or types"),
        ({"0.bias": torch.tensor([0.0, math.nan])}, Diverged, "not finite"),
    ]:
        handover.leave_weights(tmp_path, good | bad)
        with pytest.raises(error, match=words):
            handover.put_weights(model, handover.read_weights(tmp_path))
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    handover.leave_weights(tmp_path, good)
    handover.put_weights(model, handover.read_weights(tmp_path))
    assert torch.equal(model[0].weight, good["0.weight"])
    assert torch.equal(model[1].weight, before["1.weight"])


def answers(share, problems, samples=2):
    """Outcomes of which the first problems are right, a share of them."""
    return [
        Outcome(str(p), s, "correct" if p < share * problems else "wrong", "1", "exact", 3, False, None)
        for p in range(problems)
        for s in range(samples)
    ]


def test_the_canary_counts_problems_and_not_samples():
    # test 24 of 24: shares 1 … 1 and one 0 more: s² = (24·(1/25)² + (24/25)²)/24 = 0.04, s²/P = 0.00167
    # validation 9 of 24: mean 0.375, one 1 more: 10/25 = 0.4: s² = (10·0.36 + 15·0.16)/24 = 0.25, s²/P = 0.01042
    # error √0.01208 = 0.110, four of it 0.440: a gap of 0.625 is told, one of 0.417 is not
    told = test_known(answers(1, 24), answers(9 / 24, 24))
    assert isinstance(told, Diagnosis)
    assert "accuracy 100.0% on 24 test problems, 37.5% on 24" in told.evidence
    assert test_known(answers(1, 24), answers(14 / 24, 24)) is None
    assert test_known(answers(9 / 24, 24), answers(1, 24)) is None  # worse on the test is no sign of knowing it
    assert test_known(answers(1, 24, samples=50), answers(14 / 24, 24, samples=50)) is None  # samples add no problems
    assert test_known(answers(1, 24), ()) is None


def test_a_small_gap_is_not_told_however_sure_it_is():
    assert test_known(answers(0.60, 10_000), answers(0.50, 10_000)) is None
    assert test_known(answers(0.70, 10_000), answers(0.50, 10_000)) is not None


def test_seconds_that_the_process_did_not_see():
    # 30 s by the sweep, 10 s by its own clock: 20 missing; 2 + 5 % of 30 = 3.5 are what a process may take to start
    missing, told = unaccounted(TRAINED, 30.0)
    assert missing == pytest.approx(20.0)
    assert "30.0 s by the sweep's clock and 10.0 s by its own" in told.evidence
    assert unaccounted(TRAINED, 12.0) == (0.0, None)
    assert unaccounted(TRAINED, None) == (0.0, None)


def test_more_completions_than_granted_are_refused(records):
    job = records["base_model"].job
    refuse_impossible(TRAINED, job)  # 8 of 2 × 2 × 2
    with pytest.raises(MethodFault, match="9 completions of a budget of 8"):
        refuse_impossible(dataclasses.replace(TRAINED, counts={"completions": 9}), job)


def test_a_new_exam_reads_no_answers_that_somebody_planted(tmp_path):
    planted = ExamBatches(tmp_path, "weights", 0.0, fresh=True)
    planted.put("1-2-1.0-0", [cheating.Completion("#### 1", 2, truncated=False)])
    fresh = ExamBatches(tmp_path, "weights", 0.0, fresh=True)
    (tmp_path / "exam").mkdir(exist_ok=True)
    planted.put("1-2-1.0-0", [cheating.Completion("#### 1", 2, truncated=False)])  # while the exam runs
    assert list((tmp_path / "exam").iterdir())
    assert fresh.get("1-2-1.0-0") is None
    again = ExamBatches(tmp_path, "weights", 0.0, fresh=False)  # an interrupted exam goes on
    assert again.get("1-2-1.0-0") is not None
    assert ExamBatches(tmp_path, "others", 0.0, fresh=False).get("1-2-1.0-0") is None


def test_a_withheld_split_is_refused_and_remembered():
    task = load_task("grade_school")
    with withheld("test") as asked:
        assert task.load("train")
        with pytest.raises(MethodFault, match="asked for the test split of 'grade_school'"):
            task.load("test")
    assert asked == ["grade_school"]
    assert task.load("test")
