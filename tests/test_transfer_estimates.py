"""Transfer exams are estimated and compared as a job's own exam is."""

from __future__ import annotations

from dataclasses import replace

import factories
import pytest

from benchmark.comparison.evidence import gather
from benchmark.comparison.transfer import transfer_accuracy
from benchmark.errors import BadRecord
from benchmark.exam.metrics import measure
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import job_folder

EXAMS = ("svamp", "competition")


def moved(tmp_path, *, outcomes=True):
    """Every transfer exam is the job's own exam over again, so that its estimates are known."""
    asked = factories.suite()
    asked = replace(asked, exam=replace(asked.exam, transfer=EXAMS))

    def with_transfer(record):
        found = {
            f"transfer/{exam}/{name}": value
            for exam in EXAMS
            if exam != record.job.task
            for name, value in measure(factories.exam(record)).items()
        }
        return replace(record, metrics=record.metrics | found)

    for record in factories.write(tmp_path / "results", asked, with_transfer):
        for exam in EXAMS if outcomes else ():
            if exam != record.job.task:
                folder = job_folder(tmp_path / "results", record.job)
                write_outcomes(folder, factories.exam(record), texts=False, task=exam)
    return gather(tmp_path / "results", asked.name)


def test_an_exam_taken_twice_has_the_estimate_of_the_first(tmp_path):
    evidence = moved(tmp_path)
    found = transfer_accuracy(evidence, "svamp")
    for method in evidence.methods:
        for task in evidence.suite.tasks:
            one, other = found.of(method, task), evidence.estimate(method, task, "accuracy")
            assert one == other
            assert one.over == "seeds and problems"
            if method != "base_model":
                pair = evidence.compare("accuracy", task, method, "base_model")
                assert found.verdicts[task][method, "base_model"] == pair


def test_without_outcomes_the_intervals_cover_seeds_alone_and_stay_shares(tmp_path):
    evidence = moved(tmp_path, outcomes=False)
    one = transfer_accuracy(evidence, "svamp").of("grpo", "grade_school")
    # accuracies of the seeds: 0.61 + 0.01 · ((7 s + 3) mod 4) = 0.64, 0.63, 0.62
    assert one.mean == pytest.approx(0.63)
    assert one.over == "seeds"
    assert 0 < one.low < 0.62
    assert 0.64 < one.high < 1


def test_exams_of_different_problems_are_not_averaged(tmp_path):
    evidence = moved(tmp_path)
    folder = job_folder(evidence.results, evidence.done[0].job)
    other = tuple(replace(one, problem=f"{one.problem}-new") for one in factories.exam(evidence.done[0]))
    write_outcomes(folder, other, texts=False, task="svamp")
    with pytest.raises(BadRecord, match="cannot be compared"):
        transfer_accuracy(evidence, "svamp")


def test_a_trained_task_is_no_transfer_exam_of_its_own(tmp_path):
    found = transfer_accuracy(moved(tmp_path), "competition")
    assert found.of("grpo", "competition").mean is None
    assert found.of("grpo", "grade_school").mean is not None
