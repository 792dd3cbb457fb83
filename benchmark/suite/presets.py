"""Published prompts by name: `[prompt] preset = "…"`. What a suite says itself stands before what a preset says.

| preset | convention |
|---|---|
| `lm-eval-gsm8k` | lm-evaluation-harness 0.4, `gsm8k.yaml` (version 3): "Question: … Answer:", 5 training examples |
| `lm-eval-gsm8k-cot` | the same, `gsm8k-cot.yaml`: eight examples of Wei et al. 2022 (arXiv:2201.11903, table 20) |
| `minerva-math` | the same, `minerva_math`: four examples of Lewkowycz et al. 2022 (arXiv:2206.14858, appendix D.2) |
| `qwen-boxed` | Qwen2.5-Math's model cards: the system turn asks for reasoning and a box |
| `r1-zero` | DeepSeek-AI 2025 (arXiv:2501.12948, table 1): a conversation with <think> and <answer> tags |

The examples of the second and third are other people's texts, of the third also problems of MATH. They are not in this
repository: `published_examples` reads them from an installed lm-eval and refuses any whose digest is not the known one.
The first takes examples from the training split, drawn once for a task; lm-eval draws other ones for every problem.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmark.contract import Prompt
from benchmark.errors import ConfigurationError, UnknownName
from benchmark.suite.values import section, shown

__all__ = ["PRESETS", "filled_in", "published_examples", "read_prompt"]

BOXED = "Please reason step by step, and put your final answer within \\boxed{}."
R1_ZERO = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>. User: {question}. Assistant:"
)

PRESETS: Mapping[str, Prompt] = MappingProxyType(
    {
        "lm-eval-gsm8k": Prompt(
            template="Question: {question}\nAnswer:",
            answer_prefix=" ",
            shots=5,
            published_solutions=True,
            stop=("Question:", "</s>", "<|im_end|>"),
        ),
        "lm-eval-gsm8k-cot": Prompt(
            template="Q: {question}\nA:",
            answer_prefix=" ",
            shots=8,
            shots_from="gsm8k-cot",
            stop=("Q:", "</s>", "<|im_end|>"),
        ),
        "minerva-math": Prompt(
            template="Problem:\n{question}\n\nSolution:",
            answer_prefix=" ",
            shots=4,
            shots_from="minerva-math",
            stop=("Problem:",),
        ),
        "qwen-boxed": Prompt(template="{question}", system=BOXED),
        "r1-zero": Prompt(template=R1_ZERO),
    }
)
KNOWN = {
    "gsm8k-cot": "8891624983ad7951218788c6e80ea96393295ebbe2b89848c286d91e20129aec",
    "minerva-math": "fd92c7e5c11c8ff7131328a0ce678c2071dbd8c22a61566c5ea06796ef1a01ae",
}
"""SHA-256 of the published examples as `_digest` computes it, from lm-eval 0.4.13."""


def filled_in(prompt: Prompt, said: Mapping[str, object]) -> Prompt:
    """The prompt with everything of its preset that `said`, the suite's own keys, leaves out. Raises `UnknownName`."""
    if prompt.preset is None:
        return prompt
    if prompt.preset not in PRESETS:
        raise UnknownName("prompt preset", prompt.preset, PRESETS)
    own: dict[str, Any] = {each.name: getattr(prompt, each.name) for each in fields(prompt) if each.name in said}
    return replace(PRESETS[prompt.preset], **{**own, "preset": prompt.preset})


def read_prompt(where: str, table: object) -> Prompt:
    """`[prompt]` of a suite with its preset filled in; `where` opens messages. Raises `ConfigurationError`."""
    if isinstance(table, Mapping):
        table = {key: [value] if key == "stop" and isinstance(value, str) else value for key, value in table.items()}
    prompt = section(where, Prompt, table, "prompt")
    prompt = filled_in(prompt, table if isinstance(table, Mapping) else {})
    if prompt.template is not None and "{question}" not in prompt.template:
        raise ConfigurationError(
            f"{where}: [prompt] template = {shown(prompt.template)}: expected text that holds '{{question}}'."
        )
    if "" in prompt.stop:
        raise ConfigurationError(f"{where}: [prompt] stop: an empty text would end every completion at once.")
    if prompt.shots_from is not None:
        published_examples(prompt)
    return prompt


def published_examples(prompt: Prompt) -> tuple[tuple[str, str], ...]:
    """Questions and solutions of `prompt.shots_from`, as many as the prompt shows; raises `ConfigurationError`."""
    name = str(prompt.shots_from)
    package = find_spec("lm_eval")
    if package is None or package.origin is None:
        raise ConfigurationError(
            f"[prompt] the examples of preset '{prompt.preset}' are read from lm-eval, which is not installed: "
            "pip install 'lm-eval==0.4.13'."
        )
    tasks = Path(package.origin).parent / "tasks"
    read = {"gsm8k-cot": _from_yaml, "minerva-math": _from_python}
    if name not in read:
        raise UnknownName("set of published examples", name, read)
    found = read[name](tasks)
    if _digest(found) != KNOWN[name]:
        raise ConfigurationError(
            f"[prompt] the installed lm-eval has other examples for preset '{prompt.preset}' than version 0.4.13: "
            "pip install 'lm-eval==0.4.13'."
        )
    if prompt.shots > len(found):
        raise ConfigurationError(f"[prompt] shots = {prompt.shots}: '{name}' has {len(found)} published examples.")
    return found[: prompt.shots]


def _from_yaml(tasks: Path) -> tuple[tuple[str, str], ...]:
    import yaml  # noqa: PLC0415 - lm-eval brings it, and nobody else needs it

    content = yaml.safe_load((tasks / "gsm8k" / "gsm8k-cot.yaml").read_text(encoding="utf-8"))
    return tuple((each["question"], each["target"]) for each in content["fewshot_config"]["samples"])


def _from_python(tasks: Path) -> tuple[tuple[str, str], ...]:
    """The literal that a function there returns: reading it runs no code and needs none of its packages."""
    tree = ast.parse((tasks / "minerva_math" / "utils.py").read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "list_fewshot_samples")
    returned = next(node for node in body.body if isinstance(node, ast.Return))
    return tuple((each["problem"], each["solution"]) for each in ast.literal_eval(returned.value or ast.List([])))


def _digest(examples: tuple[tuple[str, str], ...]) -> str:
    return hashlib.sha256(json.dumps(examples, ensure_ascii=True).encode()).hexdigest()
