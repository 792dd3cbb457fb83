"""How often the intervals and verdicts hold where the truth is known: `python tests/simulation.py` prints the tables.

A world draws the logit of a sample's correctness: mean + seed effect + problem effect + method × problem + cell effect,
all normal, then 16 samples a cell (1 where said). Its truth is the mean over all seeds and problems there could be.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from scipy import stats as scipy

from benchmark.stats import compare_all, components, estimate, resample, scores_of, sign_flip

PROBLEMS = 128
SEEDS = (3, 5, 10)


@dataclass(frozen=True)
class World:
    """Standard deviations on the logit scale."""

    name: str
    mean: float
    seed: float
    problem: float
    method: float = 0.15
    cell: float = 0.4
    samples: int = 16

    def truth(self, gain: float = 0.0) -> float:
        spread = np.sqrt(self.seed**2 + self.problem**2 + self.method**2 + self.cell**2)
        nodes, weights = np.polynomial.hermite_e.hermegauss(201)
        return float((weights / (1 + np.exp(-(self.mean + gain + spread * nodes)))).sum() / weights.sum())

    def draw(self, generator, seeds, gains=(0.0,)):
        """Accuracies (methods, seeds, problems); all methods share the problems."""
        normal = generator.standard_normal
        logit = self.mean + np.array(gains)[:, None, None] + self.problem * normal((1, 1, PROBLEMS))
        logit = logit + self.method * normal((len(gains), 1, PROBLEMS))
        logit = logit + self.seed * normal((len(gains), seeds, 1)) + self.cell * normal((len(gains), seeds, PROBLEMS))
        return generator.binomial(self.samples, 1 / (1 + np.exp(-logit))) / self.samples


WORLDS = (
    World("as in `pocket`", 1.0, 0.08, 0.8),
    World("seeds twice that", 1.0, 0.16, 0.8),
    World("seeds four times", 1.0, 0.32, 0.8),
    World("no difference between seeds", 0.5, 0.0, 1.2),
    World("problems all alike", 0.0, 0.1, 0.0, 0.0, 0.0),
    World("hard and easy problems", 0.5, 0.2, 2.0),
    World("rate 0.97", 4.2, 0.15, 1.0),
    World("rate 0.99", 6.0, 0.2, 1.5),
    World("greedy, rate 0.91", 3.0, 0.3, 1.3, samples=1),
)
METHODS = ("student", "percentile", "expanded", "bca", "satterthwaite", "ours")


def scores(values, *, share=True):
    seeds, problems = values.shape
    return scores_of(range(seeds), list(map(str, range(problems))), values, np.ones_like(values), share=share)


# --- intervals of one method ----------------------------------------------------------------------


def student(values):
    rates = values.mean(axis=1)
    return scipy.t.interval(0.95, len(rates) - 1, loc=rates.mean(), scale=max(scipy.sem(rates), 1e-300))


def satterthwaite(values):
    """Two-way variance components, one Student quantile with approximate degrees of freedom."""
    error, freedom = one_t(values)
    half = scipy.t.ppf(0.975, freedom) * error
    return values.mean() - half, values.mean() + half


def one_t(values):
    """Standard error of the mean and its degrees of freedom (Satterthwaite 1946)."""
    parts, (seeds, problems) = components(values), values.shape
    total = max(parts.seeds + parts.problems - parts.cells, parts.seeds, parts.problems, 1e-300)
    terms = parts.seeds**2 / (seeds - 1) + parts.problems**2 / (problems - 1)
    freedom = max(total**2 / (terms + parts.cells**2 / ((seeds - 1) * (problems - 1))), seeds - 1)
    return np.sqrt(total / (seeds * problems)), freedom


def bootstraps(values, seed, resamples=800):
    """Percentile, percentile expanded for few seeds (Hesterberg 2015), bias-corrected and accelerated."""
    draws = resample([scores(values)], resamples, seed)[0].mean(axis=1)
    count = len(values)
    tail = scipy.norm.cdf(scipy.t.ppf(0.025, count - 1) * np.sqrt(count / (count - 1)))
    left = [values.mean(axis=1), values.mean(axis=0)]
    pull = np.concatenate([(each - each.mean()) / len(each) for each in left])
    bend = (pull**3).sum() / (6 * max((pull**2).sum(), 1e-300) ** 1.5)
    shift = scipy.norm.ppf(np.clip((draws < values.mean()).mean(), 0.001, 0.999))
    at = [scipy.norm.cdf(shift + (shift + z) / (1 - bend * (shift + z))) for z in (-1.96, 1.96)]
    return {
        "percentile": np.quantile(draws, [0.025, 0.975]),
        "expanded": np.quantile(draws, [tail, 1 - tail]),
        "bca": np.quantile(draws, at),
    }


def coverage(world, seeds, repetitions, seed=0, *, others=0):
    """Share of 95 % intervals that hold the truth, for each way of making them; the bootstraps `others` times."""
    generator = np.random.default_rng(seed)
    truth, held = world.truth(), {name: [] for name in METHODS}
    for repetition in range(repetitions):
        values = world.draw(generator, seeds)[0]
        found = estimate(scores(values), seeds)
        made = {"ours": (found.low, found.high), "student": student(values), "satterthwaite": satterthwaite(values)}
        if repetition < others:
            made |= bootstraps(values, repetition)
        for name, (low, high) in made.items():
            held[name].append(low <= truth <= high)
    return {name: float(np.mean(each)) for name, each in held.items() if each}


# --- D2, a ratio ----------------------------------------------------------------------


def strategies(generator, seeds, problems=PROBLEMS, spread=0.15):
    """Parts of D2, two (seeds, problems): two strategies, their odds by problem and seed, 16 samples, some right."""
    normal = generator.standard_normal
    right = generator.binomial(16, 1 / (1 + np.exp(-(0.5 + normal((1, problems)) + 0.1 * normal((seeds, 1))))))
    first = generator.binomial(right, 1 / (1 + np.exp(-(normal((1, problems)) + 1 + spread * normal((seeds, 1))))))
    pairs = right * (right - 1)
    same = first * (first - 1) + (right - first) * (right - first - 1)
    return (pairs > 0).astype(float), np.divide(same, pairs, out=np.zeros(pairs.shape), where=pairs > 0)


@cache
def true_d2():
    top, bottom = strategies(np.random.default_rng(99), 2000, 3000)
    return float((top.sum(axis=1) / bottom.sum(axis=1)).mean())


def d2_coverage(seeds, repetitions, seed=0):
    generator, truth, held = np.random.default_rng(seed), true_d2(), []
    for _ in range(repetitions):
        top, bottom = strategies(generator, seeds)
        found = estimate(scores_of(range(seeds), list(map(str, range(PROBLEMS))), top, bottom), seeds)
        held.append(found.low <= truth <= found.high)
    return float(np.mean(held))


# --- verdicts ----------------------------------------------------------------------


@dataclass
class Verdicts:
    """Shares over repetitions."""

    any_wrong: float
    """Repetitions with any decided pair among equals, or decided for the worse one."""
    found: float
    """Pairs that differ and are decided rightly."""
    covered: float
    """Intervals of differences that hold the true one."""
    flips: float
    """Pairs of equals that a sign flip over seeds rejects at 5 %, uncorrected; of those that differ without equals."""


def verdicts(world, seeds, repetitions, gains, seed=0):
    """All pairs of methods whose logits differ by `gains`."""
    generator = np.random.default_rng(seed)
    truths = [world.truth(gain) for gain in gains]
    wrong, right, covered, flips = [], [], [], []
    for _ in range(repetitions):
        drawn = world.draw(generator, seeds, gains)
        pairs = compare_all("accuracy", "t", {str(i): scores(each) for i, each in enumerate(drawn)}, "higher", seeds)
        false = False
        for one, other in combinations(range(len(gains)), 2):
            found, true = pairs[str(one), str(other)], truths[one] - truths[other]
            decided = {"better": 1, "worse": -1, "undecided": 0}[found.decision]
            if found.difference.low is not None:  # no spread between the seeds: no interval is printed
                covered.append(found.difference.low <= true <= found.difference.high)
            false |= decided != 0 and decided != np.sign(true)
            if true:
                right.append(decided == np.sign(true))
            if (true == 0) == (len(set(gains)) == 1):
                flips.append(sign_flip(drawn[one] - drawn[other]) <= 0.05)
        wrong.append(false)
    shares = (float(np.mean(each)) if each else float("nan") for each in (wrong, right, covered, flips))
    return Verdicts(*shares)


# --- the tables ----------------------------------------------------------------------


def one_t_errors(world, seeds, repetitions, methods=6):
    """Repetitions in which any pair of equals is decided by one t and Holm: its smallest p decides the first step."""
    generator, wrong = np.random.default_rng(0), []
    pairs = list(combinations(range(methods), 2))
    for _ in range(repetitions):
        drawn = world.draw(generator, seeds, [0.0] * methods)
        gaps = [drawn[one] - drawn[other] for one, other in pairs]
        found = [(abs(gap.mean()), *one_t(gap)) for gap in gaps]
        wrong.append(min(2 * scipy.t.sf(mean / error, freedom) for mean, error, freedom in found) <= 0.05 / len(pairs))
    return float(np.mean(wrong))


def percent(share):
    return f"{100 * share:.1f}"


def table(header, rows):
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def coverage_tables(repetitions, others):
    names = ["Student, seeds", "percentile", "expanded", "BCa", "one t (Satterthwaite)", "**ours**"]
    rows = []
    for world in WORLDS:
        for seeds in SEEDS:
            found = coverage(world, seeds, repetitions, others=others)
            rows.append([world.name, f"{world.truth():.2f}", seeds, *(percent(found[name]) for name in METHODS)])
    rows += [["D2 (two strategies)", "", n, *[""] * 5, percent(d2_coverage(n, repetitions))] for n in SEEDS]
    return table(["coverage of 95 % intervals, %", "true rate", "seeds", *names], rows)


def error_table(repetitions, methods=6):
    rows = []
    for world in WORLDS:
        for seeds in SEEDS:
            found = verdicts(world, seeds, repetitions, [0.0] * methods)
            rows.append([world.name, seeds, *map(percent, (found.any_wrong, found.covered, found.flips))])
    header = [f"{methods} equal methods", "seeds", "any pair decided, %", "interval of a difference covers 0, %"]
    return table([*header, "sign flip of seeds rejects one pair, %"], rows)


def one_t_table(repetitions):
    rows = [
        [world.name, seeds, percent(one_t_errors(world, seeds, repetitions))] for world in WORLDS[:3] for seeds in SEEDS
    ]
    return table(["6 equal methods, one t (Satterthwaite)", "seeds", "any pair decided, %"], rows)


def power_table(repetitions, methods=6, gains=(0.15, 0.3, 0.6, 1.2)):
    rows, world = [], WORLDS[0]
    for gain in gains:
        points = f"{100 * (world.truth(gain) - world.truth()):.1f}"
        for seeds in SEEDS:
            found = verdicts(world, seeds, repetitions, [gain, *[0.0] * (methods - 1)])
            pair = verdicts(world, seeds, repetitions, [gain, 0.0], seed=1)
            rows.append([points, seeds, *map(percent, (pair.found, found.found, found.any_wrong))])
    header = ["true difference, points", "seeds", "found, of one pair, %", f"found, among {methods} methods, %"]
    return table([*header, "any wrong verdict, %"], rows)


if __name__ == "__main__":
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    sys.stdout.write(coverage_tables(int(4000 * scale), int(500 * scale)) + "\n\n")
    sys.stdout.write(error_table(int(3000 * scale)) + "\n\n")
    sys.stdout.write(one_t_table(int(1000 * scale)) + "\n\n")
    sys.stdout.write(power_table(int(1000 * scale)) + "\n")
