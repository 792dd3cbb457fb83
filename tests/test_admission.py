"""A report names a job that its own files contradict and goes on without it; what must not be compared is refused."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import factories
import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.commands.run.verify import verify_folder
from benchmark.comparison.admission import admitted, computed
from benchmark.comparison.evidence import gather
from benchmark.contract import Exam, Identity, MachineLoad, StepLog, job_id
from benchmark.errors import BadRecord, ConfigurationError
from benchmark.exam.metrics import measure
from benchmark.report import terminal_table, write_report
from benchmark.report.document import markdown
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.store import atomic, outcomes, records
from benchmark.store.digests import digests_of, refuse_changed
from benchmark.store.provenance import numbers_version
from benchmark.store.steps import write_steps

RIGHT = {"base_model": 1, "grpo": 2, "flowrl": 2, "sft": 2}


def identity(**changes):
    return replace(Identity(*("1" * 64, "2" * 64, "3" * 64, "4" * 64), "grader", numbers_version()), **changes)


def put(root, record, found, *, texts=True):
    """A finished job with its files and their digests."""
    folder = records.job_folder(root, record.job)
    outcomes.write_outcomes(folder, found, texts=texts)
    if record.job.algorithm.name != "base_model":
        write_steps(folder, factories.steps(0.5))
    honest = replace(record, metrics=measure(found), files=digests_of(folder))
    return records.write_record(root, honest)


def write(root, change=lambda one: one):
    """Four methods × two seeds with identities, outcomes, texts, steps and digests."""
    asked = replace(factories.suite(seeds=(0, 1), tasks=("competition",)), exam=Exam(problems=4, samples=2))
    folders = {}
    for algorithm in asked.algorithms:
        for seed in asked.seeds:
            one = change(factories.record(asked, algorithm.name, "competition", seed))
            job = replace(one.job, identity=one.job.identity or identity(method=str(len(algorithm.name)) * 64))
            one = replace(one, job=replace(job, id=job_id(job)))
            folders[algorithm.name, seed] = put(root, one, factories.outcomes(RIGHT[algorithm.name] + seed % 2))
    records.write_suite(root, replace(asked, planned=tuple(sorted(folder.name for folder in folders.values()))))
    return asked, folders


@pytest.fixture
def whole(tmp_path):
    return tmp_path, write(tmp_path)[1]


def edited(path, change):
    """Edit a JSON file."""
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def replaced(path, old, new):
    """Edit a gzip file."""
    text = atomic.unzipped(path)
    assert old in text
    path.write_bytes(atomic.zipped(text.replace(old, new)))


def forged(folder, change):
    """Edit a record, and the digests in it as a careful forger would."""
    edited(folder / "record.json", lambda value: (change(value), value.update(files=digests_of(folder))))


def metric(name, value):
    def change(folder):
        edited(folder / "record.json", lambda record: record["metrics"].__setitem__(name, value))

    return change


def at(*path, value):
    def change(folder):
        def put_in(record):
            for key in path[:-1]:
                record = record[key]
            record[path[-1]] = value

        edited(folder / "record.json", put_in)

    return change


def without(*path):
    def change(folder):
        def take(record):
            for key in path[:-1]:
                record = record[key]
            del record[path[-1]]

        edited(folder / "record.json", take)

    return change


def nested(folder):
    (folder / "record.json").write_text('{"job": ' + "[" * 200_000 + "]" * 200_000 + "}", encoding="utf-8")


def a_row(change):
    """Take a row of the outcomes away or put it in twice, with a digest that fits."""

    def edit(folder):
        path = folder / "outcomes.csv.gz"
        lines = atomic.unzipped(path).splitlines(keepends=True)
        path.write_bytes(atomic.zipped("".join(change(lines))))
        forged(folder, lambda _: None)

    return edit


def a_step(old, new):
    def change(folder):
        path = folder / "steps.csv"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        forged(folder, lambda _: None)

    return change


def more_correct(folder):
    replaced(folder / "outcomes.csv.gz", "wrong", "correct")


def more_correct_with_digest(folder):
    more_correct(folder)
    forged(folder, lambda _: None)


def empty_exam(folder):
    outcomes.write_outcomes(folder, ())
    forged(folder, lambda _: None)


def cut_cross_grading(folder):
    (folder / "cross_grading.csv.gz").write_bytes(gzip.compress(b"problem,sample\nx")[:20])


def other_texts(folder):
    replaced(folder / "samples.jsonl.gz", "text 0 0", "text 0 1")


def one_more_file(folder):
    outcomes.write_outcomes(folder, factories.outcomes(), task="svamp")


TAMPERED = {
    "accuracy is another number": (metric("accuracy", 0.99), "'accuracy' is 0.99, but outcomes.csv.gz gives 0.75"),
    "accuracy is no share": (metric("accuracy", 7.0), "'accuracy' is 7, but"),
    "accuracy is negative": (metric("accuracy", -1.0), "'accuracy' is -1, but"),
    "accuracy is null": (metric("accuracy", None), "'accuracy' is undefined, but outcomes.csv.gz gives 0.75"),
    "accuracy is left out": (without("metrics", "accuracy"), "'accuracy' is not in its metrics"),
    "accuracy is NaN": (metric("accuracy", float("nan")), "record.json"),
    "pass@2": (metric("pass@2", 0.5), "'pass@2' is 0.5"),
    "number of problems": (metric("problems", 5000.0), "'problems' is 5000"),
    "negative seconds": (at("phase_seconds", "update", value=-2.15), "phase_seconds.update = -2.15: a finite number"),
    "infinite seconds": (at("wall_seconds", value=float("inf")), "record.json"),
    "negative FLOPs": (at("counts", "flops", value=-10), "counts.flops = -10: a finite number"),
    "negative bytes": (at("peak_bytes", "rss/update", value=-1), "peak_bytes.rss/update = -1"),
    "another seed": (at("job", "seed", value=0), "its settings are those of job 'grpo-competition-s0-"),
    "another setting": (at("job", "training", "steps", value=3), "its settings are those of job"),
    "another identity": (at("job", "identity", "method", value="f" * 64), "its settings are those of job"),
    "deeply nested": (nested, "record.json"),
    "no JSON": (lambda folder: (folder / "record.json").write_text("{"), "record.json"),
    "outcomes changed": (more_correct, "outcomes.csv.gz: its SHA-256 is"),
    "outcomes changed with their digest": (more_correct_with_digest, "'greedy_accuracy' is 0.75, but"),
    "outcomes gone": (lambda folder: (folder / "outcomes.csv.gz").unlink(), "outcomes.csv.gz: no such file"),
    "texts changed": (other_texts, "samples.jsonl.gz: its SHA-256 is"),
    "steps changed": (lambda folder: (folder / "steps.csv").write_bytes(b"step\n"), "steps.csv"),
    "steps gone": (lambda folder: (folder / "steps.csv").unlink(), "steps.csv: no such file"),
    "digests gone": (at("files", value={}), "the digests of its files were taken out"),
    "a file more": (one_more_file, "outcomes-svamp.csv.gz: the job did not write it"),
    "a row of the outcomes gone": (a_row(lambda lines: lines[:-1]), "outcomes.csv.gz"),
    "a row of the outcomes twice": (a_row(lambda lines: [*lines, lines[-1]]), "outcomes.csv.gz"),
    "no outcome at all": (empty_exam, "outcomes.csv.gz: it holds no outcome"),
    "NaN in a log": (a_step("0.0", "nan"), "steps.csv: step"),
    "infinity in a log": (a_step("4000", "inf"), "steps.csv"),
    "negative step": (a_step("\n4,", "\n-4,"), "steps.csv: step -4"),
    "a metric called step": (a_step("reward/mean", "step"), "steps.csv: two columns have the same name"),
    "cross-grading cut": (cut_cross_grading, "cross_grading.csv.gz"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_one_bad_job_is_named_and_the_others_are_reported(whole, name):
    results, folders = whole
    change, message = TAMPERED[name]
    folder = folders["grpo", 1]
    change(folder)
    evidence = gather(results, "tiny")
    (bad,) = evidence.unreadable
    assert bad.job == folder.name
    assert message in bad.reason
    assert str(folder) in bad.reason
    assert len(evidence.records) == 7
    assert [one.job.seed for one in evidence.cell("grpo", "competition")] == [0]
    page = markdown("tiny", "0", sections(ReportData(evidence)), whole=True)
    assert f"- `{folder.name}`: " in page
    assert terminal_table(evidence).title.endswith("7 of 8 jobs done, 1 unreadable")
    assert any(message in fault for fault in verify_folder(results).faults)


def test_nothing_is_wrong_with_what_nobody_changed(whole):
    results, folders = whole
    found = admitted(results, records.read_suite(results, "tiny"))
    assert (len(found.records), found.stale, found.strays, found.unreadable) == (8, (), 0, ())
    assert verify_folder(results).line == "8 records: all are what their files say."
    assert verify_folder(results / "tiny") == verify_folder(results)
    assert set(records.read_record(folders["grpo", 0]).files) == {"outcomes.csv.gz", "samples.jsonl.gz", "steps.csv"}


def test_texts_may_be_left_out_and_nothing_else(whole):
    results, folders = whole
    folder = folders["grpo", 0]
    (folder / "samples.jsonl.gz").unlink()
    assert gather(results, "tiny").unreadable == ()
    refuse_changed(folder, records.read_record(folder))


def test_metrics_of_the_texts_are_computed_again_by_verify_alone(whole):
    results, folders = whole
    record = records.read_record(folders["grpo", 0])
    assert record.metrics["invalid_strategies"] is not None
    metric("invalid_strategies", 0.123)(folders["grpo", 0])
    (fault,) = verify_folder(results).faults
    assert "'invalid_strategies' is 0.123, but" in fault


def test_metrics_from_columns_are_those_of_measure():
    found = factories.outcomes(3)
    columns = computed(gathered_exam(found))
    whole_exam = measure(found)
    assert {"accuracy", "pass@2", "effective_strategies", "greedy_accuracy"} <= set(columns)
    assert all(value == pytest.approx(whole_exam[name]) for name, value in columns.items() if value is not None)
    assert all(whole_exam[name] is None for name, value in columns.items() if value is None)


def gathered_exam(found):
    from benchmark.exam.per_problem import per_problem

    return per_problem(found)


def test_records_of_before_digests_are_used_as_they_are_and_said_once(tmp_path):
    factories.write(tmp_path, factories.suite())
    evidence = gather(tmp_path, "tiny")
    assert (len(evidence.records), evidence.unreadable, evidence.stale) == (24, (), ())
    page = markdown("tiny", "0", sections(ReportData(evidence)), whole=False)
    assert page.count("not recorded of all records: whether code, data or model have changed since is not known") == 1
    assert verify_folder(tmp_path).line == (
        "24 records: all are what their files say; 24 of them have no digests of their files, they are older."
    )


# --- what must not share a table -------------------------------------------------------------------------------------


def made_with(**changes):
    def change(one):
        if (one.job.algorithm.name, one.job.seed) == ("grpo", 1):
            return replace(one, provenance=replace(one.provenance, **changes))
        return one

    return change


def another_identity(one):
    if (one.job.algorithm.name, one.job.seed) == ("grpo", 1):
        return replace(one, job=replace(one.job, identity=identity(task="9" * 64)))
    return one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (made_with(task_digest="e" * 64), f"different exam problems ({'e' * 12} and {'c' * 12})"),
        (made_with(model_digest="e" * 64), f"different starting weights ({'e' * 12} and {'b' * 12})"),
        (made_with(prompt_digest="e" * 64), f"different prompts ({'e' * 12} and {'d' * 12})"),
        (made_with(grader="bakeoff-grader 1"), "different graders (bakeoff-grader 1 and math-verify 0.9.0)"),
        (another_identity, f"different training or transfer problems ({'9' * 12} and {'2' * 12})"),
    ],
)
def test_different_exams_or_starts_are_refused_with_both_digests(tmp_path, change, message):
    write(tmp_path, change)
    with pytest.raises(BadRecord) as caught:
        gather(tmp_path, "tiny")
    said = str(caught.value)
    pair = message.partition(" (")[2].rstrip(")").split(" and ")
    assert message.partition(" (")[0] in said
    assert all(each in said for each in pair)
    assert "grpo-competition-s1-" in said


def test_results_of_another_method_are_stale_and_in_no_number(tmp_path):
    asked, folders = write(tmp_path)
    now = replace(records.read_record(folders["grpo", 1]).job, identity=identity(method="8" * 64))
    planned = [folder.name for folder in folders.values() if folder != folders["grpo", 1]]
    records.write_suite(tmp_path, replace(asked, planned=tuple(sorted([*planned, job_id(now)]))))
    evidence = gather(tmp_path, "tiny")
    assert [one.job.id for one in evidence.stale] == [folders["grpo", 1].name]
    assert [one.job.seed for one in evidence.cell("grpo", "competition")] == [0]
    page = markdown("tiny", "0", sections(ReportData(evidence)), whole=True)
    assert f"**1 result is stale**: `{folders['grpo', 1].name}` was made with other code" in page


def test_two_records_of_one_cell_are_both_left_out_where_nothing_says_which_counts(tmp_path):
    asked, folders = write(tmp_path)
    records.write_suite(tmp_path, asked)  # as before the planned jobs were kept
    job = replace(records.read_record(folders["grpo", 1]).job, identity=identity(method="8" * 64))
    put(
        tmp_path,
        replace(factories.record(asked, "grpo", "competition", 1), job=replace(job, id=job_id(job))),
        factories.outcomes(1),
    )
    found = admitted(tmp_path, asked)
    assert len(found.unreadable) == 2
    assert all("answers the same cell: delete the folder of the wrong one" in one.reason for one in found.unreadable)


def test_one_imported_file_as_two_seeds_is_refused(tmp_path):
    def change(one):
        source = "lm-eval samples.jsonl (SHA-256 0123456789ab)"
        return replace(one, imported=source) if one.job.algorithm.name == "grpo" else one

    write(tmp_path, change)
    with pytest.raises(BadRecord, match=r"are two seeds of one imported file \(SHA-256 0123456789ab\)"):
        gather(tmp_path, "tiny")


# --- how the rows were made ------------------------------------------------------------------------------------------


LIBRARIES = factories.provenance().libraries


def page_of(tmp_path, change):
    write(tmp_path, change)
    reading = ReportData(gather(tmp_path, "tiny"))
    return reading, markdown("tiny", "0", sections(reading), whole=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"libraries": {**LIBRARIES, "torch": "2.14.0"}}, "torch (2.13.0: "),
        ({"libraries": {**LIBRARIES, "transformers": "5.2.0"}}, "transformers (5.1.0: "),
        (
            {"libraries": {"torch": "2.13.0", "transformers": "5.1.0", "trl": "1.16.0"}},
            "trl (1.16.0: `grpo`; not installed: ",
        ),
        ({"device": "H200"}, "device (CPU, 1 thread: "),
        ({"machine": "0123456789ab"}, "machine (0123456789ab: `grpo`; not recorded: "),
    ],
)
def test_unlike_rows_are_named_above_the_tables_and_their_seconds_not_shown(tmp_path, changes, said):
    reading, page = page_of(tmp_path, made_with(**changes))
    start = "**The rows were not made alike.** They differ in "
    assert start + said in page
    assert page.index(start) < page.index("| method |")
    assert reading.mixed
    assert "seconds" not in {key for _, key, _ in reading.curves.points}
    assert not [name for name in ("phases.svg",) if name in page]


def test_seconds_of_a_busy_machine_are_marked_by_what_the_harness_saw(tmp_path):
    def change(one):
        busy = (one.job.algorithm.name, one.job.seed) == ("grpo", 1)
        load = MachineLoad(2, 3, 6.5 if busy else 2.5, 30.25 if busy else 0.0)
        return replace(one, load=None if one.job.algorithm.name == "base_model" else load)

    _, page = page_of(tmp_path, change)
    seen = "load average up to 6.5 on 2 processors, up to 30.2 s of waiting for a processor"
    assert f"as the harness saw: {seen} and up to 3 jobs of the sweep at once." in page
    marked = [line for line in page.splitlines() if line.startswith("| `") and "§" in line]
    assert marked
    assert all(line.startswith("| `grpo`") for line in marked)


@pytest.mark.parametrize(
    ("load", "busy"),
    [
        (MachineLoad(2, 1, 2.9, None), False),
        (MachineLoad(2, 1, 3.0, None), True),  # one process more than there are processors
        (MachineLoad(2, 1, None, 0.5), False),  # 5 % of 10 s
        (MachineLoad(2, 1, None, 0.51), True),
        (MachineLoad(2, 1, None, None), False),
    ],
)
def test_what_is_busy(load, busy):
    assert load.busy(10.0) is busy


# --- the commands ----------------------------------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_report_and_verify_name_a_bad_job_and_end_with_1(whole, tmp_path):
    results, folders = whole
    assert run("verify", results).exit_code == 0
    more_correct(folders["flowrl", 0])
    with factories.undrawn():
        said = run("report", "tiny", "--results", results, "--reports", tmp_path / "reports")
    assert said.exit_code == 1
    assert f"unreadable: {folders['flowrl', 0].name}: {folders['flowrl', 0]}" in said.output.replace("\n", "")
    assert (tmp_path / "reports" / "tiny.md").exists()
    said = run("verify", results / "tiny")
    assert said.exit_code == 1
    assert "outcomes.csv.gz: its SHA-256 is" in said.output
    assert "1 fault" in said.output


def test_verify_of_a_folder_without_results_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match="no results there"):
        verify_folder(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "suite.json").write_text("[" * 100_000)
    assert len(verify_folder(tmp_path).faults) == 1


# --- what is written --------------------------------------------------------------------------------------------------


def test_a_failure_s_text_that_is_no_utf_8_is_kept_as_an_escape(tmp_path):
    one = factories.failed(factories.record(factories.suite(), "grpo", "competition", 1), reason="half \ud83d of it")
    folder = records.write_record(tmp_path, one)
    assert records.read_record(folder).reason == "half \\ud83d of it"


def test_a_log_that_could_not_be_read_back_is_not_written(tmp_path):
    with pytest.raises(BadRecord, match="a metric is named 'seconds'"):
        write_steps(tmp_path, [StepLog(1, 8, 1.0, {"seconds": 2.0})])
    assert not list(Path(tmp_path).iterdir())


def test_the_report_of_a_folder_whose_suite_has_nothing_readable_is_a_report(whole, tmp_path):
    results, folders = whole
    for folder in folders.values():
        nested(folder)
    with factories.undrawn():
        page = write_report(results, tmp_path / "reports", "tiny").read_text(encoding="utf-8")
    assert "**8 jobs cannot be read and are not used:**" in page
