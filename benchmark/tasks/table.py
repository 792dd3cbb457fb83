"""`[task.NAME]` of a suite: a user's own files as a task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from benchmark.contract import Problem, Split
from benchmark.errors import DataUnavailable, MalformedRow
from benchmark.grading import extract_gold_gsm8k, extract_gold_math
from benchmark.tasks.columns import ANSWERS, QUESTIONS, answer_text, last_reply, level_of, pick, question_text
from benchmark.tasks.dataset import held_out, without_tested
from benchmark.tasks.files import RawRow, read_rows
from benchmark.tasks.splits import data_files, split_files
from benchmark.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmark.contract import TaskData
    from benchmark.contract.task_data import AnswerFormat, GoldForm

__all__ = ["ENDINGS", "INSTRUCTIONS", "TableTask"]

ENDINGS: Mapping[AnswerFormat, str] = MappingProxyType({"hash": "#### n", "boxed": "\\boxed{n}", "plain": "n"})
INSTRUCTIONS: Mapping[AnswerFormat, str] = MappingProxyType(
    {
        "hash": "Solve the problem step by step and end with a line '#### ' followed by the final answer.",
        "boxed": "Solve the problem step by step and give the final answer in \\boxed{}.",
        "plain": "Solve the problem step by step and end with the sentence 'The answer is' and the final answer.",
    }
)
_STEMS: Mapping[Split, tuple[str, ...]] = MappingProxyType(
    {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
)
_EXTRACT: Mapping[GoldForm, Callable[[str], str]] = MappingProxyType(
    {"plain": str, "hash": extract_gold_gsm8k, "boxed": extract_gold_math}
)


@dataclass(frozen=True)
class TableTask(Task):
    """Rows of JSON lines, JSON, CSV, Parquet or Arrow files with columns of any name."""

    name: str
    answer_format: str
    instruction: str
    table: TaskData

    @classmethod
    def of(cls, name: str, table: TaskData) -> TableTask:
        """The task of a checked table."""
        written = table.answer_format
        return cls(name, ENDINGS[written], table.instruction or INSTRUCTIONS[written], table)

    @property
    def exam_only(self) -> bool:
        """Whether the table names a test split alone."""
        return not self._training_files()

    def load(self, split: Split, data: Path | None = None) -> tuple[Problem, ...]:
        """All problems of a split in the order of the files; the table's own paths hold, `data` is not used.

        Problems of the exam are kept out of the other splits. Raises `DataUnavailable` and `MalformedRow`.
        """
        del data
        tested = self._tested()
        if split == "test":
            return tested
        given = self._named_files("validation")
        if split == "validation" and given:
            return tuple(without_tested(self._problems("validation", given), tested))
        rest = tuple(without_tested(self._training(), tested))
        if given:
            known = self._problems("validation", given)
            return tuple(without_tested(rest, known))
        share, wanted = self.table.validation_fraction, split == "validation"
        return tuple(one for one in rest if held_out(one.prompt, share) == wanted)

    def _tested(self) -> tuple[Problem, ...]:
        files = self._named_files("test")
        if files:
            return self._problems("test", files)
        share = self.table.test_fraction
        rows = self._problems("data", self._training_files())
        found = tuple(one for one in rows if held_out(one.prompt, share, "test"))
        if not found:
            raise MalformedRow(f"task '{self.name}': its test split, {share:.0%} of the rows, is empty: add rows.")
        return found

    def _training(self) -> tuple[Problem, ...]:
        """Training problems, those of the exam among them where it is split off from the same files."""
        files = self._training_files()
        return self._problems("train" if self._named_files("test") else "data", files) if files else ()

    def _training_files(self) -> tuple[Path, ...]:
        """Of the training split; of everything where neither a test nor a training split is named."""
        named = self._named_files("train")
        if named or self.table.data is None:
            return named
        data = Path(self.table.data)
        return () if data.is_dir() and self._named_files("test") else self._present(data_files(data), self.table.data)

    def _named_files(self, split: Split) -> tuple[Path, ...]:
        """Of a split that the table names, or that the folder in `data` holds."""
        named = {"train": self.table.train, "validation": self.table.validation, "test": self.table.test}[split]
        if named is not None:
            return self._present(data_files(Path(named)), named)
        folder = Path(self.table.data) if self.table.data is not None else None
        if folder is None or not folder.is_dir():
            return ()
        return next((files for stem in _STEMS[split] if (files := split_files(folder, stem))), ())

    def _present(self, files: tuple[Path, ...], named: str) -> tuple[Path, ...]:
        if not files or not all(file.is_file() for file in files):
            raise DataUnavailable(f"task '{self.name}': {named} holds no file of rows (.jsonl, .json, .csv, .parquet).")
        return files

    def _problems(self, part: str, files: tuple[Path, ...]) -> tuple[Problem, ...]:
        """Every row; ids count the rows of all files."""
        rows = [(f"{path}:{number}", row) for path in files for number, row in read_rows(path)]
        if not rows:
            raise MalformedRow(f"{files[0]}: no rows: the {part} split of task '{self.name}' is empty.")
        read = [_Cells.of(row, self.table, where) for where, row in rows]
        form = self._gold_form(read)
        return tuple(self._problem(f"{self.name}/{part}/{index}", one, form) for index, one in enumerate(read))

    def _gold_form(self, cells: list[_Cells]) -> GoldForm:
        """The form the table names, or the one that all rows have."""
        if self.table.gold_form != "auto":
            return self.table.gold_form
        first: dict[GoldForm, str] = {}
        for one in cells:
            first.setdefault(_form_of(one.answer), one.where)
        if len(first) > 1:
            (form, here), (other, there) = list(first.items())[:2]
            raise MalformedRow(
                f"{there}: the answer is written as '{other}', that of {here} as '{form}': say gold_form = \"plain\", "
                '"hash" or "boxed" for all rows.'
            )
        return next(iter(first))

    def _problem(self, identity: str, cells: _Cells, form: GoldForm) -> Problem:
        try:
            gold = _EXTRACT[form](cells.answer).strip()
        except ValueError as error:
            raise MalformedRow(f"{cells.where}: {error}") from error
        if not gold:
            raise MalformedRow(f"{cells.where}: the answer is empty")
        ending = ENDINGS[self.table.answer_format].replace("n", gold)
        return Problem(identity, cells.question, gold, self._solution(cells, form, ending), cells.kind, cells.level)

    def _solution(self, cells: _Cells, form: GoldForm, ending: str) -> str:
        """What a supervised method learns from: it ends in the task's answer format, whatever the file's is."""
        if self.table.answer_format == "plain":
            ending = f"The answer is {ending}."
        if cells.solution is not None:
            worked = cells.solution
            written = _form_of(worked)
        elif form != "plain":
            worked, written = cells.answer, form
        else:
            return ending
        if written == self.table.answer_format:
            return worked
        before = worked.rpartition("####")[0].rstrip() if written == "hash" else worked
        return f"{before}\n{ending}".strip()


@dataclass(frozen=True, slots=True)
class _Cells:
    """What one row holds, before its gold is cut out."""

    where: str
    question: str
    answer: str
    solution: str | None
    kind: str
    level: int

    @classmethod
    def of(cls, row: RawRow, table: TaskData, where: str) -> _Cells:
        columns = table.columns
        name, asked = pick(row, columns.question, QUESTIONS, "question", where)
        question = question_text(asked, f"{where}: column '{name}'")
        reply = last_reply(asked, f"{where}: column '{name}'")
        if reply is not None and columns.answer is None:
            answer = reply
        else:
            name, value = pick(row, columns.answer, ANSWERS, "answer", where)
            place = f"{where}: column '{name}'"
            answer = last_reply(value, place) or answer_text(value, place)
        return cls(
            where,
            question,
            answer,
            _optional(row, columns.solution, where),
            _optional(row, columns.kind, where) or "",
            level_of(pick(row, columns.level, (), "level", where)[1]) if columns.level else 0,
        )


def _optional(row: RawRow, name: str | None, where: str) -> str | None:
    if name is None:
        return None
    _, value = pick(row, name, (), name, where)
    place = f"{where}: column '{name}'"
    return last_reply(value, place) or answer_text(value, place)


def _form_of(text: str) -> GoldForm:
    return "hash" if "####" in text else "boxed" if "\\boxed" in text else "plain"
