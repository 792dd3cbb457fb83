"""Learning curves in five currencies: interpolation, the common budget, leaders, and what the report says of tuning."""

from __future__ import annotations

from dataclasses import replace

import factories
import pytest

from benchmark.comparison.evidence import gather
from benchmark.contract import ExamProblems, Resumption, StepLog, Tuning
from benchmark.report.document import figures
from benchmark.report.figures import looks
from benchmark.report.figures.drawing import rendered
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.report.tables import levels
from benchmark.report.tables.budgets import amount, at, common, curves, equal_budget_table, leaders
from benchmark.report.tables.conditions import conditions_table
from benchmark.store.kept import write_problems
from benchmark.tasks import digest, load_task

SPACE = "\u00a0"


def evidence(tmp_path, change=factories.same, asked=None):
    asked = asked or factories.suite(tasks=("grade_school",))
    factories.write(tmp_path, asked, change)
    return gather(tmp_path, asked.name)


def logs(monkeypatch, tmp_path, of):
    """A suite whose step logs are `of(method, seed)`."""
    written = []
    original = factories.record

    def record(asked, method, task, seed):
        written.append((method, seed))
        return original(asked, method, task, seed)

    monkeypatch.setattr(factories, "record", record)
    monkeypatch.setattr(factories, "steps", lambda _: of(*written[-1]))
    return evidence(tmp_path)


def log(final, *, tokens=100, flops=10**12, seconds=10.0, steps=4):
    """Four batches that climb in a straight line from 0.2 to `final`."""
    return tuple(
        StepLog(
            step,
            64 * step,
            seconds * step / steps,
            {"probe/accuracy": 0.2 + (final - 0.2) * step / steps},
            tokens=tokens * step,
            updates=step,
            flops=None if flops is None else flops * step // steps,
        )
        for step in range(steps + 1)
    )


def test_between_probes_a_line_and_beyond_them_nothing():
    points = ((0.0, 0.2), (10.0, 0.4), (10.0, 0.5), (30.0, 0.9))
    assert at(points, 5.0) == pytest.approx(0.35)  # half way from 0.2 to 0.5, the last probe at 10
    assert at(points, 20.0) == pytest.approx(0.7)  # half way from 0.5 to 0.9
    assert at(points, 30.0) == 0.9
    assert at(points, 30.1) is None
    assert at(points[1:], 5.0) is None


def test_methods_are_compared_at_the_smallest_amount_that_all_reached(monkeypatch, tmp_path):
    # grpo spends twice the FLOPs of the others; sft is the slowest; seed 1 of flowrl is the smallest of all
    def of(method, seed):
        flops = {"grpo": 2 * 10**12, "flowrl": 10**12 - 10**11 * (seed == 1)}.get(method, 10**12)
        return log(0.6, flops=flops)

    found = logs(monkeypatch, tmp_path, of)
    drawn = curves(found)
    assert common(found, drawn, "grade_school", "flops") == 9 * 10**11
    assert common(found, drawn, "grade_school", "completions") == 256
    table = equal_budget_table(ReportData(found), "flops")
    assert table.header == ("after", "task", "25%", "50%", "75%", "100%")
    assert table.rows[0][-1].replace(SPACE, " ") == "9.00 × 10¹¹"
    rows = {row[0]: row[2:] for row in table.rows}
    # at 0.9 of 2e12 FLOPs grpo is at 0.45 of its way: 0.2 + 0.4 · 0.45 = 0.38
    assert rows["`grpo`"][3].replace(SPACE, " ") == "38.0 %"
    # sft at 0.9 of its way: 0.56; flowrl at 0.9, 1 and 0.9 of its: mean (0.56 + 0.6 + 0.56) / 3 = 0.5733
    assert rows["`sft`"][3].replace(SPACE, " ") == "56.0 %"
    assert rows["`flowrl`"][3].startswith("57.3")


def test_the_report_says_where_the_winner_changes(monkeypatch, tmp_path):
    # grpo ends highest and takes four times the seconds and twice the FLOPs; sft is second
    def of(method, seed):
        final = {"grpo": 0.8, "sft": 0.6}.get(method, 0.4) + 0.001 * seed * len(method)
        hard = method == "grpo"
        return log(final, seconds=40.0 if hard else 10.0, flops=(4 if hard else 1) * 10**12)

    found = logs(monkeypatch, tmp_path, of)
    assert leaders(ReportData(found), "grade_school") == (
        "On `grade_school`, which method is highest depends on the currency: `grpo` at equal completions, completion "
        "tokens and optimiser updates; `sft` at equal model FLOPs and training seconds."
    )


def test_one_leader_everywhere_and_undecided_where_the_next_is_near(monkeypatch, tmp_path):
    def of(method, seed):
        near = method == "flowrl"
        return log(0.6 + (0.02 * (seed - 1) - 0.001 if near else 0.0) if method in {"grpo", "flowrl"} else 0.4)

    found = logs(monkeypatch, tmp_path, of)
    sentence = leaders(ReportData(found), "grade_school")
    assert sentence.startswith(
        "On `grade_school`, `grpo` is highest at equal completions (not separated from `flowrl`), "
    )
    assert sentence.count("(not separated from `flowrl`)") == 5


def test_where_nothing_was_solved_no_method_leads(monkeypatch, tmp_path):
    zeros = tuple(replace(step, metrics={"probe/accuracy": 0.0}) for step in log(0.2))
    found = ReportData(logs(monkeypatch, tmp_path, lambda *_: zeros))
    assert leaders(found, "grade_school") == ""
    assert equal_budget_table(found, "completions").rows == ()


def test_a_method_without_flops_is_a_dash_and_no_leader(monkeypatch, tmp_path):
    found = logs(monkeypatch, tmp_path, lambda method, _: log(0.9, flops=None) if method == "grpo" else log(0.5))
    reading = ReportData(found)
    rows = {row[0]: row[2:] for row in equal_budget_table(reading, "flops").rows}
    assert set(rows["`grpo`"]) == {"–"}
    sentence = leaders(reading, "grade_school")
    led = sentence.split("`grpo` at equal ")[1].split(";")[0]
    assert "completions" in led
    assert "FLOPs" not in led


def test_old_logs_are_drawn_in_what_they_know(monkeypatch, tmp_path):
    old = tuple(StepLog(step, 64 * step, 1.0 * step, {"probe/accuracy": 0.5}) for step in range(3))
    found = logs(monkeypatch, tmp_path, lambda *_: old)
    assert curves(found).currencies == ("completions", "seconds")
    blocks = next(part for part in sections(ReportData(found)) if part.title == "Learning curves").blocks
    assert any("do not know their completion tokens, optimiser updates, model FLOPs" in one.words for one in blocks)


@pytest.mark.slow
def test_every_figure_has_its_words_and_can_be_drawn_as_svg_and_pdf(tmp_path):
    for figure in figures(sections(ReportData(evidence(tmp_path)))):
        assert figure.alt
        assert rendered(figure.draw).startswith(b"<?xml")
        assert rendered(figure.draw, "pdf").startswith(b"%PDF")


def test_seconds_of_two_devices_are_in_no_figure(tmp_path):
    def change(one):
        return replace(one, provenance=factories.provenance("H200")) if one.job.algorithm.name == "grpo" else one

    drawn = {figure.file for figure in figures(sections(ReportData(evidence(tmp_path, change))))}
    assert not drawn & {"learning_seconds.svg", "phases.svg"}
    assert "learning_flops.svg" in drawn


def test_of_many_methods_the_best_have_colours_and_the_rule_is_said(tmp_path, monkeypatch):
    names = {"base_model": 0.3, **{f"m{index:02d}": 0.3 + 0.01 * index for index in range(26)}}
    monkeypatch.setattr(factories, "METHODS", names)
    found = evidence(tmp_path, asked=factories.suite(tasks=("grade_school",), seeds=(0,)))
    reading = ReportData(found)
    # accuracy is 0.3 + 0.01·i and up to 0.03 more by (3·order mod 4): the ranking follows the summary itself
    means = {name: found.estimate(name, "grade_school", "accuracy").mean for name in found.trained}
    best = sorted(means, key=lambda name: (-means[name], name))[:5]
    assert set(looks.highlighted(reading)) == {"base_model", *best}
    assert "The other 21 are thin and grey." in looks.others(reading)
    assert all(looks.look(reading, name) == looks.style_of(name) for name in looks.highlighted(reading))
    assert not looks.look(reading, "m00").labelled


def test_accuracy_by_level_counts_the_samples_of_its_problems(tmp_path, monkeypatch):
    task = load_task("grade_school")
    splits = [task.load(split) for split in ("train", "validation", "test")]
    whole = digest(problem for split in splits for problem in split)

    def change(one):
        return replace(one, provenance=replace(one.provenance, task_digest=whole))

    # four problems with two samples each, the first three solved
    ids = [problem.id for problem in splits[2][:4]]
    made = tuple(replace(one, problem=ids[int(one.problem[1:])]) for one in factories.outcomes(right=3))
    monkeypatch.setattr(factories, "exam", lambda _record: made)
    evidence(tmp_path, change)
    write_problems(tmp_path, "tiny", "grade_school", ExamProblems(whole, splits[2]))
    found = gather(tmp_path, "tiny")
    table = levels.split_table(ReportData(found), "grade_school", levels.known_problems(found, "grade_school"), "level")
    wanted = {}
    for index, problem in enumerate(splits[2][:4]):
        wanted.setdefault(f"level {problem.level}", []).append(index < 3)
    assert table.header[1:] == tuple(sorted(wanted))
    grpo = dict(zip(table.header, next(row for row in table.rows if row[0] == "`grpo`"), strict=True))
    for level, right in wanted.items():
        mean = f"{100 * sum(right) / len(right):.1f} %"
        assert grpo[level].replace(SPACE, " ").partition(" [")[0] == mean
    other = evidence(tmp_path / "other")  # made of other problems
    assert levels.known_problems(other, "grade_school") == {}
    assert levels.known_problems(other, "gsm8k") == {}


def test_conditions_say_what_tuning_cost(tmp_path):
    asked = factories.suite(tasks=("grade_school",))
    one = dict(conditions_table(evidence(tmp_path / "a", asked=asked)).rows)["tuning"]
    assert one == "one setting, not tuned"
    tuned = replace(asked, tuned={"grpo": Tuning(4, 12_288, "validation")})
    said = dict(conditions_table(evidence(tmp_path / "b", asked=tuned)).rows)["tuning"]
    assert said == (
        "`grpo`: the best of 4 settings on validation, 12,288 completions beside those of this table; "
        "one setting, not tuned: `flowrl` and `sft`"
    )


def test_conditions_say_which_jobs_were_interrupted(tmp_path):
    went_on, anew = Resumption("train", 12), Resumption("train", 0, "the method keeps no checkpoints.")
    resumed = {("grpo", 0): (went_on,), ("sft", 1): (anew, anew)}
    plain = dict(conditions_table(evidence(tmp_path / "a")).rows)
    assert "interrupted" not in plain
    found = evidence(
        tmp_path / "b", lambda one: replace(one, resumed=resumed.get((one.job.algorithm.name, one.job.seed), ()))
    )
    said = dict(conditions_table(found).rows)["interrupted"]
    assert said == "2 jobs, 1 of which did a stage anew: the method keeps no checkpoints."


@pytest.mark.parametrize(
    ("value", "key", "text"),
    [
        (1536.0, "completions", "1,536"),
        (12.345, "seconds", "12.3"),
        (1.1e11, "flops", "1.10 × 10¹¹"),
        (9.999e11, "flops", "1.00 × 10¹²"),
    ],
)
def test_amounts(value, key, text):
    assert amount(value, key).replace(SPACE, " ") == text
