from __future__ import annotations

from dataclasses import replace

import factories
import pytest

from benchmark.comparison.estimates import COLUMNS, answers, by_seed, cells, summary, tidy
from benchmark.errors import BadRecord
from benchmark.exam.per_problem import per_problem

ASKED = factories.suite(seeds=(0, 1))


def all_records():
    return [
        factories.record(ASKED, each.name, task, seed)
        for each in ASKED.algorithms
        for task in ASKED.tasks
        for seed in (0, 1)
    ]


def value(frame, method, task, seed, metric):
    return by_seed(frame, method, task, metric)[seed]


def test_one_row_per_job_and_metric():
    frame = tidy(all_records())
    assert tuple(frame.columns) == COLUMNS
    keys = frame[["algorithm", "task", "seed", "metric"]]
    assert not keys.duplicated().any()
    assert len(frame) == 4 * 2 * 2 * frame["metric"].nunique()


def test_derived_metrics_by_hand():
    frame = tidy([factories.record(ASKED, "grpo", "grade_school", 1)])
    # rollout 14 + 1, reward 0.4, update 21 + 1 + 5; evaluate 12 + 1
    assert value(frame, "grpo", "grade_school", 1, "training_seconds") == pytest.approx(42.4)
    assert value(frame, "grpo", "grade_school", 1, "evaluate_seconds") == 13.0
    assert value(frame, "grpo", "grade_school", 1, "peak_rss_bytes") == 650_000_001
    assert value(frame, "grpo", "grade_school", 1, "peak_allocated_bytes") is None


def test_the_training_peak_leaves_the_exam_out_and_is_missing_without_training():
    trained, base = (factories.record(ASKED, name, "grade_school", 0) for name in ("grpo", "base_model"))
    trained = replace(trained, peak_bytes={"rss/evaluate": 9, "rss/update": 5, "rss/rollout": 4, "nvml/update": 7})
    frame = tidy([trained, base])
    assert value(frame, "grpo", "grade_school", 0, "peak_rss_bytes") == 9
    assert value(frame, "grpo", "grade_school", 0, "training_peak_rss_bytes") == 5
    assert value(frame, "grpo", "grade_school", 0, "peak_nvml_bytes") == 7
    assert value(frame, "base_model", "grade_school", 0, "training_peak_rss_bytes") is None
    assert value(frame, "base_model", "grade_school", 0, "peak_nvml_bytes") is None


@pytest.mark.parametrize("status", ["failed", "out_of_memory", "timed_out", "diverged", "refused"])
def test_a_job_that_is_not_done_has_rows_and_no_values(status):
    good = factories.record(ASKED, "grpo", "grade_school", 0)
    bad = replace(factories.record(ASKED, "grpo", "grade_school", 1), status=status)  # with metrics, to be ignored
    frame = tidy([good, bad])
    rows = frame[frame["seed"] == 1]
    assert len(rows) == len(frame) / 2
    assert rows["value"].isna().all()
    assert set(rows["status"]) == {status}


def test_no_records_are_an_empty_table():
    frame = tidy([])
    assert tuple(frame.columns) == COLUMNS
    assert summary(cells(frame, ASKED, {}), ASKED) == {}


def test_the_summary_counts_planned_seeds_and_has_every_cell():
    records = [one for one in all_records() if (one.job.algorithm.name, one.job.seed) != ("sft", 1)]
    records = [one for one in records if one.job.algorithm.name != "flowrl"]
    found = summary(cells(tidy(records), ASKED, {}), ASKED)
    whole = found["grpo", "grade_school", "accuracy"]
    assert (whole.done, whole.planned) == (2, 2)
    assert whole.mean == pytest.approx((0.61 + 0.03 + 0.61 + 0.02) / 2)  # (seed·7 + 3) mod 4 = 3 and 2
    assert (found["sft", "grade_school", "accuracy"].done, found["sft", "grade_school", "accuracy"].low) == (1, None)
    assert found["flowrl", "competition", "accuracy"].mean is None
    assert found["flowrl", "competition", "accuracy"].planned == 2


def test_an_exam_gives_the_interval_other_problems_and_numbers_of_whole_seeds_stay_what_they_are():
    records = [factories.record(ASKED, "grpo", "grade_school", seed) for seed in (0, 1)]
    exams = {("grpo", "grade_school", one.job.seed): per_problem(factories.exam(one)) for one in records}
    found = cells(tidy(records), ASKED, exams)
    accuracy = found["grpo", "grade_school", "accuracy"]
    assert (accuracy.seeds, accuracy.problems, accuracy.samples) == ((0, 1), ("p0", "p1", "p2", "p3"), 100)
    assert accuracy.rates == pytest.approx([0.64, 0.63])
    assert summary(found, ASKED)["grpo", "grade_school", "accuracy"].over == "seeds and problems"
    assert found["grpo", "grade_school", "greedy_accuracy"].samples == 1
    assert summary(found, ASKED)["grpo", "grade_school", "training_seconds"].over == "seeds"
    # without the outcomes of one seed no cell is half known: both seeds count as whole
    half = cells(tidy(records), ASKED, {key: exam for key, exam in exams.items() if key[2] == 0})
    assert half["grpo", "grade_school", "accuracy"].problems == ("all",)
    assert half["grpo", "grade_school", "accuracy"].rates == pytest.approx([0.64, 0.63])


def test_exams_of_other_problems_are_named_and_not_compared():
    records = [factories.record(ASKED, "grpo", "grade_school", seed) for seed in (0, 1)]
    exams = {
        ("grpo", "grade_school", 0): per_problem(factories.exam(records[0])),
        ("grpo", "grade_school", 1): per_problem(factories.exam(records[1])[:303]),
    }
    with pytest.raises(BadRecord, match="grpo-grade_school-s1 has an exam of 3 problems with 100 samples"):
        cells(tidy(records), ASKED, exams)


def test_undefined_is_missing_and_zero_is_zero():
    one = replace(factories.record(ASKED, "grpo", "grade_school", 0), metrics={"a": None, "b": 0.0})
    frame = tidy([one])
    assert by_seed(frame, "grpo", "grade_school", "a") == {0: None}
    assert by_seed(frame, "grpo", "grade_school", "b") == {0: 0.0}
    assert by_seed(frame, "nobody", "grade_school", "b") == {}


def test_a_record_made_under_other_settings_does_not_answer_the_suite():
    one = factories.record(ASKED, "grpo", "grade_school", 0)
    assert answers(one, ASKED)
    assert not answers(replace(one, job=replace(one.job, seed=7)), ASKED)
    assert not answers(replace(one, job=replace(one.job, training=replace(one.job.training, steps=3))), ASKED)
    other = replace(one.job.algorithm, settings={"clip": 0.3})
    assert not answers(replace(one, job=replace(one.job, algorithm=other)), ASKED)
