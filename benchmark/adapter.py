"""The common interface of all algorithms: `train` is theirs, `evaluate` is the same for everybody."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, final

from benchmark.contract import Checkpoint, Evaluation, Exam, Job, Policy, Problem, Run
from benchmark.evaluate import evaluate

__all__ = ["Adapter"]


class Adapter(ABC):
    """One way of training a policy. A frozen dataclass; its fields are its hyper-parameters and nothing else."""

    paper: ClassVar[str]
    """Where the method is from, with the equation."""

    def refuses(self, job: Job) -> str | None:
        """Why this method cannot do this job, said before anything is loaded; `None` when it can."""
        del job
        return None

    @abstractmethod
    def train(self, run: Run) -> Checkpoint:
        """Improve `run.policy` in place within `run.budget`."""

    @final
    def evaluate(self, policy: Policy, exam: Exam, problems: Sequence[Problem], seed: int) -> Evaluation:
        """The one examination; an adapter's influence ends with the weights."""
        return evaluate(policy, exam, problems, seed)
