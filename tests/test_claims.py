"""Claims: who runs a job, and when somebody else may."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from benchmark.run.claims import Claims
from benchmark.run.owner import Owner, is_dead, owner_from, start_of, this_process


@pytest.fixture
def path(tmp_path):
    return tmp_path / "suite" / "grpo-math-s0-0123abcd.claim"


def leave(path, owner, *, token="of another", beat=1):  # noqa: S107 - no password
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"owner": owner.to_json(), "token": token, "beat": f"{beat:012d}"}), encoding="utf-8")


def dead_process():
    """This machine's process that has just ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = replace(this_process(), pid=process.pid, started=start_of(process.pid))
        assert is_dead(owner) is False
        process.communicate(b"\n")
    return owner


def test_a_claim_is_one_launchers_until_it_is_given_back(path):
    with Claims() as ours, Claims() as theirs:
        assert ours.take(path)
        assert not theirs.take(path)
        assert theirs.holder(path) == f"process {os.getpid()} on {this_process().host}"
        theirs.release(path)  # not theirs to give back
        assert path.exists()
        ours.release(path)
        assert theirs.take(path)
    assert not path.exists()


def test_the_end_of_a_sweep_gives_everything_back(path):
    with Claims() as ours:
        assert ours.take(path)
        assert ours.take(path.with_name("other.claim"))
    assert list(path.parent.iterdir()) == []


def test_of_many_that_take_a_claim_at_once_one_gets_it(path):
    stale = dead_process()
    for _ in range(30):  # one round in a few hundred met a claim that was absent for a moment
        leave(path, stale)  # free or stale makes no difference
        launchers = [Claims() for _ in range(16)]
        start, got = threading.Barrier(16), []

        def take(one, start=start, got=got):
            start.wait()
            got.append(one.take(path))

        threads = [threading.Thread(target=take, args=(one,)) for one in launchers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(got) == 1  # the stale one is replaced, so there is no moment at which nobody gets it
        assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_claim_is_never_absent_while_it_is_taken_over(path, monkeypatch):
    """Whoever comes at any moment of a takeover finds a claim: another launcher looks at each step of ours."""
    leave(path, dead_process())
    others = []
    for name in ("os.open", "os.close"):
        monkeypatch.setattr(f"benchmark.run.claims.{name}", watched(name, lambda: others.append(path.exists())))
    assert Claims().take(path)
    assert len(others) >= 4
    assert all(others)


def watched(name, look):
    real = getattr(os, name.partition(".")[2])

    def call(*given, **named):
        found = real(*given, **named)
        look()
        return found

    return call


def test_who_died_in_a_takeover_does_not_keep_the_claim_for_ever(path):
    """Its marker is taken over as a claim is; one of a living launcher is respected."""
    stale = dead_process()
    leave(path, stale)
    marker = path.with_name(f".{path.name}.{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}")
    marker.write_text(json.dumps({"owner": this_process().to_json(), "token": "t", "beat": "0"}), encoding="utf-8")
    assert not Claims().take(path)
    marker.write_text(json.dumps({"owner": stale.to_json(), "token": "t", "beat": "0"}), encoding="utf-8")
    assert Claims().take(path)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_claim_of_a_dead_process_is_taken_at_once(path):
    leave(path, dead_process())
    with Claims(stale_seconds=1e9) as ours:
        assert ours.take(path)


def test_a_number_that_is_used_again_is_another_process(path):
    leave(path, replace(this_process(), started="1"))
    with Claims(stale_seconds=1e9) as ours:
        assert ours.take(path)


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"boot": "earlier"}, {"namespace": "pid:[1]"}])
def test_a_claim_from_elsewhere_is_stale_when_its_heart_stops(path, monkeypatch, change):
    """A number of a process means nothing on another machine, after a restart, or in another container."""
    owner = replace(dead_process(), **change)
    assert is_dead(owner) is None
    leave(path, owner, beat=1)
    now = 1000.0
    monkeypatch.setattr("benchmark.run.claims.time.monotonic", lambda: now)
    ours = Claims(stale_seconds=120)
    assert not ours.take(path)  # seen for the first time
    now += 100
    leave(path, owner, beat=2)
    assert not ours.take(path)  # it has beaten
    now += 119
    assert not ours.take(path)
    now += 2  # 121 seconds without a beat
    assert ours.take(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"owner": {"pid": 1}}', b'{"owner": 3}', b"\xff" * 10])
def test_a_damaged_claim_is_held_until_it_is_stale(path, monkeypatch, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert owner_from(content) is None
    now = 0.0
    monkeypatch.setattr("benchmark.run.claims.time.monotonic", lambda: now)
    ours = Claims(stale_seconds=120)
    assert not ours.take(path)
    assert ours.holder(path) == "another process"
    now += 121
    assert ours.take(path)


def test_a_beat_changes_the_file_and_not_its_length(path):
    ours = Claims()
    ours.take(path)
    first = path.read_bytes()
    ours.beat()
    assert path.read_bytes() != first
    assert len(path.read_bytes()) == len(first)
    assert owner_from(path.read_bytes()) == this_process()


def test_who_slept_too_long_learns_that_the_claim_is_gone(path):
    ours = Claims()
    ours.take(path)
    leave(path, this_process(), token="of another launcher")
    assert not ours.is_lost(path)
    ours.beat()
    assert ours.is_lost(path)
    assert "of another launcher" in path.read_text(encoding="utf-8")
    ours.release(path)
    assert path.exists()


def test_a_claim_whose_folder_was_removed_is_made_again(path):
    ours = Claims()
    ours.take(path)
    path.unlink()
    ours.beat()
    assert path.exists()
    assert not ours.is_lost(path)


def test_a_takeover_leaves_a_claim_that_is_fresh(path, monkeypatch):
    """Another launcher takes the stale claim over between our look and our marker."""
    leave(path, dead_process())
    read, looks = type(path).read_bytes, []

    def look_and_be_late(one):
        content = read(one)
        if one == path:
            looks.append(content)
            if len(looks) == 1:
                leave(path, this_process(), token="fresh")
        return content

    monkeypatch.setattr(type(path), "read_bytes", look_and_be_late)
    assert not Claims().take(path)
    assert "fresh" in path.read_text(encoding="utf-8")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_full_disk_names_the_claim_and_leaves_none(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmark.run.claims.os.write", full)
    with pytest.raises(OSError, match=path.name):
        Claims().take(path)
    assert not path.exists()


def test_this_process_lives_and_an_unknown_one_is_not_judged():
    assert is_dead(this_process()) is False
    assert is_dead(Owner("here", "", "", 1, "")) is None
