"""A section for a model's card on the Hugging Face Hub: `model-index` metadata and a Markdown table, one file a method.

Both have the numbers of the report's table. Nothing is uploaded: paste the section into the card of the model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmark.comparison.table import Kind, Table, cell, code, number, plain
from benchmark.contract import FLOOR
from benchmark.store.atomic import write

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.comparison.evidence import Evidence

__all__ = ["METRICS", "to_model_card"]

METRICS: tuple[tuple[str, str, Kind], ...] = (
    ("accuracy", "accuracy", "percent"),
    ("greedy accuracy", "greedy_accuracy", "percent"),
    ("pass@{n}", "pass@{n}", "percent"),
    ("maj@{n}", "maj@{n}", "percent"),
    ("effective strategies (D2)", "effective_strategies", "count"),
)
"""Name, metric of the exam, and how it is written; `{n}` is the samples of the exam."""


def to_model_card(evidence: Evidence, out: Path) -> list[Path]:
    """`<method>.md` for every method that has a number."""
    paths = []
    for method in evidence.methods:
        rows = [(task, *row) for task in evidence.suite.tasks for row in _rows(evidence, method, task)]
        if rows:
            paths.append(out / f"{method}.md")
            text = f"{_metadata(evidence, method)}\n{_section(evidence, method)}"
            write(paths[-1], text.encode())
    return paths


def _rows(evidence: Evidence, method: str, task: str) -> list[tuple[str, str, Kind]]:
    """What is known of a method on a task: label, metric and kind."""
    named = [
        (label.format(n=evidence.suite.exam.samples), metric.format(n=evidence.suite.exam.samples), kind)
        for label, metric, kind in METRICS
    ]
    return [one for one in named if evidence.estimate(method, task, one[1]).mean is not None]


def _metadata(evidence: Evidence, method: str) -> str:
    """The YAML between the dashes; every text is quoted as JSON, which YAML reads."""
    lines = ["---", "model-index:", f"- name: {json.dumps(method)}", "  results:"]
    for task in evidence.suite.tasks:
        found = _rows(evidence, method, task)
        if not found:
            continue
        lines += ["  - task:", "      type: text-generation", '      name: "mathematical reasoning"']
        lines += [
            "    dataset:",
            f"      type: {json.dumps(task)}",
            f"      name: {json.dumps(task)}",
            "      split: test",
        ]
        lines.append("    metrics:")
        for label, metric, kind in found:
            value = evidence.estimate(method, task, metric).mean or 0.0
            written = number(value, kind).replace(",", "").replace("−", "-")
            unit = ", %" if kind == "percent" else ""
            lines += [f"    - type: {json.dumps(metric)}", f"      name: {json.dumps(label + unit)}"]
            lines += [f"      value: {written}", "      verified: false"]
    return "\n".join((*lines, "---", ""))


def _section(evidence: Evidence, method: str) -> str:
    """A heading, how it was measured, and the table: this method beside the model it started from."""
    exam, seeds = evidence.suite.exam, evidence.suite.seeds
    shown = [name for name in dict.fromkeys((method, FLOOR)) if name in evidence.methods]
    rows = [
        (code(task), label, *(cell(evidence.estimate(name, task, metric), kind) for name in shown))
        for task in evidence.suite.tasks
        for label, metric, kind in _rows(evidence, method, task)
    ]
    table = Table(("task", "metric", *map(code, shown)), tuple(rows), left=2)
    problems = "all test problems" if exam.problems is None else f"the first {exam.problems} test problems"
    imported = [one.imported for one in evidence.done if one.imported and one.job.algorithm.name == method]
    source = f" Trained and sampled elsewhere; graded here from {'; '.join(map(plain, imported))}." if imported else ""
    return (
        "## Evaluation\n\n"
        f"Suite {code(evidence.suite.name)} of rl-bakeoff, results {code(evidence.digest)}: {problems}, "
        f"{exam.samples} completions of each at temperature {exam.temperature:g}, at most {exam.max_completion_tokens} "
        f"tokens; {len(seeds)} training seed{'' if len(seeds) == 1 else 's'}; means with 95 % intervals.{source}\n\n"
        f"{table}\n"
    )
