"""The generated problems: disjoint, solvable in every way they say, and what the committed policy makes of them."""

import json
import re
from fractions import Fraction

import pytest

from benchmark.commands.pretrain import Recipe, batches
from benchmark.contract import Exam
from benchmark.exam.examiner import evaluate
from benchmark.exam.metrics import measure
from benchmark.exam.strategy.key import equations, strategy_key
from benchmark.grading import grade
from benchmark.tasks.generated import competition, grade_school
from benchmark.tasks.generated.family import Draw, Work, split_of

FAMILIES = [grade_school.TASK, competition.TASK]
SPLITS = ("train", "validation", "test")
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@families
def test_splits_are_disjoint_complete_and_the_same_every_time(family):
    texts = {split: [problem.prompt for problem in family.load(split)] for split in SPLITS}
    assert {split: len(found) for split, found in texts.items()} == {"train": 1024, "validation": 128, "test": 128}
    everything = [text for found in texts.values() for text in found]
    assert len(set(everything)) == len(everything)
    assert family.load("test") == family.load("test")


@families
def test_there_are_enough_kinds_and_levels(family):
    problems = family.load("train")
    assert len({problem.kind for problem in problems}) >= 8
    assert {problem.level for problem in problems} == set(range(1, family.levels + 1))
    steps = [len(equations(problem.solution)) for problem in problems]
    assert min(steps) >= 1
    assert max(steps) == 5 if family is grade_school.TASK else max(steps) >= 3


@families
def test_every_correct_way_is_right_and_is_a_strategy_of_its_problem(family):
    by_text = {problem.prompt: problem for split in SPLITS for problem in family.load(split)}
    seen = 0
    for index in range(2000):
        sketch = family.sketch(index)[2]
        problem = by_text.get(sketch.prompt)
        if problem is None:
            continue
        for way in sketch.right:
            text, answer = family.completion(way)
            assert grade(text, problem.gold).kind == "correct", text
            assert all(step.valid for step in equations(text)), text
            assert strategy_key(text, answer) in problem.strategies
            seen += 1
        forgotten = family.completion(sketch.right[0], forget=True)[0]
        assert grade(forgotten, problem.gold, require_marker=True).kind == "no_answer"
    assert seen > 2000
    share = sum(len(problem.strategies) >= 2 for problem in by_text.values()) / len(by_text)
    assert share > 0.85  # the two ways of `percent` differ in their steps only


def spaced(left):
    return re.sub(r"[-+*/]", r" \g<0> ", left)


FORMS = {
    "as generated": lambda left, right: f"{left}={right}",
    "spaced, in words": lambda left, right: f"So she has {spaced(left)} = {right} pens",
    "other signs": lambda left, right: f"{left.replace('*', ' × ').replace('/', ' ÷ ').replace('-', ' − ')} = ${right}",
    "annotated": lambda left, right: f"that is {left} = <<{left}={right}>>{right}",
}
"""Ways of writing one step."""


@pytest.mark.parametrize("form", FORMS)
@families
def test_however_a_correct_way_is_written_its_strategy_is_found(family, form):
    right = total = 0
    for index in range(400):
        sketch = family.sketch(index)[2]
        ways = [family.completion(way) for way in sketch.right]
        for text, answer in ways:
            steps = text.split("\n")[0].removesuffix(".").split(". ")
            written = "\n".join(FORMS[form](*step.split("=")) for step in steps)
            total += 1
            right += strategy_key(written, answer) == strategy_key(text, answer)
    assert total >= 800
    assert right / total >= 0.99


@families
def test_mistakes_are_mistakes(family):
    wrong = right_by_luck = 0
    for index in range(1000):
        sketch = family.sketch(index)[2]
        gold = family.completion(sketch.right[0])[1]
        for way in sketch.wrong:
            wrong += 1
            right_by_luck += grade(family.completion(way)[0], gold).kind == "correct"
    assert right_by_luck / wrong < 0.02


@families
def test_on_some_kinds_the_most_likely_way_is_a_mistake(family):
    modes = {}
    for index in range(200):
        kind, _, sketch = family.sketch(index)
        best_right, best_wrong = (max(way.weight for way in ways) for ways in (sketch.right, sketch.wrong))
        modes[kind] = best_wrong > best_right
    assert 3 <= sum(modes.values()) <= len(modes) - 3


def test_demonstrations_follow_their_weights():
    sketch = grade_school.TASK.sketch(0)[2]
    ways = (*sketch.right, *sketch.wrong)
    total = sum(way.weight for way in ways) + sketch.forgets
    drawn = [grade_school.TASK.demonstration(sketch, Draw(seed)) for seed in range(4000)]
    for way in ways:
        share = drawn.count(grade_school.TASK.completion(way)[0]) / len(drawn)
        assert share == pytest.approx(way.weight / total, abs=0.03), way.name
    assert sum("####" not in text for text in drawn) / len(drawn) == pytest.approx(sketch.forgets / total, abs=0.02)


def test_pretraining_reads_the_training_split_only_and_hides_prompts_from_its_loss(pocket):
    ids, labels = next(batches(pocket.tokenizer, Recipe(batch=8)))
    for row, label in zip(ids.tolist(), labels.tolist(), strict=True):
        first = next(i for i, value in enumerate(label) if value != -100)
        prompt = pocket.tokenizer.decode(row[:first])
        assert prompt.endswith("\n")
        assert split_of(prompt[:-1]) == "train"
        assert label[first:][label[first:].index(pocket.tokenizer.eos_token_id)] == pocket.tokenizer.eos_token_id


def test_uneven_division_is_refused():
    with pytest.raises(ValueError, match="7/2 is not a whole number"):
        Work().over(7, 2)
    assert Work().fraction("1/2+1/4", Fraction(3, 4)) == Fraction(3, 4)


@pytest.fixture(scope="module")
def examined(pocket):
    """The committed policy's outcomes on each family's test split."""
    return {family.name: evaluate(pocket, Exam(), family.load("test"), 0).outcomes for family in FAMILIES}


@families
def test_the_committed_policy_leaves_room_on_both_sides(family, examined):
    metrics = measure(examined[family.name])
    assert 0.25 <= metrics["greedy_accuracy"] <= 0.60
    assert 0.20 <= metrics["accuracy"] <= 0.50


@families
def test_samples_use_the_problem_s_own_strategies(family, examined):
    problems = family.load("test")
    known = {problem.id: problem.strategies for problem in problems}
    found = {problem.id: set() for problem in problems}
    inside = total = 0
    for outcome in examined[family.name]:
        if outcome.verdict == "correct" and outcome.sample >= 0:
            total += 1
            inside += outcome.strategy in known[outcome.problem]
            found[outcome.problem].add(outcome.strategy)
    assert sum(len(keys) >= 2 for keys in found.values()) >= len(problems) / 2
    assert inside / total >= 0.97  # the rest is right by luck: a mistake whose answer happens to be the gold one


@families
def test_extraction_agrees_with_the_problem_s_own_strategies_on_correct_samples(family, examined):
    """Lucky mistakes aside, whose way is none of the problem's: one of its typical ones, or a step that is wrong."""
    problems = {problem.prompt: problem for problem in family.load("test")}
    mistakes = {}
    for index in range(20_000):
        sketch = family.sketch(index)[2]
        if sketch.prompt in problems:
            mistakes[problems[sketch.prompt].id] = {family.completion(way)[0] for way in sketch.wrong}
    known = {problem.id: problem.strategies for problem in problems.values()}
    right = [
        outcome
        for outcome in examined[family.name]
        if outcome.verdict == "correct"
        and outcome.text not in mistakes[outcome.problem]
        and all(step.valid for step in equations(outcome.text))
    ]
    agree = [outcome for outcome in right if outcome.strategy in known[outcome.problem]]
    assert len(right) > 600
    assert len(agree) / len(right) >= 0.99


def test_weights_are_small_and_their_card_is_true(repository, pocket):
    folder = repository / "benchmark" / "model" / "pocket" / "weights"
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert (folder / "model.safetensors").stat().st_size <= 6_000_000
    assert card["parameters"] == sum(weight.numel() for weight in pocket.trainable) <= 1_500_000
    assert card["recipe"] == json.loads(json.dumps({name: getattr(Recipe(), name) for name in card["recipe"]}))
    assert pocket.model.config.model_type == "qwen2"
