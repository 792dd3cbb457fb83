# ruff: noqa: S311 - seeded draws, no secrets
from __future__ import annotations

import itertools
import json
import math
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import ConfigurationError
from benchmark.exam import estimators, text_diversity
from benchmark.exam.strategy.key import equations, strategy_key

TEXTS = ["the answer is 18", "the answer is 18", "the answer is 20"]
CLOSE = {"abs": 1e-9, "rel": 1e-9}


# --- oracles: every subset, listed ---------------------------------------------------------------------------------


def mean_over_subsets(samples, k, value):
    subsets = list(itertools.combinations(samples, k))
    return sum(map(value, subsets)) / len(subsets)


def majority(subset):
    votes = Counter(answer for answer in subset if answer is not None)
    top = max(votes.values(), default=0)
    winners = [answer for answer, count in votes.items() if count == top]
    return ("right" in winners) / len(winners) if winners else 0.0


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(n):
    for c in range(n + 1):
        samples = [True] * c + [False] * (n - c)
        for k in range(1, n + 1):
            assert estimators.pass_at_k(n, c, k) == pytest.approx(mean_over_subsets(samples, k, any), **CLOSE)


@pytest.mark.parametrize(
    "samples",
    [
        ["right"] * 3 + ["a"] * 2 + ["b"] * 2 + [None],
        ["right"] * 2 + ["a"] * 2 + ["b"] * 2 + ["c"] * 2,
        ["right"] + [None] * 4,
        ["right", "a", "b", "c", "d", "e", "f"],
        ["right"] * 2 + ["a"] * 5,
        ["a"] * 3 + [None],
        ["right"] * 4,
    ],
)
def test_majority_at_k_is_its_mean_over_subsets(samples):
    counts = Counter(samples)
    wrong = [count for answer, count in counts.items() if answer not in {"right", None}]
    for k in range(1, len(samples) + 1):
        found = estimators.majority_at_k(counts["right"], wrong, counts[None], k)
        assert found == pytest.approx(mean_over_subsets(samples, k, majority), **CLOSE)


@pytest.mark.parametrize(("n", "counts"), [(6, [3, 1]), (6, [4]), (7, [2, 2, 1]), (5, []), (4, [1, 1, 1, 1])])
def test_strategies_at_k_is_the_mean_number_seen_in_subsets(n, counts):
    samples = [name for name, count in enumerate(counts) for _ in range(count)]
    samples += [None] * (n - len(samples))
    for k in range(1, n + 1):
        expected = mean_over_subsets(samples, k, lambda subset: len(set(subset) - {None}))
        assert estimators.strategies_at_k(n, counts, k) == pytest.approx(expected, **CLOSE)


def test_rarefied_richness_and_collisions_are_means_over_subsets():
    samples = [0, 0, 0, 1, 1, 2]
    for m in range(1, 7):
        expected = mean_over_subsets(samples, m, lambda subset: len(set(subset)))
        assert estimators.rarefied_richness([3, 2, 1], m) == pytest.approx(expected, **CLOSE)
    expected = mean_over_subsets(samples, 2, lambda pair: pair[0] == pair[1])
    assert estimators.collision_probability([3, 2, 1]) == pytest.approx(expected, **CLOSE)


# --- by hand -------------------------------------------------------------------------------------------------------


def test_pass_at_k_by_hand():
    # (4, 2, 2): 1 - C(2,2)/C(4,2) = 1 - 1/6. (16, 3, 8): 1 - C(13,8)/C(16,8) = 1 - 1287/12870
    assert estimators.pass_at_k(4, 2, 2) == pytest.approx(5 / 6, **CLOSE)
    assert estimators.pass_at_k(16, 3, 8) == pytest.approx(0.9, **CLOSE)
    # one in 200 is in a random half with probability 1/2; no overflow at 10,000
    assert estimators.pass_at_k(200, 1, 100) == pytest.approx(0.5, **CLOSE)
    assert estimators.pass_at_k(10_000, 5_000, 50) == pytest.approx(1.0, **CLOSE)
    assert (estimators.pass_at_k(16, 0, 4), estimators.pass_at_k(16, 10, 8)) == (0.0, 1.0)


def test_majority_at_k_by_hand():
    # 18,18,20,20, two drawn: {18,18} wins (1 of 6), {18,20} ties in 4 of 6: 1/6 + 4/12 = 1/2
    assert estimators.majority_at_k(2, [2], 0, 2) == pytest.approx(0.5, **CLOSE)
    # 18 ×3, 20 ×2, 7 ×1, three drawn in 20 ways: three 18 in 1, two 18 in 3·3, one of each in 3·2·1, shared by three
    assert estimators.majority_at_k(3, [2, 1], 0, 3) == pytest.approx((1 + 9 + 6 / 3) / 20, **CLOSE)
    # one 18 and three without an answer: it wins whenever it is drawn
    assert estimators.majority_at_k(1, [], 3, 2) == pytest.approx(0.5, **CLOSE)
    assert (estimators.majority_at_k(0, [4], 0, 3), estimators.majority_at_k(4, [], 0, 3)) == (0.0, 1.0)


def test_majority_at_k_of_many_samples_agrees_with_sampling():
    wrong, draw = [9, 7, 7, 5, 3], random.Random(1)
    samples = (
        ["right"] * 9 + [name for name, count in zip("abcde", wrong, strict=True) for _ in range(count)] + [None] * 4
    )
    sampled = sum(majority(draw.sample(samples, 12)) for _ in range(20_000)) / 20_000
    # the standard error is at most 0.5/√20000 = 0.0035
    assert estimators.majority_at_k(9, wrong, 4, 12) == pytest.approx(sampled, abs=0.014)


def test_effective_numbers_by_hand():
    # shares 1/2, 1/3, 1/6: Σp² = 14/36; H = ln2/2 + ln3/3 + ln6/6 = 0.346574 + 0.366204 + 0.298627 = 1.011404
    assert estimators.hill_number([3, 2, 1], 0) == pytest.approx(3.0, **CLOSE)
    assert estimators.hill_number([3, 2, 1], 1) == pytest.approx(math.exp(1.0114042647), abs=1e-8)
    assert estimators.hill_number([3, 2, 1], 2) == pytest.approx(36 / 14, **CLOSE)
    # (3·2 + 2·1) / (6·5) = 8/30
    assert estimators.collision_probability([3, 2, 1]) == pytest.approx(8 / 30, **CLOSE)
    assert estimators.d2([[3, 2, 1]]) == pytest.approx(3.75, **CLOSE)
    # H + (3 - 1)/(2·6)
    assert estimators.miller_madow([3, 2, 1]) == pytest.approx(1.0114042647 + 1 / 6, abs=1e-8)
    # f1 = 3, f2 = 1: 5 + 3·2/(2·2); classic 5 + (9/10)·9/2
    assert estimators.chao1([5, 1, 1, 1, 2]) == pytest.approx(6.5, **CLOSE)
    assert estimators.chao1([5, 1, 1, 1, 2], classic=True) == pytest.approx(9.05, **CLOSE)
    # 5/6 + 1/2 + 1/2
    assert estimators.rarefied_richness([2, 1, 1], 2) == pytest.approx(11 / 6, **CLOSE)
    # 1 - C(3,2)/C(6,2) + 1/3
    assert estimators.strategies_at_k(6, [3, 1], 2) == pytest.approx(0.8 + 1 / 3, **CLOSE)


def test_d2_pools_chances_before_it_inverts():
    # chances 1 and 1/3 (counts 3,1: 6/12 = 1/2): mean of 1, 1/2 is 3/4; a single sample is skipped
    assert estimators.d2([[4], [3, 1], [1], []]) == pytest.approx(4 / 3, **CLOSE)


def test_two_methods_are_compared_where_both_can_agree():
    ours = {"a": [2], "b": [1, 1], "c": [1], "d": [5], "e": [3, 1]}
    theirs = {"a": [1, 1], "b": [2, 1], "c": [4], "e": []}
    # a: 1 and 0; b: 0 and 1/3; c, d, e: one side has fewer than two
    shared = estimators.shared_collisions(ours, theirs)
    assert shared == {"a": (1.0, 0.0), "b": (0.0, pytest.approx(1 / 3))}
    assert estimators.d2_of(our for our, _ in shared.values()) == 2.0
    assert estimators.d2_of(their for _, their in shared.values()) == pytest.approx(6.0)
    assert estimators.d2_of([]) is estimators.d2_of([0.0, 0.0]) is None


def test_d2_is_unbiased_where_the_plug_in_is_not():
    draw, truth = random.Random(4), 1 / (0.49 + 3 * 0.01)
    problems = [list(Counter(draw.choices("abcd", [0.7, 0.1, 0.1, 0.1], k=4)).values()) for _ in range(20_000)]
    assert estimators.d2(problems) == pytest.approx(truth, rel=0.02)
    plug_in = sum(estimators.hill_number(counts, 2) for counts in problems) / len(problems)
    assert plug_in < 0.95 * truth


def test_answers_by_hand():
    answers = ["18", "18", "20", None]
    # shares 1/2, 1/4, 1/4: H = ln2/2 + 2·ln4/4 = 1.5·ln2; e^H = 2^1.5. Without the missing one: ln3 - (2/3)ln2
    assert estimators.distinct_answers(answers) == 2
    assert estimators.answer_entropy(answers) == pytest.approx(1.5 * math.log(2), **CLOSE)
    assert estimators.effective_answers(answers) == pytest.approx(2**1.5, **CLOSE)
    assert estimators.answer_entropy(answers, drop_missing=True) == pytest.approx(
        math.log(3) - 2 / 3 * math.log(2), **CLOSE
    )


def test_texts_by_hand():
    # 2-grams: 3 texts × 3 = 9, different: the-answer, answer-is, is-18, is-20; 12 tokens
    assert text_diversity.distinct_n(TEXTS, 2) == pytest.approx(4 / 9, **CLOSE)
    assert text_diversity.distinct_n_per_token(TEXTS, 2) == pytest.approx(4 / 12, **CLOSE)
    # 5 / (50 (1 - 0.98^12)), 0.98^12 = 0.784717
    assert text_diversity.expectation_adjusted_distinct(TEXTS, 1, 50) == pytest.approx(0.464504, abs=1e-6)
    assert text_diversity.distinct_n(["a b c"], 4) == text_diversity.distinct_n([], 1) == 0.0
    # case is ignored, 1.5 is one token, signs are tokens
    assert text_diversity.distinct_n(["A=1.5", "a = 1.5"], 1) == pytest.approx(3 / 6, **CLOSE)


def test_vectors_by_hand():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    # cosines 0, 1/√2, 1/√2; eigenvalues of K/3 are 1/3 and 2/3
    assert text_diversity.cosine_diversity(vectors) == pytest.approx(1 - 2 / math.sqrt(2) / 3, **CLOSE)
    expected = math.exp(math.log(3) / 3 + 2 / 3 * math.log(1.5))
    assert text_diversity.vendi_score(text_diversity.cosine_kernel(vectors)) == pytest.approx(expected, **CLOSE)
    # K/2 of [[1, .5], [.5, 1]] has 3/4 and 1/4: order 2 is 1/(9/16 + 1/16)
    assert text_diversity.vendi_score(np.array([[1, 0.5], [0.5, 1]]), 2) == pytest.approx(1.6, **CLOSE)


def test_vendi_score_agrees_with_numpy_s_general_eigenvalues():
    draw = np.random.Generator(np.random.PCG64(7))
    for count in (2, 5, 9):
        kernel = text_diversity.cosine_kernel(draw.normal(size=(count, 4)))
        values = np.real(np.linalg.eigvals(kernel / count))
        values = values[values > 1e-12]
        assert text_diversity.vendi_score(kernel) == pytest.approx(math.exp(-sum(values * np.log(values))), abs=1e-9)
        assert text_diversity.vendi_score(kernel, 2) == pytest.approx(1 / sum(values**2), abs=1e-9)


def test_self_bleu_by_hand_and_by_sacrebleu():
    # the two equal texts score 1; the third exp(mean log(3/4, 2/3, 1/2, 1/2)) = (1/8)^(1/4)
    assert text_diversity.self_bleu(TEXTS) == pytest.approx((1 + 1 + (1 / 8) ** 0.25) / 3, abs=1e-9)
    assert text_diversity.self_bleu(TEXTS[:1]) is text_diversity.self_bleu([]) is None
    sacrebleu = pytest.importorskip("sacrebleu")
    texts = ["Ann has 3+4 = 7 pears, so 7*2=14.", "7 pears times 2 is 14.", "3 + 4 = 7 pears: 14 in all.", ""]
    scores = [
        sacrebleu.sentence_bleu(
            text,
            texts[:own] + texts[own + 1 :],
            smooth_method="exp",
            tokenize="13a",
            lowercase=False,
            use_effective_order=True,
        ).score
        for own, text in enumerate(texts)
    ]
    assert text_diversity.self_bleu(texts) == pytest.approx(sum(scores) / 400, abs=1e-12)


def test_self_bleu_without_sacrebleu_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(ConfigurationError, match=r"needs the package sacrebleu.*pip install -e '.\[diversity\]'"):
        text_diversity.self_bleu(TEXTS)


@pytest.mark.parametrize(
    ("largest", "score"), [(16, 1), (14, 1), (13, 2), (11, 2), (10, 3), (7, 3), (6, 4), (4, 4), (3, 5), (1, 5)]
)
def test_dominance_score_follows_the_scale(largest, score):
    counts = [largest] + [1] * (16 - largest)
    assert estimators.dominance_score(counts, 16) == score
    assert estimators.dominance_score([4 * count for count in counts], 64) == score


# --- relations -----------------------------------------------------------------------------------------------------


def test_pass_at_k_grows_with_k_and_with_correct_samples():
    for c, k in itertools.product(range(12), range(1, 12)):
        assert estimators.pass_at_k(12, c, k) <= estimators.pass_at_k(12, c, k + 1)
        assert estimators.pass_at_k(12, c, k) < estimators.pass_at_k(12, c + 1, k) or c + k > 12


def test_strategies_at_k_is_pass_at_k_for_one_strategy_and_more_for_several():
    for c, k in itertools.product(range(1, 9), range(1, 11)):
        one = estimators.strategies_at_k(10, [c], k)
        assert one == pytest.approx(estimators.pass_at_k(10, c, k), **CLOSE)
        if c > 1:
            several = estimators.strategies_at_k(10, [c - 1, 1], k)
            assert several > one - 1e-12 if k == 1 else several > one


def test_wrong_samples_never_raise_strategies_at_k():
    for n in range(5, 12):
        assert estimators.strategies_at_k(n + 1, [3, 2], 4) <= estimators.strategies_at_k(n, [3, 2], 4)


def test_duplicated_samples_leave_effective_numbers_alone():
    for order in (0, 0.5, 1, 2, 3):
        assert estimators.hill_number([3, 2, 1], order) == pytest.approx(
            estimators.hill_number([6, 4, 2], order), **CLOSE
        )
    kernel = text_diversity.cosine_kernel(text_diversity.ngram_vectors(["a b", "a c", "d"]))
    twice = np.kron(kernel, np.ones((2, 2)))
    assert text_diversity.vendi_score(kernel) == pytest.approx(text_diversity.vendi_score(twice), **CLOSE)


def test_the_order_of_samples_does_not_matter():
    assert estimators.hill_number([1, 3, 2], 1) == estimators.hill_number([3, 2, 1], 1)
    assert estimators.majority_at_k(3, [1, 2], 1, 4) == estimators.majority_at_k(3, [2, 1], 1, 4)
    assert text_diversity.distinct_n(TEXTS, 2) == text_diversity.distinct_n(TEXTS[::-1], 2)


def test_vendi_of_classes_is_the_effective_number_of_classes():
    sizes = [3, 2, 1]
    labels = np.repeat(np.arange(3), sizes)
    kernel = (labels[:, None] == labels[None, :]).astype(float)
    for order in (0, 1, 2):
        assert text_diversity.vendi_score(kernel, order) == pytest.approx(estimators.hill_number(sizes, order), **CLOSE)


def test_nothing_is_undefined_and_one_sample_is_one_class():
    assert estimators.hill_number([], 1) is None
    assert estimators.hill_number([0, 0], 1) is None
    assert estimators.hill_number([1], 1) == estimators.hill_number([0, 5], 2) == 1.0
    assert estimators.collision_probability([1]) is estimators.collision_probability([]) is None
    assert estimators.d2([]) is estimators.d2([[1], []]) is estimators.d2([[1, 1]]) is None
    assert estimators.chao1([]) is estimators.chao1([1], classic=True) is estimators.miller_madow([]) is None
    assert estimators.rarefied_richness([2, 1], 4) is None
    assert estimators.answer_entropy([]) is estimators.answer_entropy([None], drop_missing=True) is None
    assert estimators.effective_answers([]) is None
    assert text_diversity.vendi_score(np.zeros((0, 0))) is text_diversity.cosine_diversity(np.ones((1, 2))) is None
    assert estimators.dominance_score([], 16) is None
    assert estimators.strategies_at_k(4, [], 2) == text_diversity.expectation_adjusted_distinct([], 1, 50) == 0.0


def test_impossible_counts_are_refused():
    for n, c, k in [(4, 5, 1), (4, -1, 1), (4, 2, 5), (4, 2, 0)]:
        with pytest.raises(ValueError, match="pass@k"):
            estimators.pass_at_k(n, c, k)
    with pytest.raises(ValueError, match="more than the 3"):
        estimators.strategies_at_k(3, [3, 1], 2)
    with pytest.raises(ValueError, match="maj@k"):
        estimators.majority_at_k(1, [1], 0, 3)
    with pytest.raises(ValueError, match="below 0"):
        estimators.hill_number([2, -1], 1)


# --- all worked examples ---------------------------------------------------------------------------------------------


def _vectors(data):
    return np.array(data["X"], dtype=float)


def _majority(data, params):
    counts = dict(data["counts"])
    missing = counts.pop(params["missing_label"], 0)
    return estimators.majority_at_k(counts.pop(data["correct"], 0), counts.values(), missing, data["k"])


def _same(data):
    answer = str(data["answer"])
    return {
        level: strategy_key(data["a"], answer, level) == strategy_key(data["b"], answer, level)
        for level in ("steps", "expr")
    }


def _structural(data, params):
    right = [solution["text"] for solution in data["solutions"] if solution["correct"]]
    keys = [strategy_key(text, str(data["answer"]), params["level"]) for text in right]
    order, counts = list(dict.fromkeys(keys)), Counter(keys)
    return {
        "cluster_of_correct": [order.index(key) for key in keys],
        "distinct": len(order),
        "counts": [counts[key] for key in order],
        "effective_q1": pytest.approx(estimators.hill_number(counts.values(), 1), abs=1e-6),
    }


COMPUTE = {
    "self_bleu": lambda data, _: text_diversity.self_bleu(data["texts"]),
    "distinct_n": lambda data, params: text_diversity.distinct_n(data["texts"], params["n"]),
    "distinct_n_per_token": lambda data, params: text_diversity.distinct_n_per_token(data["texts"], params["n"]),
    "expectation_adjusted_distinct": lambda data, params: text_diversity.expectation_adjusted_distinct(
        data["texts"], **params
    ),
    "vendi_from_kernel": lambda data, params: text_diversity.vendi_score(np.array(data["K"], dtype=float), params["q"]),
    "vendi_from_vectors": lambda data, params: text_diversity.vendi_score(
        text_diversity.cosine_kernel(_vectors(data)), params["q"]
    ),
    "vendi_from_texts": lambda data, params: text_diversity.vendi_score(
        text_diversity.cosine_kernel(text_diversity.ngram_vectors(data["texts"])), params["q"]
    ),
    "cosine_diversity": lambda data, _: text_diversity.cosine_diversity(_vectors(data)),
    "cosine_diversity_of_texts": lambda data, _: text_diversity.cosine_diversity(
        text_diversity.ngram_vectors(data["texts"])
    ),
    "distinct_answers": lambda data, _: estimators.distinct_answers(data["answers"]),
    "answer_entropy_nats": lambda data, params: estimators.answer_entropy(
        data["answers"], drop_missing=params["missing"] == "dropped"
    ),
    "effective_answers": lambda data, _: estimators.effective_answers(data["answers"]),
    "pass_at_k": lambda data, _: estimators.pass_at_k(data["n"], data["c"], data["k"]),
    "maj_at_k": _majority,
    "hill_number": lambda data, params: estimators.hill_number(data["counts"], params["q"]),
    "chao1": lambda data, params: estimators.chao1(data["counts"], classic=params["form"].startswith("classic")),
    "miller_madow_entropy_nats": lambda data, _: estimators.miller_madow(data["counts"]),
    "unbiased_collision_probability": lambda data, _: estimators.collision_probability(data["counts"]),
    "effective_number_q2_unbiased": lambda data, _: estimators.d2([data["counts"]]),
    "rarefied_richness": lambda data, _: estimators.rarefied_richness(data["counts"], data["m"]),
    "strategies_at_k": lambda data, _: estimators.strategies_at_k(
        data["n"], data["correct_strategy_counts"], data["k"]
    ),
    "equations": lambda data, _: [f"{step.left}={step.result}" for step in equations(data["text"])],
    "same_strategy": lambda data, _: _same(data),
    "distinct_correct_strategies": _structural,
}


WORKED = json.loads((Path(__file__).parent / "examples" / "diversity.json").read_text(encoding="utf-8"))["examples"]


@pytest.mark.parametrize("example", WORKED, ids=lambda example: example["id"])
def test_worked_example(example):
    found = COMPUTE[example["metric"]](example["input"], example["params"])
    expected = example["expected"]
    if isinstance(expected, dict):
        expected = {name: value for name, value in expected.items() if not name.endswith("_6dp")}  # the same, rounded
    exact = isinstance(expected, dict | list)
    assert found == (expected if exact else pytest.approx(expected, abs=1e-6))


def test_no_worked_example_is_left_out():
    assert len({example["id"] for example in WORKED}) == len(WORKED) == 62
    assert {example["metric"] for example in WORKED} == set(COMPUTE)
