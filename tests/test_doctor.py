"""Each illness on a log that shows it and on one that just does not."""

import pytest

from benchmark.contract import StepLog
from benchmark.run.doctor import RULES, diagnose, last_figures
from benchmark.run.step_series import Chart

STEPS = 16
RISING = [0.3 + 0.02 * step for step in range(STEPS)]  # first four 0.33 on average, last four 0.57: + 0.24
FLAT = [0.3] * STEPS


def line(start, end):
    return [start + (end - start) * step / (STEPS - 1) for step in range(STEPS)]


def flat(value):
    return [value] * STEPS


def log(reward=RISING, **series):
    """A log of 16 batches of 128; `a__b` is metric `a/b`."""
    named = {name.replace("__", "/"): values for name, values in series.items()}
    if reward is not None:
        named["reward/mean"] = reward
    return [
        StepLog(step + 1, 128 * (step + 1), 1.0, {name: values[step] for name, values in named.items()})
        for step in range(STEPS)
    ]


def names(steps, **settings):
    return [illness.name for illness in diagnose(steps, settings)]


EQUAL = {"reward__frac_groups_all_equal": flat(0.95)}
CASES = {
    # name: (series that trip it, series that just do not, reward, settings)
    "reward falling": ({}, None, line(0.5, 0.3), {}),  # windows 0.48 and 0.32: 0.16 > 0.15
    "all wrong": (EQUAL, {"reward__frac_groups_all_equal": flat(0.85)}, flat(0.01), {}),
    "all right": (EQUAL, {"reward__frac_groups_all_equal": flat(0.85)}, flat(0.99), {}),
    "no signal": (EQUAL, {"reward__frac_groups_all_equal": flat(0.85)}, FLAT, {}),
    # the last window of a line to e is e + 0.1·(start − e): 0.1 + 0.09 = 0.19 ≤ 0.25, and 0.3 + 0.07 = 0.37 is above
    "collapse": ({"policy__entropy": line(1.0, 0.1)}, {"policy__entropy": line(1.0, 0.3)}, FLAT, {}),
    # 3.5 − 0.25 = 3.25 ≥ 3 and 3.1 − 0.21 = 2.89 < 3
    "entropy explosion": ({"policy__entropy": line(1.0, 3.5)}, {"policy__entropy": line(1.0, 3.1)}, RISING, {}),
    # 0.12 · 0.9 = 0.108 ≥ 0.1 and 0.1 · 0.9 = 0.09 < 0.1
    "truncation growing": (
        {"completion__frac_truncated": line(0.0, 0.12)}, {"completion__frac_truncated": line(0.0, 0.1)}, RISING, {},
    ),
    # 230 − 13 = 217 ≥ 2 · 100, and 200 − 10 = 190 is below
    "wrong answers grow longer": (
        {"completion__length_wrong": line(100, 230), "completion__length_correct": flat(90)},
        {"completion__length_wrong": line(100, 200), "completion__length_correct": flat(90)}, RISING, {},
    ),
    "far from the reference": ({"policy__kl_ref_k1": flat(21.0)}, {"policy__kl_ref_k1": flat(19.0)}, FLAT, {}),
    # 0.1 · 5.1 = 0.51 ≥ 0.5 and 0.1 · 4.9 = 0.49 < 0.5
    "KL swamps the reward": (
        {"policy__kl_ref_k1": flat(5.1)}, {"policy__kl_ref_k1": flat(4.9)}, RISING, {"kl_coef": 0.1},
    ),
    "importance weights explode": (
        {"flowrl__weight_max": [*flat(1.0)[1:], 120.0]}, {"flowrl__weight_max": [*flat(1.0)[1:], 80.0]}, RISING, {},
    ),
    "clipped to a standstill": (
        {"policy__clip_fraction": flat(0.85)}, {"policy__clip_fraction": flat(0.75)}, RISING, {},
    ),
    "gradient always clipped": (
        {"optim__frac_steps_clipped": flat(1.0), "optim__grad_norm_policy": flat(9.0)},
        {"optim__frac_steps_clipped": flat(0.9), "optim__grad_norm_policy": flat(9.0)}, FLAT, {},
    ),
    "critic explains nothing": (
        {"value__explained_variance": flat(-0.1)}, {"value__explained_variance": line(-0.1, 0.1)}, FLAT, {},
    ),
    # 1.7 of 2 = 0.85 ≥ 0.8 on one side, 1.5 of 2 = 0.75
    "log Z lags": (
        {"gfn__delta_mean": flat(-1.7), "gfn__delta_abs_mean": flat(2.0)},
        {"gfn__delta_mean": flat(-1.5), "gfn__delta_abs_mean": flat(2.0)}, FLAT, {},
    ),
    "credit has not travelled": ({"gfn__terminal_square": flat(4.0)}, {"gfn__terminal_square": flat(0.9)}, FLAT, {}),
    "stale buffer": ({"tba__staleness_mean": flat(21.0)}, {"tba__staleness_mean": flat(19.0)}, FLAT, {}),
    "pairs are ties": ({"paired__informative": flat(0.04)}, {"paired__informative": flat(0.06)}, RISING, {}),
    # 8 of 16 batches = 0.5, and 7 of 16 below it
    "steps skipped": (
        {"optim__steps_skipped": [1.0] * 8 + [0.0] * 8}, {"optim__steps_skipped": [1.0] * 7 + [0.0] * 9}, RISING, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_illness_is_named_where_the_log_shows_it_and_nowhere_else(name):
    ill, well, reward, settings = CASES[name]
    assert names(log(reward, **ill), **settings) == [name]
    if well is not None:
        assert names(log(reward, **well), **settings) == []


def test_every_rule_is_tripped_by_some_case():
    charts = [Chart(tuple(log(reward, **ill)), settings) for ill, _, reward, settings in CASES.values()]
    assert [rule.__name__ for rule in RULES if all(rule(chart) is None for chart in charts)] == []


def test_a_slow_fall_within_the_noise_is_no_fall():
    assert names(log(line(0.5, 0.35))) == []  # windows 0.485 and 0.365: 0.12 < 0.15
    few = [StepLog(one.step, one.step * 4, 1.0, one.metrics) for one in log(line(0.5, 0.3))]
    assert names(few) == []  # of 4 completions a batch: 3·√(2·0.25/16) = 0.53 > 0.16


@pytest.mark.parametrize(
    "symptom",
    [
        {"optim__frac_steps_clipped": flat(1.0), "optim__grad_norm_policy": flat(30.0)},
        {"gfn__delta_mean": flat(-2.0), "gfn__delta_abs_mean": flat(2.0)},
        {"value__explained_variance": flat(-0.3)},
        {"policy__kl_ref_k1": flat(40.0)},
        {"policy__entropy": line(1.0, 0.05)},
        {"gfn__terminal_square": flat(5.0)},
    ],
)
def test_a_symptom_of_a_run_that_learns_is_no_illness(symptom):
    assert names(log(RISING, **symptom)) == []
    assert names(log(FLAT, **symptom)) != []


def test_wrong_answers_that_grow_with_the_right_ones_are_no_illness():
    # the right ones grow from 50 to 227, 4.5 times; half of it, 2.27, is more than the wrong ones' 217 / 100
    both = {"completion__length_wrong": line(100, 230), "completion__length_correct": line(50, 246)}
    assert names(log(RISING, **both)) == []


def test_evidence_holds_figures_with_their_steps_and_a_next_step():
    (one,) = diagnose(log(line(0.5, 0.3)), {})
    assert one.evidence == "reward/mean 0.48 (up to step 4) → 0.32 (steps 13–16)"
    assert "learning_rate" in one.next_step


def test_too_short_a_log_and_one_without_reward_are_not_accused():
    assert names(log(flat(0.0), **EQUAL)[:3]) == []
    assert names(log(None, policy__entropy=line(1.0, 0.05))) == []
    assert diagnose((), {}) == ()


def test_the_start_of_the_curve_is_no_batch():
    start = StepLog(0, 0, 0.0, {"probe/accuracy": 0.3})
    assert diagnose([start, *log(line(0.5, 0.3))], {}) == diagnose(log(line(0.5, 0.3)), {})


def test_the_last_figures_are_those_of_the_last_batches_in_order():
    told = last_figures(log(FLAT, loss=line(0.0, 15.0)), 2)
    assert told == "Before that step 15: loss 14, reward 0.3; step 16: loss 15, reward 0.3."
    assert last_figures([]) == "No batch was finished before that."
