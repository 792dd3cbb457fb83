"""A plan and a finished suite as JSON, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.store.records import read_readable

if TYPE_CHECKING:
    from benchmark.contract import Job
    from benchmark.run.plan import Plan

__all__ = ["as_json", "plan_as_json"]


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Every job of the suite by what will happen to it."""
    return {
        "suite": plan.suite.name,
        "workers": plan.workers,
        "device": plan.device,
        "expected_seconds": plan.expected_seconds(),
        "done": [_cell(job) for job in plan.done],
        "stale": [{**_cell(one.job), "changes": list(one.changes)} for one in plan.stale],
        "to_run": [_cell(job) for job in plan.to_run],
        "refused": [{**_cell(job), "reason": reason} for job, reason in plan.refused],
        "not_imported": [_cell(job) for job in plan.awaited],
        "findings": [
            {"severity": one.severity, "message": one.message, "advice": one.advice, "rows": list(one.rows)}
            for one in plan.findings
        ],
    }


def as_json(plan: Plan, report: Path) -> dict[str, Any]:
    """Status, metrics and counts of every job of the suite."""
    ours = {job.id for job in plan.jobs()}
    records = [one for one in read_readable(plan.results, plan.suite.name)[0] if one.job.id in ours]
    return {
        "suite": plan.suite.name,
        "report": str(report),
        "jobs": [
            {
                **_cell(one.job),
                "status": one.status,
                "reason": one.reason,
                "wall_seconds": one.wall_seconds,
                "counts": dict(one.counts),
                "metrics": dict(one.metrics),
            }
            for one in records
        ],
    }


def _cell(job: Job) -> dict[str, Any]:
    return {"id": job.id, "algorithm": job.algorithm.name, "task": job.task, "seed": job.seed}
