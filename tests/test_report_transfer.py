"""What a report says of transfer exams, and of a model that is read in slower ways."""

from __future__ import annotations

import re
from dataclasses import replace

import factories
import pytest

from benchmark.comparison.evidence import gather
from benchmark.comparison.transfer import transfer_accuracy
from benchmark.model.network import ReadingPlan
from benchmark.report import document
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import job_folder

SPACE = "\u00a0"
GRADE = ("grade_school",)


def text_of(tmp_path, asked, change=factories.same):
    factories.write(tmp_path / "results", asked, change)
    return shown(tmp_path, asked)


def shown(tmp_path, asked):
    evidence = gather(tmp_path / "results", asked.name)
    text = document.markdown(asked.name, evidence.digest, sections(ReportData(evidence)), whole=False)
    return text.replace(SPACE, " ")


def transferring(*exams):
    asked = factories.suite(tasks=GRADE)
    return replace(asked, exam=replace(asked.exam, transfer=exams))


def with_transfer(one):
    right = {"base_model": 0.2, "grpo": 0.5, "flowrl": 0.45, "sft": 0.21}[one.job.algorithm.name]
    right += 0.01 * ((one.job.seed * 7 + list(factories.METHODS).index(one.job.algorithm.name) * 3) % 4)
    return replace(one, metrics=one.metrics | {"transfer/svamp/accuracy": right, "transfer/svamp/problems": 4.0})


# --- transfer --------------------------------------------------------------------------------------------------------


def test_transfer_exams_have_accuracy_and_verdict_by_the_rules_of_the_main_table(tmp_path):
    asked = transferring("svamp")
    factories.write(tmp_path / "results", asked, with_transfer)
    for one in gather(tmp_path / "results", "tiny").records:  # the exam itself: 4 problems, 100 samples of each
        exam = factories.exam(replace(one, metrics={"accuracy": one.metrics["transfer/svamp/accuracy"]}))
        write_outcomes(job_folder(tmp_path / "results", one.job), exam, texts=False, task="svamp")
    found = transfer_accuracy(gather(tmp_path / "results", "tiny"), "svamp")
    grpo = found.of("grpo", "grade_school")
    assert grpo.mean == pytest.approx((0.53 + 0.52 + 0.51) / 3)
    assert (grpo.problems, grpo.samples, grpo.over) == (4, 100, "seeds and problems")
    pair = found.verdicts["grade_school"]["grpo", "base_model"]
    assert pair.difference.mean == pytest.approx((0.33 + 0.29 + 0.29) / 3)  # base_model: 0.20, 0.23, 0.22
    assert pair.decision == "better"
    text = shown(tmp_path, asked)
    assert "| method | accuracy on `svamp` | against `base_model` |" in text
    assert re.search(r"\| `grpo` \| 52\.0 %[^|]* \| \*\*better\*\*, \+30\.3", text)
    assert re.search(r"\| `base_model` \| 21\.7 %[^|]* \| – \|", text)
    assert "Problems: `svamp` 4." in text


def test_transfer_without_outcomes_is_estimated_from_the_seeds(tmp_path):
    factories.write(tmp_path / "results", transferring("svamp"), with_transfer)
    found = transfer_accuracy(gather(tmp_path / "results", "tiny"), "svamp").of("sft", "grade_school")
    assert (found.mean, found.over) == (pytest.approx((0.22 + 0.21 + 0.24) / 3), "seeds")
    assert 0 < found.low < found.mean < found.high < 1


def test_a_failed_job_shows_its_status_and_a_suite_without_transfer_no_section(tmp_path):
    def change(one):
        done = with_transfer(one)
        return factories.failed(done) if one.job.algorithm.name == "sft" else done

    text = text_of(tmp_path, transferring("svamp"), change)
    assert "| `sft` | failed | – |" in text.split("## Transfer", 1)[1]
    assert "## Transfer" not in text_of(tmp_path / "none", factories.suite(tasks=GRADE))


# --- slower ways -----------------------------------------------------------------------------------------------------


def test_the_conditions_name_slower_ways_and_why(tmp_path):
    said = ReadingPlan("head", "left_padded", "right_padded", ("scoring with a shared prompt fails (X: y|z)",)).slower

    def change(one):
        return replace(one, provenance=replace(one.provenance, reading=said))

    assert said == (
        "slower than the fastest way: scoring whole rows in one batch, because scoring with a shared prompt fails "
        "(X: y|z)"
    )
    text = text_of(tmp_path, factories.suite(tasks=GRADE), change)
    assert "| reading of the model | " + said.replace("|", "\\|") + " |" in text


def test_the_fastest_way_is_not_worth_a_line(tmp_path):
    assert ReadingPlan("head", "left_padded", "shared_prompt").slower is None
    assert "reading of the model" not in text_of(tmp_path, factories.suite(tasks=GRADE))


def test_all_slower_ways_are_named():
    found = ReadingPlan("whole", "without_cache", "row_by_row").slower
    assert found == (
        "slower than the fastest way: logits by the whole model, sampling without a cache, scoring row by row"
    )
