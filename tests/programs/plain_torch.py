"""Supervised fine-tuning in plain torch: whole weights, or with a third argument an adapter of peft's."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

start, train, seed, steps, out, *kind = sys.argv[1:]
torch.manual_seed(int(seed))
tokenizer = AutoTokenizer.from_pretrained(start)
model = AutoModelForCausalLM.from_pretrained(start)
if kind == ["adapter"]:
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
if train.endswith(".parquet"):
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(train).to_pylist()
else:
    rows = [json.loads(line) for line in Path(train).read_text(encoding="utf-8").splitlines()]
optimiser = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-3)
for step in range(int(steps)):
    row = rows[step % len(rows)]
    asked = tokenizer(row["prompt"]).input_ids
    ids = asked + tokenizer(row["solution"], add_special_tokens=False).input_ids + [model.config.eos_token_id]
    labels = torch.tensor([[-100] * len(asked) + ids[len(asked) :]])
    model(input_ids=torch.tensor([ids]), labels=labels).loss.backward()
    optimiser.step()
    optimiser.zero_grad()
model.save_pretrained(out)
