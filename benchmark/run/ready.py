"""Whether a suite's model can do what is asked of it, found out once before the first job.

The model and its tokenizer are loaded as every job loads them, prompts of all problems are tokenised, and what is unfit
is refused in one sentence. A large model is loaded in a process of its own, so that its memory is free again.
"""

from __future__ import annotations

import math
import multiprocessing
import re
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from safetensors import safe_open

from benchmark.contract import FLOOR, Job, Prompt, Suite
from benchmark.errors import BakeoffError, ConfigurationError
from benchmark.model.load import load_policy
from benchmark.model.network import context_of, text_config
from benchmark.model.pocket import POCKET
from benchmark.model.policy import LanguagePolicy
from benchmark.run.devices import processors, torch_device
from benchmark.run.prompting import examples_of
from benchmark.tasks import load_task

__all__ = ["hours_without_gpu", "refuse_unfit"]

HERE_BYTES = 200_000_000
"""Weights up to this size are loaded in this process; more are loaded in one of their own."""
POCKET_ROOM = 2048
"""Completion tokens for which the pocket policy's context has room behind every generated prompt."""
LOOKED_AT = 256
"""Prompts that are tokenised: those with the most characters."""
CORE_FLOPS = 6e10
"""FLOPs a second of one processor core in float32: Gemma 3 270M (268 M weights) samples 240 tokens a second on two
cores, which is 2 · 268·10⁶ · 240 / 2 = 6.4·10¹⁰. Other processors differ by a small factor."""
UNKNOWN_SHARE = 0.05
"""More tokens than this without a word for them: the tokenizer is not made for these problems."""


def refuse_unfit(suite: Suite, jobs: Sequence[Job], data: Path | None, device: str = "auto") -> None:
    """Raises `ConfigurationError` where the model, its tokenizer, its context or this machine is unfit for the jobs."""
    if not jobs:
        return
    device = torch_device(device)
    if suite.needs_gpu and device == "cpu":
        raise ConfigurationError(_no_gpu(suite, jobs))
    if suite.keep == "adapter" and suite.model.lora_rank is None:
        raise ConfigurationError('keep = "adapter", but [model] lora_rank is not given: write keep = "full".')
    tasks = sorted({job.task for job in jobs})
    if _is_known(suite, tasks):
        return
    folder = POCKET if suite.model.source == "pocket" else Path(suite.model.source)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors")) if folder.is_dir() else None
    look = _load_and_look if device == "cpu" and size is not None and size <= HERE_BYTES else _in_a_process
    look(suite, tasks, data, device)


def _is_known(suite: Suite, tasks: Sequence[str]) -> bool:
    """Whether this is the package's own policy on its own problems with its own prompt, which the tests look at."""
    longest = max(suite.training.max_completion_tokens, suite.exam.max_completion_tokens)
    own = suite.model.source == "pocket" and not suite.model.chat and suite.prompt == Prompt()
    return (
        own
        and longest <= POCKET_ROOM
        and all(name not in suite.own_tasks and load_task(name).generated for name in (*tasks, *suite.exam.transfer))
    )


def _in_a_process(suite: Suite, tasks: Sequence[str], data: Path | None, device: str) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(suite, tasks, data, device, theirs), name="model check")
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        process.join()
        raise ConfigurationError(
            f"model '{suite.model.source}' could not be loaded: the process that tried ended with exit code "
            f"{process.exitcode}, most likely for want of memory."
        ) from None
    process.join()
    if found is not None:
        raise found


def _report(suite: Suite, tasks: Sequence[str], data: Path | None, device: str, pipe: Connection) -> None:
    """Sends the refusal, or `None`."""
    try:
        _load_and_look(suite, tasks, data, device)
    except BakeoffError as error:
        pipe.send(ConfigurationError(str(error)))
    else:
        pipe.send(None)
    pipe.close()


def _load_and_look(suite: Suite, tasks: Sequence[str], data: Path | None, device: str) -> None:
    policy: LanguagePolicy | None = None
    for name in tasks:
        task = load_task(name, suite.own_tasks)
        training, test = task.load("train", data), task.load("test", data)[: suite.exam.problems]
        examples = examples_of(suite.prompt, name, training)
        if policy is None:
            policy = load_policy(suite.model, task.instruction, suite.prompt, examples, device=device)
        else:
            policy = policy.asked_as(suite.model, suite.prompt, task.instruction, examples)
        longest = sorted((problem.prompt for problem in (*training, *test)), key=len, reverse=True)
        _refuse_prompts(policy, suite, name, longest[:LOOKED_AT])
        for other in suite.exam.transfer:  # its prompts show this task's examples
            asked = load_task(other, suite.own_tasks)
            longest = sorted((problem.prompt for problem in asked.load("test", data)), key=len, reverse=True)
            again = policy.asked_as(suite.model, suite.prompt, asked.instruction)
            _refuse_prompts(again, suite, other, longest[:LOOKED_AT])


def _refuse_prompts(policy: LanguagePolicy, suite: Suite, task: str, questions: Sequence[str]) -> None:
    """Prompts that do not fit the context with their completions, or that the tokenizer cannot write."""
    rows = policy.vocabulary.prompt_rows(questions)
    unknown = policy.vocabulary.unknown_share([token for row in rows for token in row])
    if unknown > UNKNOWN_SHARE:
        raise ConfigurationError(
            f"model '{suite.model.source}': its tokenizer has no word for {unknown:.0%} of the prompts' tokens in "
            f"{task}: put the right tokenizer into the folder."
        )
    context = context_of(text_config(policy.network))
    longest, limit = max(map(len, rows)), max(suite.training.max_completion_tokens, suite.exam.max_completion_tokens)
    if context is not None and longest + limit > context:
        raise ConfigurationError(
            f"model '{suite.model.source}' reads {context:,} tokens, but the longest prompt of {task} has {longest:,} "
            f"and max_completion_tokens adds {limit:,}: lower max_completion_tokens or [prompt] shots."
        )


def hours_without_gpu(suite: Suite, jobs: Sequence[Job]) -> float | None:
    """An estimate of the hours of all jobs on all cores of this machine; `None` for a model of unknown size.

    FLOPs (arXiv:2001.08361, section 2.1) over `CORE_FLOPS` a second and core: for each weight and token 2 in sampling
    and the exam, and 8 in a training step (a scoring pass and its gradient). Completions are taken to be as long as
    the limit, prompts to cost nothing, an exam of unknown size to have 1,000 problems.
    """
    weights = _parameters(suite.model.source)
    if weights is None:
        return None
    training, exam = suite.training, suite.exam
    trained = training.completions * training.max_completion_tokens * (2 + 8)
    examined = (exam.problems or 1000) * (exam.samples + 1) * exam.max_completion_tokens * 2
    training_jobs = sum(job.algorithm.name != FLOOR for job in jobs)
    exams = sum(1 + sum(name != job.task for name in exam.transfer) for job in jobs)
    total = trained * training_jobs + examined * exams
    return weights * total / (CORE_FLOPS * processors()) / 3600


def _no_gpu(suite: Suite, jobs: Sequence[Job]) -> str:
    hours, cores = hours_without_gpu(suite, jobs), processors()
    without = ""
    if hours is not None:
        work = f"{len(jobs)} job{'s' if len(jobs) > 1 else ''}"
        place = f"the {cores} core{'s' if cores > 1 else ''} of this machine"
        without = f"; by a rough estimate its {work} would take {_duration(hours)} on {place}"
    return (
        f"suite '{suite.name}' needs a GPU, and torch finds none{without}. Run it where one is, or copy the suite and "
        "write needs_gpu = false."
    )


def _duration(hours: float) -> str:
    """`20 hours`, `3 days`, `8 years`: two significant digits of hours, one of anything longer."""
    for size, word in ((24 * 365, "year"), (24, "day")):
        if hours >= 2 * size:
            return f"{float(f'{hours / size:.1g}'):,.0f} {word}s"
    if hours < 0.1:
        return "a few minutes"
    rounded = f"{float(f'{hours:.2g}'):g}"
    return f"{rounded} hour{'' if rounded == '1' else 's'}"


def _parameters(source: str) -> int | None:
    """Weights of a local model from the shapes in its files, of another one from its name (`…-0.5B-…`, `…-270m`)."""
    folder = POCKET if source == "pocket" else Path(source)
    if folder.is_dir():
        return sum(map(_weights_in, folder.glob("*.safetensors"))) or None
    found = re.search(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", source.lower())
    return round(float(found[1]) * {"b": 1e9, "m": 1e6}[found[2]]) if found else None


def _weights_in(file: Path) -> int:
    with safe_open(file, "pt") as tensors:
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118 - no dict
