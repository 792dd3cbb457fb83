"""A task that a suite makes of files: `[task.NAME]`, which files, which columns, how answers are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from benchmark.contract.bounds import Between, OneLine

__all__ = ["AnswerFormat", "Columns", "GoldForm", "TaskData"]

AnswerFormat = Literal["hash", "boxed", "plain"]
GoldForm = Literal["auto", "plain", "hash", "boxed"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns. A dot looks inside a column (`reward_model.ground_truth`); `None` looks for the usual names."""

    question: Annotated[str, OneLine(200)] | None = None
    """Text, or a list of chat messages. Usual: question, problem, prompt, messages, input."""
    answer: Annotated[str, OneLine(200)] | None = None
    """Text, a number, or a list of either. Usual: answer, final_answer, reward_model.ground_truth, ground_truth,
    target, gold, solution, output; of `messages` the last turn of the assistant."""
    solution: Annotated[str, OneLine(200)] | None = None
    """Worked solution, what `sft` learns from; `None` writes the answer alone in the task's format."""
    kind: Annotated[str, OneLine(200)] | None = None
    """Story type or subject, for the tables by kind."""
    level: Annotated[str, OneLine(200)] | None = None
    """Difficulty, a whole number from 1 or a text that holds one."""


@dataclass(frozen=True, slots=True)
class TaskData:
    """Files, columns and format of a task. Paths are relative to the suite file, or else to the current folder."""

    data: Annotated[str, OneLine(4096)] | None = None
    """One file, or a folder that holds the splits; without a test split in it, one is split off."""
    train: Annotated[str, OneLine(4096)] | None = None
    """File or folder of the training split, in place of `data`."""
    validation: Annotated[str, OneLine(4096)] | None = None
    """File or folder of the validation split; `None` splits one off the training split."""
    test: Annotated[str, OneLine(4096)] | None = None
    """File or folder of the test split; with `test` alone the task can be examined, not trained on."""
    columns: Columns = field(default_factory=Columns)
    """Which columns hold what."""
    answer_format: AnswerFormat = "boxed"
    r"""How a completion must end: `hash` is `#### 42`, `boxed` is `\\boxed{42}`, `plain` a sentence with the answer."""
    gold_form: GoldForm = "auto"
    r"""Where the answer column holds the gold: the whole of it (`plain`), behind its last `####` (`hash`), in its last
    `\\boxed{}` (`boxed`); `auto` takes the form that all rows have."""
    instruction: Annotated[str, OneLine(2000)] | None = None
    """Sentence that tells a chat model how to answer; `None` is that of the answer format."""
    test_fraction: Annotated[float, Between(0.001, 0.9)] = 0.2
    """Share of the problems, chosen by the digests of their texts, that becomes the test split where none is given."""
    validation_fraction: Annotated[float, Between(0.001, 0.5)] = 0.05
    """The same of what is left for training, where no validation split is given."""
