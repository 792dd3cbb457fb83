"""Verdicts: hand cases, hostile input, the killable worker, and the published data where it is at hand."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmark import grading
from benchmark.grading import extract_answer, extract_gold_gsm8k, extract_gold_math, grade, grade_all
from benchmark.grading.worker import Worker


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{5}. Later: \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"so \boxed{5} or \boxed{\frac{1}{2}}.", r"5, \frac{1}{2}"),
        (r"$x=\boxed{-2}$ and $x = \boxed{1}$.", "-2, 1"),
        (r"\boxed{0.5} = \boxed{\frac12}", r"\frac12"),
        (r"a &= \boxed{11}, \\ b &= 4+5 = \boxed{9}.", "11, 9"),
        (r"\boxed{3} ... The final answer is $4$. I hope it is correct.", "4"),
        (r"\boxed{3} <|im_start|>user \boxed{5}", "3"),
        ("#### Step 3: add\nThe answer is 8.", "8"),
        ("#### 18\nQ: more?", "18"),
        ("Final Answer: The largest $n$ is 34.", "34"),
        ("Final Answer: Jane started 3 hours ago", "3"),
        (r"\boxed {7}", "7"),
        (r"\fbox{7}", "7"),
        (r"\boxed 2$.", "2"),
        (r"\boxed{3}. Now \boxed{4", None),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\\boxed{\\frac{1}{4}}", r"\frac{1}{4}"),
        ("a } b \\boxed{8}", "8"),
        ('[asy] label("\\boxed{9}"); [/asy] \\boxed{1}[asy]\\boxed{2}[/asy]', "1"),
        ("2+2=4\n#### 4", "4"),
        ("#### 3\n#### 4 \n####", "4"),
        ("#### **18**", "18"),
        (r"#### 3 and \boxed{4} before", "4"),
        ("The answer is 4 days.", "4 days"),
        ("the answer is $3.50. Good.", "$3.50"),
        (r"Final Answer: The final answer is $\frac12$. I hope it is correct.", r"\frac12"),
        ("so 3.\nA: 10", "10"),
        (r"**Final Answer:** $x^2$", "x^2"),
        ("1,234", "1,234"),
        ("$x+1$", "x+1"),
        ("I do not know.", None),
        ("", None),
        (r"\boxed{}", None),
        ("**6**", "6"),
    ],
)
def test_extraction(text, answer):
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So 2 + 2 = 4. She makes 18 dollars every day.", "18"),
        ("Thus $a+b = 3+4 = 7$.", "7"),
        ("Therefore, the sum is $5$ units.", "5"),
        ("Thus $x <= 2$ is our answer.", "x <= 2"),
        ("He had 10 left. So 16 people think that horse #12 wins.", "16"),
        ("Bill is now on the 18th floor.", "18"),
        ("It has 18 eggs and sells them for 20 dollars.", None),
        ("It could be 6. Or 7. I am unsure.", None),
        ("How many are left after 3 days?", None),
        ("<think> lots of reasoning 6", None),
        ("The rectangle has 4 sides\nand then we multiply 3 by", None),
        ("```output\nValueError: 3\n```", None),
    ],
)
def test_the_last_stated_result_counts_unless_a_marker_is_asked_for(text, answer):
    assert extract_answer(text) == answer
    assert extract_answer(text, require_marker=True) is None
    assert grade(text, "4", require_marker=True).kind == "no_answer"


@pytest.mark.parametrize(
    "text", ["18", "-3.5", "1,234", "3/4", r"\frac{3}{4}", r"2\frac{1}{2}", "18 eggs", "25%", "$18", "1 000"]
)
def test_a_number_alone_needs_no_marker(text):
    assert extract_answer(text, require_marker=True) == text


@pytest.mark.parametrize("text", ["18}", "72-13-13-13", "9*", "9*2", "9+9", "3!", "2^3", "(7)", "x", "18 - "])
def test_a_calculation_alone_is_no_answer(text):
    assert extract_answer(text, require_marker=True) is None


def test_gold_without_marker_is_a_value_error():
    with pytest.raises(ValueError, match="####"):
        extract_gold_gsm8k("no marker")
    with pytest.raises(ValueError, match="boxed"):
        extract_gold_math(r"\boxed{open")


EQUAL = [
    ("18", "18"),
    ("18.00", "18"),
    ("1,000", "1000"),
    ("1{,}000", "1000"),
    (r"1\,000", "1000"),
    (r"11,\! 111,\! 111", "11111111"),
    ("1 000", "1000"),
    (r"\$1,000", "1000"),
    ("$18 per day", "18"),
    (r"25\%", "25"),
    ("25", r"25\%"),
    ("10%", r"10\%"),
    (r"75^\circ", "75"),
    ("75°", "75"),
    ("75 degrees", r"75^{\circ}"),
    (r"440\text{ cm}^2", "440"),
    (r"15\mbox{ cm}^2", "15 square centimeters"),
    (r"\text{5}", "5"),
    (r"\dfrac{1}{2}", r"\frac12"),
    (r"\frac1{2}", "0.5"),
    ("1/2", ".5"),
    (r"2\frac{3}{4}", "11/4"),
    ("1 1/2", "1.5"),
    (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    ("\u22125", "-5"),
    ("x=9", "9"),
    ("9", "x = 9"),
    ("f(2) = 6", "6"),
    ("5.", "5"),
    ("9" * 4200, "9" * 4200 + ".0"),
    (r"\text{Friday}", "friday"),
    ('"even"', r"\text{even}"),
    ("(B)", r"\text{(B)}"),
    ("b", "B"),
    (r"\left( 3, 4 \right)", "(3,4)"),
    ("[0,∞)", r"[0,\infty)"),
    ("443_{5}", "443_5"),
    ("x^2+2x+1", "(x+1)^2"),
    (r"2\sqrt{2}", r"\sqrt{8}"),
    (r"√(2)", r"\sqrt2"),
    (r"\frac{1}{1+\sqrt2}", r"\sqrt{2}-1"),
    (r"\frac{10\sqrt{10.5}}{27}", r"\frac{5\sqrt{42}}{27}"),
    ("-2,1", "1,-2"),
    (r"1 \pm \sqrt{19}", r"1-\sqrt{19}, 1+\sqrt{19}"),
    (r"\{2,1\}", r"\{1,2\}"),
    (r"1 \text{ and } 2", "1,2"),
    ("x = 3 or x = 5", "3, 5"),
    (r"(-\infty,1)\cup(2,3]", r"(2,3]\cup(-\infty,1)"),
    (r"\begin{pmatrix} 1 \\ 0.5 \end{pmatrix}", r"\begin{bmatrix}1\\\frac12\end{bmatrix}"),
    ("y - 2x = 3", "y = 2x + 3"),
    ("2x + 1", "y = 2x + 1"),
    ("y = 2x", "f(x) = 2x"),
    (r"-x \ge -1", r"x \le 1"),
    ("i(2-i)", "1+2i"),
    (r"\tan 60^\circ \cdot 0 + 3\ln 2", r"\ln 8"),
    (r"1 - \cos^2 x", r"\sin^2 x"),
    (r"\cot x", r"\frac{\cos x}{\sin x}"),
    (r"2^{x+3}", r"8 \cdot 2^x"),
    (r"\frac{2009!}{2008!}", "2009"),
    (r"49^{50}", "7^{100}"),
    (r"0.\overline{3}", r"\frac13"),
    ("6²", "36"),
    ("\uff16", "6"),
    ("{" * 50 + "6" + "}" * 50, "6"),
    ("five", "5"),
    ("2.5 million", "2500000"),
    (r"\frac{\sqrt{3}}{3} \approx 0.577", r"\frac{\sqrt{3}}{3}"),
    ("3:1", "6:2"),
    ("AB = 5", "5"),
]
WRONG = [
    ("18", "19"),
    ("0.333333333333", r"\frac{1}{3}"),
    ("3.14159265358979", r"\pi"),
    ("100000000000000000000000001", "100000000000000000000000000"),
    (r"\frac{1}{2006!}", r"\frac{1}{2004!}"),
    (r"\frac{6}{4}", r"2\frac{3}{4}"),
    ("1/0", "0.1/1"),
    ("1,2", "12"),
    ("5x", "5"),
    ("5 or 6", "5"),
    ("6, or maybe 7", "6"),
    ("5 million", "5"),
    ("50", "0.5"),
    ("1101_3", "1101_2"),
    ("13", "1101_2"),
    (r"\text{Friday}", r"\text{Monday}"),
    ("(1,2]", "(1,2)"),
    ("(2,1)", "(1,2)"),
    ("(1,2,0)", "(1,2)"),
    (r"\{1,2\}", "(1,2)"),
    ("1", "1,2"),
    ("1,2,97", "1,2"),
    ("x = 6 = 7", "6"),
    ("5 = 6", "6"),
    ("> 5", "6"),
    (r"x \ne 6", "6"),
    (r"\text{not } 6", "6"),
    ("x < 5", "x > 5"),
    ("x < 5", r"x \le 5"),
    ("a=3, b=5", "a=5, b=3"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    (r"-(\sqrt{3})", r"\sqrt3"),
    (r"\sqrt{x^2}", "x"),
    ("(2x)^2", "2x^2"),
    ("x^2+y^2", "x^2+y^2=13"),
    (r"5\text{ cm}", r"5\text{ m}"),
    (r"5\text{ cm}", r"5\text{ cm}^2"),
    (r"\text{A, B}", r"\text{(B)}"),
    (r"\text{1:03 PM}", r"\frac13"),
    ("5-", "5"),
    ("1.1.1", "1"),
    ("5 6", "56"),
    ("5...", "5"),
    ("True", "1"),
    ("S('6')", "6"),
    ("6 if True else 7", "6"),
    ("__import__('os').getpid()", "6"),
]


@pytest.mark.parametrize(("answer", "gold"), EQUAL)
def test_equal_answers_without_the_worker(answer, gold):
    verdict = grade(f"\\boxed{{{answer}}}", gold)
    assert (verdict.kind, verdict.reward) == ("correct", 1.0)
    assert grade(f"\\boxed{{{gold}}}", answer).kind == "correct"
    assert verdict.route in ("exact", "algebra")


@pytest.mark.parametrize(("answer", "gold"), WRONG)
def test_different_answers(answer, gold):
    verdict = grade(f"\\boxed{{{answer}}}", gold)
    assert (verdict.kind, verdict.reward) == ("wrong", 0.0)
    assert grade(f"\\boxed{{{gold}}}", answer).kind == "wrong"


@pytest.mark.parametrize(
    ("answer", "gold", "kind"),
    [
        (r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}", "correct"),
        (r"-\tan(4\pi/9) + 4\cos(\pi/18)", r"-\sqrt{3}", "correct"),
        (r"\sum_{k=0}^{n-1} F_{n-k-1} F_k", r"\sum_{k=0}^{n-1} F_k F_{n-k-1}", "correct"),
        (r"\sum_{k=1}^{n} k", r"\sum_{k=1}^{n} k^2", "wrong"),
    ],
)
def test_what_algebra_cannot_decide_goes_to_math_verify_in_another_process(answer, gold, kind):
    verdict = grade(f"\\boxed{{{answer}}}", gold)
    assert (verdict.kind, verdict.route) == (kind, "math_verify")


def test_sympy_is_loaded_in_the_other_process_only():
    script = (
        "import sys; from benchmark import grading; "
        "grading._worker.seconds = 20.0; "  # as in conftest.py
        r"assert grading.grade(r'\boxed{\sum_{k=1}^n k}', r'\sum_{k=1}^n 2k').route == 'math_verify'; "
        "assert not {'sympy', 'math_verify'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_rounded_value_is_not_shown_to_math_verify(monkeypatch):
    monkeypatch.setattr(grading._worker, "compare", lambda _answer, _gold: pytest.fail("asked"))
    assert grade(r"\boxed{2.41421356}", r"\sqrt{3+2\sqrt{2}}").kind == "wrong"


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        (r"\frac{6}{4}", "3/2"),
        (r"\sqrt{8}", "2·2^1/2"),
        ("3, 1", "1, 3"),
        (r"[1,\tfrac{4}{2})", "[1, 2)"),
        (r"\{2,1\}", "{1, 2}"),
        ("1101_{2}", "1101_2"),
        (r"\text{ The East }", "east"),
        ("x=1.0", "x = 1"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "matrix[1; 2]"),
        (r"(1,2)\cup(3,4)", "(1, 2) ∪ (3, 4)"),
        ("not LaTeX {", None),
    ],
)
def test_the_normal_form_is_part_of_the_verdict(answer, normal):
    assert grade(f"#### {answer}", "1").normal == normal


def test_alternatives_of_a_gold_answer():
    gold = extract_gold_math(r"so $d=\boxed{-3}$. Note: $\boxed{3}$ is also accepted as an answer.")
    assert [grade(rf"\boxed{{{answer}}}", gold).kind for answer in ("3", "-3", "4")] == ["correct", "correct", "wrong"]


def policies(name="choices"):
    """Rows of a table of choices in docs/grading.md: question, gold, answer, verdict."""
    text = (Path(__file__).resolve().parents[1] / "docs" / "grading.md").read_text(encoding="utf-8")
    table = text.split(f"<!-- {name} -->")[1].split(f"<!-- {name} end -->")[0]
    rows = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    return [tuple(cell.strip().strip("`") for cell in row) for row in rows]


@pytest.mark.parametrize(("question", "gold", "answer", "verdict"), policies())
def test_every_choice_in_the_documentation(question, gold, answer, verdict):
    assert grade(f"#### {answer}", gold).kind == verdict, question


@pytest.mark.parametrize("require_marker", [False, True])
@pytest.mark.parametrize(("question", "gold", "completion", "verdict"), policies("completions"))
def test_every_choice_about_completions(question, gold, completion, verdict, require_marker):
    found = grade(completion.replace("⏎", "\n"), gold, require_marker=require_marker)
    assert found.kind == verdict, question


def test_no_answer_is_not_wrong():
    verdict = grade("hm", "5")
    assert (verdict.kind, verdict.answer, verdict.reward) == ("no_answer", None, 0.0)


def test_batches_keep_their_order():
    verdicts = grade_all([("#### 1", "1"), ("#### 2", "1"), ("", "1")])
    assert [verdict.kind for verdict in verdicts] == ["correct", "wrong", "no_answer"]


def test_a_tower_of_powers_ends_in_time_and_leaves_the_grader_usable(monkeypatch):
    worker = Worker(seconds=1.0)
    monkeypatch.setattr(grading, "_worker", worker)
    verdict = grade(r"\boxed{9^{9^{9^{9^{9}}}}}", "7")
    assert (verdict.kind, verdict.route) == ("undecided", "too_large")
    verdict = grade(r"\boxed{\sum_{n=1}^{\infty} \frac{1}{n^{2}+\sin n}}", "7")
    assert (verdict.kind, verdict.route, verdict.reward) == ("undecided", "math_verify_timed_out", 0.0)
    assert worker.compare("x+x", "2x") == "equal"
    worker.close()


def test_a_killed_worker_is_replaced():
    worker = Worker()
    assert worker.compare("x+x", "2x") == "equal"
    worker._process.kill()
    assert worker.compare("x+x", "2x") == "failed"
    assert worker.compare("x+x", "2x") == "equal"
    assert worker.starts == 2
    worker.close()


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("timed_out", ("undecided", "math_verify_timed_out")),
        ("out_of_memory", ("undecided", "math_verify_out_of_memory")),
        ("missing", ("error", "math_verify_missing")),
        ("failed", ("error", "math_verify_failed")),
    ],
)
def test_a_worker_that_cannot_say_is_never_a_wrong_answer(monkeypatch, reply, verdict):
    monkeypatch.setattr(grading._worker, "compare", lambda _answer, _gold: reply)
    decided = grade(r"\boxed{\sum_{k=1}^{n} k}", rf"\sum_{{k=1}}^{{n}} {len(reply)}k")
    assert (decided.kind, decided.route) == verdict


@pytest.mark.parametrize(
    "text",
    ["\\boxed{" * 3000, "\\" * 20000, "{" * 20000, "[asy]" * 4000, "answer is " * 2000, "#" * 20000, "$" * 20000],
)
def test_hostile_texts_are_read_in_linear_time(text):
    started = time.perf_counter()
    extract_answer(text * 3)
    assert time.perf_counter() - started < 1.0


def test_threads_share_one_worker():
    verdicts = []
    threads = [
        threading.Thread(
            target=lambda n=n: verdicts.append(
                grade(rf"\boxed{{\sum_{{k=1}}^{{n}} {n + 2}k}}", rf"\sum_{{k=1}}^{{n}} k{{{n + 2}}}").kind
            )
        )
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["correct"] * 6


def test_a_spawned_process_grades():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        verdicts = pool.starmap(grade, [(r"\boxed{0.5}", r"\frac12"), (r"\boxed{\sqrt{3+2\sqrt{2}}}", r"1+\sqrt{2}")])
    assert [(verdict.kind, verdict.route) for verdict in verdicts] == [
        ("correct", "algebra"),
        ("correct", "math_verify"),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="needs alarms")
def test_the_caller_s_alarm_and_signal_handlers_stay():
    def handler(*_):
        pytest.fail("the alarm went off")

    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.alarm(3600)
        assert grade(r"\boxed{\sum_{k=1}^{n} 7k}", r"7 \sum_{k=1}^{n} k").kind in ("correct", "undecided")
        assert signal.getsignal(signal.SIGALRM) is handler
        assert 3500 < signal.alarm(0) <= 3600
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_starts_its_own_worker():
    worker = Worker()
    assert worker.compare("x+x", "2x") == "equal"
    child = os.fork()
    if child == 0:
        good = worker.compare("x+x", "2x") == "equal" and worker.starts == 2
        worker.close()
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert worker.compare("x+x", "2x") == "equal"
    assert worker.starts == 1
    worker.close()


@pytest.mark.parametrize(
    ("answer", "gold", "kind"),
    [
        (r"2x + 2y < 6", r"x + y < 3", "correct"),  # times 2
        (r"3 > x + y", r"x + y < 3", "correct"),  # read from the right
        (r"-x - y > -3", r"x + y < 3", "correct"),  # times -1, and the sign turned
        (r"-x - y < -3", r"x + y < 3", "wrong"),  # times -1, and the sign not turned
        (r"x + y > 3", r"x + y < 3", "wrong"),
        (r"-2x - 2y = -6", r"x + y = 3", "correct"),  # an equation has any factor but 0
    ],
)
def test_an_inequality_of_two_variables_has_positive_factors_only(answer, gold, kind):
    assert grade(rf"\boxed{{{answer}}}", gold).kind == kind
