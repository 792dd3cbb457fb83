"""The report's section on graders: real problems of a generated task, completions written by hand."""

from dataclasses import replace
from fractions import Fraction

import factories
import pytest
from factories import undrawn

from benchmark.comparison.evidence import gather
from benchmark.contract import ExamProblems, Outcome
from benchmark.exam.regrade import cross_grading
from benchmark.report import check_report, document, write_report
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.report.tables import graders
from benchmark.report.tables.graders import kendall_tau, regrade
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import job_folder, write_record, write_suite
from benchmark.tasks import digest, load_task

TASK = "grade_school"
PROBLEMS = load_task(TASK).load("test")[:4]
DIGEST = digest(each for split in ("train", "validation", "test") for each in load_task(TASK).load(split))
# Of four completions: how many end in the right `#### n`, how many only state the right number.
MARKED = {"base_model": (0, 4), "grpo": (3, 0), "flowrl": (2, 0), "sft": (1, 1)}


def outcomes(method, hostile=""):
    marked, stated = MARKED[method]
    for place, problem in enumerate(PROBLEMS):
        right = place < marked
        text = (
            f"\\boxed{{-7}} on page {problem.gold}"
            if marked <= place < marked + stated
            else f"{hostile}0*1=0.\n#### -7"
        )
        yield Outcome(
            problem=problem.id,
            sample=0,
            verdict="correct" if right else "wrong",
            answer=problem.gold if right else None,
            route="exact",
            tokens=9,
            truncated=False,
            strategy=None,
            text=f"1*1=1.\n#### {problem.gold}" if right else text,
        )


def made(tmp_path, *, task_digest=DIGEST, texts=True, hostile="", kept=True):
    """A suite of four methods and one seed on disk, read back."""
    suite = factories.suite(seeds=(0,), tasks=(TASK,))
    root = tmp_path / "results"
    write_suite(root, suite)
    write_problems(root, suite.name, TASK, ExamProblems(DIGEST, PROBLEMS))
    for method in MARKED:
        one = factories.record(suite, method, TASK, 0)
        one = replace(one, provenance=replace(one.provenance, task_digest=task_digest))
        drawn = tuple(outcomes(method, hostile))
        write_outcomes(job_folder(root, one.job), drawn, texts=texts)
        if kept:
            write_cross_grading(job_folder(root, one.job), cross_grading(drawn, PROBLEMS))
        write_record(root, factories.true_to(one, drawn))
    return gather(root, suite.name)


def test_tables_and_sentences_by_hand(tmp_path):
    section = regrade(made(tmp_path), TASK)
    cells = {row[0]: row[1:] for row in section.accuracies.rows}
    space = "\u00a0"
    # ours: 0, 3, 2, 1 of 4; flexible also takes the bare number: 4, 3, 2, 2
    assert cells["`base_model`"] == tuple(f"{share}{space}%" for share in ("0.0", "0.0", "100.0", "0.0", "0.0"))
    assert cells["`sft`"] == tuple(f"{share}{space}%" for share in ("25.0", "25.0", "50.0", "25.0", "25.0"))
    counts = {row[0]: row[1:] for row in section.graders.rows}
    assert counts["`exact`"] == ("1.000", "0", f"0.0{space}%", "0", "0")
    # five texts of sixteen; of six pairs two agree, three are turned round, one is level: (2 − 3)/√(6·5)
    assert counts["`flexible`"] == ("−0.183", "5", f"31.2{space}%", "5", "0")
    said = " ".join(section.sentences)
    assert "16 completions" in said
    assert "the same under `exact`, `minerva` and `hendrycks`" in said
    assert "Under `flexible` these change places or become level: `base_model` and `grpo` (75.00 points)" in said
    assert "none of these pairs do the seeds tell apart" in said  # one seed tells nothing


def test_a_swap_that_the_seeds_decide_is_named(tmp_path, monkeypatch):
    evidence = made(tmp_path)
    decided = replace(evidence.compare("accuracy", TASK, "grpo", "flowrl"), decision="better")
    monkeypatch.setattr("benchmark.comparison.evidence.Evidence.compare", lambda *_: decided)
    said = " ".join(regrade(evidence, TASK).sentences)
    assert "the seeds tell `base_model` and `flowrl`, `base_model` and `grpo`" in said


def test_kendall_by_hand():
    def of(*values):
        return [Fraction(value) for value in values]

    assert kendall_tau(of(1, 2, 3), of(4, 5, 6)) == 1
    assert kendall_tau(of(1, 2, 3), of(6, 5, 4)) == -1
    # two of three pairs agree, one is turned round: (2 − 1)/3
    assert kendall_tau(of(1, 2, 3), of(4, 6, 5)) == pytest.approx(1 / 3)
    # one pair level in theirs: 2/√(3·2)
    assert kendall_tau(of(1, 2, 3), of(1, 2, 2)) == pytest.approx(2 / 6**0.5)
    assert kendall_tau(of(1, 2), of(3, 3)) is None


def test_fewer_samples_where_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(graders, "MOST", 1)
    assert "samples 0 to 0 of each problem" in regrade(made(tmp_path), TASK).sentences[0]


def test_without_a_stored_cross_grading_the_section_says_so(tmp_path):
    section = regrade(made(tmp_path, kept=False), TASK)
    assert "no cross-grading is stored with all of its records. `bakeoff regrade tiny`" in section.sentences[0]
    assert section.accuracies is None
    assert "no job is done" in regrade(made(tmp_path, kept=False), "gsm8k").sentences[0]


@pytest.mark.parametrize("change", [{"texts": False}, {"task_digest": "c" * 64}])
def test_the_numbers_need_neither_texts_nor_problems(tmp_path, change):
    whole, bare = regrade(made(tmp_path / "whole"), TASK), regrade(made(tmp_path / "bare", **change), TASK)
    assert (bare.accuracies, bare.graders) == (whole.accuracies, whole.graders)
    assert whole.examples is not None
    assert (bare.examples is None) == ("texts" in change)
    assert ("different pairs" in bare.sentences[0]) == ("texts" not in change)


def test_the_page_holds_the_section_and_texts_are_data_in_it(tmp_path):
    hostile = "</details><script>x</script> | `b` \x1b[31m\n# heading\n"
    evidence = made(tmp_path, hostile=hostile)
    with undrawn():
        text = write_report(evidence.results, tmp_path / "reports", "tiny").read_text()
        assert check_report(evidence.results, tmp_path / "reports", "tiny") == []
    part = text.split("\n## Graders\n")[1].split("\n## ")[0]
    assert "</details>" not in part  # the examples are on the page alone
    whole = document.markdown("tiny", evidence.digest, sections(ReportData(evidence)), whole=True)
    part = whole.split("\n## Graders\n")[1].split("\n## ")[0]
    assert part.count("<details>") == part.count("</details>") == 1
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "\n# heading" not in text


def test_hostile_examples_stay_in_their_cell(tmp_path, monkeypatch):
    monkeypatch.setitem(MARKED, "base_model", (0, 0))
    evidence = made(tmp_path, hostile="</details> | `b` \x1b[31m\n# heading\n")
    monkeypatch.setattr(graders, "_accepts", lambda _, name: name != "bakeoff")
    table = str(regrade(evidence, TASK).examples)
    row = next(line for line in table.splitlines() if "heading" in line)
    assert "&lt;/details> \\| 'b' \\x1b[31m\\n# heading\\n0*1=0.\\n#### -7`" in row
