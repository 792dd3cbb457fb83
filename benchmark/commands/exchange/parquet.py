"""A suite as two tidy Parquet tables: one row per graded completion, and one per job and metric.

Without texts: the completions themselves are in `samples.jsonl.gz` beside each record, or in `--to lm-eval`.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from benchmark.commands.exchange.extras import needed
from benchmark.store.atomic import write
from benchmark.store.outcomes import read_outcomes
from benchmark.store.records import job_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmark.comparison.evidence import Evidence

__all__ = ["METRICS", "OUTCOMES", "to_parquet"]

OUTCOMES = {
    "suite": "string",
    "method": "string",
    "task": "string",
    "seed": "int64",
    "problem": "string",
    "sample": "int64",
    "verdict": "string",
    "answer": "string",
    "route": "string",
    "strategy": "string",
    "tokens": "int64",
    "truncated": "bool_",
    "imported": "bool_",
}
METRICS = {
    "suite": "string",
    "method": "string",
    "task": "string",
    "seed": "int64",
    "status": "string",
    "metric": "string",
    "value": "float64",
}
"""Columns and their Arrow types; sample -1 is the greedy completion, an unknown value is null."""


def to_parquet(evidence: Evidence, out: Path) -> list[Path]:
    """`outcomes.parquet` and `metrics.parquet` under `out`; equal bytes for equal results and pyarrow."""
    arrow, parquet = needed("pyarrow", "parquet"), needed("pyarrow.parquet", "parquet")
    schemas = {"outcomes": _schema(arrow, OUTCOMES), "metrics": _schema(arrow, METRICS)}
    jobs = [arrow.Table.from_pylist(rows, schema=schemas["outcomes"]) for rows in _outcomes(evidence)]
    frame = evidence.frame.rename(columns={"algorithm": "method"})[list(METRICS)]
    tables = {
        "outcomes": arrow.concat_tables([schemas["outcomes"].empty_table(), *jobs]),
        "metrics": arrow.Table.from_pandas(frame, schema=schemas["metrics"], preserve_index=False),
    }
    paths = []
    for name, table in tables.items():
        buffer = io.BytesIO()
        parquet.write_table(table.replace_schema_metadata(None), buffer, compression="zstd")
        paths.append(out / f"{name}.parquet")
        write(paths[-1], buffer.getvalue())
    return paths


def _schema(arrow: Any, columns: dict[str, str]) -> Any:  # noqa: ANN401 - pyarrow has no types
    return arrow.schema([(name, vars(arrow)[kind]()) for name, kind in columns.items()])


def _outcomes(evidence: Evidence) -> Iterator[list[dict[str, object]]]:
    """The rows of each finished job whose outcomes are there, in the order of the job ids."""
    for record in evidence.done:
        folder, job = job_folder(evidence.results, record.job), record.job
        if not (folder / "outcomes.csv.gz").exists():
            continue
        yield [
            {
                "suite": job.suite,
                "method": job.algorithm.name,
                "task": job.task,
                "seed": job.seed,
                "problem": one.problem,
                "sample": one.sample,
                "verdict": one.verdict,
                "answer": one.answer,
                "route": one.route,
                "strategy": one.strategy,
                "tokens": one.tokens,
                "truncated": one.truncated,
                "imported": record.imported is not None,
            }
            for one in read_outcomes(folder, texts=False)
        ]
