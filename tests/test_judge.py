from __future__ import annotations

import http.server
import json
import threading
import time

import pytest

from benchmark.commands.diversity.llm_judge import GIVE_UP_AFTER, Endpoint, Judge, endpoint_from, messages
from benchmark.errors import ConfigurationError

KEY = "sk-secret-0123"
TEXTS = [f"solution {number}" for number in range(16)]


class Server(http.server.ThreadingHTTPServer):
    """Answers every call as the test says and keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.status, self.reply, self.wait, self.location = [], 200, chat("3"), 0.0, ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()
        try:
            size = 1 if self.server.wait else len(self.server.reply) or 1
            for start in range(0, len(self.server.reply), size):
                time.sleep(self.server.wait)
                self.wfile.write(self.server.reply[start : start + size])
        except OSError:
            pass  # the client has gone

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization"), {}))

    def log_message(self, *arguments):
        del arguments


def chat(content):
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Server()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def judge(server, tmp_path):
    return Judge(Endpoint(address(server), key=KEY), tmp_path / "cache", timeout_seconds=5)


def address(server):
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def test_one_call_a_problem_as_the_protocol_says(server, judge):
    assert judge.score("How many?", ["x" * 1000, *TEXTS[1:]]) == (3, "")
    ((path, authorization, body),) = server.asked
    assert (path, authorization) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("gpt-4o-mini", 0, 5)
    text = body["messages"][1]["content"]
    assert "How many?" in text
    assert "solution 15" in text
    assert text.count("x" * 300) == 1
    assert "x" * 301 not in text


@pytest.mark.parametrize(("reply", "score"), [("1", 1), (" 5\n", 5), ("0", 1), ("-2", 1), ("9", 5)])
def test_an_integer_is_moved_into_the_scale(server, judge, reply, score):
    server.reply = chat(reply)
    assert judge.score("p", TEXTS).score == score


@pytest.mark.parametrize(
    ("status", "reply", "reason"),
    [
        (500, chat("3"), "HTTP status 500"),
        (429, b"slow down", "HTTP status 429"),
        (401, b"{}", "HTTP status 401"),
        (302, chat("3"), "HTTP status 302"),
        (200, chat("three"), "not an integer"),
        (200, chat("3.5"), "not an integer"),
        (200, chat("3 because"), "not an integer"),
        (200, chat("٣"), "not an integer"),
        (200, chat(""), "not an integer"),
        (200, chat(None), "not an integer"),
        (200, b"<html>", "not a chat completion"),
        (200, b"", "not a chat completion"),
        (200, b'{"choices": []}', "not a chat completion"),
        (200, b"[" * 100_000, "not a chat completion"),
        (200, b"\xff\xfe", "not a chat completion"),
    ],
)
def test_what_fails_is_missing_with_its_reason_and_never_three(server, judge, status, reply, reason):
    server.status, server.reply = status, reply
    assert judge.score("p", TEXTS) == (None, reason)
    # nothing of it was kept: the next call may succeed
    server.status, server.reply = 200, chat("4")
    assert judge.score("p", TEXTS) == (4, "")
    assert len(server.asked) == 2


def test_a_redirect_takes_the_key_nowhere(server, judge):
    elsewhere = Server()
    threading.Thread(target=elsewhere.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    server.status, server.location = 302, address(elsewhere)
    assert judge.score("p", TEXTS).score is None
    elsewhere.shutdown()
    elsewhere.server_close()
    assert not elsewhere.asked


def test_the_second_time_nothing_is_asked(server, judge, tmp_path):
    assert judge.score("p", TEXTS).score == 3
    server.reply = chat("5")
    assert judge.score("p", TEXTS).score == 3
    again = Judge(Endpoint(address(server), key="another"), tmp_path / "cache")
    assert again.score("p", TEXTS).score == 3
    assert len(server.asked) == 1
    # another problem, another solution, another model are other questions
    assert judge.score("q", TEXTS).score == 5
    assert judge.score("p", TEXTS[::-1]).score == 5
    other = Judge(Endpoint(address(server), model="other"), tmp_path / "cache")
    assert other.score("p", TEXTS).score == 5
    assert len(server.asked) == 4
    kept = [file.read_text(encoding="utf-8") for file in (tmp_path / "cache").iterdir()]
    assert len(kept) == 4
    assert not any(KEY in text or "solution" in text for text in kept)


@pytest.mark.parametrize("damage", ["", "{", "[]", "3", '{"score": 7}', '{"score": "3"}', '{"scores": 3}'])
def test_a_damaged_cache_is_asked_again(server, judge, tmp_path, damage):
    judge.score("p", TEXTS)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text(damage, encoding="utf-8")
    server.reply = chat("2")
    assert judge.score("p", TEXTS).score == 2


def test_nobody_there_is_missing_and_soon_not_asked_any_more(judge, server):
    server.shutdown()
    server.server_close()
    found = [judge.score(f"p{number}", TEXTS) for number in range(GIVE_UP_AFTER + 2)]
    assert {one.score for one in found} == {None}
    assert [one.reason for one in found] == ["no connection"] * GIVE_UP_AFTER + [
        f"not asked after {GIVE_UP_AFTER} failed calls in a row"
    ] * 2


@pytest.mark.parametrize("wait", [0.05, 10.0])
def test_a_slow_or_trickling_answer_times_out(server, tmp_path, wait):
    server.reply, server.wait = b" " * 100 + chat("3"), wait
    judge = Judge(Endpoint(address(server)), tmp_path, timeout_seconds=0.3)
    started = time.monotonic()
    assert judge.score("p", TEXTS) == (None, "timed out")
    assert time.monotonic() - started < 3
    assert server.asked[0][1] is None  # no key, no header


def test_few_solutions_are_not_judged(server, judge):
    assert judge.score("p", TEXTS[:9]) == (None, "fewer than 10 solutions")
    assert judge.score("p", TEXTS[:10]).score == 3
    assert len(server.asked) == 1


def test_the_environment_names_the_endpoint():
    found = endpoint_from({"BAKEOFF_JUDGE_URL": " https://host/v1/ ", "BAKEOFF_JUDGE_KEY": KEY})
    assert (found.url, found.model, found.key) == ("https://host/v1", "gpt-4o-mini", KEY)
    assert KEY not in repr(found)
    assert endpoint_from({"BAKEOFF_JUDGE_URL": "http://h", "BAKEOFF_JUDGE_MODEL": "m"}) == Endpoint("http://h", "m")
    for url in ("", "host/v1", "file:///etc/passwd"):
        with pytest.raises(ConfigurationError, match=r"BAKEOFF_JUDGE_URL is n.*set it to"):
            endpoint_from({"BAKEOFF_JUDGE_URL": url})
    with pytest.raises(ConfigurationError, match="BAKEOFF_JUDGE_KEY") as caught:
        endpoint_from({"BAKEOFF_JUDGE_URL": "http://h", "BAKEOFF_JUDGE_KEY": "a\nb-secret"})
    assert "secret" not in str(caught.value)


def test_the_scale_is_the_one_of_the_dominance_score():
    scale = messages("p", TEXTS)[0]["content"]
    assert "16 solutions" in scale
    for words in ("1: 14 or more", "2: 11 to 13", "3: 7 to 10", "4: 4 to 6", "5: at most 3"):
        assert words in scale
