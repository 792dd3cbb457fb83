"""Completions as the bytes inside a page: columns of numbers beside one table of distinct strings, gzip, base64.

Base64 holds no `<`, so no completion can end the element it stands in. The page's script (`page/data.js`) reads it.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmark.comparison.table import STATUS_WORDS
from benchmark.report.html.disagreements import Disagreements, disagreements
from benchmark.report.html.samples import MOST_BYTES, exam_size, narrowed, read_runs, thinned
from benchmark.report.problems import asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Problem
    from benchmark.report.problems import asked
from benchmark.report.html.samples import SampledRun, Share

__all__ = ["packed", "unpacked"]

_BLOCK = re.compile(rb'(<script type="application/gzip" id="payload">)([^<]*)(</script>)')


def packed(evidence: Evidence, differing: Disagreements | None = None, most: int = MOST_BYTES) -> str:
    """Everything the sample browser shows, at most `most` characters of base64: what is too much is left out.

    What other graders say is found out here, unless it is given. The same evidence gives the same characters with the
    same zlib.
    """
    share = narrowed(evidence, size=most)
    runs = list(read_runs(evidence, share))
    known = {task: asked(evidence, task) for task in evidence.suite.tasks}
    differing = disagreements(evidence, runs) if differing is None else differing
    while True:
        content = _content(evidence, runs, share, differing)
        content["problems"] = [
            [[id_, *_question(known[task].get(id_))] for id_ in _problems(runs, task)] for task in evidence.suite.tasks
        ]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        shut = base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()
        if len(shut) <= most or share == share.smaller:
            return shut
        share = share.smaller
        runs = [thinned(run, share) for run in runs]


def unpacked(page: bytes) -> bytes:
    """A page with its payload laid open, so that two can be compared whichever zlib packed them."""

    def lay_open(found: re.Match[bytes]) -> bytes:
        try:
            return found[1] + gzip.decompress(base64.b64decode(found[2], validate=True)) + found[3]
        except (binascii.Error, OSError, EOFError, zlib.error):
            return found[0]

    return _BLOCK.sub(lay_open, page)


class _Strings(dict[str, int]):
    """Distinct strings in the order of their first use."""

    def place(self, text: str | None) -> int:
        """Its place; -1 for none."""
        return -1 if text is None else self.setdefault(text, len(self))


def _content(evidence: Evidence, runs: Sequence[SampledRun], share: Share, known: Disagreements) -> dict[str, Any]:
    suite, strings = evidence.suite, _Strings()
    places = {task: {id_: place for place, id_ in enumerate(_problems(runs, task))} for task in suite.tasks}
    columns = [_columns(run, places[run.task], strings) | _cell(evidence, run) for run in runs]
    differing = {
        str(place): found for place, run in enumerate(runs) if (found := _differing(run, known.get(run.job, {})))
    }
    size = exam_size(evidence.done)
    return {
        "suite": suite.name,
        "tasks": suite.tasks,
        "methods": evidence.methods,
        "seeds": suite.seeds,
        "left_out": _left_out(size, share),
        "without_texts": [task for task in suite.tasks if not all(run.texts for run in runs if run.task == task)],
        "absent": [
            [suite.tasks.index(one.job.task), evidence.methods.index(one.job.algorithm.name), one.job.seed, why]
            for one in evidence.records
            if one.status != "done"
            for why in [f"{STATUS_WORDS[one.status]}: {one.reason or ''}"]
        ],
        "runs": columns,
        "strings": list(strings),
        "disagreements": differing,
    }


def _cell(evidence: Evidence, run: SampledRun) -> dict[str, int]:
    task, method = evidence.suite.tasks.index(run.task), evidence.methods.index(run.method)
    return {"task": task, "method": method, "seed": run.seed}


def _columns(run: SampledRun, places: Mapping[str, int], strings: _Strings) -> dict[str, Any]:
    """One list or string a column, one entry a completion; strings by their place in the table."""
    return {
        "problem": [places[one.problem] for one in run.outcomes],
        "sample": [one.sample for one in run.outcomes],
        "verdict": "".join(one.verdict[0] for one in run.outcomes),
        "truncated": "".join("01"[one.truncated is True] for one in run.outcomes),
        "tokens": [one.tokens for one in run.outcomes],
        "answer": [strings.place(one.answer) for one in run.outcomes],
        "route": [strings.place(one.route) for one in run.outcomes],
        "strategy": [strings.place(one.strategy) for one in run.outcomes],
        "text": [strings.place(one.text if run.texts else None) for one in run.outcomes],
    }


def _differing(run: SampledRun, known: Mapping[tuple[str, int], Mapping[str, str]]) -> dict[str, dict[str, str]]:
    keys = [(one.problem, one.sample) for one in run.outcomes]
    return {str(place): dict(known[key]) for place, key in enumerate(keys) if key in known}


def _problems(runs: Sequence[SampledRun], task: str) -> list[str]:
    """Ids in the order of the exam."""
    return list(dict.fromkeys(one.problem for run in runs if run.task == task for one in run.outcomes))


def _question(problem: Problem | None) -> tuple[str | None, str | None, str, int]:
    return (None, None, "", 0) if problem is None else (problem.prompt, problem.gold, problem.kind, problem.level)


def _left_out(size: Share, share: Share) -> str:
    """What the page does not hold, in words; nothing where it holds all."""
    parts = []
    if share.problems < size.problems:
        parts.append(f"the first {share.problems:,} of {size.problems:,} problems of each exam")
    if share.samples < size.samples:
        parts.append(f"the greedy completion and the first {share.samples} of {size.samples} samples of each problem")
    return f"To keep this page small it holds {' and '.join(parts)}; the rest is in the results." if parts else ""
