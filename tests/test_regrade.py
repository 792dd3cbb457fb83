"""Cross-grading: a step of the exam, kept beside the outcomes and read back."""

from __future__ import annotations

from dataclasses import replace

import factories
import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.commands.regrade import regrade_suite
from benchmark.contract import CrossGrading, ExamProblems, Outcome, Problem
from benchmark.errors import BadRecord
from benchmark.exam.regrade import RIVALS, cross_grading
from benchmark.store.atomic import zipped
from benchmark.store.kept import (
    CROSS_GRADING,
    problems_path,
    read_cross_grading,
    read_problems,
    write_cross_grading,
    write_problems,
)
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import adopt, job_folder, write_record, write_suite
from benchmark.tasks import digest, load_task

TASK = "competition"
SPLITS = [load_task(TASK).load(split) for split in ("train", "validation", "test")]
DIGEST = digest(problem for split in SPLITS for problem in split)
PROBLEM = Problem("p", "2 + 3?", "5", "2+3=5. #### 5")
HOSTILE = '"a,b"\n\r\x00é'


def outcome(text, verdict, sample=0, problem="p"):
    return Outcome(problem, sample, verdict, None, "exact", 1, False, None, text)


def test_only_disagreements_are_kept_and_by_name():
    outcomes = [
        outcome("#### 5", "correct", -1),  # everybody accepts it
        outcome("I say 5", "wrong", 0),  # only the rule that takes the last number does
        outcome("\\boxed{5}", "wrong", 1),  # all do, the record does not
        outcome("#### 6", "wrong", 2),
    ]
    found = cross_grading(outcomes, [PROBLEM])
    assert found.graders == RIVALS
    assert found.differing == {("p", 0): {"flexible": "correct"}, ("p", 1): dict.fromkeys(RIVALS, "correct")}
    with pytest.raises(KeyError):
        cross_grading([outcome("x", "wrong", problem="other")], [PROBLEM])


def test_what_is_kept_comes_back_equal(tmp_path):
    found = CrossGrading(("a", "b"), {(HOSTILE, -1): {"b": "correct"}, ("q", 3): {"a": "no_answer", "b": "wrong"}})
    write_cross_grading(tmp_path, found)
    assert read_cross_grading(tmp_path) == found
    assert read_cross_grading(tmp_path / "none") is None
    write_cross_grading(tmp_path, CrossGrading(("a",), {}))
    assert read_cross_grading(tmp_path) == CrossGrading(("a",), {})
    kept = ExamProblems("d" * 64, (replace(PROBLEM, id=HOSTILE, kind="x", level=2), PROBLEM))
    write_problems(tmp_path, "s", TASK, kept)
    assert read_problems(tmp_path, "s", TASK) == replace(
        kept, problems=tuple(replace(one, solution="") for one in kept.problems)
    )
    assert read_problems(tmp_path, "s", "other") is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("problem,sample,a\np,x,\n", "invalid literal"),
        ("problem,sample,a\np,0,maybe\n", "a verdict that is none of"),
        ("problem,a\np,0\n", "columns are not"),
        ("problem,sample,a\n,0,wrong\n", "without a problem"),
        ("problem,sample,a\np,0\n", ""),
    ],
)
def test_a_damaged_file_is_named_with_its_remedy(tmp_path, table, message):
    (tmp_path / CROSS_GRADING).write_bytes(zipped(table))
    with pytest.raises(BadRecord, match=rf"(?s)cross_grading\.csv\.gz: .*{message}.*bakeoff regrade"):
        read_cross_grading(tmp_path)
    path = problems_path(tmp_path, "s", TASK)
    path.parent.mkdir(parents=True)
    for content in (b"no archive", zipped("{}\n"), zipped('{"task_digest": "x"}\n{"id": 5}\n'), zipped("")):
        path.write_bytes(content)
        with pytest.raises(BadRecord, match="bakeoff regrade"):
            read_problems(tmp_path, "s", TASK)


def suite_on_disk(root, *, task_digest=DIGEST, texts=True):
    suite = factories.suite(seeds=(0,), tasks=(TASK,))
    write_suite(root, suite)
    one = factories.record(suite, "grpo", TASK, 0)
    one = replace(one, provenance=replace(one.provenance, task_digest=task_digest))
    drawn = [outcome(f"I say {SPLITS[2][0].gold}", "wrong", problem=SPLITS[2][0].id)]
    write_outcomes(job_folder(root, one.job), drawn, texts=texts)
    write_record(root, factories.true_to(one, drawn))
    return one


def test_the_command_keeps_what_older_records_lack(tmp_path):
    one = suite_on_disk(tmp_path)
    result = CliRunner().invoke(app, ["regrade", "tiny", "--results", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "the completions of 1 jobs are graded again" in result.output
    kept = read_cross_grading(job_folder(tmp_path, one.job))
    assert kept.differing == {(SPLITS[2][0].id, 0): {"flexible": "correct"}}
    assert len(read_problems(tmp_path, "tiny", TASK).problems) == len(SPLITS[2])
    moved = replace(one.job, suite="other")  # another suite takes over the job with what is kept
    assert adopt(tmp_path, moved)
    assert read_cross_grading(job_folder(tmp_path, moved)) == kept
    assert read_problems(tmp_path, "other", TASK) == read_problems(tmp_path, "tiny", TASK)


@pytest.mark.parametrize(
    ("change", "reason"), [({"texts": False}, "not kept"), ({"task_digest": "c" * 64}, "it sat other problems")]
)
def test_what_cannot_be_graded_again_is_left_out_with_a_reason(tmp_path, change, reason):
    one = suite_on_disk(tmp_path, **change)
    found = regrade_suite(tmp_path, "tiny")
    assert found.jobs == 0
    assert reason in found.left_out[one.job.id]
    assert read_cross_grading(job_folder(tmp_path, one.job)) is None
    assert read_problems(tmp_path, "tiny", TASK) is None
