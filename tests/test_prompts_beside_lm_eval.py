"""Presets beside lm-evaluation-harness's own rendering: `nox -s prompts` installs it; skipped where it is not there."""

import json
from pathlib import Path

import pytest

from benchmark.contract import Model, Problem, Prompt
from benchmark.model.tokens import format_of
from benchmark.run.prompting import examples_of
from benchmark.suite.presets import PRESETS

lm_eval = pytest.importorskip("lm_eval", reason="lm-eval is not installed: nox -s prompts")
pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = [
    {
        "question": f"Ann has {n} pens and buys {n + 1} more. How many has she?",
        "answer": f"{n}+{n + 1}=<<{n}+{n + 1}={2 * n + 1}>>{2 * n + 1}\n#### {2 * n + 1}",
    }
    for n in range(2, 9)
]
FILES = {
    "gsm8k": "gsm8k.yaml",
    "gsm8k_cot": "gsm8k-cot.yaml",
    "minerva_math_algebra": "minerva_math_algebra.yaml",
}
PROBLEMS = [
    Problem(
        f"mine/{i}", row["question"], "1", row["answer"].replace("<<", "").replace(">>", ""), published=row["answer"]
    )
    for i, row in enumerate(ROWS)
]


def config_of(name):
    """lm-eval's own file of a task, read by lm-eval."""
    from lm_eval.tasks._yaml_loader import load_yaml

    folder = Path(lm_eval.__file__).parent / "tasks"
    return load_yaml(next(folder.glob(f"*/{FILES[name]}")))


def theirs(name, tmp_path, question, *, rows=ROWS, shots=None, samples=None):
    """What lm-eval gives a model for the last row, with the rows before it, or its published examples, as shots."""
    from lm_eval.api.task import ConfigurableTask

    config = dict(config_of(name))
    for split in ("train", "test"):
        path = tmp_path / f"{split}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    files = {split: str(tmp_path / f"{split}.jsonl") for split in ("train", "test")}
    config |= {"dataset_path": "json", "dataset_name": None, "dataset_kwargs": {"data_files": files}}
    config.pop("process_docs", None)
    if samples is None:
        config["fewshot_config"] = {"sampler": "first_n"}
    task = ConfigurableTask(config=config)
    task.set_config("num_fewshot", shots)
    found = task.fewshot_context(next(doc for doc in task.test_docs() if question in doc.values()), shots)
    return str(found)


def ours(prompt, question, examples):
    return format_of(Model(source="x"), prompt, "", examples).text(question)


def test_gsm8k_with_five_shots(tmp_path):
    prompt = PRESETS["lm-eval-gsm8k"]
    examples = [(problem.prompt, problem.published) for problem in PROBLEMS[:5]]
    question = ROWS[6]["question"]
    assert ours(prompt, question, examples) == theirs("gsm8k", tmp_path, question, shots=5)


def test_gsm8k_with_worked_examples(tmp_path):
    prompt, question = PRESETS["lm-eval-gsm8k-cot"], ROWS[6]["question"]
    examples = examples_of(prompt, "gsm8k", PROBLEMS)
    assert len(examples) == 8
    assert ours(prompt, question, examples) == theirs("gsm8k_cot", tmp_path, question, shots=8, samples="published")


def test_minerva_with_four_shots(tmp_path):
    prompt, question = PRESETS["minerva-math"], "What is $1+1$?"
    rows = [{"problem": question, "solution": "It is $\\boxed{2}$.", "answer": "2"}]
    examples = examples_of(prompt, "math", PROBLEMS)
    found = theirs("minerva_math_algebra", tmp_path, question, rows=rows, shots=4, samples="published")
    assert ours(prompt, question, examples) == found


@pytest.mark.parametrize(
    ("preset", "name"),
    [("lm-eval-gsm8k", "gsm8k"), ("lm-eval-gsm8k-cot", "gsm8k_cot"), ("minerva-math", "minerva_math_algebra")],
)
def test_stop_strings_and_shots_are_theirs(preset, name):
    config = config_of(name)
    assert list(PRESETS[preset].stop) == config["generation_kwargs"]["until"]
    assert PRESETS[preset].shots == config["num_fewshot"]


def test_one_shot_more_keeps_the_others():
    few, more = (examples_of(Prompt(shots=k), "gsm8k", PROBLEMS) for k in (2, 3))
    assert more[:2] == few
