"""Known failure patterns of training, recognised in a step log, with their figures and a first remedy.

A symptom that is harmless while the reward rises (a clip that is always active, a lagging log Z, a poor critic, a
policy far from the reference) is reported only if the reward does not rise. A metric that was logged in fewer than four
batches is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmark.contract import Diagnosis, Setting, StepLog
from benchmark.run.step_series import Chart, mean, span

__all__ = ["diagnose", "last_figures"]

FALLS = 0.15
"""Drop from the best window to the last, or three standard errors of their difference where those are wider."""
NO_SIGNAL = 0.9
"""Share of groups with equal rewards at which at most one or two of 16 groups still have a gradient."""
ALL_RIGHT, ALL_WRONG = 0.98, 0.02
"""Mean reward at which a task counts as solved, or as out of reach."""
COLLAPSED, EXPLODED = 0.25, 3.0
"""Entropy against the first batch's; healthy runs of the pocket suite stay between 0.5 and 1.5."""
CUT = 0.1
"""Rise of the share of truncated completions."""
LONGER = 2.0
"""Wrong completions against their first length, and half of it more than the right ones grew."""
STANDS_STILL = 0.8
"""Share of tokens without gradient; 0.1 to 0.3 is normal for sequence ratios, less for token ratios."""
RATIO = 100.0
"""Importance ratio of a token or a sequence: exp(4.6), far outside every clip."""
FAR = 20.0
"""Nats per completion: knowing the right answers of a policy that is right once in a hundred costs −log 0.01 = 4.6."""
KL_COST = 0.5
"""KL coefficient × KL: half of what the best completion can earn."""
ALWAYS = 0.95
"""Share of steps whose gradient was clipped."""
ONE_SIDED = 0.8
"""|mean δ| against mean |δ|: all completions of a prompt move in the same direction."""
UNBALANCED = 1.0
"""Square of the last token's residual: a nat, where balance would be 0."""
STALE = 20.0
"""Mean age of replayed completions in batches: off-policy by many more updates than any method here was shown with."""
TIES = 0.05
"""Share of pairs that differ: one in twenty."""
SKIPPED = 0.5
"""Share of batches in which an optimiser step had nothing to learn from."""


Rule = Callable[[Chart], Diagnosis | None]


def diagnose(steps: Sequence[StepLog], settings: Mapping[str, Setting]) -> tuple[Diagnosis, ...]:
    """The failure patterns that a job's log shows, in the order of `RULES`; `settings` are those of its method."""
    chart = Chart(tuple(step for step in steps if step.step), settings)
    return tuple(diagnosis for rule in RULES if (diagnosis := rule(chart)) is not None)


def last_figures(steps: Sequence[StepLog], count: int = 3) -> str:
    """The vital metrics of the last batches, one clause per batch, for a run that diverged."""
    clauses = []
    for step in [step for step in steps if step.step][-count:]:
        found = [f"{word} {step.metrics[name]:.3g}" for name, word in _VITAL.items() if name in step.metrics]
        clauses.append(f"step {step.step}: {', '.join(found)}")
    return "Before that " + "; ".join(clauses) + "." if clauses else "No batch was finished before that."


_VITAL = {
    "loss": "loss",
    "reward/mean": "reward",
    "optim/grad_norm_policy": "gradient norm",
    "policy/entropy": "entropy",
    "policy/kl_ref_k1": "KL to the reference",
}


# --- reward and signal ---------------------------------------------------------------------------------------------


def _no_signal(chart: Chart) -> Diagnosis | None:
    equal, reward = chart.get("reward/frac_groups_all_equal"), chart.reward
    if equal is None or reward is None or equal.late < NO_SIGNAL:
        return None
    evidence = f"{equal.name} {equal.end()}, {chart.reward_trend()}"
    if reward.late >= ALL_RIGHT:
        return Diagnosis("all right", evidence, "Use harder problems: groups of equal rewards have no gradient.")
    if reward.late <= ALL_WRONG:
        remedy = "Use easier problems or start from a supervised policy; if it began better, lower 'learning_rate'."
        return Diagnosis("all wrong", evidence, remedy)
    return Diagnosis(
        "no signal", evidence, "Raise 'group_size' or 'temperature': the members of a group earn the same."
    )


def _reward_falls(chart: Chart) -> Diagnosis | None:
    reward = chart.reward
    if reward is None:
        return None
    best, at = reward.best()
    batch = max(chart.steps[-1].completions // max(chart.steps[-1].step, 1), 1)
    noise = (2 * 0.25 / (batch * reward.window)) ** 0.5  # a 0/1 reward has a variance of at most 1/4
    if best - reward.late < max(FALLS, 3 * noise):
        return None
    evidence = f"reward/mean {best:.3g} (up to step {at}) → {reward.end()}"
    return Diagnosis(
        "reward falling",
        evidence,
        "Lower 'learning_rate', by ten to begin with, or look whether the loss reads the reward.",
    )


def _skipped(chart: Chart) -> Diagnosis | None:
    skipped = chart.get("optim/steps_skipped")
    if skipped is None:
        return None
    share = mean([float(value > 0) for value in skipped.values])
    if share < SKIPPED:
        return None
    evidence = f"optim/steps_skipped above 0 in {share:.0%} of batches ({span(skipped.steps)})"
    remedy = "Use easier problems or a larger 'group_size': the filter leaves nothing to learn from."
    return Diagnosis("steps skipped", evidence, remedy)


def _ties(chart: Chart) -> Diagnosis | None:
    pairs = chart.get("paired/informative")
    if pairs is None or pairs.half > TIES:
        return None
    return Diagnosis("pairs are ties", pairs.level(), "Use problems the policy solves now and then, or ties = 'soft'.")


# --- the policy ----------------------------------------------------------------------------------------------------


def _entropy(chart: Chart) -> Diagnosis | None:
    entropy = chart.get("policy/entropy")
    if entropy is None or entropy.first <= 0:
        return None
    if entropy.late <= COLLAPSED * entropy.first and not chart.learns:
        evidence = f"{entropy.trend()}, {chart.reward_trend()}"
        return Diagnosis("collapse", evidence, "Lower 'learning_rate' or raise the pull to the reference.")
    if entropy.late >= EXPLODED * entropy.first:
        return Diagnosis(
            "entropy explosion", entropy.trend(), "Lower 'learning_rate'; check the sign of the advantage."
        )
    return None


def _truncation(chart: Chart) -> Diagnosis | None:
    cut = chart.get("completion/frac_truncated")
    if cut is None or cut.late - cut.first < CUT:
        return None
    return Diagnosis("truncation growing", cut.trend(), "Raise 'max_completion_tokens', or charge for length.")


def _wrong_longer(chart: Chart) -> Diagnosis | None:
    wrong, right = chart.get("completion/length_wrong"), chart.get("completion/length_correct")
    if wrong is None:
        return None
    growth = wrong.late / wrong.first
    others = right.late / right.first if right else 1.0
    if growth < LONGER or growth < LONGER / 2 * others:
        return None
    remedy = "Take a loss without the 1/length of each row ('dr_grpo', 'dapo'): it makes long mistakes cheap."
    return Diagnosis("wrong answers grow longer", wrong.trend(), remedy)


def _far(chart: Chart) -> Diagnosis | None:
    kl = chart.get("policy/kl_ref_k1")
    if kl is None or chart.learns or kl.late < FAR:
        return None
    evidence = f"{kl.name} {kl.end()} nats a completion, {chart.reward_trend()}"
    return Diagnosis("far from the reference", evidence, "Lower 'learning_rate' or raise the KL coefficient.")


def _kl_cost(chart: Chart) -> Diagnosis | None:
    kl = chart.get("policy/kl_ref_k1")
    coefficient = next((value for name in ("kl_coef", "kl_weight") if (value := chart.settings.get(name))), 0.0)
    if kl is None or not isinstance(coefficient, int | float) or coefficient * kl.late < KL_COST:
        return None
    evidence = f"coefficient {coefficient:g} × {kl.name} {kl.end()} = {coefficient * kl.late:.2g}; a right answer is 1"
    return Diagnosis(
        "KL swamps the reward", evidence, "Lower the KL coefficient, or 'learning_rate' if it rose at once."
    )


# --- the loss ------------------------------------------------------------------------------------------------------


def _clipped_away(chart: Chart) -> Diagnosis | None:
    share = chart.get("policy/clip_fraction")
    if share is None or share.half < STANDS_STILL:
        return None
    return Diagnosis("clipped to a standstill", share.level(), "Widen the clip, or take fewer passes or mini-batches.")


def _weights_explode(chart: Chart) -> Diagnosis | None:
    for name, remedy in (
        ("policy/ratio_max", "Lower 'learning_rate' or 'passes': one batch moves the policy too far."),
        ("flowrl/weight_max", "Use weight = 'paper' or 'recipe', which bound it, or fewer mini-batches."),
    ):
        ratio = chart.get(name)
        if ratio is not None and max(ratio.values) >= RATIO:
            return Diagnosis("importance weights explode", ratio.peak(), remedy)
    return None


def _always_clipped(chart: Chart) -> Diagnosis | None:
    clipped, norm = chart.get("optim/frac_steps_clipped"), chart.get("optim/grad_norm_policy")
    if clipped is None or norm is None or chart.learns or clipped.half < ALWAYS:
        return None
    evidence = f"{clipped.level()}, {norm.level()}, {chart.reward_trend()}"
    return Diagnosis("gradient always clipped", evidence, "Raise 'max_grad_norm', or scale the reward (β, 1/τ) down.")


def _critic(chart: Chart) -> Diagnosis | None:
    explained = chart.get("value/explained_variance")
    if explained is None or chart.learns or max(explained.values[len(explained.values) // 2 :]) > 0:
        return None
    remedy = "Raise 'head_learning_rate', or give the critic 'value_warmup_steps'."
    return Diagnosis("critic explains nothing", f"{explained.level()}, {chart.reward_trend()}", remedy)


def _log_z(chart: Chart) -> Diagnosis | None:
    mean, size = chart.get("gfn/delta_mean"), chart.get("gfn/delta_abs_mean")
    if mean is None or size is None or chart.learns or chart.get("gfn/terminal_square"):
        return None
    if abs(mean.half) < ONE_SIDED * size.half:
        return None
    evidence = f"{mean.level()}, {size.level()}, {chart.reward_trend()}"
    remedy = "Raise 'head_learning_rate', or estimate log Z from the group ('gflownet_vargrad')."
    return Diagnosis("log Z lags", evidence, remedy)


def _credit(chart: Chart) -> Diagnosis | None:
    last = chart.get("gfn/terminal_square")
    if last is None or chart.learns or last.late < UNBALANCED:
        return None
    remedy = "Use longer stretches ('gflownet_subtb', 'gflownet_tb'): the flow head does not tell prefixes apart."
    return Diagnosis("credit has not travelled", f"{last.trend()}, {chart.reward_trend()}", remedy)


def _stale(chart: Chart) -> Diagnosis | None:
    age = chart.get("tba/staleness_mean")
    if age is None or chart.learns or age.half < STALE:
        return None
    return Diagnosis(
        "stale buffer", f"{age.level()}, {chart.reward_trend()}", "Raise 'fresh_share'; lower 'sync_every'."
    )


RULES: tuple[Rule, ...] = (
    _reward_falls,
    _no_signal,
    _entropy,
    _truncation,
    _wrong_longer,
    _far,
    _kl_cost,
    _weights_explode,
    _clipped_away,
    _always_clipped,
    _critic,
    _log_z,
    _credit,
    _stale,
    _ties,
    _skipped,
)
