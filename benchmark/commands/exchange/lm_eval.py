"""A suite in the files of lm-evaluation-harness 0.4 (`lm_eval/loggers/evaluation_tracker.py`).

    OUT/<method>/results_<task>_s<seed>.json     aggregates: `results`, `configs`, `versions`, `n-samples`, …
    OUT/<method>/samples_<task>_s<seed>.jsonl    one line per problem and filter

The filter `sampled` holds the n samples of a problem, `greedy` its one greedy completion; `arguments` say how each was
made. `exact_match` is the share of a problem's completions that are correct. The names end in the seed where the
harness writes the time of day; `date` is 0 and there is no duration of a harness run, so equal results are equal bytes.
What is not known (the text of a problem or completion that was not kept) is null or missing.
"""

from __future__ import annotations

import hashlib
import json
import math
from statistics import stdev
from typing import TYPE_CHECKING, Any

from benchmark.exam.definitions import METRICS, direction
from benchmark.store.atomic import write
from benchmark.store.outcomes import OUTCOMES, SAMPLES, read_outcomes
from benchmark.store.records import job_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Exam, Outcome, Problem, Record

__all__ = ["to_lm_eval"]

INVALID = "[invalid]"
"""What the harness's own filters write in place of an answer that was not found."""

Line = dict[str, Any]


def to_lm_eval(evidence: Evidence, out: Path) -> list[Path]:
    """Both files of every finished job whose outcomes are there."""
    asked = {task: evidence.problems(task) for task in evidence.suite.tasks}
    paths = []
    for record in evidence.done:
        folder, job = job_folder(evidence.results, record.job), record.job
        if not (folder / OUTCOMES).exists():
            continue
        kept = (folder / SAMPLES).exists()
        lines = _lines(read_outcomes(folder), asked[job.task], job.exam, kept=kept)
        stem = f"{job.task}_s{job.seed}"
        samples, results = (
            out / job.algorithm.name / name for name in (f"samples_{stem}.jsonl", f"results_{stem}.json")
        )
        write(samples, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
        write(results, (json.dumps(_results(record, lines), indent=2, ensure_ascii=False) + "\n").encode())
        paths += [results, samples]
    return paths


# --- samples -------------------------------------------------------------------------------------------------------


def _lines(outcomes: Sequence[Outcome], asked: Mapping[str, Problem], exam: Exam, *, kept: bool) -> list[Line]:
    """One line per problem and filter, problems in the order of the exam."""
    grouped: dict[tuple[str, bool], list[Outcome]] = {}
    places: dict[str, int] = {}
    for one in outcomes:
        places.setdefault(one.problem, len(places))
        grouped.setdefault((one.problem, one.sample < 0), []).append(one)
    return [
        _line(places[problem], problem, found, asked.get(problem), exam, kept=kept)
        for (problem, _), found in grouped.items()
    ]


def _line(place: int, id_: str, found: list[Outcome], problem: Problem | None, exam: Exam, *, kept: bool) -> Line:
    greedy = found[0].sample < 0
    doc: Line = {"id": id_}
    if problem is not None:
        doc |= {"question": problem.prompt, "answer": problem.solution, "kind": problem.kind, "level": problem.level}
    prompt, target = (problem.prompt, problem.gold) if problem else (None, None)
    return {
        "doc_id": place,
        "doc": doc,
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": _how(exam, greedy=greedy)}},
        "resps": [[one.text for one in found]] if kept else [],
        "filtered_resps": [[INVALID if one.answer is None else one.answer for one in found]],
        "filter": "greedy" if greedy else "sampled",
        "metrics": ["exact_match"],
        "doc_hash": _sha(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _sha(prompt),
        "target_hash": _sha(target),
        "exact_match": sum(one.verdict == "correct" for one in found) / len(found),
        "verdicts": [one.verdict for one in found],
        "strategies": [one.strategy for one in found],
    }


def _how(exam: Exam, *, greedy: bool) -> Line:
    """The harness's `generation_kwargs`."""
    drawn = {"do_sample": False, "temperature": 0.0} if greedy else {"do_sample": True, "temperature": exam.temperature}
    return {"until": [], "max_gen_toks": exam.max_completion_tokens, **drawn}


def _sha(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


# --- results -------------------------------------------------------------------------------------------------------


def _results(record: Record, lines: Sequence[Line]) -> Line:
    job, task = record.job, record.job.task
    problems = len({line["doc_id"] for line in lines})
    own = {name: value for name, value in record.metrics.items() if value is not None and name not in _SIZES}
    found = {"alias": task, "sample_len": problems, **_exact(lines)}
    source = record.provenance
    hashes = ["".join(str(line[f"{each}_hash"]) for each in ("doc", "prompt", "target")) for line in lines]
    known = all(line["prompt_hash"] and line["target_hash"] for line in lines)
    return {
        "results": {task: found | {f"{name},sampled": value for name, value in own.items()}},
        "group_subtasks": {task: []},
        "configs": {task: _config(record)},
        "versions": {task: source.version if source else None},
        "n-shot": {task: 0},
        "higher_is_better": {task: {"exact_match": True} | {name: _higher(name) for name in own}},
        "n-samples": {task: {"original": problems, "effective": problems}},
        "config": {
            "model": "rl-bakeoff",
            "model_args": {"method": job.algorithm.name, "suite": job.suite, **dict(job.algorithm.settings)},
            "model_dtype": job.model.dtype,
            "batch_size": str(job.exam.batch_completions),
            "limit": job.exam.problems,
            "random_seed": job.seed,
            "imported": record.imported,
        },
        "git_hash": source.commit if source else None,
        "date": 0,
        "task_hashes": {task: _sha("".join(hashes))} if known else {},
        "model_source": "rl-bakeoff",
        "model_name": job.algorithm.name,
        "model_name_sanitized": job.algorithm.name,
    }


_SIZES = ("problems", "samples", "greedy_accuracy")
"""Metrics that the file states elsewhere."""


def _exact(lines: Sequence[Line]) -> Line:
    """`exact_match` of each filter with the harness's standard error: standard deviation over problems / √problems."""
    found: Line = {}
    for name in ("sampled", "greedy"):
        values = [line["exact_match"] for line in lines if line["filter"] == name]
        if values:
            found[f"exact_match,{name}"] = math.fsum(values) / len(values)
            error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else "N/A"
            found[f"exact_match_stderr,{name}"] = error
    return found


def _config(record: Record) -> Line:
    job = record.job
    return {
        "task": job.task,
        "test_split": "test",
        "output_type": "generate_until",
        "num_fewshot": 0,
        "repeats": job.exam.samples,
        "generation_kwargs": _how(job.exam, greedy=False),
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"seed": job.seed, "grader": record.provenance.grader if record.provenance else None},
    }


def _higher(name: str) -> bool | None:
    known = name in METRICS or "@" in name
    return {"higher": True, "lower": False, "neither": None}[direction(name)] if known else None
