"""Make the pocket policy: `python -m benchmark.commands.pretrain` writes `benchmark/model/pocket/weights/`.

Supervised training from random weights on demonstrations of the two generated families: correct ways, typical
mistakes and forgotten answer lines, in the proportions the families give. Only problem texts of the training split are
used. Fixed seeds; the result is the same on the same machine and library versions. Takes about twenty minutes on one
core; users need not run it, the weights are committed.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from benchmark.contract import Exam, Model
from benchmark.exam.examiner import evaluate
from benchmark.exam.metrics import measure
from benchmark.model.load import load_policy
from benchmark.model.pocket import POCKET
from benchmark.model.pocket.tokenizer import train_tokenizer
from benchmark.seeds import seed_of
from benchmark.tasks.generated import competition, grade_school
from benchmark.tasks.generated.family import Draw, ProblemFamily, split_of

__all__ = ["Recipe", "main", "pretrain"]

FAMILIES: tuple[ProblemFamily, ...] = (grade_school.TASK, competition.TASK)
IGNORED = -100
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every setting that determines the weights."""

    width: int = 96
    layers: int = 3
    heads: int = 4
    feed_forward: int = 288
    vocabulary: int = 640
    positions: int = 4096
    """Longest text the policy accepts; rotary positions, so longer ones cost no weights."""
    steps: int = 3200
    batch: int = 128
    learning_rate: float = 3e-3
    warmup: int = 200
    weight_decay: float = 0.01
    seed: int = 0
    threads: int = 1


def demonstrations(family: ProblemFamily, seed: int) -> Iterator[tuple[str, str]]:
    """Prompt and completion without end, training split only; every problem is answered anew each time it comes."""
    for index in family.indices():
        sketch = family.sketch(index)[2]
        if split_of(sketch.prompt) == "train":
            yield (
                sketch.prompt + "\n",
                family.demonstration(sketch, Draw(seed_of("demonstration", seed, family.name, index))),
            )


def interleaved(seed: int) -> Iterator[tuple[str, str]]:
    """Alternate between the families."""
    return chain.from_iterable(zip(*(demonstrations(family, seed) for family in FAMILIES), strict=True))


def batches(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Right-padded token ids and labels; prompts and padding are ignored by the loss. Like lengths go together."""
    examples = interleaved(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    while True:
        block = list(islice(examples, 16 * recipe.batch))
        prompts = tokenizer([prompt for prompt, _ in block]).input_ids
        answers = tokenizer([answer for _, answer in block]).input_ids
        rows = [(p, [*a, tokenizer.eos_token_id]) for p, a in zip(prompts, answers, strict=True)]
        rows.sort(key=lambda row: len(row[0]) + len(row[1]))
        for index in torch.randperm(16, generator=generator).tolist():
            yield collate(rows[index * recipe.batch : (index + 1) * recipe.batch], tokenizer.pad_token_id)


def collate(rows: list[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor]:
    """Ids and labels, both [rows, longest]."""
    longest = max(len(p) + len(a) for p, a in rows)
    ids = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), IGNORED)
    for row, (prompt, answer) in enumerate(rows):
        ids[row, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        labels[row, len(prompt) : len(prompt) + len(answer)] = torch.tensor(answer)
    return ids, labels


def pretrain(recipe: Recipe, folder: Path) -> dict[str, object]:
    """Train, save weights and tokenizer in `folder`, and return the card without its base scores."""
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    texts = (prompt + answer for prompt, answer in islice(interleaved(recipe.seed), 12_000))
    tokenizer = train_tokenizer(texts, recipe.vocabulary)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        intermediate_size=recipe.feed_forward,
        max_position_embeddings=recipe.positions,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
    start, tokens = time.monotonic(), 0
    tokens = train(model, batches(tokenizer, recipe), recipe)
    model.eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {
        "recipe": asdict(recipe),
        "parameters": sum(p.numel() for p in model.parameters()),
        "demonstrations": recipe.steps * recipe.batch,
        "completion_tokens": tokens,
        "seconds": round(time.monotonic() - start),
        "threads": recipe.threads,
        "torch": torch.__version__,
    }


def train(model: Qwen2ForCausalLM, data: Iterator[tuple[Tensor, Tensor]], recipe: Recipe) -> int:
    """AdamW with a cosine schedule; returns the number of completion tokens learned from."""
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay
    )
    tokens, smooth = 0, math.nan
    for step, (ids, labels) in enumerate(islice(data, recipe.steps)):
        progress = step / recipe.steps
        rate = recipe.learning_rate * min(1.0, (step + 1) / recipe.warmup) * 0.5 * (1 + math.cos(math.pi * progress))
        for group in optimiser.param_groups:
            group["lr"] = rate
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        targets = labels[:, 1:]
        seen = targets != IGNORED
        loss = torch.nn.functional.cross_entropy(logits[seen], targets[seen])
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        tokens += int(seen.sum())
        smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
        if step % 100 == 0:
            logger.info("step %d of %d: loss %.4f", step, recipe.steps, smooth)
    return tokens


def base_scores(folder: Path) -> dict[str, dict[str, float | None]]:
    """What the policy scores before any reinforcement learning, on each family's test split with the default exam."""
    policy = load_policy(Model(source=str(folder)), "")
    kept = ("greedy_accuracy", "accuracy", "pass@16", "strategies_per_solved@16", "effective_strategies", "no_answer")
    scores = {}
    for family in FAMILIES:
        measured = measure(evaluate(policy, Exam(), family.load("test"), 0).outcomes)
        scores[family.name] = {name: measured[name] for name in kept}
    return scores


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Pre-train the pocket policy.")
    parser.add_argument("--folder", type=Path, default=POCKET)
    for name, default in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    options = vars(parser.parse_args())
    folder: Path = options.pop("folder")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder.mkdir(parents=True, exist_ok=True)
    card = pretrain(Recipe(**options), folder)
    card["base_scores"] = base_scores(folder)
    (folder / "card.json").write_text(json.dumps(card, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    logger.info("%s", card)


if __name__ == "__main__":
    main()
