from __future__ import annotations

import json
import threading
from dataclasses import replace

import factories
import pytest

from benchmark.contract import Diagnosis, StepLog
from benchmark.errors import BadRecord, ConfigurationError
from benchmark.store import atomic, outcomes, records
from benchmark.store.steps import read_steps, write_steps


@pytest.fixture
def one():
    return factories.record(factories.suite(), "grpo", "competition", 1)


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_record_comes_back_equal_and_writes_equal_bytes(tmp_path, one):
    folder = records.write_record(tmp_path / "a", one)
    again = records.read_record(folder)
    assert again == one
    other = records.write_record(tmp_path / "b", again)
    assert (folder / "record.json").read_bytes() == (other / "record.json").read_bytes()
    assert folder == tmp_path / "a" / "tiny" / one.job.id == records.job_folder(tmp_path / "a", one.job)


def test_record_json_has_sorted_keys_one_last_newline_and_no_leftovers(tmp_path, one):
    folder = records.write_record(tmp_path, one)
    text = (folder / "record.json").read_text()
    assert text.endswith("}\n")
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert [path.name for path in folder.iterdir()] == ["record.json"]


def test_diagnoses_come_back_and_a_record_without_them_still_reads(tmp_path, one):
    ill = replace(one, diagnoses=(Diagnosis("collapse", "entropy 1 → 0.1 (steps 3–4)", "Lower it."),))
    folder = records.write_record(tmp_path, ill)
    assert records.read_record(folder) == ill
    plain = json.loads((folder / "record.json").read_text())
    del plain["diagnoses"]
    (folder / "record.json").write_text(json.dumps(plain))
    assert records.read_record(folder) == one


def test_a_log_without_steps_leaves_no_file(tmp_path):
    write_steps(tmp_path, [StepLog(1, 8, 1.0, {"loss": 0.5})])
    write_steps(tmp_path, ())
    assert list(tmp_path.iterdir()) == []
    assert read_steps(tmp_path) == ()


def test_none_in_metrics_and_provenance_stays_none(tmp_path, one):
    one = replace(one, metrics={"maj@4": None, "accuracy": 0.0}, provenance=None)
    assert records.read_record(records.write_record(tmp_path, one)) == one


def test_settings_keep_their_types(tmp_path, one):
    settings = {"flag": True, "count": 1, "rate": 1.0, "name": "x", "nothing": None}
    one = replace(one, job=replace(one.job, algorithm=replace(one.job.algorithm, settings=settings)))
    again = records.read_record(records.write_record(tmp_path, one)).job.algorithm.settings
    assert {name: type(value) for name, value in again.items()} == {k: type(v) for k, v in settings.items()}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_know_is_refused_and_leaves_nothing(tmp_path, one, value):
    with pytest.raises(BadRecord, match="NaN or infinite"):
        records.write_record(tmp_path, replace(one, metrics={"accuracy": value}))
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wall_seconds": "12"}, "wall_seconds"),
        ({"wall_second": 12}, "unknown key 'wall_second'"),
        ({"status": "fine"}, "status"),
        ({"schema_version": 99}, "schema version 99, but this package reads up to 1"),
    ],
)
def test_a_malformed_record_names_file_and_fault(tmp_path, one, changes, message):
    path = records.write_record(tmp_path, one) / "record.json"
    edit(path, **changes)
    with pytest.raises(BadRecord, match=message) as caught:
        records.read_records(tmp_path, "tiny")
    assert str(path) in str(caught.value)


def test_an_unknown_key_deep_inside_is_found(tmp_path, one):
    path = records.write_record(tmp_path, one) / "record.json"
    job = json.loads(path.read_text())["job"]
    edit(path, job=job | {"training": job["training"] | {"step": 3}})
    with pytest.raises(BadRecord, match=r"unknown key 'job\.training\.step'"):
        records.read_record(path.parent)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_file_that_is_no_record_says_what_to_do(tmp_path, one, content):
    path = records.write_record(tmp_path, one) / "record.json"
    path.write_bytes(content)
    with pytest.raises(BadRecord, match="delete its folder to run the job again"):
        records.read_record(path.parent)


def test_a_record_in_the_folder_of_another_job_is_refused(tmp_path, one):
    folder = records.write_record(tmp_path, one)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(BadRecord, match="is the record of job"):
        records.read_records(tmp_path, "tiny")


def test_records_come_sorted_by_job_id_and_a_missing_suite_is_named(tmp_path):
    written = factories.write(tmp_path, factories.suite())
    assert [one.job.id for one in records.read_records(tmp_path, "tiny")] == sorted(one.job.id for one in written)
    with pytest.raises(BadRecord, match="Run the suite 'other' first"):
        records.read_records(tmp_path, "other")


def test_is_done_only_when_done(tmp_path, one):
    assert not records.is_done(tmp_path, one.job)
    records.write_record(tmp_path, factories.failed(one))
    assert not records.is_done(tmp_path, one.job)
    folder = records.write_record(tmp_path, one)
    assert records.is_done(tmp_path, one.job)
    assert not records.is_done(tmp_path, replace(one.job, id="another"))
    edit(folder / "record.json", schema_version=0)
    assert not records.is_done(tmp_path, one.job)
    edit(folder / "record.json", schema_version=2)
    with pytest.raises(BadRecord, match="newer"):
        records.is_done(tmp_path, one.job)


def test_the_suite_comes_back_equal(tmp_path):
    asked = factories.suite()
    assert records.write_suite(tmp_path, asked) == tmp_path / "tiny" / "suite.json"
    assert records.read_suite(tmp_path, "tiny") == asked
    with pytest.raises(BadRecord, match="no such file"):
        records.read_suite(tmp_path, "other")


STRANGE = (None, "", '"', '""', "a,b", "\\frac{1}{2}", "two\nlines\r\n", " ", "é→∑", "None", '\\"')


def test_outcomes_come_back_equal_whatever_their_strings(tmp_path):
    plain = factories.outcomes()[0]
    written = tuple(
        replace(plain, problem=f"p{index}", answer=text, strategy=text, text=text or "")
        for index, text in enumerate(STRANGE)
    )
    outcomes.write_outcomes(tmp_path, written)
    assert outcomes.read_outcomes(tmp_path) == written


def test_outcomes_are_the_same_bytes_twice_and_carry_no_text(tmp_path):
    for name in ("a", "b"):
        outcomes.write_outcomes(tmp_path / name, factories.outcomes())
    for name in ("outcomes.csv.gz", "samples.jsonl.gz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        # bytes 4-7 of a gzip header are the time, and flag bit 3 in byte 3 says that a file name follows
        assert (tmp_path / "a" / name).read_bytes()[3:8] == b"\0\0\0\0\0"
    table = atomic.unzipped(tmp_path / "a" / "outcomes.csv.gz")
    assert table.splitlines()[:2] == [
        "problem,sample,verdict,answer,route,tokens,truncated,strategy",
        "p0,-1,correct,18,exact,20,false,a+b",
    ]
    assert "text" not in table


def test_outcomes_without_samples_have_empty_texts(tmp_path):
    outcomes.write_outcomes(tmp_path, factories.outcomes())
    outcomes.write_outcomes(tmp_path, factories.outcomes(), texts=False)
    assert [path.name for path in tmp_path.iterdir()] == ["outcomes.csv.gz"]
    assert outcomes.read_outcomes(tmp_path) == tuple(replace(one, text="") for one in factories.outcomes())


def test_no_outcomes_are_an_empty_table(tmp_path):
    outcomes.write_outcomes(tmp_path, ())
    assert outcomes.read_outcomes(tmp_path) == ()


HEADER = "problem,sample,verdict,answer,route,tokens,truncated,strategy\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "outcomes"),
        ("problem\n", "the columns are not"),
        (HEADER + "p,0,correct,,exact,3,false,", "no end"),
        (HEADER + "p,0,correct,,exact,3,false\n", "shorter|longer"),
        (HEADER + "p,0,perhaps,,exact,3,false,\n", "0.verdict"),
        (HEADER + "p,zero,correct,,exact,3,false,\n", "0.sample"),
        (HEADER + 'p"q,0,correct,,exact,3,false,\n', "not CSV at character"),
    ],
)
def test_malformed_outcomes_name_file_and_fault(tmp_path, table, message):
    (tmp_path / "outcomes.csv.gz").write_bytes(atomic.zipped(table))
    with pytest.raises(BadRecord, match=message) as caught:
        outcomes.read_outcomes(tmp_path)
    assert str(tmp_path / "outcomes.csv.gz") in str(caught.value)


def test_a_damaged_archive_is_a_bad_record(tmp_path):
    outcomes.write_outcomes(tmp_path, factories.outcomes())
    path = tmp_path / "outcomes.csv.gz"
    whole = path.read_bytes()
    for content in (whole[:40], whole[:20] + b"\xff\xff\xff" + whole[23:], b"plain"):
        path.write_bytes(content)
        with pytest.raises(BadRecord, match="run the job again"):
            outcomes.read_outcomes(tmp_path)


def test_samples_of_another_exam_are_refused(tmp_path):
    outcomes.write_outcomes(tmp_path / "a", factories.outcomes())
    outcomes.write_outcomes(tmp_path / "b", factories.outcomes(count=2))
    (tmp_path / "b" / "samples.jsonl.gz").replace(tmp_path / "a" / "samples.jsonl.gz")
    with pytest.raises(BadRecord, match="does not fit"):
        outcomes.read_outcomes(tmp_path / "a")


def test_steps_keep_every_digit_and_every_gap(tmp_path):
    steps = (
        StepLog(step=0, completions=0, seconds=0.0, metrics={"probe/accuracy": 1 / 3}),
        StepLog(1, 128, 0.1 + 0.2, {"reward/mean": 1e-17, "a": 1.5e308}, tokens=4000, updates=2, flops=10**19),
        StepLog(2, 256, 1.0, {}, tokens=8000, updates=4),
    )
    write_steps(tmp_path, steps)
    assert read_steps(tmp_path) == steps
    assert (tmp_path / "steps.csv").read_text() == (
        "step,completions,seconds,tokens,updates,flops,a,probe/accuracy,reward/mean\n"
        "0,0,0.0,,,,,0.3333333333333333,\n"
        "1,128,0.30000000000000004,4000,2,10000000000000000000,1.5e+308,,1e-17\n"
        "2,256,1.0,8000,4,,,,\n"
    )


def test_logs_of_before_tokens_updates_and_flops_were_counted_are_read(tmp_path):
    (tmp_path / "steps.csv").write_text("step,completions,seconds,loss\n1,8,1.5,0.25\n")
    assert read_steps(tmp_path) == (StepLog(1, 8, 1.5, {"loss": 0.25}, tokens=None, updates=None, flops=None),)


def test_a_job_without_steps_has_none_and_a_bad_file_is_named(tmp_path):
    assert read_steps(tmp_path) == ()
    for content in ("", "step,seconds\n", "step,completions,seconds\n1,2\n", "step,completions,seconds\n1,x,2\n"):
        (tmp_path / "steps.csv").write_text(content)
        with pytest.raises(BadRecord, match=r"steps\.csv"):
            read_steps(tmp_path)


def test_the_same_job_of_another_suite_is_taken_over(tmp_path, one):
    mine = replace(one.job, suite="other")
    assert not records.adopt(tmp_path, mine)
    folder = records.write_record(tmp_path, replace(one, status="failed", reason="x"))
    assert not records.adopt(tmp_path, mine)  # only what is done
    outcomes.write_outcomes(folder, factories.outcomes())
    write_steps(folder, factories.steps(0.5))
    records.write_record(tmp_path, one)
    assert records.adopt(tmp_path, mine)
    taken = tmp_path / "other" / one.job.id
    assert records.read_record(taken) == replace(one, job=mine)
    assert {path.name for path in taken.iterdir()} == {path.name for path in folder.iterdir()}
    assert outcomes.read_outcomes(taken) == outcomes.read_outcomes(folder)
    assert not records.adopt(tmp_path, replace(mine, id=mine.id + "x"))


def test_outcomes_can_be_read_without_their_texts(tmp_path):
    outcomes.write_outcomes(tmp_path, factories.outcomes())
    assert {one.text for one in outcomes.read_outcomes(tmp_path, texts=False)} == {""}
    assert outcomes.read_outcomes(tmp_path) == factories.outcomes()


EVIL = ["../../evil", "..", "/evil", "a/b", "a\\b", "C:evil", ".hidden", "two\nlines", "nul\0", "", "a:b", "a b"]


@pytest.mark.parametrize("name", EVIL)
def test_no_name_in_a_file_leads_out_of_the_results(tmp_path, one, name):
    suite = factories.suite()
    root = tmp_path / "deep" / "results"
    for job in (replace(one.job, suite=name), replace(one.job, id=name)):
        with pytest.raises(BadRecord, match="cannot name"):
            records.write_record(root, replace(one, job=job))
    for kind in (outcomes.OUTCOMES, outcomes.SAMPLES):
        with pytest.raises(BadRecord, match="cannot name"):
            outcomes.file_of(kind, name)
    for asked in (
        replace(suite, tasks=("competition", name)),
        replace(suite, algorithms=(*suite.algorithms, replace(suite.algorithms[0], name=name))),
        replace(suite, exam=replace(suite.exam, transfer=(name,))),
    ):
        records.write_suite(root, asked)
        with pytest.raises(BadRecord, match="cannot name"):
            records.read_suite(root, asked.name)
    assert {path.name for path in tmp_path.rglob("*")} == {"deep", "results", "tiny", "suite.json"}


def test_suites_whose_names_differ_in_case_only_do_not_share_a_folder(tmp_path):
    records.write_suite(tmp_path, factories.suite("tiny"))
    records.write_suite(tmp_path, factories.suite("tiny"))
    with pytest.raises(ConfigurationError, match="differs from 'Tiny' in case only"):
        records.write_suite(tmp_path, factories.suite("Tiny"))


def test_two_writers_with_one_process_number_do_not_meet(tmp_path, monkeypatch):
    """As two containers on one file server: 119 of 600 writes failed when the number made the temporary name."""
    monkeypatch.setattr(atomic.os, "getpid", lambda: 7)
    path = tmp_path / "record.json"
    errors = []

    def write(content):
        for _ in range(100):
            try:
                atomic.write(path, content)
                assert path.read_bytes() in {b"a" * 1000, b"b" * 1000}
            except OSError as error:
                errors.append(error)

    threads = [threading.Thread(target=write, args=(letter * 1000,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [one.name for one in tmp_path.iterdir()] == ["record.json"]


def test_what_a_killed_writer_left_is_removed(tmp_path):
    (tmp_path / ".record.json.0123456789abcdef.tmp").write_bytes(b"half")
    (tmp_path / "record.json").write_bytes(b"whole")
    atomic.remove_unfinished(tmp_path)
    atomic.remove_unfinished(tmp_path / "nowhere")
    assert [one.name for one in tmp_path.iterdir()] == ["record.json"]
