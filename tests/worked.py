"""The batches of the worked examples as the hand-overs training uses."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from algorithms._batch import Loss, Now, Rollouts
from benchmark.model.policy import Prompts

EXAMPLES = json.loads((Path(__file__).parent / "examples" / "algorithm.json").read_text(encoding="utf-8"))
IDS = tuple(example["id"] for example in EXAMPLES["examples"])
LEAVES = ("logps", "values", "log_z", "log_flow")


@dataclass(frozen=True)
class Case:
    """One example: its batch before `prepare`, its leaf tensors, what is expected."""

    id: str
    data: dict[str, torch.Tensor]
    config: dict[str, object]
    expected: dict[str, object]
    group: int

    @property
    def batch(self) -> Rollouts:
        data, mask = self.data, self.data["completion_mask"]
        rows = len(mask)
        return Rollouts(
            group_size=self.group,
            prompts=Prompts(torch.zeros(rows // self.group, 1).long(), torch.ones(rows // self.group, 1).long()),
            ids=torch.zeros_like(mask).long(),
            mask=mask,
            terminated=data["terminated"].bool(),
            reward=data["rewards"],
            old_logp=data["old_logps"],
            ref_logp=data["ref_logps"],
            old_value=data["old_values"],
            old_log_z=data["log_z"].repeat_interleave(self.group),
            greedy_reward=data["greedy_rewards"].repeat_interleave(self.group) if "greedy_rewards" in data else None,
            rows=rows,
            tokens=float(mask.sum()),
            limit=int(self.config.get("L_max", mask.shape[1])),
        )

    @property
    def on_policy(self) -> Rollouts:
        """As if the batch had just been sampled by the current weights."""
        now = {"old_logp": self.data["logps"], "old_value": self.data["values"]}
        return replace(self.batch, **{key: value.clone() for key, value in now.items()})

    def leaves(self) -> dict[str, torch.Tensor]:
        return {key: self.data[key].clone().requires_grad_() for key in LEAVES if key in self.data}

    def now(self, leaves: dict[str, torch.Tensor]) -> Now:
        log_z = leaves["log_z"].repeat_interleave(self.group)
        return Now(leaves["logps"], leaves["values"], log_z, leaves["log_flow"])

    def vector(self, key: str) -> torch.Tensor:
        return torch.tensor(self.expected[key], dtype=torch.float64)

    def agrees(self, method, batch: Rollouts | None = None, scale: float = 1.0) -> Loss:
        """The method's loss and gradients are the example's, to 1e-6; padding gets none. Returns the loss."""
        leaves = self.leaves()
        loss = method.loss(method.prepare(self.batch if batch is None else batch), self.now(leaves))
        if "loss" in self.expected:
            assert abs(loss.total.item() * scale - self.expected["loss"]) < 1e-6
        (loss.total * scale).backward()
        for key, expected in self.expected["grads"].items():
            assert torch.allclose(leaves[key].grad, torch.tensor(expected, dtype=torch.float64), atol=1e-6), key
        padding = ~self.data["completion_mask"].bool()
        assert (leaves["logps"].grad[padding] == 0).all()
        return loss


def case(name: str) -> Case:
    example = next(e for e in EXAMPLES["examples"] if e["id"] == name)
    raw = dict(EXAMPLES["batches"].get(example["batch"], {}))
    raw |= example.get("inputs", {})
    data = {key: torch.tensor(value, dtype=torch.float64) for key, value in raw.items() if isinstance(value, list)}
    group = raw.get("group_size", example["config"].get("group_size", 0))
    return Case(name, data, example["config"], example["expected"], group)
