"""Files of finished jobs that something else than their own process changes."""

import pytest
from factories import record, suite

from benchmark.run.seals import Seals
from benchmark.store.records import job_folder, read_record, write_record


@pytest.fixture
def job(tmp_path):
    """A finished job with outcomes beside its record."""
    asked = suite()
    done = record(asked, asked.algorithms[0].name, asked.tasks[0], 0)
    folder = write_record(tmp_path, done)
    (folder / "outcomes.csv.gz").write_bytes(b"outcomes")
    return done.job


def change_outcomes(folder):
    (folder / "outcomes.csv.gz").write_bytes(b"others")


def remove_outcomes(folder):
    (folder / "outcomes.csv.gz").unlink()


def change_record(folder):
    (folder / "record.json").write_text((folder / "record.json").read_text().replace("done", "fine"))


@pytest.mark.parametrize("change", [change_outcomes, remove_outcomes, change_record])
def test_a_changed_job_is_recorded_as_failed(job, tmp_path, change):
    seals = Seals(tmp_path, [job])
    change(job_folder(tmp_path, job))
    (found,) = seals.broken()
    assert found == read_record(job_folder(tmp_path, job))
    assert found.status == "failed"
    assert found.metrics == {}
    assert "its files were changed after it had ended" in found.reason


def test_an_unchanged_job_stays_and_so_does_one_that_is_graded_again(job, tmp_path):
    seals = Seals(tmp_path)
    seals.put(job)
    folder = job_folder(tmp_path, job)
    (folder / "cross_grading.csv.gz").write_bytes(b"regraded")
    (folder / "weights").mkdir()
    (folder / ".outcomes.csv.gz.tmp").write_bytes(b"half")
    assert seals.broken() == []
    assert read_record(folder).status == "done"
