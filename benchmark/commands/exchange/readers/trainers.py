"""Rollouts that trainers write while they train or validate: TRL, verl, OpenRLHF, NeMo-RL and prime-rl.

Fields by the writers' own code: TRL `GRPOTrainer.log` (`log_completions`), verl `_dump_generations`, OpenRLHF
`openrlhf.cli.batch_inference`, NeMo-RL `Logger.log_batched_dict_as_jsonl`, prime-rl and verifiers `save_outputs` and
`Trace.to_record`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from benchmark.commands.exchange.readers.row import (
    ForeignRow,
    LocatedRows,
    SampledRow,
    content,
    described,
    field,
    gold_in,
    said,
    score_of,
    text,
)
from benchmark.errors import MalformedRow

__all__ = ["nemo_rl", "openrlhf", "prime_rl", "trl", "verl"]


TRL_OWN = frozenset({"step", "prompt", "completion", "advantage", "advantages", "id", "images"})


def trl(found: LocatedRows) -> Iterator[SampledRow]:
    """A row of `completions_*.parquet`: one sampled completion. A score is taken where there is one reward only."""
    for where, row in found:
        step = field(row, "step", int, where)
        id_ = row.get("id")
        rewards = [score for name, value in row.items() if name not in TRL_OWN and (score := score_of(value))]
        yield SampledRow(
            where,
            (said(field(row, "prompt", (str, list), where), "prompt", "user", where),),
            (said(field(row, "completion", (str, list), where), "completion", "assistant", where),),
            id=id_ if isinstance(id_, str) else None,
            gold=gold_in(row),
            scores=rewards[0] if len(rewards) == 1 else (),
            greedy=False,
            several=True,
            step=step,
        )


def verl(found: LocatedRows) -> Iterator[SampledRow]:
    """A row of a rollout or validation dump: `input`, `output`, `gts`, `score`, `step`; does not say how it decoded."""
    for where, row in found:
        yield SampledRow(
            where,
            (text(field(row, "input", str, where), "input", where),),
            (text(field(row, "output", str, where), "output", where),),
            gold=gold_in(row, ("gts", "ground_truth")),
            scores=score_of(row.get("acc")) or score_of(row.get("score")),
            several=True,
            step=field(row, "step", int, where) if "step" in row else None,
        )


def openrlhf(found: LocatedRows) -> Iterator[SampledRow]:
    """A row of `batch_inference`: `input`, `output`, and `reward` after `--eval_task rm`."""
    for where, row in found:
        yield SampledRow(
            where,
            (said(field(row, "input", (str, list), where), "input", "user", where),),
            (said(field(row, "output", (str, list), where), "output", "assistant", where),),
            gold=gold_in(row),
            scores=score_of(row.get("reward")),
            several=True,
        )


def nemo_rl(found: LocatedRows) -> Iterator[SampledRow]:
    """A row of `train_data_step*.jsonl` or `val_data_step*.jsonl`, whose every value is a batch of one."""
    for where, row in found:
        prompt, answered = _conversation(_only(field(row, "content", list, where), "content", where), where)
        rewards = row.get("rewards")
        step = re.search(r"data_step(\d+)", where.rpartition(":")[0])
        yield SampledRow(
            where,
            (prompt,),
            (answered,),
            scores=score_of(rewards[0]) if isinstance(rewards, list) and len(rewards) == 1 else score_of(rewards),
            several=True,
            step=int(step[1]) if step else None,
        )


def prime_rl(found: LocatedRows) -> Iterator[SampledRow]:
    """A rollout of prime-rl, which is one of verifiers: the flat record with `completion`, or the graph of `nodes`."""
    for where, row in found:
        yield _trace(row, where) if "nodes" in row else _flat(row, where)


def _flat(row: ForeignRow, where: str) -> SampledRow:
    """`example_id`, `prompt`, `completion`, `answer`, `reward`."""
    return SampledRow(
        where,
        (said(field(row, "prompt", (str, list), where), "prompt", "user", where),),
        (said(field(row, "completion", (str, list), where), "completion", "assistant", where),),
        gold=gold_in(row),
        scores=score_of(row.get("reward")),
        several=True,
        step=_step(row),
    )


def _trace(row: ForeignRow, where: str) -> SampledRow:
    """Of the messages in `nodes` the last sampled one is the completion, the last of the user before it the prompt."""
    nodes = field(row, "nodes", list, where)
    messages = [(one.get("message"), one.get("sampled")) for one in nodes if isinstance(one, Mapping)]
    replies = [place for place, (message, sampled) in enumerate(messages) if sampled and isinstance(message, Mapping)]
    if not replies:
        raise MalformedRow(f"{where}: 'nodes' has no message that was sampled, found {described(nodes)}.")
    before = [message for message, _ in messages[: replies[-1]]]
    reply = messages[replies[-1]][0]
    task = row.get("task")
    data = task.get("data") if isinstance(task, Mapping) else None
    rewards = row.get("rewards")
    given = list(rewards.values()) if isinstance(rewards, Mapping) else []
    return SampledRow(
        where,
        (said(before, "nodes", "user", where),),
        (text(content(reply.get("content") if isinstance(reply, Mapping) else None), "nodes", where),),
        gold=gold_in(data) if isinstance(data, Mapping) else None,
        scores=_weighted(given),
        several=True,
        step=_step(row),
    )


def _weighted(rewards: Sequence[object]) -> tuple[float, ...]:
    """Σ score · weight, as verifiers adds them up; empty where one is no number."""
    parts = [
        score[0] * weight[0]
        for one in rewards
        if isinstance(one, Mapping)
        and (score := score_of(one.get("score")))
        and (weight := score_of(one.get("weight", 1.0)))
    ]
    return (sum(parts),) if parts and len(parts) == len(rewards) else ()


def _step(row: ForeignRow) -> int | None:
    """The training step, stamped under `run` or `info.prime_rl`."""
    info = row.get("info")
    stamps = (row.get("run"), info.get("prime_rl") if isinstance(info, Mapping) else None)
    steps = [one.get("step") for one in stamps if isinstance(one, Mapping)]
    return next((one for one in steps if isinstance(one, int) and not isinstance(one, bool)), None)


def _conversation(value: object, where: str) -> tuple[str, str]:
    """Prompt and last reply of messages with roles (validation), or of bare texts in their order (training)."""
    if isinstance(value, list) and len(value) > 1 and all(isinstance(one, str) for one in value):
        return text("\n".join(value[:-1]), "content", where), text(value[-1], "content", where)
    if isinstance(value, str):
        raise MalformedRow(
            f"{where}: 'content' is one text, in which prompt and completion cannot be told apart: give the "
            "val_data_step*.jsonl of the run, which has messages with roles."
        )
    return said(value, "content", "user", where), said(value, "content", "assistant", where)


def _only(value: list[object], name: str, where: str) -> object:
    if len(value) == 1:
        return value[0]
    if value and all(isinstance(one, Mapping) and "role" in one for one in value):
        return value
    raise MalformedRow(f"{where}: '{name}' must hold one conversation, found {described(value)}.")
