"""What differs between the rows of a suite apart from the method, and whether its exam was seen in training.

Budget, exam, prompt, seeds and trained weights (all, or LoRA) belong to the suite, so they cannot differ by accident.
What is left are settings of a row and the suite's own choices. The rules:

    refuse  a row with a completion budget of its own; more than `LEAK_SHARE` of the test problems in training
    warn    a row that was imported; unequal learning rate, optimiser steps, sampling, tuning or grading; an exam unlike
            training; too few seeds
    note    what belongs to a method: its KL to the reference, extra weights, a greedy completion within the budget
"""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from benchmark.contract import FLOOR, Finding
from benchmark.grading import grade_all
from benchmark.tasks import load_task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from benchmark.contract import Algorithm, OwnTask, Problem, Setting, Suite, Training

__all__ = ["compare_rows", "compare_splits", "fingerprint", "overlaps", "unreadable_golds"]

LEAK_SHARE = 0.001
"""Of the test split: up to here leaked problems move an accuracy by at most 0.1 points, less than any interval shown.
MATH as published has one such problem in 5,000, beside those that its task leaves out."""
FEWEST_SEEDS = 3
"""With two, Student's t is 12.7 standard errors wide on either side; with one there is no interval."""
PULLS = ("kl_weight", "kl_coef", "beta", "tau")
"""Settings that hold a policy to the reference: KL coefficients, or the temperature of a target over it."""
OWN_NAMES = {"group_size": ("group_size", "num_generations")}
"""Settings under which a row might name its own value of the suite's; the same name where none is listed."""
SHOWN = 3
"""Ids and names listed before "and so on"."""

_SAME_TEXT = re.compile(r"\\(?:left|right|[!,;:])|[\s$]|[.,;:?](?!\d)")


def compare_rows(suite: Suite) -> tuple[Finding, ...]:
    """Findings from the suite file alone; needs neither data nor model."""
    rows = [row for row in suite.algorithms if row.name != FLOOR and not row.imported and not row.by_program]
    found = (
        *_imported(suite),
        *_by_program(suite),
        *_budgets(suite.training, rows),
        *_optimisation(suite.training, rows),
        *_sampling(suite.training, rows),
        *_tuning(rows),
        *_exam(suite),
        *_parts_of_the_method(rows),
    )
    return tuple(sorted(found, key=lambda one: ("refuse", "warn", "note").index(one.severity)))


def overlaps(
    tasks: Iterable[str], data: Path | None, own: Mapping[str, OwnTask] = MappingProxyType({})
) -> tuple[Finding, ...]:
    """`compare_splits` of each task; reads all its splits. Raises `DataUnavailable`."""
    return tuple(
        finding
        for task in tasks
        for finding in compare_splits(
            task, *(load_task(task, own).load(split, data) for split in ("train", "validation", "test"))
        )
    )


def compare_splits(
    task: str, train: Sequence[Problem], validation: Sequence[Problem], test: Sequence[Problem]
) -> tuple[Finding, ...]:
    """Test problems whose text, by `fingerprint`, is also trained or probed on."""
    known = {fingerprint(one.prompt): one.id for one in (*validation, *train)}
    pairs = [(one.id, known[print_]) for one in test if (print_ := fingerprint(one.prompt)) in known]
    if not pairs:
        return ()
    share = len(pairs) / len(test)
    shown = "; ".join(f"{tested} is {trained}" for tested, trained in pairs[:SHOWN])
    what = f"{task}: {len(pairs)} of {len(test)} test problems ({share:.2%}) are also in training: {shown}."
    if share > LEAK_SHARE:
        return (
            Finding(
                "refuse", what, (), "Remove them from the training files: the exam would repeat training problems."
            ),
        )
    return (Finding("warn", what, (), f"Below {LEAK_SHARE:.1%} of the exam, too few to move a result."),)


def unreadable_golds(task: str, answer_format: str, problems: Sequence[Problem]) -> tuple[Finding, ...]:
    """Gold answers that the grader does not accept from a completion that gives exactly them."""
    before, _, after = answer_format.partition("n")
    verdicts = grade_all([(f"{before}{one.gold}{after}", one.gold) for one in problems], require_marker=True)
    bad = [one for one, verdict in zip(problems, verdicts, strict=True) if verdict.kind != "correct"]
    if not bad:
        return ()
    shown = "; ".join(f"{one.id} {one.gold[:40]!r}" for one in bad[:SHOWN])
    what = f"{task}: the grader does not accept {len(bad)} of {len(problems)} gold answers from themselves: {shown}."
    advice = (
        "No policy can solve these: write the answers as numbers or LaTeX, or name the right column and 'gold_form'."
    )
    return (Finding("refuse" if len(bad) == len(problems) else "warn", what, (), advice),)


def fingerprint(prompt: str) -> str:
    """SHA-256 of a problem's text without case, white space, `$`, TeX spacing and the ends of sentences."""
    return hashlib.sha256(_SAME_TEXT.sub("", prompt.casefold()).encode()).hexdigest()


def _imported(suite: Suite) -> Iterable[Finding]:
    return _made_otherwise(
        [row.name for row in suite.algorithms if row.imported],
        "trained and sampled elsewhere",
        "Its start, budget, settings and sampling are not known here: verify them where it was made.",
    )


def _by_program(suite: Suite) -> Iterable[Finding]:
    return _made_otherwise(
        [row.name for row in suite.algorithms if row.by_program],
        "trained by programs of their own",
        "They sample, grade and count by themselves: what they spent is what they declare, and marked so.",
    )


def _made_otherwise(arms: Sequence[str], how: str, advice: str) -> Iterable[Finding]:
    return [Finding("warn", f"{how}: {', '.join(arms)}.", tuple(arms), advice)] if arms else []


def _budgets(training: Training, rows: Sequence[Algorithm]) -> Iterable[Finding]:
    spent = {
        row.name: int(_own(row, "steps", training.steps))
        * int(_own(row, "prompts_per_step", training.prompts_per_step))
        * int(_own(row, "group_size", training.group_size))
        for row in rows
    }
    arms = tuple(name for name, count in spent.items() if count != training.completions)
    if arms:
        what = f"completions: {_spread(spent)}; the suite grants {training.completions} to each."
        yield Finding("refuse", what, arms, "Leave steps, problems and group size to [training].")


def _optimisation(training: Training, rows: Sequence[Algorithm]) -> Iterable[Finding]:
    rates = {row.name: _own(row, "learning_rate", training.learning_rate) for row in rows}
    if _unequal(rates):
        do = "State how each was chosen: a row may be worse only because its learning rate was not tuned."
        yield Finding("warn", f"learning rate: {_spread(rates)}.", _odd(rates), do)
    steps = {row.name: int(_own(row, "passes", 1)) * int(_own(row, "mini_batches", 1)) for row in rows}
    if _unequal(steps):
        do = "Rows with more updates take longer: compare seconds too, or set 'passes' and 'mini_batches' alike."
        yield Finding("warn", f"optimiser steps over each batch: {_spread(steps)}.", _odd(steps), do)


def _sampling(training: Training, rows: Sequence[Algorithm]) -> Iterable[Finding]:
    for name, shared in (
        ("temperature", training.temperature),
        ("max_completion_tokens", training.max_completion_tokens),
    ):
        values = {row.name: _own(row, name, shared) for row in rows}
        arms = tuple(arm for arm, value in values.items() if value != shared)
        if arms:
            do = f"Leave '{name}' to [training]."
            yield Finding("warn", f"{name} in training: {_spread(values)}; the suite says {shared:g}.", arms, do)


def _tuning(rows: Sequence[Algorithm]) -> Iterable[Finding]:
    families: dict[str, list[Algorithm]] = {}
    for row in rows:
        families.setdefault(row.target, []).append(row)
    tried = {target.partition(":")[2]: tuple(one.name for one in found) for target, found in families.items()}
    if _unequal({family: len(names) for family, names in tried.items()}):
        tuned = {family: names for family, names in tried.items() if len(names) > 1}
        listed = "; ".join(f"{len(names)} of {family} ({', '.join(names)})" for family, names in tuned.items())
        do = "The best of several settings wins more often by chance: compare one that was named in advance."
        arms = tuple(name for names in tuned.values() for name in names)
        yield Finding("warn", f"settings tried: {listed}; 1 of the others.", arms, do)
    for found in families.values():
        for index, one in enumerate(found):
            twins = tuple(other.name for other in found[index + 1 :] if other.settings == one.settings)
            if twins:
                what = f"{one.name} and {', '.join(twins)} are the same class with the same settings."
                yield Finding(
                    "warn", what, (one.name, *twins), "Remove one, or change the setting that was meant to differ."
                )


def _exam(suite: Suite) -> Iterable[Finding]:
    training, exam = suite.training, suite.exam
    if exam.max_completion_tokens < training.max_completion_tokens:
        what = f"the exam cuts at {exam.max_completion_tokens} tokens, training at {training.max_completion_tokens}."
        yield Finding(
            "warn", what, (), "Raise the exam's limit: completions that training rewards would be cut in the exam."
        )
    elif exam.max_completion_tokens > training.max_completion_tokens:
        what = f"training cuts at {training.max_completion_tokens} tokens, the exam at {exam.max_completion_tokens}."
        yield Finding("note", what, (), "Rows that learned short completions have no advantage from it in the exam.")
    if exam.temperature != training.temperature:
        what = f"training samples at temperature {training.temperature:g}, the exam at {exam.temperature:g}."
        yield Finding("warn", what, (), "The exam then measures another distribution than the one that was trained.")
    if len(suite.seeds) < FEWEST_SEEDS:
        what = f"{len(suite.seeds)} seed{'' if len(suite.seeds) == 1 else 's'}."
        yield Finding("warn", what, (), f"Give at least {FEWEST_SEEDS}: with fewer, nothing can be decided.")
    if all(row.name != FLOOR for row in suite.algorithms):
        yield Finding("warn", f"no row '{FLOOR}'.", (), f"Add '{FLOOR} = {{}}': without it the gain cannot be seen.")


def _parts_of_the_method(rows: Sequence[Algorithm]) -> Iterable[Finding]:
    pulls = {
        row.name: ", ".join(f"{name} = {row.settings[name]}" for name in PULLS if row.settings.get(name))
        for row in rows
    }
    held = {name: pull for name, pull in pulls.items() if pull}
    if held:
        do = "This is part of the method; rows without it may move further from the start."
        yield Finding("note", f"KL to the reference: {_spread(held)}.", tuple(held), do)
    heads = {row.name: ", ".join(need for need in row.needs if need.endswith("_head")) for row in rows}
    extra = {name: own for name, own in heads.items() if own}
    if extra:
        do = "They are counted under 'What was spent' and not used in the exam."
        yield Finding("note", f"weights beside the policy's: {_spread(extra)}.", tuple(extra), do)
    yield from _needing(
        rows, "greedy", "note", "one completion of each group is greedy", "It counts against the same budget."
    )
    do = "The budget counts completions, not gradings: this row learns from more gradings."
    yield from _needing(rows, "prefix_rewards", "warn", "every prefix is graded", do)
    own = tuple(row.name for row in rows if row.target.partition(":")[0].rpartition(".")[2].startswith("trl_"))
    if own:
        do = "A reference row: batching, timing and logging are TRL's."
        yield Finding("note", f"TRL's own loop: {', '.join(own)}.", own, do)


def _needing(
    rows: Sequence[Algorithm], need: str, severity: Literal["warn", "note"], what: str, do: str
) -> Iterable[Finding]:
    arms = tuple(row.name for row in rows if need in row.needs)
    if arms:
        yield Finding(severity, f"{what}: {', '.join(arms)}.", arms, do)


def _own(row: Algorithm, name: str, shared: float) -> float:
    """The row's own value of a setting, or the suite's."""
    for alias in OWN_NAMES.get(name, (name,)):
        value = row.settings.get(alias)
        if isinstance(value, int | float):
            return value
    return shared


def _unequal(values: Mapping[str, object]) -> bool:
    return len(set(values.values())) > 1


def _odd(values: Mapping[str, Setting]) -> tuple[str, ...]:
    """Rows that have another value than most; of equally common values the first stands."""
    common = max(values.values(), key=list(values.values()).count)
    return tuple(name for name, value in values.items() if value != common)


def _spread(values: Mapping[str, Setting]) -> str:
    """`2 for ppo, 1 for grpo, sft and 4 more`: rarest value first."""
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        groups.setdefault(f"{value:g}" if isinstance(value, int | float) else str(value), []).append(name)
    return "; ".join(f"{value} for {_some(names)}" for value, names in sorted(groups.items(), key=lambda g: len(g[1])))


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:SHOWN])} and {more} more"
