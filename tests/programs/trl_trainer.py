"""GRPO by TRL on a start and training problems that are given as files, as somebody outside would write it."""

import argparse
import json
from pathlib import Path

from datasets import load_dataset
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from benchmark.grading import grade


def correct(completions, answer, **_):
    """1 for completions that the grader of the exam accepts."""
    return [grade(text, gold).reward for text, gold in zip(completions, answer, strict=True)]


asked = argparse.ArgumentParser()
for name in ("model", "train", "out"):
    asked.add_argument(f"--{name}", required=True)
for name in ("seed", "steps", "prompts", "group", "tokens"):
    asked.add_argument(f"--{name}", type=int, required=True)
asked.add_argument("--lr", type=float, required=True)
given = asked.parse_args()

trainer = GRPOTrainer(
    model=given.model,
    args=GRPOConfig(
        output_dir=f"{given.out}/checkpoints",
        max_steps=given.steps,
        per_device_train_batch_size=given.prompts * given.group,
        num_generations=given.group,
        max_completion_length=given.tokens,
        learning_rate=given.lr,
        seed=given.seed,
        beta=0.0,
        bf16=False,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    ),
    reward_funcs=correct,
    train_dataset=load_dataset("json", data_files=given.train, split="train", cache_dir=f"{given.out}/cache"),
    processing_class=AutoTokenizer.from_pretrained(given.model),
)
trainer.train()
trainer.save_model(given.out)
spent = {"completions": given.steps * given.prompts * given.group, "optimiser_steps": trainer.state.global_step}
Path(given.out, "spent.json").write_text(json.dumps(spent), encoding="utf-8")
