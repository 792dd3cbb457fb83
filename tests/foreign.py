"""Small files of completions, written by the programs themselves: lm-evaluation-harness, inspect_ai and TRL.

    python tests/foreign.py OUT [lm-eval | inspect-ai | trl]

About three problems of the generated task `competition`, so no text of a data set is in them. `nox -s exchange` writes
them with the versions it installs and reads them; `tests/foreign_files` keeps one set of them, with its versions.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmark.tasks import load_task

ROOT = Path(__file__).resolve().parent.parent
POCKET = ROOT / "benchmark" / "model" / "pocket" / "weights"
PROBLEMS, SAMPLES = 3, 4

TASK = """task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}\\n"
doc_to_target: "{{{{answer}}}}"
num_fewshot: 0
repeats: {repeats}
generation_kwargs: {{until: ["Question:"], max_gen_toks: 40, do_sample: {sampled}, temperature: {temperature}}}
filter_list:
  - {{name: strict-match, filter: [{{function: regex, regex_pattern: "#### (.*)"}}, {{function: take_first}}]}}
  - {{name: flexible-extract, filter: [{{function: regex, regex_pattern: "([0-9]+)"}}, {{function: take_first}}]}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


def asked() -> list[dict[str, str]]:
    """The problems as rows of a data set."""
    test = load_task("competition").load("test")[:PROBLEMS]
    return [{"id": one.id, "question": one.prompt, "answer": one.solution, "gold": one.gold} for one in test]


def lm_eval(out: Path) -> None:
    """A greedy and a sampled run of the harness on the pocket policy: the samples of each, and the results."""
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    data = work / "test.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in asked()), encoding="utf-8")
    for name, repeats, sampled in (("greedy", 1, False), ("sampled", SAMPLES, True)):
        text = TASK.format(
            name=name, data=data, repeats=repeats, sampled=str(sampled).lower(), temperature=float(sampled)
        )
        (work / f"{name}.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "lm_eval", "--model", "hf", "--device", "cpu", "--batch_size", "4"]
    command += ["--model_args", f"pretrained={POCKET}", "--include_path", str(work), "--tasks", "greedy,sampled"]
    command += ["--output_path", str(work / "out"), "--log_samples"]
    subprocess.run(command, check=True, env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
    for path in (work / "out").rglob("*.json*"):
        kind = "results" if path.name.startswith("results_") else path.name.split("_")[1]
        path.rename(out / f"{'results' if kind == 'results' else f'samples_{kind}'}{path.suffix}")


def inspect_ai(out: Path) -> None:
    """A log of four epochs with inspect_ai's own mock model, as `.eval` and as `.json`."""
    inspect = importlib.import_module("inspect_ai")
    dataset, model = importlib.import_module("inspect_ai.dataset"), importlib.import_module("inspect_ai.model")
    scorer, solver = importlib.import_module("inspect_ai.scorer"), importlib.import_module("inspect_ai.solver")
    rows = asked()
    samples = [dataset.Sample(id=row["id"], input=row["question"], target=row["gold"]) for row in rows]
    for kind in ("eval", "json"):
        texts = (row["answer"] if number % 2 else "I do not know." for number in range(SAMPLES) for row in rows)
        replies = [model.ModelOutput.from_content("mockllm/model", text) for text in texts]
        for reply in replies:
            reply.usage = model.ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else counted on-line
        task = inspect.Task(
            dataset=dataset.MemoryDataset(samples), solver=solver.generate(), scorer=scorer.includes(), epochs=SAMPLES
        )
        found = inspect.eval(
            task,
            model=model.get_model("mockllm/model", custom_outputs=replies),
            log_dir=str(out / "work" / kind),
            log_format=kind,
            temperature=1.0,
            max_samples=1,
            display="none",
        )
        Path(found[0].location).rename(out / f"log.{kind}")


def trl(out: Path) -> None:
    """The completions that `GRPOTrainer` logs in its first step, as it writes them: Parquet."""
    data, library = importlib.import_module("datasets"), importlib.import_module("trl")
    rows = [{"prompt": row["question"], "gold": row["gold"]} for row in asked()]

    def exact(completions: list[str], gold: list[str], **_: object) -> list[float]:
        return [float(right in text) for text, right in zip(completions, gold, strict=True)]

    settings = library.GRPOConfig(
        output_dir=str(out / "work"),
        per_device_train_batch_size=PROBLEMS * SAMPLES,
        num_generations=SAMPLES,
        max_completion_length=24,
        max_steps=1,
        log_completions=True,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        save_strategy="steps",
        save_steps=1,
    )
    trainer = library.GRPOTrainer(
        model=str(POCKET), reward_funcs=exact, args=settings, train_dataset=data.Dataset.from_list(rows)
    )
    trainer.train()
    for path in (out / "work").rglob("completions_*.parquet"):
        path.rename(out / path.name)
    for path in (out / "work").rglob("trainer_state.json"):
        path.rename(out / path.name)


WRITERS = {"lm-eval": ("lm_eval", lm_eval), "inspect-ai": ("inspect_ai", inspect_ai), "trl": ("trl", trl)}


def main(out: Path, names: list[str]) -> None:
    """Write the files of each program and its version."""
    for name in names or list(WRITERS):
        package, write = WRITERS[name]
        folder = out / package
        folder.mkdir(parents=True, exist_ok=True)
        write(folder.resolve())
        (folder / "VERSION").write_text(f"{name} {version(name)}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
