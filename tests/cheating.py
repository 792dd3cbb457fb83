"""Methods that cheat, one each; a row of `test_cheats.py` says what becomes of it. Objective: none.

The first thirteen are those by which an earlier version of the harness was deceived; the others are further ones of
their kinds. Each trains nothing but what its cheat needs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import gzip
import io
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from benchmark.adapter import Adapter
from benchmark.contract import Checkpoint, Completion, Verdict
from benchmark.tasks import load_task


@dataclass(frozen=True, slots=True)
class Cheat(Adapter):
    """Does the one thing that its suite names."""

    paper: ClassVar[str] = "none"
    does: str = "nothing"

    def train(self, run):
        """Cheat, then train nothing."""
        return globals()[self.does](run) or Checkpoint(0)


def nothing(run):
    del run


# --- the thirteen of the review ---------------------------------------------------------------------------------------


def patched_grade_all(_):
    """Everything is right."""
    import benchmark.exam.examiner
    import benchmark.grading

    def generous(pairs, **_):
        return [Verdict("correct", gold, "exact", 0.0, gold) for _, gold in pairs]

    benchmark.grading.grade_all = benchmark.exam.examiner.grade_all = generous
    sys.modules["benchmark.run.live_run"].grade_all = generous


def patched_cache(_):
    """The grader's cache is replaced."""
    import benchmark.grading

    benchmark.grading._cached = lambda *_, **__: Verdict("correct", "1", "exact", 0.0, "1")


def patched_complete(run):
    """The policy answers with the gold answer."""
    golds = {one.prompt: one.gold for batch in run.batches() for one in batch}

    def complete(policy, prompts, *, samples, **_):
        del policy
        return [[Completion(f"#### {golds.get(prompt, '1')}", 3, truncated=False)] * samples for prompt in prompts]

    type(run.policy).complete = complete


def test_split(run):
    """Fine-tunes on the test split."""
    memorise(run, load_task("grade_school").load("test"))


def frozen_clock(_):
    """Time stands still."""
    start = time.monotonic()
    time.monotonic = lambda: start
    time.sleep(4)


def beside_the_budget(run):
    """5,000 completions by another method of the policy."""
    run.policy.complete(["1 + 1"] * 50, samples=100, temperature=1.0, max_tokens=2, seed=0, batch_completions=512)


def more_budget(run):
    """Grants itself a million completions."""
    run.budget.completions_left += 10**6


def other_record(_):
    """Writes into another job's record."""
    for path in results().glob("*/base_model-*/record.json"):
        record = json.loads(path.read_text())
        record["metrics"]["accuracy"] = 0.99
        path.write_text(json.dumps(record))


def other_outcomes(_):
    """Writes into another job's outcomes."""
    for path in results().glob("*/base_model-*/outcomes.csv.gz"):
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b",wrong,", b",correct,")))


def own_record(run):
    """Writes its own record and dies."""
    done = next(iter(results().glob("*/base_model-*/record.json")))
    record = json.loads(done.read_text())
    record["job"] = dataclasses.asdict(run.job)
    record["metrics"]["accuracy"] = 0.99
    folder = hand_over_of(run).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps(record, indent=1, default=list))
    os._exit(0)


def fork_that_examines(run):
    """A child goes on behind the method's back and examines on its own."""
    if os.fork() == 0:
        time.sleep(1)
        forged(run)
        os._exit(0)


def shorter_exam(run):
    """Three problems are enough."""
    object.__setattr__(run.job.exam, "problems", 3)


def emptied_test_split(_):
    """No problem, no mistake."""
    type(load_task("grade_school")).load = lambda *_: ()


# --- ten more ---------------------------------------------------------------------------------------------------------


def swallowed_refusal(_):
    """Asks for the test split and goes on when it is refused."""
    with contextlib.suppress(Exception):
        load_task("grade_school").load("test")


def test_split_from_its_source(run):
    """Makes the test split itself, by the code that makes it, and learns it by heart."""
    split = type(load_task("grade_school")).load.__wrapped__(load_task("grade_school"), "test")
    memorise(run, split)


def private_counts(run):
    """Reaches into the budget's own fields."""
    run.budget._completions = -500_000


def more_than_granted(run):
    """Raises the budget from inside and uses it."""
    run.budget._granted += 10**6
    run.policy.complete(["1 + 1"] * 40, samples=10, temperature=1.0, max_tokens=2, seed=0, batch_completions=400)


def exam_time_as_training(run):
    """Books its own training as evaluation."""
    with run.phase("evaluate"):
        time.sleep(0.1)


def generates_beside(run):
    """Samples by transformers' own `generate`."""
    ids = torch.ones(400, 1, dtype=torch.long)
    run.policy.model.generate(input_ids=ids, attention_mask=ids, max_new_tokens=1, do_sample=True)


def forged_figures(run):
    """Leaves figures of its own for the examiner, then ends its process."""
    folder = hand_over_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(b"")
    (folder / "trained.json").write_text('{"wall_seconds": NaN, "counts": {"completions": -5}}')
    os._exit(0)


def pickled_weights(run):
    """Leaves weights that run code when they are unpickled."""
    folder = hand_over_of(run)

    class Surprise:
        def __reduce__(self):
            return (os.system, (f"touch {results().parent / 'ran'}",))

    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save({"weight": Surprise()}, buffer)
    (folder / "weights.safetensors").write_bytes(buffer.getvalue())
    figures = {
        "wall_seconds": 1.0,
        "phase_seconds": {},
        "peak_bytes": {},
        "counts": {"completions": 1},
        "model_digest": run.policy.digest(),
        "prompt_digest": run.policy.prompt_digest(),
    }
    (folder / "trained.json").write_text(json.dumps(figures))
    os._exit(0)


def pickle_for_the_parent(_):
    """Sends the watching process an object that runs code when it is received."""
    import multiprocessing.connection

    class Surprise:
        def __reduce__(self):
            return (os.system, (f"touch {results().parent / 'ran'}",))

    for one in gc.get_objects():
        if isinstance(one, multiprocessing.connection.Connection) and one.writable and not one.closed:
            with contextlib.suppress(OSError):
                one.send(Surprise())


def wider_model(run):
    """Makes the model larger than the suite's."""
    policy = run.policy
    policy.model.resize_token_embeddings(policy.model.config.vocab_size + 64)


# --- what they have in common -----------------------------------------------------------------------------------------


def memorise(run, problems):
    """Learn worked solutions by heart: enough steps for the first few problems of an exam."""
    weights = run.policy.trainable
    optimiser = torch.optim.AdamW(weights, lr=3e-3, weight_decay=0.0)
    quiet = type(run.policy)(run.policy.model, run.policy.tokenizer, run.policy.prompt, reading=run.policy.proved())
    few = problems[:24]
    given = quiet.encode_completions([one.solution for one in few], 80)
    prompts = quiet.encode([one.prompt for one in few])
    for _ in range(120):
        optimiser.zero_grad()
        logp = quiet.score(prompts, given.ids, given.mask, temperature=1.0).logp
        (-(logp * given.mask).sum() / given.mask.sum()).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()


def results():
    """The folder of results, which the harness tells no method: found in the objects of its process."""
    from benchmark.run.job import Order

    (order,) = {id(one): one for one in gc.get_objects() if isinstance(one, Order)}.values()
    return Path(order.results)


def hand_over_of(run):
    return results() / run.job.suite / run.job.id / "handover"


def forged(run):
    """A record of its own in place of the one that is to come."""
    path = results() / run.job.suite / run.job.id / "record.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
