"""Suites of worlds: what is refused, what a job leaves, and what the report says of it."""

from dataclasses import replace
from multiprocessing import Pipe

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.comparison.evidence import gather
from benchmark.contract import Comparison, Estimate, StepLog
from benchmark.errors import BadRecord, ConfigurationError, UnknownName
from benchmark.lab.gallery import GALLERY, read_gallery
from benchmark.lab.job import run_lab_job
from benchmark.lab.metrics import LAB_METRICS, spent_until
from benchmark.lab.plan import lab_jobs, make_lab_plan
from benchmark.lab.suite import LAB_SUITES, is_lab, lab_suite_path, load_lab_suite, network_of
from benchmark.report import check_report, write_report
from benchmark.report.lab.claims import CLAIMS, outcome
from benchmark.report.lab.reading import SPEED, LabReading
from benchmark.run.job import Order
from benchmark.store.records import job_folder, read_record, write_suite
from benchmark.store.steps import read_steps
from benchmark.suite.load import jobs_of

TINY = """
tasks = ["grid_8x8", "bayes_net_3", "sequence_4x4"]
seeds = [0, 1]
network = { width = 8, depth = 1 }
[training]
steps = 4
trajectories = 16
learning_rate = 0.01
probe_every = 2
[methods]
base_model = {}
tb = {}
rl_u = { method = "rl" }
rl_t = {}
"""


def toml(tmp_path, text, name="tiny"):
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(file.stem for file in LAB_SUITES.glob("*.toml")))
def test_the_suites_that_come_with_the_package_are_sound(name):
    suite = load_lab_suite(lab_suite_path(name))
    assert is_lab(suite)
    assert len({job.id for job in lab_jobs(suite, None)}) == len(suite.algorithms) * len(suite.tasks) * len(suite.seeds)
    assert network_of(suite.model).width >= 64


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (("steps", "stepps"), ConfigurationError, r"unknown key 'stepps'; did you mean 'steps'\?"),
        (("steps = 4", "steps = 0"), ConfigurationError, "steps = 0: expected a whole number from 1"),
        (("steps = 4", "steps = true"), ConfigurationError, "steps = True: expected a whole number"),
        (("0.01", "0"), ConfigurationError, "learning_rate = 0: expected a number above 0"),
        (("grid_8x8", "grid_8x9"), UnknownName, r"no world named 'grid_8x9'; did you mean 'grid_8x8'\?"),
        (('"rl"', '"r1"'), UnknownName, "no method of worlds named 'r1'"),
        (("tb = {}", "tb = { lam = 1.0 }"), ConfigurationError, r"\[methods.tb\] unknown key 'lam'"),
        (("tb = {}", 'tb = { backward = "learned" }'), ConfigurationError, "expected one of uniform, same_loss"),
        (("tb = {}", 'tb = { epsilon = "a" }'), ConfigurationError, "epsilon = 'a': expected a number"),
        (("tb = {}", "tb = 1"), ConfigurationError, "tb must be a table"),
        (("base_model = {}", "base_model = { steps = 1 }"), ConfigurationError, "unknown key 'steps'. Known: none"),
        (("[0, 1]", "[0, 0]"), ConfigurationError, "a seed is given twice"),
        (("[0, 1]", "[]"), ConfigurationError, "'seeds' is missing or empty"),
        (("width = 8", 'start = "zero"'), ConfigurationError, "start = 'zero': expected even or random"),
        (("width = 8", "width = 0"), ConfigurationError, "width = 0: expected a whole number from 1"),
        (("tasks = [", "tasks = ]["), ConfigurationError, "not a TOML file"),
    ],
)
def test_a_wrong_question_is_refused_with_its_value(tmp_path, change, error, said):
    assert change[0] in TINY
    with pytest.raises(error, match=said):
        load_lab_suite(toml(tmp_path, TINY.replace(*change)))


def test_a_suite_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(UnknownName, match="lab-paper"):
        lab_suite_path("laboratory")


def test_a_method_that_has_nothing_to_do_on_a_tree_is_refused_before_the_first_job(tmp_path):
    text = TINY.replace('"grid_8x8"', '"bits_16"').replace("tb = {}", 'tb = { backward = "same_loss" }')
    plan = make_lab_plan(str(toml(tmp_path, text)), results=tmp_path, data=None, workers=1)
    assert {(job.algorithm.name, job.task) for job, _ in plan.refused} == {("tb", "bits_16")}
    assert len(plan.to_run) == 4 * 3 * 2 - 2


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The tiny suite, every job run in this process."""
    folder = tmp_path_factory.mktemp("lab")
    suite = load_lab_suite(toml(folder, TINY))
    write_suite(folder / "results", suite)
    for job in lab_jobs(suite, None):
        ours, theirs = Pipe(duplex=False)
        run_lab_job("examine", Order(job, folder / "results", None, 1), theirs)
        ours.close()
    return folder, suite


class TestJobs:
    def test_every_record_is_done_with_every_metric(self, ran):
        folder, suite = ran
        for job in lab_jobs(suite, None):
            record = read_record(job_folder(folder / "results", job))
            assert record.status == "done", record.reason
            assert set(record.metrics) == set(LAB_METRICS)
            trained = job.algorithm.name != "base_model"
            assert record.counts["completions"] == (4 * 16 if trained else 0)
            assert (record.metrics["log_z_error"] is None) == (not trained)
            assert 0 < record.metrics["total_variation"] < 1

    def test_the_learning_curve_has_the_probes_and_ends_at_the_record(self, ran):
        folder, suite = ran
        job = next(job for job in lab_jobs(suite, None) if job.algorithm.name == "tb")
        steps = read_steps(job_folder(folder / "results", job))
        assert [step.completions for step in steps] == [0, 32, 64]
        record = read_record(job_folder(folder / "results", job))
        assert steps[-1].metrics["total_variation"] == record.metrics["total_variation"]
        assert abs(steps[-1].metrics["log_z_difference"]) == record.metrics["log_z_error"]

    def test_the_first_seed_keeps_pictures_of_each_kind(self, ran):
        folder, suite = ran
        kinds = {}
        for job in lab_jobs(suite, None):
            found = read_gallery(job_folder(folder / "results", job))
            assert (found is not None) == (job.seed == 0)
            if found is not None:
                kinds[job.task] = found.kind
                if found.kind == "cells":
                    assert sum(found.wanted) == pytest.approx(1, abs=1e-4)
                    assert all(sum(row) == pytest.approx(1, abs=1e-4) for row in found.rows)
        assert kinds == {"grid_8x8": "cells", "bayes_net_3": "edges", "sequence_4x4": "objects"}

    def test_a_damaged_gallery_is_refused(self, tmp_path):
        (tmp_path / GALLERY).write_text("{}", encoding="utf-8")
        with pytest.raises(BadRecord, match="Restore it"):
            read_gallery(tmp_path)

    def test_a_job_that_fails_is_recorded_as_such(self, tmp_path, ran):
        _, suite = ran
        broken = replace(suite, tasks=("tfbind8",), seeds=(0,), name="broken")
        job = next(job for job in jobs_of(broken) if job.algorithm.name == "tb")
        _, theirs = Pipe(duplex=False)
        run_lab_job("examine", Order(job, tmp_path, None, 1), theirs)
        record = read_record(job_folder(tmp_path, job))
        assert record.status == "failed"
        assert "put the published table there" in record.reason


class TestReport:
    def test_the_same_results_give_the_same_bytes(self, ran, tmp_path):
        folder, _ = ran
        path = write_report(folder / "results", tmp_path, "tiny")
        assert check_report(folder / "results", tmp_path, "tiny") == []
        text = path.read_text(encoding="utf-8")
        for wanted in (
            "## `grid_8x8`",
            "| `rl_t` |",
            "![Learned distributions on bayes_net_3",
            "24 of 24 jobs are done",
        ):
            assert wanted in text
        page = path.with_suffix(".html").read_text(encoding="utf-8")
        assert page.count("<svg") == text.count("![") == 4  # three galleries and one group of curves

    def test_the_mean_over_training_is_the_area_under_the_curve(self, ran):
        folder, _ = ran
        reading = LabReading(gather(folder / "results", "tiny"))
        for seed, steps in reading.steps["tb", "grid_8x8"].items():
            a, b, c = (step.metrics["total_variation"] for step in steps)
            scores = reading.scores("tb", "grid_8x8", SPEED)
            assert scores.rates[scores.seeds.index(seed)] == pytest.approx((a / 2 + b + c / 2) / 2)
        assert reading.scores("base_model", "grid_8x8", SPEED) is None

    def test_the_command_runs_what_is_missing_and_prints_the_table(self, ran):
        folder, _ = ran
        arguments = ["lab", str(folder / "tiny.toml"), "--results", str(folder / "results")]
        found = CliRunner().invoke(app, [*arguments, "--reports", str(folder / "reports")])
        assert found.exit_code == 0, found.output
        assert "24 done" in found.output
        assert "0 to run" in found.output
        again = CliRunner().invoke(app, ["report", "--check", "--results", str(folder / "results"),
                                         "--reports", str(folder / "reports")])  # fmt: skip
        assert again.exit_code == 0, again.output


def step(completions, seconds, tv):
    return StepLog(completions // 10, completions, seconds, {"total_variation": tv})


class TestTimeToNear:
    def test_between_two_probes_on_a_straight_line(self):
        """From 0.5 at 100 to 0.1 at 200, 0.2 is reached three quarters of the way: 175 trajectories, 7 of 4 … 8 s."""
        steps = [step(0, 0, 0.9), step(100, 4, 0.5), step(200, 8, 0.1), step(300, 12, 0.3)]
        assert spent_until(steps, near=0.2) == pytest.approx((175, 7))

    def test_never_and_from_the_start(self):
        assert spent_until([step(0, 0, 0.9), step(100, 4, 0.5)]) is None
        assert spent_until([step(0, 0, 0.05)]) == (0, 0)
        assert spent_until([]) is None


def pair(decision, done=3):
    return Comparison("m", "t", "a", "b", Estimate(0.1, 0.0, 0.2, done, 3), decision)


@pytest.mark.parametrize(
    ("decisions", "said"),
    [
        (("better", "better"), "holds"),
        (("worse", "undecided"), "does not"),
        (("worse",), "does not"),
        (("better", "undecided"), "mixed"),
        (("better", "worse"), "mixed"),
        (("undecided", "undecided"), "undecided"),
    ],
)
def test_a_claim_is_decided_by_all_its_pairs(decisions, said):
    assert outcome([pair(each) for each in decisions]) == said


def test_a_claim_without_two_seeds_is_not_decided():
    assert outcome([pair("undecided", done=1)]) == "–"


def test_the_claims_name_methods_of_the_suite():
    names = {one.name for one in load_lab_suite(lab_suite_path("lab")).algorithms}
    assert {name for claim in CLAIMS for name in (claim.ours, *claim.theirs)} <= names
