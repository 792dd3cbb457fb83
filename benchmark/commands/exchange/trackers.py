"""A suite in an experiment tracker on this machine: one run per job, with parameters, step curves and final metrics.

Each adapter only names the tracker's own calls. Nothing is sent anywhere: MLflow gets a SQLite file (its folders of
files are no longer maintained), W&B is offline, trackio writes to a folder. Run ids and times are the trackers' own, so
two exports are not the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands.exchange.extras import needed
from benchmark.errors import ConfigurationError

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence
    from benchmark.contract import Record, StepLog

__all__ = ["TRACKERS", "Logged", "logged", "to_tracker"]

Point = tuple[int, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Logged:
    """One job as a tracker keeps it."""

    name: str
    done: bool
    parameters: Mapping[str, str | int | float | bool | None]
    metrics: Mapping[str, float]
    """Of the exam, seconds and counts; undefined ones are left out."""
    curve: Sequence[Point]
    """(batches finished, values), from 0."""


def to_tracker(evidence: Evidence, out: Path, tracker: str) -> list[Path]:
    """Write every job; returns the folder. Raises `ConfigurationError` for a missing package and a folder in use."""
    if out.exists() and any(out.iterdir()):
        raise ConfigurationError(f"{out} is not empty, and the runs would be added a second time: give another --out.")
    if tracker == "trackio":
        os.environ["TRACKIO_DIR"] = str(out.resolve())  # read while the package is imported
        for elsewhere in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
            os.environ.pop(elsewhere, None)
    module = needed(tracker, tracker)
    out.mkdir(parents=True, exist_ok=True)
    TRACKERS[tracker](module, evidence.suite.name, logged(evidence), out.resolve())
    return [out]


def logged(evidence: Evidence) -> Iterator[Logged]:
    """Every record of the suite, those without a result too."""
    for record in evidence.records:
        metrics = {name: value for name, value in record.metrics.items() if value is not None}
        curve = [(step.step, _values(step)) for step in evidence.steps(record)]
        yield Logged(record.job.id, record.status == "done", _parameters(record), metrics | _spent(record), curve)


def _parameters(record: Record) -> dict[str, str | int | float | bool | None]:
    job = record.job
    sections = {
        "setting": job.algorithm.settings,
        "model": asdict(job.model),
        "training": asdict(job.training),
        "exam": asdict(job.exam),
    }
    found = {f"{name}/{key}": value for name, section in sections.items() for key, value in section.items()}
    return {
        "suite": job.suite,
        "method": job.algorithm.name,
        "task": job.task,
        "seed": job.seed,
        "status": record.status,
        "imported": record.imported,
        **found,
    }


def _spent(record: Record) -> dict[str, float]:
    seconds = {"training_seconds": record.training_seconds, "wall_seconds": record.wall_seconds}
    known = {name: value for name, value in seconds.items() if value is not None}
    return known | {f"count/{name}": float(value) for name, value in record.counts.items()}


def _values(step: StepLog) -> dict[str, float]:
    spent = {
        "spent/completions": step.completions,
        "spent/seconds": step.seconds,
        "spent/tokens": step.tokens,
        "spent/updates": step.updates,
        "spent/flops": step.flops,
    }
    return {**{name: float(value) for name, value in spent.items() if value is not None}, **step.metrics}


# --- the trackers' own calls ---------------------------------------------------------------------------------------


def _mlflow(module: object, project: str, runs: Iterator[Logged], out: Path) -> None:
    names = vars(module)
    client = names["MlflowClient"](tracking_uri=f"sqlite:///{out / 'mlflow.db'}")
    experiment = client.create_experiment(project, artifact_location=(out / "artifacts").as_uri())
    entities = needed("mlflow.entities", "mlflow")
    for one in runs:
        run = client.create_run(experiment, run_name=one.name).info.run_id
        parameters = [entities.Param(key, str(value)) for key, value in one.parameters.items()]
        client.log_batch(run, params=parameters)
        for step, values in one.curve:
            points = [
                entities.Metric(_plain(key), value, round(1000 * values["spent/seconds"]), step)
                for key, value in values.items()
            ]
            client.log_batch(run, metrics=points)
        final = [entities.Metric(_plain(f"final/{key}"), value, 0, 0) for key, value in one.metrics.items()]
        client.log_batch(run, metrics=final)
        client.set_terminated(run, status="FINISHED" if one.done else "FAILED")


def _plain(name: str) -> str:
    """MLflow allows no `@` in a name."""
    return name.replace("@", "_at_")


def _wandb(module: object, project: str, runs: Iterator[Logged], out: Path) -> None:
    names = vars(module)
    for one in runs:
        run = names["init"](project=project, name=one.name, dir=str(out), config=dict(one.parameters), mode="offline")
        for step, values in one.curve:
            run.log(values, step=step)
        run.summary.update({f"final/{key}": value for key, value in one.metrics.items()})
        run.finish(exit_code=0 if one.done else 1)


def _trackio(module: object, project: str, runs: Iterator[Logged], out: Path) -> None:
    del out  # known to it from TRACKIO_DIR
    names, quiet = vars(module), {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}
    for one in runs:
        names["init"](project=project, name=one.name, config=dict(one.parameters), **quiet)
        for step, values in one.curve:
            names["log"](values, step=step)
        last = one.curve[-1][0] if one.curve else 0
        names["log"]({f"final/{key}": value for key, value in one.metrics.items()}, step=last)
        names["finish"]()


TRACKERS: Mapping[str, Callable[[object, str, Iterator[Logged], Path], None]] = {
    "mlflow": _mlflow,
    "trackio": _trackio,
    "wandb": _wandb,
}
