"""A suite as logs of inspect_ai (log version 2), which `inspect view` and `read_eval_log` read.

    OUT/<method>/<task>_s<seed>.json           the samples, one epoch each
    OUT/<method>/<task>_s<seed>_greedy.json    the greedy completions, where there are any

A sample is a completion: `C`, `I` or `N` (no answer) by our grader, with the answer and how the verdict was reached. A
log whose texts were not kept has the results alone. Ids are digests and times are 1970, so equal results are equal
bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmark.contract import GREEDY, Outcome, Record
from benchmark.store.atomic import write
from benchmark.store.outcomes import OUTCOMES, SAMPLES, read_outcomes
from benchmark.store.records import job_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Problem

__all__ = ["to_inspect_ai"]

EPOCH = "1970-01-01T00:00:00+00:00"
SCORER = "bakeoff"
LogBlock = dict[str, Any]


def to_inspect_ai(evidence: Evidence, out: Path) -> list[Path]:
    """The logs of every finished job whose outcomes are there."""
    asked = {task: evidence.problems(task) for task in evidence.suite.tasks}
    paths = []
    for record in evidence.done:
        folder, job = job_folder(evidence.results, record.job), record.job
        if not (folder / OUTCOMES).exists():
            continue
        outcomes, texts = read_outcomes(folder), (folder / SAMPLES).exists()
        for greedy in (False, True):
            found = [one for one in outcomes if (one.sample == GREEDY) == greedy]
            if found:
                name = f"{job.task}_s{job.seed}{'_greedy' if greedy else ''}.json"
                paths.append(out / job.algorithm.name / name)
                log = _log(record, found, asked[job.task], greedy=greedy, texts=texts)
                write(paths[-1], (json.dumps(log, indent=2, ensure_ascii=False) + "\n").encode())
    return paths


def _log(
    record: Record, outcomes: Sequence[Outcome], asked: Mapping[str, Problem], *, greedy: bool, texts: bool
) -> LogBlock:
    job = record.job
    problems = list(dict.fromkeys(one.problem for one in outcomes))
    model = f"rl-bakeoff/{job.algorithm.name}"
    config = {"temperature": 0.0 if greedy else job.exam.temperature, "max_tokens": job.exam.max_completion_tokens}
    spec = {
        "eval_id": _id(job.id, greedy),
        "run_id": _id(job.id),
        "created": EPOCH,
        "task": job.task,
        "task_id": _id(job.suite, job.task),
        "task_version": 0,
        "task_args": {"suite": job.suite, "seed": job.seed, **dict(job.algorithm.settings)},
        "dataset": {"name": job.task, "samples": len(problems), "sample_ids": problems, "shuffled": False},
        "model": model,
        "model_generate_config": config,
        "model_args": {},
        "config": {"epochs": len(outcomes) // len(problems)},
        "packages": {"rl-bakeoff": record.provenance.version} if record.provenance else {},
        "metadata": {"job": job.id, "imported": record.imported},
        "scorers": [{"name": SCORER, "options": {}, "metadata": {}}],
    }
    log: LogBlock = {
        "version": 2,
        "status": "success",
        "eval": spec,
        "plan": {"name": "plan", "steps": [], "config": config},
        "results": _results(outcomes),
        "stats": {"started_at": EPOCH, "completed_at": EPOCH, "model_usage": {}},
    }
    if texts:
        log["samples"] = [_sample(one, asked.get(one.problem), model) for one in outcomes]
    return log


def _results(outcomes: Sequence[Outcome]) -> LogBlock:
    right = sum(one.verdict == "correct" for one in outcomes) / len(outcomes)
    metric = {"name": "accuracy", "value": right, "params": {}}
    score = {"name": SCORER, "scorer": SCORER, "params": {}, "metrics": {"accuracy": metric}}
    return {"total_samples": len(outcomes), "completed_samples": len(outcomes), "scores": [score]}


def _sample(one: Outcome, problem: Problem | None, model: str) -> LogBlock:
    prompt = problem.prompt if problem else ""
    reply = {"role": "assistant", "content": one.text, "source": "generate", "model": model}
    stop = "max_tokens" if one.truncated else "stop"
    value = {"correct": "C", "no_answer": "N"}.get(one.verdict, "I")
    return {
        "id": one.problem,
        "epoch": max(one.sample, 0) + 1,
        "input": prompt,
        "target": problem.gold if problem else "",
        "messages": [{"role": "user", "content": prompt, "source": "input"}, reply],
        "output": {"model": model, "choices": [{"message": reply, "stop_reason": stop}]},
        "scores": {SCORER: {"value": value, "answer": one.answer, "explanation": f"{one.verdict}: {one.route}"}},
        "metadata": {"strategy": one.strategy},
        "uuid": _id(one.problem, one.sample, model),
    }


def _id(*parts: object) -> str:
    """A name of 22 characters, as inspect_ai's own have."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:22]
