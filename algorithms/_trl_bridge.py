"""Connects a TRL trainer with the run: it supplies rewards and forwards the log."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import huggingface_hub.constants
import numpy as np
import torch
from transformers import TrainerCallback
from transformers.utils import logging

from benchmark.contract import Completion, Problem, Run
from benchmark.errors import Diverged

__all__ = ["Bridge", "preserve_global_state"]

LOGGED = {"loss": "loss", "grad_norm": "optim/grad_norm_policy", "entropy": "policy/entropy"}
"""TRL's names, and ours for the same thing."""


class Bridge(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """The reward function and the callback of one trainer."""

    def __init__(self, run: Run, problems: Sequence[Problem]) -> None:
        self.ends: frozenset[int] = frozenset()
        """Tokens that end a completion."""
        self._run, self._problems = run, problems
        self._rewards: dict[str, list[float]] = {}
        self._completions: list[Completion] = []

    def reward(
        self,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        problem: Sequence[int],
        **_: object,
    ) -> list[float]:
        """Grade the completions. `problem` holds row numbers of the data set."""
        del prompts
        read = [self._completion(text, ids) for text, ids in zip(completions, completion_ids, strict=True)]
        problems = [self._problems[row] for row in problem]
        rewards = [reward for row in self._run.rewards(problems, [[one] for one in read]) for reward in row]
        for asked, reward in zip(problems, rewards, strict=True):
            self._rewards.setdefault(asked.id, []).append(reward)
        self._completions += read
        return rewards

    def _completion(self, text: str, ids: Sequence[int]) -> Completion:
        """The completion up to and including its first end token; what follows may be TRL's padding."""
        for count, token in enumerate(ids, start=1):
            if token in self.ends:
                return Completion(text, count, truncated=False)
        return Completion(text, len(ids), truncated=True)

    def on_step_begin(self, *_: object, **__: object) -> None:
        """Raises `Diverged` if a weight is not finite, before anything is sampled from it."""
        if not all(torch.isfinite(weight).all() for weight in self._run.policy.trainable):
            raise Diverged("some weights are not finite: lower the learning rate or look at the last steps' log.")

    def on_log(self, _: object, state: Any, __: object, logs: Mapping[str, float], **___: object) -> None:  # noqa: ANN401
        """Log a finished step; the trainer's last log is a summary and is left out."""
        if "loss" in logs:
            mine = {ours: float(logs[name]) for name, ours in LOGGED.items() if name in logs}
            self._run.log(int(state.global_step), {**self._described(), **mine})
            self._rewards, self._completions = {}, []

    def _described(self) -> dict[str, float]:
        """Metrics of the completions since the last log."""
        groups, read = list(self._rewards.values()), self._completions
        rewards = [reward for group in groups for reward in group]
        return {
            "reward/mean": sum(rewards) / len(rewards),
            "reward/frac_groups_all_equal": sum(min(group) == max(group) for group in groups) / len(groups),
            "reward/frac_groups_all_correct": sum(min(group) >= 1 for group in groups) / len(groups),
            "completion/length_mean": sum(one.tokens for one in read) / len(read),
            "completion/frac_truncated": sum(one.truncated for one in read) / len(read),
        }


@contextlib.contextmanager
def preserve_global_state() -> Iterator[None]:
    """Other people's code runs here: their warnings, telemetry and global generators are left as they were found."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - theirs is the legacy one
    loud, sent = logging.get_verbosity(), huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY
    logging.set_verbosity_error()
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002 - as above
        logging.set_verbosity(loud)
        huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = sent
