"""Relations that hold for every sample, looked for by hypothesis."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmark.commands.diversity.columns import columns_of
from benchmark.commands.diversity.samples import Sample
from benchmark.exam import estimators, text_diversity
from benchmark.exam.strategy.key import strategy_of

settings.register_profile("here", derandomize=True, database=None, deadline=None, max_examples=60)
settings.load_profile("here")

COUNTS = st.lists(st.integers(1, 6), min_size=1, max_size=5)
ORDERS = st.sampled_from([0, 0.5, 1, 2, 3])
WORDS = st.lists(st.sampled_from(["3", "4", "+", "=", "7", "pears", "Ann"]), min_size=1, max_size=8).map(" ".join)
CLOSE = {"abs": 1e-9, "rel": 1e-9}
RIGHT = [
    "16-3-4=9. 9*2=18",
    "3+4=7. 16-7=9. 9*2=18",
    "16*2=32. 3*2=6. 4*2=8. 32-6-8=18",
    "9+9=18",
    "it is 18",
    "1+1=3. 3*6=18",
]
WRONG = ["16-3=13. 13*2=26", "9*9=81", "no idea", "5+5=10. 10+8=18. 18-1=17", ""]
SOLUTIONS = st.lists(
    st.sampled_from(
        [Sample("p", text, correct=True, answer="18") for text in RIGHT]
        + [
            Sample("p", text, correct=False, answer=answer)
            for text, answer in zip(WRONG, ["26", "81", None, "17", None], strict=True)
        ]
    ),
    min_size=1,
    max_size=8,
)


def brute(samples, k, value):
    subsets = list(itertools.combinations(samples, k))
    return sum(map(value, subsets)) / len(subsets)


def majority(subset):
    votes = Counter(answer for answer in subset if answer is not None)
    winners = [answer for answer, count in votes.items() if count == max(votes.values())]
    return ("right" in winners) / len(winners) if winners else 0.0


@given(st.lists(st.sampled_from(["right", "a", "b", "c", None]), min_size=1, max_size=8), st.data())
def test_majority_and_pass_are_means_over_all_subsets(samples, data):
    k = data.draw(st.integers(1, len(samples)))
    counts = Counter(samples)
    wrong = [count for answer, count in counts.items() if answer not in {"right", None}]
    assert estimators.majority_at_k(counts["right"], wrong, counts[None], k) == pytest.approx(
        brute(samples, k, majority), **CLOSE
    )
    assert estimators.pass_at_k(len(samples), counts["right"], k) == pytest.approx(
        brute(samples, k, lambda subset: "right" in subset), **CLOSE
    )


@given(st.lists(st.sampled_from(["x", "y", "z", None]), min_size=1, max_size=8), st.data())
def test_strategies_and_rarefaction_are_means_over_all_subsets(samples, data):
    k = data.draw(st.integers(1, len(samples)))
    counts = Counter(sample for sample in samples if sample is not None).values()
    expected = brute(samples, k, lambda subset: len(set(subset) - {None}))
    assert estimators.strategies_at_k(len(samples), counts, k) == pytest.approx(expected, **CLOSE)
    known = [sample for sample in samples if sample is not None]
    if len(known) >= k:
        expected = brute(known, k, lambda subset: len(set(subset)))
        assert estimators.rarefied_richness(counts, k) == pytest.approx(expected, **CLOSE)
    else:
        assert estimators.rarefied_richness(counts, k) is None


@given(COUNTS, ORDERS, st.integers(2, 4), st.randoms(use_true_random=False))
def test_order_and_duplication_leave_effective_numbers_alone(counts, order, times, shuffler):
    shuffled = list(counts)
    shuffler.shuffle(shuffled)
    value = estimators.hill_number(counts, order)
    assert estimators.hill_number(shuffled, order) == pytest.approx(value, **CLOSE)
    assert estimators.hill_number([times * count for count in counts], order) == pytest.approx(value, **CLOSE)
    assert 1 - 1e-9 <= value <= len(counts) + 1e-9


@given(COUNTS, ORDERS)
def test_vendi_of_a_same_class_kernel_is_the_hill_number(counts, order):
    labels = np.repeat(np.arange(len(counts)), counts)
    kernel = (labels[:, None] == labels[None, :]).astype(float)
    assert text_diversity.vendi_score(kernel, order) == pytest.approx(estimators.hill_number(counts, order), abs=1e-8)


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(2, 3))
def test_duplicated_texts_leave_the_vendi_score_alone(texts, times):
    score, again = (
        text_diversity.vendi_score(text_diversity.cosine_kernel(text_diversity.ngram_vectors(held)))
        for held in (texts, texts * times)
    )
    assert again == pytest.approx(score, abs=1e-8)


@given(st.lists(WORDS, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_texts_does_not_matter(texts, shuffler):
    shuffled = list(texts)
    shuffler.shuffle(shuffled)
    for measure in (
        lambda held: text_diversity.distinct_n(held, 2),
        text_diversity.self_bleu,
        lambda held: text_diversity.cosine_diversity(text_diversity.ngram_vectors(held)),
        lambda held: text_diversity.vendi_score(text_diversity.cosine_kernel(text_diversity.ngram_vectors(held))),
    ):
        assert measure(shuffled) == pytest.approx(measure(texts), abs=1e-9)


@given(st.integers(1, 20), st.data())
def test_pass_at_k_rises_with_k_and_c(n, data):
    c, k = data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, n - 1) if n > 1 else st.just(1))
    value = estimators.pass_at_k(n, c, k)
    assert 0 <= value <= estimators.pass_at_k(n, c + 1, k) + 1e-12
    if k < n:
        assert value <= estimators.pass_at_k(n, c, k + 1) + 1e-12


@given(COUNTS, st.integers(0, 6), st.data())
def test_strategies_at_k_is_at_least_pass_at_k(counts, wrong, data):
    n = sum(counts) + wrong
    k = data.draw(st.integers(1, n))
    strategies, solved = estimators.strategies_at_k(n, counts, k), estimators.pass_at_k(n, sum(counts), k)
    assert strategies >= solved - 1e-9
    assert estimators.strategies_at_k(n, [sum(counts)], k) == pytest.approx(solved, **CLOSE)
    assert strategies <= min(k, len(counts)) + 1e-9


@given(SOLUTIONS, st.randoms(use_true_random=False))
def test_permuting_samples_changes_no_column(samples, shuffler):
    # four correct texts taken of more do depend on the order: which ones they are
    assume(sum(sample.correct for sample in samples) <= 4)
    shuffled = list(samples)
    shuffler.shuffle(shuffled)
    before, after = (columns_of(held, len(samples), "wide", bleu=True) for held in (samples, shuffled))
    for name, value in before.items():
        assert after[name] == (None if value is None else pytest.approx(value, abs=1e-8)), name


@given(SOLUTIONS, st.lists(st.sampled_from(WRONG), min_size=1, max_size=3))
def test_wrong_samples_never_raise_what_counts_correct_ones(samples, wrong):
    more = samples + [Sample("p", text, correct=False, answer="1") for text in wrong]
    before, after = (columns_of(held, len(held), "wide", bleu=False) for held in (samples, more))
    for name, value in before.items():
        if name.startswith(("expr@", "steps@", "pass@", "valid_", "maj@")):
            if name in after:
                assert after[name] <= value + 1e-9, name
        elif name.startswith(("collision", "richness", "distinct_", "effective_", "dominance_c")) or "_correct" in name:
            assert after[name] == value, name


@given(st.lists(st.sampled_from(RIGHT[:4]), min_size=1, max_size=6), st.integers(0, 3))
def test_with_full_coverage_strategies_at_k_is_at_least_pass_at_k(texts, wrong):
    samples = [Sample("p", text, correct=True, answer="18") for text in texts]
    samples += [Sample("p", "?", correct=False, answer=None)] * wrong
    found = columns_of(samples, len(samples), "published", bleu=False)
    for k in range(1, len(samples) + 1):
        assert found[f"steps@{k}"] >= found[f"expr@{k}"] - 1e-9
        assert found[f"expr@{k}"] >= found[f"pass@{k}"] - 1e-9
        if len(set(texts)) == 1:
            assert found[f"steps@{k}"] == pytest.approx(found[f"pass@{k}"], **CLOSE)


NAMES = st.text(st.characters(categories=["Lu", "Ll"], exclude_characters="xX"), min_size=2, max_size=8).filter(
    lambda name: name.casefold() not in {"of", "frac", "times", "div", "cdot"}
)


@given(st.lists(NAMES, min_size=4, max_size=4), st.sampled_from([" ", "  "]), st.sampled_from("*×"))
def test_names_and_wording_leave_keys_alone(names, gap, times):
    one, two, three, four = names
    text = f"{one} has 16{gap}-{gap}3 - 4 = 9 {two}. {three} sells 9{gap}{times}{gap}2 = $18 {four}"
    plain = strategy_of("16-3-4=9. 9*2=18", "18")
    assert strategy_of(text, "18") == plain
    assert strategy_of(text, "18", "published") == plain


def test_nothing_one_sample_and_none_correct_are_defined():
    one = columns_of([Sample("p", "9+9=18", correct=True, answer="18")], 1, "wide", bleu=True)
    assert one["effective_expr"] == one["distinct_steps"] == one["pass@1"] == one["vendi"] == 1.0
    assert one["collision_expr"] is one["richness_expr"] is one["self_bleu"] is one["cosine"] is None
    none = columns_of([Sample("p", "1+1=2", correct=False, answer=None)], 1, "wide", bleu=True)
    assert none["pass@1"] == none["expr@1"] == none["maj@n"] == none["answers"] == 0.0
    assert none["effective_expr"] is none["distinct_expr"] is none["dominance_correct"] is None
    assert none["any_expr"] == 1.0
    unread = columns_of([Sample("p", "it is 18", correct=True, answer="18")] * 2, 2, "wide", bleu=True)
    assert unread["effective_expr"] == unread["distinct_expr"] == unread["with_strategy"] == 0.0
    assert unread["collision_expr"] is None
    assert math.isclose(unread["vendi"], 1.0)
