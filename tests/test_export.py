"""Results in other programs' formats: every number there is one of ours, and the same results are the same bytes."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import sys
import types

import pytest
from exchanged import RIGHT, problems, ran
from factories import failed, suite, write
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.commands.exchange import extras
from benchmark.commands.exchange.trackers import logged, to_tracker
from benchmark.comparison.evidence import gather
from benchmark.errors import ConfigurationError


def export(results, to, out, name="mine"):
    command = ["export", name, "--to", to, "--results", str(results), "--out", str(out)]
    return CliRunner().invoke(app, command, catch_exceptions=False)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


# --- lm-evaluation-harness -----------------------------------------------------------------------------------------


def test_a_harness_samples_file_has_the_harness_fields_and_our_verdicts(tmp_path):
    results, _ = ran(tmp_path)
    assert "2 jobs of 'mine': 4 paths" in export(results, "lm-eval", tmp_path / "out").output
    lines = [json.loads(line) for line in (tmp_path / "out/grpo/samples_competition_s0.jsonl").read_text().splitlines()]
    # what lm_eval/evaluator.py of 0.4.13 writes for each document and filter
    fields = (
        "doc_id doc target arguments resps filtered_resps filter metrics doc_hash prompt_hash target_hash exact_match"
    )
    assert set(fields.split()) <= set(lines[0])
    assert [(line["doc_id"], line["filter"]) for line in lines] == [
        (place, name) for place in range(3) for name in ("greedy", "sampled")
    ]
    assert [line["exact_match"] for line in lines[1::2]] == [4 / 4, 2 / 4, 0 / 4]
    first, asked = lines[1], problems()[0]
    assert first["doc"]["question"] == asked.prompt == first["arguments"]["gen_args_0"]["arg_0"]
    assert first["resps"] == [[asked.solution] * 4]
    assert first["filtered_resps"] == [[asked.gold] * 4]
    assert lines[5]["filtered_resps"] == [["[invalid]"] * 4]
    assert first["target_hash"] == sha(asked.gold)
    assert first["doc_hash"] == sha(json.dumps(first["doc"], indent=2, ensure_ascii=False))
    assert lines[0]["arguments"]["gen_args_0"]["arg_1"] == {
        "until": [],
        "max_gen_toks": 80,
        "do_sample": False,
        "temperature": 0.0,
    }


def test_a_harness_results_file_aggregates_the_samples(tmp_path):
    results, _ = ran(tmp_path)
    export(results, "lm-eval", tmp_path / "out")
    found = json.loads((tmp_path / "out/grpo/results_competition_s0.json").read_text())
    scores = found["results"]["competition"]
    # problems 1, 1/2, 0: mean 1/2, variance ((1/2)² + 0 + (1/2)²) / 2 = 1/4, standard error (1/2) / √3
    assert scores["exact_match,sampled"] == 0.5
    assert scores["exact_match_stderr,sampled"] == pytest.approx(0.5 / math.sqrt(3))
    assert scores["exact_match,greedy"] == pytest.approx(2 / 3)
    assert scores["pass@4,sampled"] == pytest.approx(2 / 3)
    assert found["higher_is_better"]["competition"]["exact_match"] is True
    assert found["higher_is_better"]["competition"]["no_answer"] is False
    assert found["n-samples"] == {"competition": {"original": 3, "effective": 3}}
    assert (found["git_hash"], found["date"]) == ("a" * 40, 0)
    assert set(found) >= {"results", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config"}


def test_the_same_results_are_the_same_files(tmp_path):
    results, _ = ran(tmp_path)
    for to in ("lm-eval", "parquet"):
        for out in ("one", "two"):
            export(results, to, tmp_path / out / to)
    one, two = (
        {path.relative_to(tmp_path / out): path.read_bytes() for path in (tmp_path / out).rglob("*.*")}
        for out in ("one", "two")
    )
    assert len(one) == 4 + 2
    assert one == two


def test_without_texts_a_sample_holds_what_is_known(tmp_path):
    results, _ = ran(tmp_path, texts=False)
    export(results, "lm-eval", tmp_path / "out")
    line = json.loads((tmp_path / "out/grpo/samples_competition_s0.jsonl").read_text().splitlines()[1])
    assert line["resps"] == []
    assert line["filtered_resps"] == [[problems()[0].gold] * 4]
    assert line["exact_match"] == 1.0


def test_problems_that_are_not_ours_to_pass_on_are_named_only(repository, tmp_path):
    export(repository / "results", "lm-eval", tmp_path, "real-pocket")
    line = json.loads((tmp_path / "grpo/samples_gsm8k_s0.jsonl").read_text().splitlines()[0])
    assert line["doc"] == {"id": "gsm8k/test/0"}
    assert line["target"] is line["prompt_hash"] is line["target_hash"] is None
    assert json.loads((tmp_path / "grpo/results_gsm8k_s0.json").read_text())["task_hashes"] == {}


# --- Parquet -------------------------------------------------------------------------------------------------------


def test_parquet_has_one_row_per_completion_and_one_per_number(tmp_path):
    import pandas as pd

    results, jobs = ran(tmp_path)
    export(results, "parquet", tmp_path / "out")
    rows = pd.read_parquet(tmp_path / "out/outcomes.parquet")
    assert len(rows) == 2 * 3 * (1 + 4)
    ours = rows[(rows["method"] == "grpo") & (rows["sample"] >= 0)]
    right = (ours["verdict"] == "correct").groupby(ours["problem"]).sum()
    assert [right[one.id] for one in problems()] == list(RIGHT)
    assert set(rows["tokens"]) == {30}
    assert ours["strategy"].notna().sum() == sum(RIGHT)
    numbers = pd.read_parquet(tmp_path / "out/metrics.parquet")
    value = numbers.set_index(["method", "metric"])["value"]
    assert value["grpo", "accuracy"] == 0.5
    assert value["grpo", "training_seconds"] == 20.0 + 15.0
    assert set(numbers["method"]) == {"grpo", "base_model"}
    assert jobs["grpo"].suite == set(numbers["suite"]).pop()


@pytest.mark.parametrize(("to", "package"), [("parquet", "pyarrow"), ("mlflow", "mlflow"), ("wandb", "wandb")])
def test_a_missing_package_is_named_with_its_extra(to, package, tmp_path, monkeypatch):
    def absent(_):
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)

    results, _ = ran(tmp_path)
    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(ConfigurationError, match=rf"needs the package '{package}': pip install -e '\.\[{to}\]'\."):
        export(results, to, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_package_that_is_there_but_broken_shows_its_own_error(monkeypatch):
    def broken(_):
        raise ModuleNotFoundError("No module named 'grpc'", name="grpc")

    monkeypatch.setattr(extras.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="grpc"):
        extras.needed("wandb", "wandb")


# --- trackers ------------------------------------------------------------------------------------------------------


@pytest.fixture
def evidence(tmp_path):
    """4 methods, one seed; sft failed."""
    write(
        tmp_path / "results",
        suite(seeds=(0,), tasks=("competition",)),
        lambda one: failed(one) if one.job.algorithm.name == "sft" else one,
    )
    return gather(tmp_path / "results", "tiny")


def test_what_a_tracker_is_told_of_a_job(evidence):
    told = {one.parameters["method"]: one for one in logged(evidence)}
    assert set(told) == {"base_model", "grpo", "flowrl", "sft"}
    assert [name for name, one in told.items() if not one.done] == ["sft"]
    one = told["grpo"]
    assert one.parameters["setting/clip"] == 0.2
    assert one.parameters["exam/samples"] == 16
    assert one.metrics["count/completions"] == 3072
    assert [step for step, _ in one.curve] == [0, 4, 8, 12, 16, 20, 24]
    assert one.curve[1][1]["spent/tokens"] == 4 * 4000
    assert one.curve[-1][1]["probe/accuracy"] == one.metrics["accuracy"]  # 0.6 + 0.4 · 24/24 of the level


class Recorder:
    """Stands in for a tracker: takes a call only if the real function, whose signature is given, would take it."""

    def __init__(self):
        self.calls = []

    def function(self, name, signature, result=None):
        known = inspect.signature(eval(f"lambda {signature}: None"))  # noqa: S307 - literals of this file

        def call(*arguments, **named):
            self.calls.append((name, known.bind(*arguments, **named).arguments))
            return result

        return call

    def of(self, name):
        return [arguments for called, arguments in self.calls if called == name]


def fake_wandb(recorder):
    """Signatures of wandb 0.31.0: `wandb_init.init`, `wandb_run.Run.log`, `Run.finish`."""
    run = types.SimpleNamespace(
        log=recorder.function("log", "data, step=None, commit=None"),
        finish=recorder.function("finish", "exit_code=None"),
        summary=types.SimpleNamespace(update=recorder.function("summary", "d")),
    )
    module = types.ModuleType("wandb")
    module.init = recorder.function(
        "init",
        "entity=None, project=None, dir=None, id=None, name=None, notes=None, tags=None, config=None, "
        "config_exclude_keys=None, config_include_keys=None, allow_val_change=None, group=None, job_type=None, "
        "mode=None, force=None, reinit=None, resume=None, resume_from=None, fork_from=None, save_code=None, "
        "tensorboard=None, sync_tensorboard=None, monitor_gym=None, settings=None, anonymous=None",
        run,
    )
    return {"wandb": module}


def fake_trackio(recorder):
    """Signatures of trackio 0.43.0: `trackio/__init__.py`."""
    module = types.ModuleType("trackio")
    module.init = recorder.function(
        "init",
        "project, name=None, group=None, space_id=None, server_url=None, dataset_id=None, bucket_id=None, config=None, "
        "resume='never', settings=None, private=None, embed=True, auto_log_gpu=None, gpu_log_interval=10.0, "
        "auto_log_cpu=None, cpu_log_interval=10.0, webhook_url=None, webhook_min_level=None",
    )
    module.log = recorder.function("log", "metrics, step=None")
    module.finish = recorder.function("finish", "")
    return {"trackio": module}


def fake_mlflow(recorder):
    """Signatures of mlflow-skinny 3.17.2: `tracking/client.py`, `entities/metric.py`, `entities/param.py`."""
    run = types.SimpleNamespace(info=types.SimpleNamespace(run_id="r"))
    client = types.SimpleNamespace(
        create_experiment=recorder.function("experiment", "name, artifact_location=None, tags=None", "1"),
        create_run=recorder.function("init", "experiment_id, start_time=None, tags=None, run_name=None", run),
        log_batch=recorder.function("log", "run_id, metrics=(), params=(), tags=(), synchronous=None"),
        set_terminated=recorder.function("finish", "run_id, status=None, end_time=None"),
    )
    module, entities = types.ModuleType("mlflow"), types.ModuleType("mlflow.entities")
    module.MlflowClient = recorder.function(
        "client", "tracking_uri=None, registry_uri=None, workspace_store_uri=None", client
    )
    entities.Param = recorder.function("param", "key, value")
    entities.Metric = recorder.function(
        "metric", "key, value, timestamp, step, model_id=None, dataset_name=None, dataset_digest=None, run_id=None"
    )
    return {"mlflow": module, "mlflow.entities": entities}


@pytest.fixture
def standing_in(monkeypatch):
    """Puts a fake package in place of a real one; returns what it was told."""
    monkeypatch.setenv("TRACKIO_DIR", "")
    monkeypatch.setenv("TRACKIO_SPACE_ID", "someone/space")

    def install(fake):
        found = Recorder()
        for name, module in fake(found).items():
            monkeypatch.setitem(sys.modules, name, module)
        return found

    return install


def test_wandb_gets_one_offline_run_per_job(standing_in, evidence, tmp_path):
    recorder = standing_in(fake_wandb)
    to_tracker(evidence, tmp_path / "out", "wandb")
    started = recorder.of("init")
    assert [one["mode"] for one in started] == ["offline"] * 4
    assert {one["dir"] for one in started} == {str(tmp_path / "out")}
    assert {one["config"]["method"] for one in started} == {"base_model", "grpo", "flowrl", "sft"}
    assert len(recorder.of("log")) == 2 * 7  # two methods that trained and finished, seven points each
    assert sorted(one["exit_code"] for one in recorder.of("finish")) == [0, 0, 0, 1]
    accuracies = [one["d"].get("final/accuracy") for one in recorder.of("summary")]
    assert [value is None for value in accuracies].count(True) == 1


def test_trackio_writes_to_the_folder_and_to_no_space(standing_in, evidence, tmp_path):
    import os

    recorder = standing_in(fake_trackio)
    to_tracker(evidence, tmp_path / "out", "trackio")
    assert os.environ["TRACKIO_DIR"] == str(tmp_path / "out")
    assert "TRACKIO_SPACE_ID" not in os.environ
    assert [one["project"] for one in recorder.of("init")] == ["tiny"] * 4
    assert len(recorder.of("log")) == 2 * 7 + 4
    assert len(recorder.of("finish")) == 4


def test_mlflow_gets_parameters_curves_and_metrics(standing_in, evidence, tmp_path):
    recorder = standing_in(fake_mlflow)
    to_tracker(evidence, tmp_path / "out", "mlflow")
    assert recorder.of("client") == [{"tracking_uri": f"sqlite:///{tmp_path / 'out' / 'mlflow.db'}"}]
    assert {"key": "setting/clip", "value": "0.2"} in recorder.of("param")
    points = [(one["step"], one["value"]) for one in recorder.of("metric") if one["key"] == "spent/completions"]
    assert points == [(step, 128 * step) for step in range(0, 25, 4)] * 2
    assert not [one for one in recorder.of("metric") if "@" in one["key"]]
    assert sorted(one["status"] for one in recorder.of("finish")) == ["FAILED", "FINISHED", "FINISHED", "FINISHED"]


def test_a_folder_in_use_is_refused(evidence, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mlflow.db").write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="is not empty"):
        to_tracker(evidence, tmp_path / "out", "mlflow")


def run_for_real(results, to, out):
    """In a process of its own: the packages start threads and read the environment."""
    import subprocess

    command = [sys.executable, "-m", "benchmark", "export", "tiny", "--to", to]
    return subprocess.run([*command, "--results", str(results), "--out", str(out)], check=True, capture_output=True)


def test_real_mlflow(evidence, tmp_path):
    pytest.importorskip("mlflow")
    run_for_real(evidence.results, "mlflow", tmp_path / "out")
    import sqlite3

    with sqlite3.connect(tmp_path / "out" / "mlflow.db") as file:
        runs = file.execute("select name, status from runs order by name").fetchall()
        found = file.execute(
            "select m.step, m.value from metrics m join runs r on r.run_uuid = m.run_uuid "
            "where r.name like 'grpo%' and m.key = 'spent/completions' order by m.step"
        ).fetchall()
    assert [status for _, status in runs].count("FAILED") == 1
    assert len(runs) == 4
    assert found == [(step, 128.0 * step) for step in range(0, 25, 4)]


def test_real_trackio(evidence, tmp_path):
    pytest.importorskip("trackio")
    run_for_real(evidence.results, "trackio", tmp_path / "out")
    import sqlite3

    with sqlite3.connect(tmp_path / "out" / "tiny.db") as file:
        found = file.execute("select metrics from metrics where run_name like 'grpo%' order by step, id").fetchall()
    assert len(found) == 7 + 1
    assert json.loads(found[-1][0])["final/count/completions"] == 3072


def test_real_wandb(evidence, tmp_path):
    pytest.importorskip("wandb")
    run_for_real(evidence.results, "wandb", tmp_path / "out")
    assert len(list((tmp_path / "out" / "wandb").glob("offline-run-*/*.wandb"))) == 4
