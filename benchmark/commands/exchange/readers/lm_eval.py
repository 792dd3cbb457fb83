"""`samples_*.jsonl` of lm-evaluation-harness, every 0.4 release.

0.4.0 to 0.4.2 write one indented JSON array and `arguments` as a list of [prompt, settings]; later ones a line per
document and filter and `arguments` as `{"gen_args_0": {"arg_0": prompt, "arg_1": settings}}`. `resps` holds the
completions of the one request of a document, several with `repeats`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from benchmark.commands.exchange.readers.row import ForeignRow, SampledRow, described, field, number, score_of, text
from benchmark.errors import MalformedRow

__all__ = ["is_written_by", "rows"]

QUESTIONS = ("question", "problem", "prompt", "query", "input")
"""Fields of a document that may hold the problem's text."""
METRICS = ("exact_match", "math_verify", "acc")


def is_written_by(row: ForeignRow) -> bool:
    """Whether the row has the harness's fields; a file of averages has them, too, and is refused by `rows`."""
    return {"doc", "resps"} <= row.keys() or _holds_averages(row)


def rows(found: Iterable[tuple[str, ForeignRow]]) -> Iterator[SampledRow]:
    """Lines with `do_sample` off, or no temperature, are greedy. Completions under a second filter are given once."""
    filters: dict[tuple[object, ...], object] = {}
    for where, row in found:
        if _holds_averages(row):
            raise MalformedRow(
                f"{where}: this is a results file, which holds averages and no completions: give the samples_*.jsonl "
                "that the harness writes beside it with --log_samples."
            )
        sample = _row(row, where)
        key = (described(row.get("doc_id")), sample.asked[0] if sample.asked else "", sample.completions, sample.greedy)
        if filters.setdefault(key, row.get("filter")) == row.get("filter"):
            yield sample


def _holds_averages(row: ForeignRow) -> bool:
    return "results" in row and not {"doc", "samples"} & row.keys() and bool({"configs", "config"} & row.keys())


def _row(row: ForeignRow, where: str) -> SampledRow:
    doc = field(row, "doc", dict, where)
    requests = field(row, "resps", list, where)
    if len(requests) != 1 or not isinstance(requests[0], list) or not requests[0]:
        raise MalformedRow(
            f"{where}: 'resps' must hold the completions of one request, [[text, …]], found {described(requests)}. "
            "Only tasks that generate can be read, with the texts that were generated."
        )
    completions = tuple(text(each, "resps", where) for each in requests[0])
    prompt, how = _arguments(row, where)
    asked = [doc[name] for name in QUESTIONS if isinstance(doc.get(name), str)]
    greedy = not how.get("do_sample", number(how.get("temperature", 0.0), "temperature", where) > 0)
    if greedy and len(completions) > 1:
        raise MalformedRow(
            f"{where}: 'resps' has {len(completions)} completions of a greedy request ('do_sample' is off)."
        )
    id_, target = doc.get("id"), row.get("target")
    return SampledRow(
        where,
        tuple(asked if prompt is None else [*asked, prompt]),
        completions,
        id=id_ if isinstance(id_, str) else None,
        gold=str(target) if isinstance(target, str | int) and not isinstance(target, bool) else None,
        scores=_scores(row) if len(completions) == 1 else (),
        greedy=greedy,
    )


def _scores(row: ForeignRow) -> tuple[float, ...]:
    return next((found for name in METRICS if (found := score_of(row.get(name)))), ())


def _arguments(row: ForeignRow, where: str) -> tuple[str | None, Mapping[str, object]]:
    """Prompt and generation settings of the one request, as any release writes them."""
    found = field(row, "arguments", (dict, list), where)
    first = found.get("gen_args_0") if isinstance(found, dict) else found[0] if found else None
    prompt, how = None, None
    if isinstance(first, dict):
        prompt, how = first.get("arg_0"), first.get("arg_1")
    elif isinstance(first, list) and len(first) > 1:
        prompt, how = first[0], first[1]
    if not isinstance(how, dict):
        raise MalformedRow(
            f"{where}: 'arguments' must hold gen_args_0 with arg_0, the prompt, and arg_1, the generation settings, or "
            f"[[prompt, settings]] as before 0.4.3; found {described(found)}."
        )
    return prompt if isinstance(prompt, str) else None, how
