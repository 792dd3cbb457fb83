"""Text meant to break a grader: nests, towers, long lines, injections, control characters, broken surrogates."""

import json
import random
import resource
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.grading import extract_answer, grade

GOLDS = ["6", r"\frac{1}{2}", "(1,2)", r"\sqrt{2}+1", "x^2+1", r"\text{east}", "1101_2", r"[0,\infty)", "1,2"]
OPENINGS = [r"\frac{", r"\sqrt{", "(", "[", "{", r"\left(", r"\begin{pmatrix}", r"\boxed{", "|", r"\binom{", "^{", "_{"]
PIECES = [
    *OPENINGS, "}", ")", "]", r"\right)", r"\end{pmatrix}", "2", "10^{10^{10}}", "!", "99999999999", "x", "^", "_", "&",
    "\\\\", ",", "=", "<", r"\le", r"\cup", r"\pm", r"\pi", r"\infty", "%", "°", "$", "+", "-", "/", "*", ".", "1e999",
    r"\sum_{k=1}^{10^9}", r"\int", "####", "The answer is ", r"\text{", "and", "or", " ", "\n", "\x00", "\x1b[2J",
    "\ud83d", "\u202e", "\u200b", "٣", "½", "²", "__import__('os').system('true')", "eval('1')", "${7*7}",
    r"\input{/etc/passwd}", "{0.__class__}", "9**9**9", "lambda: 0", "[asy]", "[/asy]", "<think>", "\\", "''", '"', "`",
]  # fmt: skip


def hostile(generator: random.Random) -> str:
    """One string of the grammar: pieces in a row, a nest, or a long line."""
    kind = generator.random()
    if kind < 0.9:
        body = "".join(generator.choice(PIECES) for _ in range(generator.randint(1, 30)))
    elif kind < 0.97:
        opening = generator.choice(OPENINGS)
        body = opening * generator.randint(2, 400) + "6" + "}" * generator.randint(0, 400)
    else:
        body = generator.choice(PIECES) * generator.randint(100, 4000)
    return rf"\boxed{{{body}}}" if generator.random() < 0.5 else body


@pytest.fixture
def silent_worker(monkeypatch):
    """Math-Verify says nothing; what is examined here is our own code."""
    monkeypatch.setattr("benchmark.grading._worker.compare", lambda _answer, _gold: "timed_out")


@pytest.mark.usefixtures("silent_worker")
def test_a_hundred_thousand_hostile_strings_raise_nothing_and_use_no_memory():
    generator = random.Random(20)  # noqa: S311 - a fixed sample, no secret
    used = 0
    for number in range(100_000):
        verdict = grade(hostile(generator), generator.choice(GOLDS))
        assert verdict.seconds < 5.0
        if number == 50_000:
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used
    assert grown < 64 * 1024 * (1024 if sys.platform == "darwin" else 1)


@pytest.mark.usefixtures("silent_worker")
@settings(max_examples=400, deadline=None)
@given(text=st.text(max_size=200), gold=st.sampled_from(GOLDS))
def test_any_text_has_a_verdict(text, gold):
    assert grade(text, gold).kind in ("correct", "wrong", "no_answer", "undecided")
    assert grade(f"\\boxed{{{text}}}", gold).kind in ("correct", "wrong", "no_answer", "undecided")


@pytest.mark.usefixtures("silent_worker")
def test_swapping_the_sides_changes_no_verdict():
    generator = random.Random(21)  # noqa: S311 - a fixed sample, no secret
    compared = 0
    while compared < 3_000:
        left, right = (extract_answer(f"#### {hostile(generator)[:80]}") or "" for _ in range(2))
        left = generator.choice([left, right, *GOLDS])
        if extract_answer(f"#### {left}") == left and extract_answer(f"#### {right}") == right:
            forth, back = grade(f"#### {left}", right), grade(f"#### {right}", left)
            assert (forth.kind, forth.route) == (back.kind, back.route), (left, right)
            compared += 1


@pytest.mark.usefixtures("silent_worker")
@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_one_piece_is_read_in_linear_time(piece):
    text = piece * (1_000_000 // len(piece))
    started = time.perf_counter()
    grade(text, "6")
    grade(f"\\boxed{{{text}}}", "6")
    assert time.perf_counter() - started < 5.0


AUDIT = """
    import json, random, sys
    from benchmark import grading
    from benchmark.grading import grade
    sys.path.insert(0, {tests!r})
    import test_hostile
    grade("#### 1", "1")
    grading._worker.compare = lambda answer, gold: "timed_out"
    seen = []
    watched = ("open", "subprocess.", "os.", "socket.", "exec", "compile", "import", "shutil.", "ctypes.", "pty.")

    def hook(event, arguments):
        if event.startswith(watched):
            seen.append((event, repr(arguments)[:200]))

    generator = random.Random(22)
    texts = [test_hostile.hostile(generator) for _ in range(5000)] + {injections!r}
    sys.addaudithook(hook)
    for text in texts:
        for gold in ("6", "x^2+1", "(1,2)"):
            grade(text, gold)
    print(json.dumps(seen))
"""
INJECTIONS = [
    rf"\boxed{{{text}}}"
    for text in [
        "__import__('os').system('touch /tmp/x')", "open('x','w')", "exec('1')", "().__class__.__bases__[0]", "S('6')",
        r"\input{secret}", r"\write18{ls}", "%s%n", "!!python/object:os.system", "{7*7}", "eval('1')",
    ]
]  # fmt: skip


def test_no_file_no_process_no_code_is_touched():
    """An audit hook sees every open, import, exec and process of the interpreter."""
    from pathlib import Path

    script = textwrap.dedent(AUDIT).format(tests=str(Path(__file__).parent), injections=INJECTIONS)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    assert json.loads(done.stdout) == []
