"""The common interface of all algorithms: `train` is theirs, `evaluate` is the same for everybody."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, final

from benchmark.contract import Checkpoint, Evaluation, Exam, Job, Policy, Problem, Run, Setting
from benchmark.contract.aim import Aim
from benchmark.exam.examiner import evaluate

__all__ = ["Adapter"]


class Adapter(ABC):
    """One way of training a policy. A frozen dataclass; its fields are its hyper-parameters and nothing else."""

    paper: ClassVar[str]
    """Where the method is from, with the equation."""
    exact_settings: ClassVar[Mapping[str, Setting]] = MappingProxyType({})
    """Hyper-parameters under which `aim` is exact and most telling; `bakeoff check` sets them."""
    own_loop: ClassVar[bool] = False
    """It brings a trainer of its own, which needs a real model: the exact world cannot drive it."""

    @property
    def needs(self) -> frozenset[str]:
        """What it asks for beside the policy; a name that ends in `_head` is further trainable weights."""
        return frozenset()

    def refuses(self, job: Job) -> str | None:
        """Why this method cannot do this job, said before anything is loaded; `None` when it can."""
        del job
        return None

    def aim(self) -> Aim | None:
        """What it converges to, for `bakeoff check`; `None`: only that reward rises is asked of it."""
        return None

    @abstractmethod
    def train(self, run: Run) -> Checkpoint:
        """Improve `run.policy` in place within `run.budget`."""

    @final
    def evaluate(self, policy: Policy, exam: Exam, problems: Sequence[Problem], seed: int) -> Evaluation:
        """The one examination; an adapter's influence ends with the weights."""
        return evaluate(policy, exam, problems, seed)
