r"""Estimators of how different several answers to one problem are, from counts, texts and vectors.

Counts n_s are how often each class s (a strategy, an answer) was seen, N = Σ n_s, p_s = n_s / N, H = -Σ p_s log p_s.
Logarithms are natural. `None` is "undefined" and is left out of means over problems. Classes with a count of 0 do not
exist. The plug-in estimators (entropy, Hill numbers) are too small for small N; `collision_probability`, `pass_at_k`,
`strategies_at_k` and `rarefied_richness` are unbiased. Texts and vectors: `benchmark.exam.text_diversity`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "answer_entropy",
    "chao1",
    "collision_probability",
    "d2",
    "d2_of",
    "distinct_answers",
    "dominance_score",
    "effective",
    "effective_answers",
    "entropy",
    "hill_number",
    "majority_at_k",
    "miller_madow",
    "pass_at_k",
    "rarefied_richness",
    "shared_collisions",
    "strategies_at_k",
]

_DOMINANCE = ((14, 1), (11, 2), (7, 3), (4, 4))
"""Sixteenths of the samples in the largest class, from which on the score holds."""

# --- correct within a budget of k ----------------------------------------------------------------------------------


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that one of k of the n samples, c of them correct, is correct: 1 - C(n-c, k) / C(n, k), in [0, 1].

    Unbiased; Chen et al. 2021 (arXiv 2107.03374), equation 1, as their product. Raises `ValueError` unless
    0 ≤ c ≤ n and 1 ≤ k ≤ n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@k is defined for 0 ≤ c ≤ n and 1 ≤ k ≤ n, not for n={n}, c={c}, k={k}")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def strategies_at_k(n: int, counts: Iterable[int], k: int) -> float:
    """Expected number of distinct correct strategies among k of the n samples: Σ_s pass@k(n, n_s), in [0, k].

    `counts` are those of the correct strategies, n is all samples, wrong ones included. Unbiased. Never below pass@k
    when every correct sample has a strategy, and equal to it when there is one strategy.
    """
    seen = _positive(counts)
    if sum(seen) > n:
        raise ValueError(f"the strategies have {sum(seen)} samples, more than the {n} there are")
    return math.fsum(pass_at_k(n, count, k) for count in seen)


def majority_at_k(correct: int, wrong: Iterable[int], missing: int, k: int) -> float:
    """Expectation over subsets of k samples of "the most frequent answer is right", in [0, 1].

    `correct` samples have the right answer, `wrong` are the counts of each other answer, `missing` have none and never
    win. Ties are shared equally (arXiv 2203.11171). Exact at every size: subsets are counted by votes and ties, not
    listed. Raises `ValueError` unless 1 ≤ k ≤ n.
    """
    rivals = _positive(wrong)
    n = correct + sum(rivals) + missing
    if not 1 <= k <= n:
        raise ValueError(f"maj@k is defined for 1 ≤ k ≤ n, not for n={n}, k={k}")
    won = Fraction(0)
    for votes in range(1, min(correct, k) + 1):
        for ties, ways in _outvoted(rivals, missing, k - votes, votes).items():
            won += Fraction(math.comb(correct, votes) * ways, ties + 1)
    return float(won / math.comb(n, k))


def _outvoted(rivals: Sequence[int], missing: int, size: int, votes: int) -> dict[int, int]:
    """Ways to draw `size` samples in which no rival has more than `votes`, by how many rivals have exactly as many."""
    left = sum(rivals)
    table = {(drawn, 0): math.comb(missing, drawn) for drawn in range(max(0, size - left), min(missing, size) + 1)}
    for rival in rivals:
        left -= rival
        longer: dict[tuple[int, int], int] = defaultdict(int)
        for (drawn, ties), ways in table.items():
            for taken in range(max(0, size - left - drawn), min(rival, votes, size - drawn) + 1):
                longer[drawn + taken, ties + (taken == votes)] += ways * math.comb(rival, taken)
        table = longer
    return {ties: ways for (_, ties), ways in table.items()}


# --- counts of classes ---------------------------------------------------------------------------------------------


def collision_probability(counts: Iterable[int]) -> float | None:
    """Chance that two different samples are of one class: Σ n_s (n_s - 1) / (N (N - 1)), in [0, 1].

    Lower is more diverse. Unbiased for Σ p_s² at every N. Undefined below two samples.
    """
    seen = _positive(counts)
    total = sum(seen)
    return sum(count * (count - 1) for count in seen) / (total * (total - 1)) if total > 1 else None


def d2(problems: Iterable[Iterable[int]]) -> float | None:
    """Effective number of classes of order 2, pooled: 1 / mean over problems of the collision probability, at least 1.

    Problems with fewer than two samples are skipped. Undefined without any other, and when no two samples ever agree.
    """
    return d2_of(chance for chance in map(collision_probability, problems) if chance is not None)


def d2_of(chances: Iterable[float]) -> float | None:
    """D2 from collision probabilities, one a problem: the inverse of their mean. Undefined for none and for all 0."""
    found = list(chances)
    total = math.fsum(found)
    return len(found) / total if total > 0 else None


def shared_collisions(
    ours: Mapping[str, Iterable[int]], theirs: Mapping[str, Iterable[int]]
) -> dict[str, tuple[float, float]]:
    """Both methods' collision probabilities of every problem in which both have two samples or more.

    `ours` and `theirs` are counts of correct strategies by problem. D2 compares two methods over these problems only:
    elsewhere one of them has no chance that two samples agree. `d2_of` makes each side's number of it.
    """
    found: dict[str, tuple[float, float]] = {}
    for problem, counts in ours.items():
        our, their = collision_probability(counts), collision_probability(theirs.get(problem, ()))
        if our is not None and their is not None:
            found[problem] = (our, their)
    return found


def hill_number(counts: Iterable[int], order: float) -> float | None:
    """Effective number of classes (Hill 1973): (Σ p_s^q)^(1/(1-q)), exp H at q = 1; from 1 to the number of classes.

    Order 0 is the richness. Undefined without samples. Plug-in: too small for small N, except order 0 of a full count.
    """
    shares = _shares(counts)
    return effective(shares, order) if shares else None


def rarefied_richness(counts: Iterable[int], m: int) -> float | None:
    """Expected number of classes in m of the N samples: Σ_s 1 - C(N-n_s, m) / C(N, m), in [1, m]. `None` for N < m."""
    seen = _positive(counts)
    total = sum(seen)
    return strategies_at_k(total, seen, m) if 1 <= m <= total else None


def chao1(counts: Iterable[int], *, classic: bool = False) -> float | None:
    """Richness with the unseen (Chao 1984): S + f1 (f1 - 1) / (2 (f2 + 1)), f_i the classes seen i times; at least S.

    `classic` is S + (N - 1) / N · f1² / (2 f2), undefined for f2 = 0. Both are undefined without samples.
    """
    seen = _positive(counts)
    once, twice = seen.count(1), seen.count(2)
    if not seen or (classic and not twice):
        return None
    total = sum(seen)
    unseen = (total - 1) / total * once**2 / (2 * twice) if classic else once * (once - 1) / (2 * (twice + 1))
    return len(seen) + unseen


def miller_madow(counts: Iterable[int]) -> float | None:
    """Entropy corrected for small samples: H + (S - 1) / (2N), in nats, at least 0. Undefined without samples."""
    seen = _positive(counts)
    return entropy(_shares(seen)) + (len(seen) - 1) / (2 * sum(seen)) if seen else None


def dominance_score(counts: Iterable[int], n: int) -> int | None:
    """1 (one class has nearly all) to 5, from the share m of the largest class among n samples.

    1 from 14/16 on, 2 from 11/16, 3 from 7/16, 4 from 4/16, else 5: the scale of FlowRL's diversity judge, without the
    judge. Undefined without samples or classes.
    """
    seen = _positive(counts)
    if not seen or n < 1:
        return None
    return next((score for sixteenths, score in _DOMINANCE if 16 * max(seen) >= sixteenths * n), 5)


def distinct_answers(answers: Iterable[str | None]) -> int:
    """Number of different answers, from 0; missing answers do not count. Different mistakes count as well."""
    return len({answer for answer in answers if answer is not None})


def answer_entropy(answers: Sequence[str | None], *, drop_missing: bool = False) -> float | None:
    """-Σ p_a log p_a in nats, in [0, log n]; all missing answers are one class unless dropped. Undefined for none."""
    kept = [answer for answer in answers if answer is not None or not drop_missing]
    return entropy(_shares(Counter(kept).values())) if kept else None


def effective_answers(answers: Sequence[str | None], *, drop_missing: bool = False) -> float | None:
    """The exponential of the answer entropy, in [1, n]."""
    nats = answer_entropy(answers, drop_missing=drop_missing)
    return None if nats is None else math.exp(nats)


def entropy(shares: Sequence[float]) -> float:
    """-Σ p log p in nats, at least 0."""
    return max(0.0, -math.fsum(share * math.log(share) for share in shares))


def effective(shares: Sequence[float], order: float) -> float:
    """Hill number of shares that add up to 1: (Σ p^q)^(1/(1-q)), exp H at q = 1."""
    if order == 1:
        return math.exp(entropy(shares))
    return float(math.fsum(share**order for share in shares) ** (1 / (1 - order)))


def _positive(counts: Iterable[int]) -> list[int]:
    seen = list(counts)
    if any(count < 0 for count in seen):
        raise ValueError(f"a count is below 0: {min(seen)}")
    return sorted((count for count in seen if count), reverse=True)


def _shares(counts: Iterable[int]) -> list[float]:
    seen = _positive(counts)
    total = sum(seen)
    return [count / total for count in seen]
