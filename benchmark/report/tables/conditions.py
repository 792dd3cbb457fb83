"""Under which conditions the numbers were made: a number without them says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import DASH, STATUS_WORDS, Table, code, number, plain, words
from benchmark.contract import PHASES
from benchmark.report.metrics import ShownMetric
from benchmark.report.tables.budgets import amount
from benchmark.report.tables.main import MEMORY_WORDS, memory_kinds, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Algorithm, Model, Phase, Provenance, Record
    from benchmark.report.reading import ReportData

__all__ = ["caption", "conditions_table", "counts_table", "failures_table", "lead", "methods_table", "phases_table"]

_COUNTS = {
    "completions": "completions",
    "completion_tokens": "completion tokens",
    "prompt_tokens": "prompt tokens",
    "optimiser_steps": "optimiser steps",
    "flops": "model FLOPs",
    "trainable_parameters": "trained parameters",
    "head_parameters": "of extra heads",
}


def lead(evidence: Evidence) -> str:
    """What is compared, from what start, with what budget."""
    suite, training = evidence.suite, evidence.suite.training
    but = f" except {words(code(method) for method in evidence.imported)}" if evidence.imported else ""
    return (
        f"{_plural(len(evidence.methods), 'method')} on {words(code(task) for task in suite.tasks)} with "
        f"{_plural(len(suite.seeds), 'seed')}. Every method{but} starts from the same policy ({_model(suite.model)}), "
        f"may spend the same {training.completions:,} completions ({training.steps} batches × "
        f"{training.prompts_per_step} problems × {training.group_size} completions) and takes the same exam."
    )


def caption(reading: ReportData) -> str:
    """The line under a table: seeds, interval, n, k, temperature, device."""
    evidence = reading.evidence
    exam, seeds = evidence.suite.exam, evidence.suite.seeds
    sizes = {task: _problems(evidence, task) for task in evidence.suite.tasks}
    alike = len(set(sizes.values())) == 1
    said = next(iter(sizes.values())) if alike else "; ".join(f"{code(task)} {size}" for task, size in sizes.items())
    which = "all test problems" if exam.problems is None else "the first test problems"
    groups = any(one.letters for one in reading.standings.values())
    letters = f" Methods that share a letter are not separated with {_plural(len(seeds), 'seed')}." if groups else ""
    missing = f"; “2/{len(seeds)}” = only two seeds produced a value" if len(seeds) > 2 else ""
    return (
        f"Each cell is the mean over {_plural(len(seeds), 'seed')}{_spreads(evidence)}. An interval without width in "
        f"the digits shown is left out. “{DASH}” = undefined{missing}. Exam: {said} problems per task ({which}), "
        f"{exam.samples} samples of each at temperature {exam.temperature}. “Strategies at {exam.samples}”: distinct "
        "correct strategies per solved problem. “D2”: effective number of correct strategies, which counts rare ones "
        f"less. Peak MiB: {_memory(evidence)} during training. Device: {words(evidence.devices)}.{letters}"
    )


def _memory(evidence: Evidence) -> str:
    return words(MEMORY_WORDS[kind] for kind in memory_kinds(evidence)) if evidence.done else DASH


def _spreads(evidence: Evidence) -> str:
    """What the intervals cover, as far as the table has such."""
    found = {one.over for (_, _, name), one in evidence.summary.items() if one.low is not None and name in _JUDGED}
    many = len(evidence.suite.seeds) > 1
    said = [words_ for over, words_ in _COVERED.items() if over in found]
    parts = [f" with a 95 % interval that covers {words(said, 'or')}"] if said else []
    return "".join(parts) + ("; seconds and memory show the smallest and the largest seed instead" if many else "")


_JUDGED = ("accuracy", "effective_strategies")
_COVERED = {
    "seeds and problems": "both seed and problem variation (`docs/statistics.md`)",
    "problems": "problem variation only (one seed says nothing about other seeds)",
    "seeds": "seed variation only (Student’s t; shares through Wilson’s formula)",
}


def conditions_table(evidence: Evidence) -> Table:
    """Everything shared by all methods."""
    suite, exam, training = evidence.suite, evidence.suite.exam, evidence.suite.training
    which = "all test problems" if exam.problems is None else f"the first {exam.problems:,} test problems"
    exam_words = (
        f"{which}; {exam.samples} samples and one greedy completion of each; temperature {exam.temperature}, top-p 1; "
        f"at most {exam.max_completion_tokens:,} tokens"
    )
    training_words = (
        f"{training.steps} batches × {training.prompts_per_step} problems × {training.group_size} completions; "
        f"temperature {training.temperature}; at most {training.max_completion_tokens:,} tokens; AdamW at "
        f"{training.learning_rate:g} after {training.warmup_steps} warm-up steps unless a method names its own rate; "
        f"gradients clipped at {training.max_grad_norm:g}"
    )
    rows = [
        ("exam", exam_words),
        ("training", training_words),
        ("tuning", _tuning(evidence)),
        ("seeds", words(str(seed) for seed in suite.seeds)),
        ("starting policy", _model(suite.model)),
        ("digest of its weights", _distinct(evidence, lambda each: code(each.model_digest[:12]))),
        *((("reading of the model", _readings(evidence)),) if _readings(evidence) else ()),
        *((f"digests of {code(task)}", _distinct(evidence, _digests, task)) for task in suite.tasks),
        ("grader", _distinct(evidence, lambda each: plain(each.grader))),
        ("device", _distinct(evidence, lambda each: plain(each.device))),
        *_machines(evidence),
        ("commit", _distinct(evidence, _commit)),
        ("version of this package", _distinct(evidence, lambda each: plain(each.version))),
        ("libraries", _distinct(evidence, _libraries)),
        *_interrupted(evidence),
        *_unidentified(evidence),
    ]
    return Table(("condition", "value"), tuple(rows), left=2)


def _machines(evidence: Evidence) -> Iterable[tuple[str, str]]:
    """Digests of the machines, where any record has one."""
    if any(one.provenance and one.provenance.machine for one in evidence.records):
        yield (
            "machine (digest)",
            _distinct(evidence, lambda each: code(each.machine) if each.machine else "not recorded"),
        )


def _interrupted(evidence: Evidence) -> Iterable[tuple[str, str]]:
    """Jobs that were interrupted, where any was, and what their records say of it."""
    resumed = [record for record in evidence.records if record.resumed]
    if resumed:
        notes = sorted({plain(one.note) for record in resumed for one in record.resumed if one.note})
        anew = sum(any(one.went_on_from == 0 for one in record.resumed) for record in resumed)
        said = f"{_plural(len(resumed), 'job')}, {anew} of which did a stage anew"
        yield "interrupted", f"{said}{': ' if notes else ''}{' '.join(notes)}"


def _unidentified(evidence: Evidence) -> Iterable[tuple[str, str]]:
    """That records of before identities were kept are shown, once."""
    without = sum(one.job.identity is None for one in evidence.records)
    if without:
        kept = "of all records" if without == len(evidence.records) else f"of {without} records"
        yield "identity", f"not recorded {kept}: whether code, data or model have changed since is not known"


def methods_table(evidence: Evidence) -> Table:
    """Every hyper-parameter of every method; bold where the suite changed it."""
    rate = evidence.suite.training.learning_rate
    rows = tuple(
        (named(evidence, each.name), code(each.target), _settings(each, rate)) for each in evidence.suite.algorithms
    )
    return Table(("method", "class", "settings (bold: changed by the suite)"), rows, left=3)


def counts_table(reading: ReportData) -> Table:
    """What each method spent and trained, on each task; a range where seeds differ."""
    evidence = reading.evidence
    rows = tuple(
        (named(evidence, method), code(task), *(_range(done, name) for name in _COUNTS), _peak(reading, method, task))
        for method, task, done in _cells(evidence)
    )
    kinds = " / ".join(MEMORY_WORDS[kind] for kind in memory_kinds(evidence))
    return Table(("method", "task", *_COUNTS.values(), f"peak of the whole job (MiB, {kinds})"), rows, left=2)


def phases_table(evidence: Evidence) -> Table:
    """Mean seconds of each phase over finished seeds; nothing when devices are mixed."""
    mixed, known = evidence.mixed, measured_phases(evidence)
    rows = tuple(
        (
            code(method),
            code(task),
            *(_mean([] if mixed else [one.phase_seconds.get(phase) for one in done]) for phase in known),
            _mean([] if mixed else [one.wall_seconds for one in done]),
        )
        for method, task, done in _cells(evidence)
    )
    return Table(("method", "task", *known, "wall"), rows, left=2)


def measured_phases(evidence: Evidence) -> tuple[Phase, ...]:
    """Phases that the finished records know; those of before 0.2 have no `other`."""
    return tuple(phase for phase in PHASES if any(phase in one.phase_seconds for one in evidence.done))


def failures_table(evidence: Evidence) -> Table:
    """Every job without a result: its status and reason."""
    rows = tuple(
        (code(record.job.id), STATUS_WORDS[record.status], plain(record.reason or DASH))
        for record in evidence.records
        if record.status != "done"
    )
    return Table(("job", "status", "reason"), rows, left=3)


def _cells(evidence: Evidence) -> Iterable[tuple[str, str, list[Record]]]:
    for task in evidence.suite.tasks:
        for method in evidence.methods:
            yield method, task, [record for record in evidence.cell(method, task) if record.status == "done"]


def _problems(evidence: Evidence, task: str) -> str:
    sizes = {record.metrics.get("problems") for record in evidence.done if record.job.task == task}
    return words((f"{size:,.0f}" for size in sorted(size for size in sizes if size is not None)), "or")


def _distinct(evidence: Evidence, value: Callable[[Provenance], str], task: str | None = None) -> str:
    found = {
        value(record.provenance)
        for record in evidence.records
        if record.provenance is not None and record.imported is None and task in (None, record.job.task)
    }
    return "; ".join(sorted(found)) or DASH


def _readings(evidence: Evidence) -> str:
    """Slower ways of reading the model; nothing where every record took the fastest."""
    found = {one.provenance.reading for one in evidence.records if one.provenance and one.provenance.reading}
    return plain("; ".join(sorted(found)))


def _digests(provenance: Provenance) -> str:
    return f"problems {code(provenance.task_digest[:12])}, prompts {code(provenance.prompt_digest[:12])}"


def _commit(provenance: Provenance) -> str:
    if provenance.commit is None:
        return "unknown"
    state = {True: " with uncommitted changes", False: "", None: ", changes unknown"}[provenance.dirty]
    return f"{code(provenance.commit[:12])}{state}"


def _libraries(provenance: Provenance) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(provenance.libraries.items()))


def _model(model: Model) -> str:
    revision = f" at {code(model.revision[:12])}" if model.revision else ""
    weights = f"LoRA of rank {model.lora_rank}, α {model.lora_alpha}" if model.lora_rank else "all weights trained"
    chat = ", chat template" if model.chat else ""
    return f"{code(model.source)}{revision}, {weights}, {model.dtype}{chat}"


def _tuning(evidence: Evidence) -> str:
    """What choosing the settings cost, where more than one was tried."""
    tuned = evidence.suite.tuned
    if not tuned:
        return "one setting, not tuned"
    parts = [
        f"{'shared settings' if name == 'training' else code(name)}: the best of {one.trials} settings on {one.on}, "
        f"{one.completions:,} completions beside those of this table"
        for name, one in tuned.items()
    ]
    rest = [method for method in evidence.trained if method not in {*tuned, *evidence.imported}]
    return "; ".join(parts) + (f"; one setting, not tuned: {words(map(code, rest))}" if rest else "")


def _settings(algorithm: Algorithm, rate: float) -> str:
    """Name = value; a learning rate that was left open is the suite's."""
    used = {
        name: f"{rate:g}" if name == "learning_rate" and value is None else value
        for name, value in algorithm.settings.items()
    }
    said = [
        f"**{code(f'{name} = {value}')}**" if name in algorithm.changed else code(f"{name} = {value}")
        for name, value in used.items()
    ]
    return " ".join(said) or (DASH if algorithm.imported else "none")


def _range(records: list[Record], name: str) -> str:
    found = sorted({record.counts[name] for record in records if name in record.counts})
    written = [amount(count, "flops") if name == "flops" else f"{count:,}" for count in found]
    if not written:
        return DASH
    declared = any(name in record.declared for record in records)
    return "–".join(dict.fromkeys((written[0], written[-1]))) + (" (declared)" if declared else "")


def _peak(reading: ReportData, method: str, task: str) -> str:
    metrics = [ShownMetric("peak", f"peak_{kind}_bytes", "bytes") for kind in memory_kinds(reading.evidence)]
    means = [reading.estimate(method, task, metric).mean for metric in metrics]
    return " / ".join(DASH if mean is None else number(mean, "bytes") for mean in means) or DASH


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return number(sum(known) / len(known), "seconds") if known else DASH


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
