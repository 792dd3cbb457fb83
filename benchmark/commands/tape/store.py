"""A tape on disk: `<tape>.safetensors` holds the numbers and `<tape>.json` describes them.

P problems, G completions of each, B = P·G rows (problem-major), L prompt tokens, T completion tokens, U greedy tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from benchmark.contract import Model, Problem
from benchmark.errors import ConfigurationError
from benchmark.model.policy import LanguagePolicy, Prompts
from benchmark.model.sampler import Sampled
from benchmark.store.atomic import write
from benchmark.tasks import digest

__all__ = ["SCHEMA_VERSION", "Header", "Tape", "files_of", "read_tape", "write_tape"]

SCHEMA_VERSION = 1
AGAIN = "Record it again with 'bakeoff tape record'."

_TENSORS: Mapping[str, tuple[str, torch.dtype]] = {
    "prompt_ids": ("PL", torch.int32),
    "prompt_mask": ("PL", torch.uint8),
    "completion_ids": ("BT", torch.int32),
    "completion_mask": ("BT", torch.uint8),
    "completion_logp": ("BT", torch.float32),
    "ref_logp": ("BT", torch.float32),
    "terminated": ("B", torch.bool),
    "reward": ("B", torch.float32),
    "group": ("B", torch.int32),
    "greedy_ids": ("PU", torch.int32),
    "greedy_mask": ("PU", torch.uint8),
    "greedy_logp": ("PU", torch.float32),
    "greedy_terminated": ("P", torch.bool),
    "greedy_reward": ("P", torch.float32),
}
"""Name → axes and type as stored."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the numbers are and where they come from."""

    model: Model
    model_digest: str
    """`LanguagePolicy.digest` of the weights that sampled, from which every method starts."""
    prompt_digest: str
    """SHA-256 over how a problem becomes the model's input."""
    task: str
    task_digest: str
    """SHA-256 over the tape's problems."""
    problems: tuple[str, ...]
    """Ids, of the training split."""
    group_size: int
    """G"""
    seed: int
    temperature: float
    max_completion_tokens: int
    """A longer completion is cut and counts as truncated."""
    grader: str
    version: str
    """Of this package."""
    libraries: Mapping[str, str]
    texts: tuple[str, ...] | None
    """[B] completions; `None` where the problems are published ones."""


@dataclass(frozen=True, slots=True)
class Tape:
    """One batch of rollouts, on the CPU."""

    header: Header
    prompts: Prompts
    """[P, L]"""
    sampled: Sampled
    """[B, T]"""
    ref_logp: Tensor
    """[B, T] log-probability of each token under the frozen reference, which is the starting policy; 0 on padding."""
    reward: Tensor
    """[B]"""
    greedy: Sampled
    """[P, U] one greedy completion of each problem."""
    greedy_reward: Tensor
    """[P]"""

    def check(self, policy: LanguagePolicy, problems: Sequence[Problem]) -> None:
        """Raises `ConfigurationError` unless policy and problems are those that the tape was recorded with."""
        for what, found, recorded in (
            ("the policy's weights have", policy.digest(), self.header.model_digest),
            ("prompts are rendered with", policy.prompt_digest(), self.header.prompt_digest),
            ("the problems have", digest(problems), self.header.task_digest),
        ):
            if found != recorded:
                raise ConfigurationError(
                    f"{what} digest {found[:12]}, the tape was recorded with {recorded[:12]}: "
                    f"log-probabilities and rewards would not belong to them. {AGAIN}"
                )


def files_of(tape: Path) -> tuple[Path, Path]:
    """The numbers and their description; `tape` is their common path, with or without a suffix."""
    bare = str(tape).removesuffix(".json").removesuffix(".safetensors")
    return Path(f"{bare}.safetensors"), Path(f"{bare}.json")


def write_tape(path: Path, tape: Tape) -> None:
    """Write both files; the same tape gives the same bytes."""
    numbers, words = files_of(path)
    group = torch.arange(len(tape.prompts.ids)).repeat_interleave(tape.header.group_size)
    sampled = (*tape.sampled[:3], tape.ref_logp, tape.sampled.terminated, tape.reward, group)
    values = (*tape.prompts, *sampled, *tape.greedy, tape.greedy_reward)
    content = save(
        {
            name: value.to("cpu", kind).contiguous()
            for (name, (_, kind)), value in zip(_TENSORS.items(), values, strict=True)
        }
    )
    described = {"schema_version": SCHEMA_VERSION, "numbers": _sha(content), **asdict(tape.header)}
    write(numbers, content)
    write(words, (json.dumps(described, indent=1, ensure_ascii=False) + "\n").encode())


def read_tape(path: Path) -> Tape:
    """Both files, checked against each other. Raises `ConfigurationError` for anything that is not a whole tape."""
    numbers, words = files_of(path)
    try:
        described, content = json.loads(words.read_text(encoding="utf-8")), numbers.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"no tape '{path}': {error}. {AGAIN}") from error
    header = _header(words, described, _sha(content))
    try:
        held = load(content)
    except SafetensorError as error:
        raise ConfigurationError(f"{numbers}: not a safetensors file: {error}. {AGAIN}") from error
    _check_shapes(numbers, header, held)
    return _tape(header, held)


def _header(words: Path, described: object, digest: str) -> Header:
    if not isinstance(described, dict) or described.pop("schema_version", None) != SCHEMA_VERSION:
        raise ConfigurationError(f"{words}: not a tape of schema {SCHEMA_VERSION}. {AGAIN}")
    if described.pop("numbers", None) != digest:
        raise ConfigurationError(f"{words}: describes other numbers than the .safetensors file beside it. {AGAIN}")
    try:
        return TypeAdapter(Header).validate_json(json.dumps(described), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(f"{words}: {'.'.join(map(str, first['loc']))}: {first['msg']}. {AGAIN}") from error


def _check_shapes(numbers: Path, header: Header, held: Mapping[str, Tensor]) -> None:
    if held.keys() != _TENSORS.keys():
        raise ConfigurationError(f"{numbers}: holds {sorted(held)}; a tape holds {sorted(_TENSORS)}. {AGAIN}")
    sizes = {"P": len(header.problems), "B": len(header.problems) * header.group_size}
    for name, (axes, kind) in _TENSORS.items():
        tensor = held[name]
        expected = [
            sizes.setdefault(axis, size) for axis, size in zip(axes, (*tensor.shape, *[-1] * len(axes)), strict=False)
        ]
        if list(tensor.shape) != expected or tensor.dtype != kind:
            raise ConfigurationError(
                f"{numbers}: '{name}' is {tensor.dtype} {list(tensor.shape)}, expected {kind} {expected}. {AGAIN}"
            )


def _tape(header: Header, held: Mapping[str, Tensor]) -> Tape:
    def completions(kind: str, terminated: str) -> Sampled:
        return Sampled(held[f"{kind}_ids"].long(), held[f"{kind}_mask"].float(), held[f"{kind}_logp"], held[terminated])

    return Tape(
        header=header,
        prompts=Prompts(held["prompt_ids"].long(), held["prompt_mask"].long()),
        sampled=completions("completion", "terminated"),
        ref_logp=held["ref_logp"],
        reward=held["reward"],
        greedy=completions("greedy", "greedy_terminated"),
        greedy_reward=held["greedy_reward"],
    )


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
