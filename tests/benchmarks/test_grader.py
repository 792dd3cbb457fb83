"""The grader beside math-verify, on generated solutions and on published graded pairs, in one process tree."""

import sys
from pathlib import Path

import pytest

from benchmark import grading
from benchmark.grading import answers, extract_answer, grade, grade_all
from benchmark.grading.rivals import grader
from benchmark.tasks import load_task

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from published import rows

PROBLEMS = load_task("grade_school").load("train")


@pytest.mark.benchmark(group="grade 256 generated solutions")
@pytest.mark.parametrize("who", ["ours", "math-verify"])
def test_generated(benchmark, who):
    pairs = [(problem.solution, problem.gold) for problem in PROBLEMS[:256]]
    if who == "ours":
        benchmark.pedantic(lambda: grade_all(pairs), rounds=5, warmup_rounds=1)
        return
    math_verify = pytest.importorskip("math_verify")

    def verify():
        for solution, gold in pairs:
            math_verify.verify(math_verify.parse(f"${gold}$"), math_verify.parse(solution))

    benchmark.pedantic(verify, rounds=2, iterations=1)


def published(*, adversarial):
    chosen = [row for row in rows("grading/dev") if (row["kind"] == "adversarial") == adversarial]
    golds = [row["gold"] if row["gold_form"] == "answer" else extract_answer(row["gold"]) or "" for row in chosen]
    return [(row["prediction"], gold) for row, gold in zip(chosen, golds, strict=True)]


def forget():
    grading._cache.clear()
    answers.forget()


@pytest.mark.benchmark(group="grade published pairs, nothing remembered (compare pairs_per_second)")
@pytest.mark.parametrize(("who", "step"), [("bakeoff", 1), ("math_verify", 20)])
def test_published(benchmark, who, step):
    """All pairs but the adversarial ones; Math-Verify gets every 20th."""
    pairs = published(adversarial=False)[::step]
    judge = grader(who).grade
    judge(*pairs[0])
    grading._worker.compare("x", "x")  # its start is not what is timed
    seconds: list[float] = []

    def work():
        seconds[:] = sorted(judge(*pair).seconds for pair in pairs)

    benchmark.pedantic(work, setup=forget, rounds=3)
    benchmark.extra_info["pairs_per_second"] = round(len(pairs) / benchmark.stats.stats.median)
    benchmark.extra_info["p99_ms"] = round(1e3 * seconds[int(0.99 * len(seconds))], 3)
    benchmark.extra_info["worst_s"] = round(seconds[-1], 3)


@pytest.mark.benchmark(group="grade adversarial pairs, kills included")
def test_adversarial(benchmark):
    pairs = published(adversarial=True)
    seconds: list[float] = []

    def work():
        seconds[:] = sorted(grade(*pair).seconds for pair in pairs)

    benchmark.pedantic(work, setup=forget, rounds=1)
    benchmark.extra_info["worst_s"] = round(seconds[-1], 3)
