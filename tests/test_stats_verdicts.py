from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats as oracle
from test_stats_intervals import scores

from benchmark.contract import Comparison, Estimate
from benchmark.stats import compare_all, families, flipped, greedy, groups, holm, letters, mcnemar, p_words, sign_flip

NOTHING = Estimate(None, None, None, 0, 3)


def methods(gains, seeds=3, problems=40, noise=0.02):
    """Methods that differ by constants, on common problems, with a little noise in every cell."""
    generator = np.random.default_rng(5)
    base = generator.uniform(0.3, 0.6, (1, problems))
    return {
        name: scores(base + gain + noise * generator.standard_normal((seeds, problems))) for name, gain in gains.items()
    }


def pair(ours, theirs, direction="higher"):
    return compare_all("accuracy", "t", {"ours": ours, "theirs": theirs}, direction, 3)["ours", "theirs"]


# --- one pair ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gain", "direction", "decision"),
    [
        (0.1, "higher", "better"),
        (-0.1, "higher", "worse"),
        (0.1, "lower", "worse"),
        (-0.1, "lower", "better"),
        (0.1, "neither", "undecided"),
        (0.0, "higher", "undecided"),
    ],
)
def test_the_decision_follows_the_direction(gain, direction, decision):
    both = methods({"ours": gain, "theirs": 0.0})
    found = pair(both["ours"], both["theirs"], direction)
    assert found.decision == decision
    assert found.difference.mean == pytest.approx(gain, abs=0.01)


def test_the_reason_is_in_words():
    both = methods({"ours": 0.1, "theirs": 0.0})
    assert pair(both["ours"], both["theirs"]).reason == "p < 0.001"
    assert pair(both["ours"], both["theirs"], "neither").reason == "neither direction is better"
    same = methods({"ours": 0.0, "theirs": 0.0})
    assert pair(same["ours"], same["theirs"]).reason.startswith("the interval holds 0 (p = 0.")


def test_pairing_takes_out_what_is_common_to_seeds_and_problems():
    # seeds shift both methods by the same large amounts: unpaired nothing could be seen
    shift = np.array([[0.0], [0.2], [-0.2]])
    hard = np.linspace(0, 0.4, 10)[None]
    noise = 0.001 * np.random.default_rng(0).standard_normal((3, 10))
    found = pair(scores(0.3 + shift + hard + 0.02 + noise), scores(0.3 + shift + hard))
    assert found.decision == "better"
    assert found.difference.mean == pytest.approx(0.02, abs=0.002)


def test_unequal_seed_counts_use_those_in_common_and_say_how_many():
    ours = scores([[0.5, 0.6], [0.7, 0.8], [0.9, 0.9]], seeds=(0, 1, 4))
    theirs = scores([[0.1, 0.2], [0.2, 0.3]], seeds=(4, 1))
    found = compare_all("accuracy", "t", {"ours": ours, "theirs": theirs}, "higher", 5)["ours", "theirs"]
    assert (found.difference.done, found.difference.planned) == (2, 5)
    assert found.difference.mean == pytest.approx((0.75 - 0.25 + 0.9 - 0.15) / 2)


def test_one_seed_or_none_in_common_decides_nothing():
    both = methods({"ours": 0.3, "theirs": 0.0}, seeds=1)
    found = pair(both["ours"], both["theirs"])
    assert (found.decision, found.p_value, found.difference.over) == ("undecided", None, "problems")
    assert found.reason == "one seed in common: others may differ"
    apart = pair(scores([[1.0, 1.0]], seeds=(0,)), scores([[0.0, 0.0]], seeds=(1,)))
    assert (apart.decision, apart.reason) == ("undecided", "no seed in common")
    assert pair(None, both["theirs"]).difference == NOTHING


def test_a_pair_seen_from_the_other_side():
    both = methods({"ours": 0.1, "theirs": 0.0})
    seen = compare_all("accuracy", "t", both, "higher", 3)
    there, back = seen["ours", "theirs"], seen["theirs", "ours"]
    assert (back.decision, back.difference.low) == ("worse", -there.difference.high)
    assert flipped(back) == there


# --- all pairs ----------------------------------------------------------------------


def test_holm_by_hand():
    # sorted 0.01, 0.03, 0.04 of 3: 3·0.01 = 0.03, 2·0.03 = 0.06, 1·0.04 = 0.04 → running maximum 0.06
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_pair_alone_significant_can_be_undecided_among_many():
    gains = {f"m{index}": 0.0 for index in range(5)} | {"ours": 0.015}
    found = compare_all("accuracy", "t", methods(gains, problems=60), "higher", 3)
    tight = [one for one in found.values() if one.p_value <= 0.05 < one.adjusted]
    assert tight
    for one in tight:
        assert one.decision == "undecided"
        assert one.reason.startswith("alone p ")
        assert one.reason.endswith(" after Holm over 15 pairs")


def test_pairs_with_the_floor_have_half_the_level_to_themselves():
    gains = {"base": 0.0, "a": 0.1, "b": 0.12, "c": 0.11}
    found = compare_all("accuracy", "t", methods(gains, problems=60), "higher", 3, "base")
    floor = [("base", name) for name in "abc"]
    others = [("a", "b"), ("a", "c"), ("b", "c")]
    for family in (floor, others):
        by_hand = holm([found[pair].p_value for pair in family])
        assert [found[pair].adjusted for pair in family] == pytest.approx([min(1.0, 2 * p) for p in by_hand])
    assert found["base", "a"].reason.endswith(" after Holm over 3 pairs with base")
    assert families([*floor, *others], "base") == [floor, others]
    assert families(others, "base") == [others]


def test_pairs_without_two_seeds_are_no_tests():
    both = methods({"a": 0.1, "b": 0.0})
    lone = scores(np.full((1, 40), 0.5), seeds=(0,))
    found = compare_all("accuracy", "t", {**both, "c": lone, "d": None}, "higher", 3)
    assert found["a", "b"].adjusted == found["a", "b"].p_value
    assert found["a", "c"].adjusted is None


def test_small_p_is_never_printed_as_zero():
    assert [p_words(p) for p in (1e-9, 0.0123, 0.0994, 0.0996, 1.0)] == [
        "p < 0.001",
        "p = 0.012",
        "p = 0.099",
        "p = 0.10",
        "p = 1.00",
    ]


# --- sign flips ----------------------------------------------------------------------


def test_three_seeds_cannot_go_below_a_quarter():
    # 2 of the 8 sign patterns are as extreme as all alike
    assert sign_flip(np.array([[0.3], [0.2], [0.4]])) == 0.25


def test_scipy_gives_the_same_sign_flip_p():
    rates = np.array([0.3, -0.1, 0.4, 0.2, 0.25])
    wanted = oracle.permutation_test((rates,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip(rates[:, None]) == pytest.approx(wanted)


@pytest.mark.parametrize("seeds", [0, 21])
def test_flips_that_cannot_be_listed_are_refused(seeds):
    with pytest.raises(ValueError, match=f"sign flips of {seeds} seeds"):
        sign_flip(np.zeros((seeds, 2)))


# --- McNemar ----------------------------------------------------------------------


@pytest.mark.parametrize(("won", "lost"), [(3, 11), (11, 3), (0, 5), (4, 4), (0, 0), (1, 0)])
def test_mcnemar_is_the_exact_binomial(won, lost):
    wanted = oracle.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar(won, lost) == pytest.approx(wanted)


def test_mcnemar_by_hand_and_its_guard():
    # 0 of 5: 2 · (1/2)⁵ = 0.0625
    assert mcnemar(0, 5) == 0.0625
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 5)


def test_a_problem_has_one_vote_however_many_seeds_there_are():
    # six problems won on all three seeds, two lost on one seed: pooled 6 : 2, not 18 : 2
    ours = np.ones((3, 10))
    theirs = np.ones((3, 10))
    theirs[:, :6] = 0
    ours[1, 6:8] = 0
    found = greedy(scores(ours), scores(theirs))
    assert (found.seeds, found.only_ours, found.only_theirs) == ((0, 1, 2), (6, 6, 6), (0, 2, 0))
    assert found.p_values[0] == pytest.approx(2 / 2**6)
    assert found.pooled == pytest.approx(oracle.binomtest(6, 8).pvalue)


# --- groups ----------------------------------------------------------------------


def undecided_but(decided, order):
    return {
        (one, two): Comparison(
            "m", "t", one, two, NOTHING, "better" if {one, two} in map(set, decided) else "undecided"
        )
        for one in order
        for two in order
        if one != two
    }


def test_a_chain_shares_letters_between_neighbours_only():
    # a and b tied, b and c tied, a and c decided
    pairs = undecided_but([("a", "c")], "abc")
    assert groups("abc", pairs) == [("a", "b"), ("b", "c")]
    assert letters("abc", pairs) == {"a": "a", "b": "a b", "c": "b"}


def test_groups_stand_in_the_order_of_their_best_members_and_so_do_the_members():
    # tied: c-a, c-d, a-b, b-d (a ring); order c, a, d, b: groups by the rank of their best, then of the second best
    pairs = undecided_but([("a", "d"), ("b", "c")], "cadb")
    assert groups("cadb", pairs) == [("c", "a"), ("c", "d"), ("a", "b"), ("d", "b")]
    assert letters("cadb", pairs) == {"c": "a b", "a": "a c", "d": "b d", "b": "c d"}
    assert groups("bdac", pairs) == [("b", "d"), ("b", "a"), ("d", "c"), ("a", "c")]


def test_all_alike_and_all_apart():
    assert letters("abc", undecided_but([], "abc")) == dict.fromkeys("abc", "a")
    apart = undecided_but(["ab", "ac", "bc"], "abc")
    assert letters("abc", apart) == {"a": "a", "b": "b", "c": "c"}
    assert letters([], {}) == {}


def test_two_methods_share_a_letter_exactly_when_they_are_undecided():
    generator, order = np.random.default_rng(0), [f"m{index}" for index in range(12)]
    decided = [(one, two) for one in order for two in order if one < two and generator.random() < 0.4]
    pairs = undecided_but(decided, order)
    named = {method: set(text.split()) for method, text in letters(order, pairs).items()}
    for (one, two), found in pairs.items():
        assert bool(named[one] & named[two]) == (found.decision == "undecided")


def test_more_groups_than_letters_are_numbered():
    # ten couples, each decided between its partners only: one of each couple is in a group, 2¹⁰ groups
    order = [f"{side}{index:02d}" for index in range(10) for side in "xy"]
    named = letters(order, undecided_but(list(pairwise(order))[::2], order))
    assert len({name for text in named.values() for name in text.split()}) == 1024
    assert "a1" in named["x00"].split()
