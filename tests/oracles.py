"""What rliable and statsmodels compute of the same numbers: `nox -s oracles`, in an environment of their own.

Prints the values that tests/test_stats_oracles.py holds as worked examples.
"""

from __future__ import annotations

import sys

import numpy as np
from rliable import library, metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

OURS = np.array([[0.64, 0.51], [0.63, 0.49], [0.66, 0.47], [0.58, 0.52], [0.61, 0.50]])
THEIRS = np.array([[0.60, 0.52], [0.63, 0.45], [0.59, 0.48], [0.62, 0.47]])
"""Runs × tasks."""
P_VALUES = [0.04, 0.001, 0.03, 0.2, 0.012]
DISCORDANT = (3, 11)


def found() -> dict[str, object]:
    """Name → value, as the oracles compute it."""
    profile, _ = library.create_performance_profile({"ours": OURS}, np.array([0.0, 0.5, 0.6]), reps=2)
    table = [[50, DISCORDANT[0]], [DISCORDANT[1], 20]]
    return {
        "iqm": float(metrics.aggregate_iqm(OURS)),
        "improvement": float(metrics.probability_of_improvement(OURS, THEIRS)),
        "profile": profile["ours"].tolist(),
        "holm": multipletests(P_VALUES, method="holm")[1].tolist(),
        "mcnemar": float(mcnemar(table, exact=True).pvalue),
    }


if __name__ == "__main__":
    for name, value in found().items():
        sys.stdout.write(f"{name}: {value}\n")
