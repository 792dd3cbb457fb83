"""The common interface of all algorithms: each implements `train`; `evaluate` is the same for all."""

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
    """Source of the method: paper and equation, for example `arXiv:2402.03300, eq. 3`."""
    exact_settings: ClassVar[Mapping[str, Setting]] = MappingProxyType({})
    """Hyper-parameters that `bakeoff check` sets, because `aim` is exact under them."""
    imports: ClassVar[tuple[str, ...]] = ()
    """Modules of other packages that `train` uses; they are imported as part of `load`, before its time is taken."""
    own_loop: ClassVar[bool] = False
    """Whether the method uses a trainer of its own that needs a real model, so that `bakeoff check` cannot run it."""

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs beside the policy; names that end in `_head` are additional trainable weights."""
        return frozenset()

    def refuses(self, job: Job) -> str | None:
        """The reason why this method cannot run this job, or `None`; asked before anything is loaded."""
        del job
        return None

    def aim(self) -> Aim | None:
        """The method's optimum, for `bakeoff check`. With `None`, the check only requires that the reward rises."""
        return None

    @abstractmethod
    def train(self, run: Run) -> Checkpoint:
        """Train `run.policy` in place within `run.budget`. Exceeding it raises `BudgetSpent`."""

    @final
    def evaluate(self, policy: Policy, exam: Exam, problems: Sequence[Problem], seed: int) -> Evaluation:
        """Examine `policy`. The exam is the same for all methods and depends only on the trained weights."""
        return evaluate(policy, exam, problems, seed)
