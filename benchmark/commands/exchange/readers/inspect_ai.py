"""Logs of inspect_ai: `.eval` archives, and the `.json` of `--log-format json` or `inspect log convert --to json`.

Every sample has `id`, `epoch`, `input` (text or messages), `target`, `output.choices` and `scores`; the sampling
temperature is the log's `plan.config.temperature`, or the model's own default where that is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from benchmark.commands.exchange.readers.row import (
    ForeignRow,
    SampledRow,
    content,
    described,
    field,
    gold_in,
    number,
    said,
    score_of,
    text,
)
from benchmark.errors import MalformedRow

__all__ = ["is_written_by", "rows"]

LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""What inspect_ai's scorers write for correct, incorrect, partial and no answer."""


def is_written_by(row: ForeignRow) -> bool:
    """Whether the object is a log, or a sample of an archive."""
    return ("eval" in row and "samples" in row) or {"log", "output", "input"} <= row.keys()


def rows(found: Iterable[tuple[str, ForeignRow]]) -> Iterator[SampledRow]:
    """The samples of a whole log, or of an archive one by one."""
    for where, row in found:
        if "samples" not in row and "log" not in row and "eval" in row:
            raise MalformedRow(f"{where}: the log has no samples: it was written with --no-log-samples.")
        if "log" in row:
            yield _sample(row, row["log"], where)
            continue
        file = where.rpartition(":")[0]
        for place, sample in enumerate(field(row, "samples", list, where), start=1):
            here = f"{file}:samples[{place - 1}]"
            if not isinstance(sample, Mapping):
                raise MalformedRow(f"{here}: must be an object, found {described(sample)}.")
            yield _sample(sample, row, here)


def _sample(sample: ForeignRow, log: object, where: str) -> SampledRow:
    if sample.get("error") is not None:
        error = sample["error"]
        why = error.get("message") if isinstance(error, Mapping) else error
        raise MalformedRow(f"{where}: the sample ended in an error, {described(why)}: run it again and give that log.")
    output = field(sample, "output", dict, where)
    choices = output.get("choices")
    if not isinstance(choices, list) or not choices:
        raise MalformedRow(f"{where}: 'output' has no choices, found {described(output.get('error') or output)}.")
    id_ = sample.get("id")
    return SampledRow(
        where,
        (said(field(sample, "input", (str, list), where), "input", "user", where),),
        tuple(_completion(choice, where) for choice in choices),
        id=id_ if isinstance(id_, str) else None,
        gold=gold_in(sample, ("target",)),
        scores=_scores(sample.get("scores")) if len(choices) == 1 else (),
        greedy=_greedy(log, where),
        several=True,
    )


def _completion(choice: object, where: str) -> str:
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        raise MalformedRow(f"{where}: a choice must hold a message, found {described(choice)}.")
    return text(content(message.get("content")), "output", where)


def _scores(scores: object) -> tuple[float, ...]:
    """The value of the only scorer, or of the first; letters as inspect_ai's own metrics read them."""
    first = next(iter(scores.values()), None) if isinstance(scores, Mapping) else None
    value = first.get("value") if isinstance(first, Mapping) else None
    return (LETTERS[value],) if isinstance(value, str) and value in LETTERS else score_of(value)


def _greedy(log: object, where: str) -> bool | None:
    plan = log.get("plan") if isinstance(log, Mapping) else None
    config = plan.get("config") if isinstance(plan, Mapping) else None
    temperature = config.get("temperature") if isinstance(config, Mapping) else None
    return None if temperature is None else number(temperature, "temperature", where) == 0
