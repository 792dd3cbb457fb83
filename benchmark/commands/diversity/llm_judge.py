"""An optional language-model judge of how many approaches the solutions of one problem take: FlowRL's protocol.

One call a problem, temperature 0, at most 5 tokens back: an integer from 1 (nearly all alike) to 5, tied to how many of
the 16 solutions take the most common approach. As in FlowRL's released evaluation the judge sees the first 300
characters of each solution, correct and wrong alike, of problems with at least 10 of them, and a number outside the
scale is moved to its end. Unlike there, a call that fails or gives no integer is *missing*, never 3.

Any endpoint that speaks OpenAI's chat completions will do: `BAKEOFF_JUDGE_URL` (`https://host/v1`), `BAKEOFF_JUDGE_KEY`
where it wants one, `BAKEOFF_JUDGE_MODEL` (default `gpt-4o-mini`). Integers are kept on disk under the digest of the
request, so that asking again costs nothing; what failed is asked again the next time.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from benchmark.errors import ConfigurationError
from benchmark.store.atomic import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from email.message import Message

__all__ = ["MIN_RESPONSES", "Endpoint", "Judge", "Judgement", "endpoint_from", "messages"]

MIN_RESPONSES = 10
"""Problems with fewer solutions are not judged."""
SHOWN_CHARACTERS = 300
"""Of each solution."""
TIMEOUT_SECONDS = 60.0
GIVE_UP_AFTER = 5
"""Failures in a row after which nothing more is asked: the endpoint is not there."""

_MOST_BYTES = 1_000_000
_INSTRUCTION = """\
You compare solutions of one mathematics problem. Judge only how different their approaches are: the method, not the
wording. Ignore whether they are correct, complete or well written. Each is cut after its first characters.

Answer with one integer from 1 to 5 and nothing else. For {count} solutions out of 16 scale the counts in proportion.
1: 14 or more of 16 take the most common approach; other differences are trivial.
2: 11 to 13 take the most common approach; one or two rare others.
3: 7 to 10 take the most common approach; two or three distinct approaches.
4: 4 to 6 take the most common approach; three or four well represented approaches.
5: at most 3 take the most common approach; four or more approaches."""


class Judgement(NamedTuple):
    """What became of one call."""

    score: int | None
    """1 to 5; `None` is missing."""
    reason: str = ""
    """Why it is missing."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address and key of the judge."""

    url: str
    """Base address, without `/chat/completions`."""
    model: str = "gpt-4o-mini"
    key: str = field(default="", repr=False)
    """Sent as a bearer token, and nowhere else."""


def endpoint_from(environment: Mapping[str, str]) -> Endpoint:
    """The endpoint that environment variables name. Raises `ConfigurationError` without an http(s) address."""
    url = environment.get("BAKEOFF_JUDGE_URL", "").strip().rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"BAKEOFF_JUDGE_URL {'is not an http(s) address' if url else 'is not set'}: set it to an OpenAI-compatible "
            "endpoint, for example https://api.openai.com/v1, and BAKEOFF_JUDGE_KEY to its key; or leave out --judge."
        )
    model = environment.get("BAKEOFF_JUDGE_MODEL") or "gpt-4o-mini"
    key = environment.get("BAKEOFF_JUDGE_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError("BAKEOFF_JUDGE_KEY contains a character that keys do not have: set it again.")
    return Endpoint(url, model, key)


def messages(problem: str, responses: Sequence[str]) -> list[dict[str, str]]:
    """The conversation for one problem."""
    shown = "\n\n".join(
        f"[{number}] {response[:SHOWN_CHARACTERS]}" for number, response in enumerate(responses, start=1)
    )
    return [
        {"role": "system", "content": _INSTRUCTION.format(count=len(responses))},
        {"role": "user", "content": f"Problem:\n{problem}\n\n{len(responses)} solutions:\n\n{shown}\n\nScore:"},
    ]


class Judge:
    """Asks one endpoint and remembers its answers in a folder."""

    def __init__(self, endpoint: Endpoint, cache: Path, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._endpoint, self._cache, self._timeout = endpoint, cache, timeout_seconds
        self._opener = urllib.request.build_opener(_NoRedirect())
        self._failures = 0

    def score(self, problem: str, responses: Sequence[str]) -> Judgement:
        """The judge's integer for one problem, from the cache where it is there. A failing endpoint does not raise."""
        if len(responses) < MIN_RESPONSES:
            return Judgement(None, f"fewer than {MIN_RESPONSES} solutions")
        body = json.dumps(
            {
                "model": self._endpoint.model,
                "messages": messages(problem, responses),
                "temperature": 0,
                "max_tokens": 5,
            },
            sort_keys=True,
        ).encode()
        digest = hashlib.sha256(self._endpoint.url.encode() + b"\n" + body).hexdigest()
        place = self._cache / f"{digest}.json"
        known = _cached(place)
        if known is not None:
            return Judgement(known)
        if self._failures >= GIVE_UP_AFTER:
            return Judgement(None, f"not asked after {GIVE_UP_AFTER} failed calls in a row")
        found = self._ask(body)
        self._failures = 0 if found.score is not None else self._failures + 1
        if found.score is not None:
            write(place, json.dumps({"model": self._endpoint.model, "score": found.score}).encode())
        return found

    def _ask(self, body: bytes) -> Judgement:
        headers = {"Content-Type": "application/json", "User-Agent": "rl-bakeoff"}
        if self._endpoint.key:
            headers["Authorization"] = f"Bearer {self._endpoint.key}"
        address = f"{self._endpoint.url}/chat/completions"
        request = urllib.request.Request(address, body, headers)  # noqa: S310 - `endpoint_from` lets http(s) pass alone
        deadline = time.monotonic() + self._timeout
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                reply = _read(response, deadline)
        except urllib.error.HTTPError as error:
            error.close()
            return Judgement(None, f"HTTP status {error.code}")
        except TimeoutError:
            return Judgement(None, "timed out")
        except (OSError, http.client.error, ValueError) as error:
            timed_out = isinstance(error, urllib.error.URLError) and isinstance(error.reason, TimeoutError)
            return Judgement(None, "timed out" if timed_out else "no connection")
        return _parsed(reply)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is a failure: the key goes to the address it was given for, and to no other."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        del req, fp, code, msg, headers, newurl


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body, up to a limit; TimeoutError when it trickles in past the deadline."""
    pieces: list[bytes] = []
    while sum(map(len, pieces)) < _MOST_BYTES and (piece := response.read1(65_536)):
        pieces.append(piece)
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(pieces)


def _parsed(reply: bytes) -> Judgement:
    """The integer in a chat completion, moved into 1 … 5."""
    try:
        content = json.loads(reply)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return Judgement(None, "not a chat completion")
    written = content.strip() if isinstance(content, str) else ""
    if not (written.removeprefix("-").isdecimal() and written.isascii() and len(written) < 10):
        return Judgement(None, "not an integer")
    return Judgement(min(5, max(1, int(written))))


def _cached(place: Path) -> int | None:
    """A score kept earlier; a damaged file counts as none."""
    try:
        score = json.loads(place.read_bytes())["score"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return score if isinstance(score, int) and 1 <= score <= 5 else None
