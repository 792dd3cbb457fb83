"""What a reader must hold against the numbers: unlike rows, and training that went wrong in a known way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import Table, code, plain, words
from benchmark.run.canary import BY_EXAMINER
from benchmark.run.doctor import diagnose
from benchmark.suite.fairness import compare_rows

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Diagnosis

__all__ = ["differences_table", "health_table"]


def differences_table(evidence: Evidence) -> Table:
    """The fairness check's findings, from the suite as it was asked."""
    rows = tuple((one.severity, plain(one.message), plain(one.advice)) for one in compare_rows(evidence.suite))
    return Table(("kind", "what differs", "what to do"), rows, left=3)


def health_table(evidence: Evidence) -> Table:
    """What the examiner saw, and the doctor's diagnoses: one row for each diagnosis of a method on a task.

    The doctor's are made again from the step logs, like every metric, so that all are judged by the same rules. What
    the examiner saw stands in the records, since only it could see it.
    """
    found: dict[tuple[str, str, str], list[tuple[int, Diagnosis]]] = {}
    for task in evidence.suite.tasks:
        for method in evidence.methods:
            for record in evidence.cell(method, task):
                seen = [one for one in record.diagnoses if one.name in BY_EXAMINER]
                for diagnosis in (*seen, *diagnose(evidence.steps(record), record.job.algorithm.settings)):
                    found.setdefault((method, task, diagnosis.name), []).append((record.job.seed, diagnosis))
    rows = tuple(
        (
            code(method),
            code(task),
            name,
            words(str(seed) for seed, _ in cases),
            plain(cases[0][1].evidence),
            plain(cases[0][1].next_step),
        )
        for (method, task, name), cases in found.items()
    )
    return Table(("method", "task", "diagnosis", "seeds", "evidence (first of them)", "next step"), rows, left=6)
