"""Our completions and log-likelihoods of a local model beside lm-evaluation-harness's, on the same prompts and stops.

    python tests/gemma_beside_lm_eval.py MODEL DATA [--problems 64] [--shots 4] [--tokens 128] [--batch 16]

MODEL is a folder with weights and tokenizer, DATA one with gsm8k. Greedy, float32, prompts of the preset
`lm-eval-gsm8k`. Prints how many completions are equal, where each other one parts and how close the two candidates are
there, and both negative log-likelihoods per token of the published solutions. Ends with 1 when these differ by more
than 1e-3. `nox -s gemma -- MODEL DATA` installs lm-eval and runs it.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from benchmark.contract import Model
from benchmark.model.load import load_policy
from benchmark.run.prompting import examples_of
from benchmark.suite.presets import PRESETS
from benchmark.tasks import load_task


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    for name, default in (("problems", 64), ("shots", 4), ("tokens", 128), ("batch", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def requests(kind: str, rows: list[tuple[object, ...]]) -> list[Instance]:
    named = [{"doc": {}, "idx": i, "metadata": ("gsm8k", i, 1)} for i in range(len(rows))]
    return [Instance(request_type=kind, arguments=row, **name) for row, name in zip(rows, named, strict=True)]


def our_likelihoods(policy, problems):
    """Σ log π and the number of tokens of each published solution behind its prompt."""
    found = []
    for problem in problems:
        prompts = policy.encode([problem.prompt])
        ids = torch.tensor([policy.vocabulary.text_ids(f" {problem.published}")])
        with torch.no_grad():
            logp = policy.score(prompts, ids, torch.ones(ids.shape), temperature=1.0).logp
        found.append((float(logp.double().sum()), ids.shape[1]))
    return found


def explain(policy, problem, ours, theirs):
    """The first token where the texts part, and how far apart its two candidates are in our model."""
    one, other = (policy.vocabulary.text_ids(text) for text in (ours, theirs))
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    prompts = policy.encode([problem.prompt])
    if at >= min(len(one), len(other)):
        return f"one text is a part of the other: {len(one)} and {len(other)} tokens"
    candidates = torch.tensor([[*one[:at], one[at]], [*one[:at], other[at]]])
    with torch.no_grad():
        logp = policy.score(prompts, candidates, torch.ones(candidates.shape), temperature=1.0).logp[:, -1]
    return f"token {at}: {one[at]} or {other[at]}, log-probabilities {logp[0]:.6f} and {logp[1]:.6f}"


def their_likelihoods(theirs, texts, problems):
    """The same by lm-eval, one row at a time: it keeps the logits of every token."""
    theirs.batch_size_per_gpu = 1
    pairs = [(text, f" {problem.published}") for text, problem in zip(texts, problems, strict=True)]
    return [float(total) for total, _ in theirs.loglikelihood(requests("loglikelihood", pairs), disable_tqdm=True)]


def their_completions(theirs, texts, stops, asked):
    """Greedy texts by lm-eval."""
    theirs.batch_size_per_gpu = asked.batch
    wanted = {"until": list(stops), "do_sample": False, "max_gen_toks": asked.tokens}
    return theirs.generate_until(requests("generate_until", [(text, wanted) for text in texts]), disable_tqdm=True)


def main() -> None:
    asked = arguments()
    task = load_task("gsm8k")
    problems = task.load("test", asked.data)[: asked.problems]
    prompt = dataclasses.replace(PRESETS["lm-eval-gsm8k"], shots=asked.shots)
    examples = examples_of(prompt, "gsm8k", task.load("train", asked.data))
    policy = load_policy(Model(source=str(asked.model)), task.instruction, prompt, examples)
    print(policy.proved(), flush=True)
    theirs = HFLM(pretrained=str(asked.model), dtype="float32", device="cpu", batch_size=asked.batch)
    equal, totals, worst = 0, [0.0, 0.0, 0.0], 0.0
    for first in range(0, len(problems), asked.batch):
        part = problems[first : first + asked.batch]
        texts = [policy.render(problem.prompt) for problem in part]
        ours = policy.complete(
            [problem.prompt for problem in part],
            samples=1,
            temperature=0.0,
            max_tokens=asked.tokens,
            seed=0,
            batch_completions=asked.batch,
        )
        for problem, (own,), text in zip(part, ours, their_completions(theirs, texts, prompt.stop, asked), strict=True):
            if own.text.strip() == text.strip():
                equal += 1
            else:
                print(f"{problem.id}: {explain(policy, problem, own.text, text)}", flush=True)
        print(f"{equal} of {first + len(part)} greedy completions are equal", flush=True)
        pairs = zip(our_likelihoods(policy, part), their_likelihoods(theirs, texts, part), strict=True)
        for (logp, tokens), other in pairs:
            totals = [totals[0] + logp, totals[1] + other, totals[2] + tokens]
            worst = max(worst, abs(logp - other) / tokens)
        print(
            f"NLL per token of {first + len(part)} solutions: {-totals[0] / totals[2]:.6f} here, "
            f"{-totals[1] / totals[2]:.6f} in lm-eval; largest difference of one {worst:.1e}",
            flush=True,
        )
    sys.exit(worst > 1e-3)


if __name__ == "__main__":
    main()
