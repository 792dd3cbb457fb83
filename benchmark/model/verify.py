"""The proof, at load, that what is sampled and scored is the model itself.

The model's plain forward pass of one row, `model(input_ids=row).logits`, is the truth. Beside it are held the logits
made from its states, a left-padded batch read with a cache, token by token and with rows leaving (sampling), and the
log-probabilities with their gradient (scoring), on two short prompts with two completions each. A faster way that does
not reproduce the truth is passed over for a slower one that does; a model for which none does is refused, with the
differences.

Two ways are equal when their log-probabilities are within `TOLERANCE`: in float32 the largest difference counts, in
half precision, where single entries round to the second digit and experts are chosen by a hair, the mean difference.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from benchmark.errors import ConfigurationError
from benchmark.model.network import LogitsBy, Network, ReadingPlan, Sampling, Scoring
from benchmark.model.sampler import Ending, sample
from benchmark.model.scoring import Prompts, score

__all__ = ["TOLERANCE", "prove"]

TOLERANCE = {torch.float64: 5e-4, torch.float32: 5e-4, torch.bfloat16: 0.1, torch.float16: 0.05}
"""Nats, by the precision of the weights: largest difference in float32, mean difference below it."""
GRADIENT_TOLERANCE = {torch.float64: 1e-2, torch.float32: 1e-2, torch.bfloat16: 0.2, torch.float16: 0.1}
"""Of a gradient, relative to its norm."""
FLOOR = -20.0
"""A token less likely than e⁻²⁰ may be it by any amount."""
WEIGHTS = 4
"""Of each half of the model: those whose gradient is looked at."""
PROMPTS, COMPLETION, GROUP = (5, 11), 5, 2
CANNOT = (
    AttributeError,
    AssertionError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What a model raises when it is read in a way it does not know."""
WORDS = {
    "left_padded": "a left-padded batch with a cache",
    "equal_lengths": "a batch of equal lengths with a cache",
    "without_cache": "sampling without a cache",
    "shared_prompt": "scoring with a shared prompt",
    "right_padded": "scoring of a right-padded batch",
    "row_by_row": "scoring row by row",
}
SAMPLING: tuple[Sampling, ...] = ("left_padded", "equal_lengths", "without_cache")
SCORING: tuple[Scoring, ...] = ("shared_prompt", "right_padded", "row_by_row")

Rows = list[Tensor]
ForwardPath = TypeVar("ForwardPath", Sampling, Scoring)


def prove(model: Any, tokens: Sequence[int], name: str) -> ReadingPlan:  # noqa: ANN401 - transformers' models share no type
    """The fastest way to read the model that equals its plain forward pass.

    `tokens` are ids of ordinary tokens, at least two; `name` stands in the message. Raises `ConfigurationError`.
    """
    device = next(model.parameters()).device
    prompts, completions = ([row.to(device) for row in each] for each in _rows(tokens))
    rows = [torch.cat((prompts[i // GROUP], completion)) for i, completion in enumerate(completions)]
    try:
        _refuse_two_sided(model, name, rows[-1])
    except CANNOT as error:
        _reraise_memory(error)
        raise ConfigurationError(
            f"model '{name}' does not run as a language model over text alone ({_first_line(error)}): "
            "name a causal language model."
        ) from error
    notes: list[str] = []
    by = _logits_by(model, rows[-1], notes)
    network = Network(model, by)
    reading = ReadingPlan(by, "left_padded", "shared_prompt")
    given = _left_padded(prompts)
    sampling = _first(SAMPLING, lambda way: _sampled_apart(network, replace(reading, sampling=way), given), notes)
    try:
        proof = _Scoring(network, given, torch.stack(completions))
    except CANNOT as error:
        _reraise_memory(error)
        raise ConfigurationError(
            f"model '{name}' cannot be trained, because its forward pass has no gradient ({_first_line(error)}): "
            "choose another model."
        ) from error
    scoring = _first(SCORING, lambda way: proof.apart(replace(reading, scoring=way)), notes)
    if sampling is None or scoring is None:
        raise ConfigurationError(
            f"model '{name}' cannot be a policy, because what would be sampled and trained is not what the model says: "
            f"{'; '.join(notes)}. Choose another model, or report this one with its config.json."
        )
    return ReadingPlan(by, sampling, scoring, tuple(notes))


def _rows(tokens: Sequence[int]) -> tuple[Rows, Rows]:
    """Two prompts of different lengths and two completions of each, of tokens strewn over the vocabulary."""
    count = len(tokens)
    walk = (tokens[(17 + 7919 * step) % count] for step in range(10_000))
    prompts = [torch.tensor([next(walk) for _ in range(length)]) for length in PROMPTS]
    return prompts, [torch.tensor([next(walk) for _ in range(COMPLETION)]) for _ in range(GROUP * len(PROMPTS))]


def _left_padded(prompts: Rows) -> Prompts:
    longest = max(map(len, prompts))
    ids = torch.stack([torch.nn.functional.pad(row, (longest - len(row), 0)) for row in prompts])
    mask = torch.stack([torch.nn.functional.pad(torch.ones_like(row), (longest - len(row), 0)) for row in prompts])
    return Prompts(ids, mask)


def _called(model: Any, row: Tensor) -> Tensor:  # noqa: ANN401 - as above
    """[1, T, V] logits of the plain forward pass; without a cache, which some models change in place."""
    known = inspect.signature(model.forward).parameters
    return model(input_ids=row, **({"use_cache": False} if "use_cache" in known else {})).logits  # type: ignore[no-any-return]


def _plain(model: Any, prompt: Tensor, completion: Tensor) -> Tensor:  # noqa: ANN401 - as above
    """[T] log-probabilities of a completion's tokens by the model's own forward pass of the whole row."""
    row = torch.cat((prompt, completion)).unsqueeze(0)
    logits = _called(model, row)[0, len(prompt) - 1 : -1]
    return logits.float().log_softmax(-1).gather(1, completion.unsqueeze(1)).squeeze(1)


@torch.no_grad()
def _refuse_two_sided(model: Any, name: str, row: Tensor) -> None:  # noqa: ANN401 - as above
    """What is read later must not change what was said before."""
    start = len(row) - COMPLETION
    alone = _plain(model, row[:start], row[start : start + 2])
    followed = _plain(model, row[:start], row[start:])[:2]
    difference = _apart(alone, followed, model.dtype)
    if not difference <= TOLERANCE[model.dtype]:
        raise ConfigurationError(
            f"model '{name}' does not read from left to right: the log-probability of a token changes by "
            f"{difference:.2g} with what stands behind it. Name a causal language model."
        )


@torch.no_grad()
def _logits_by(model: Any, row: Tensor, notes: list[str]) -> LogitsBy:  # noqa: ANN401 - as above
    """Whether the head alone makes the logits, bit for bit; else the model's own tail; else all of it."""
    network = Network(model, "head")
    full = _called(model, row.unsqueeze(0))
    try:
        hidden = network.read(row.unsqueeze(0), None).hidden
        if torch.equal(network.head(hidden), full) and _same_tail(network, hidden):
            return "head"
        difference = _apart(network.tail(hidden).float().log_softmax(-1), full.float().log_softmax(-1), model.dtype)
        if difference <= TOLERANCE[model.dtype]:
            return "tail"
        notes.append(f"logits made of its states are {difference:.2g} from its own, so it is run whole each time")
    except CANNOT as error:
        _reraise_memory(error)
        notes.append(f"logits cannot be made of its states ({_first_line(error)}), so it is run whole each time")
    return "whole"


def _same_tail(network: Network, hidden: Tensor) -> bool:
    """Also for states so large that no soft-cap or scale hides in rounding; true where there is no tail to ask."""
    large = hidden * 64
    try:
        return torch.equal(network.head(large), network.tail(large))
    except CANNOT as error:
        _reraise_memory(error)
        return True


def _first(
    ways: Sequence[ForwardPath], apart: Callable[[ForwardPath], tuple[float, float]], notes: list[str]
) -> ForwardPath | None:
    """The first way that is within its tolerance; why each one before it was not goes to the notes."""
    for way in ways:
        try:
            difference, allowed = apart(way)
        except CANNOT as error:
            _reraise_memory(error)
            notes.append(f"{WORDS[way]} fails ({_first_line(error)})")
            continue
        if difference <= allowed:
            return way
        notes.append(f"{WORDS[way]} is {difference:.2g} from its plain forward pass, {allowed:g} is allowed")
    return None


@torch.no_grad()
def _sampled_apart(network: Network, reading: ReadingPlan, prompts: Prompts) -> tuple[float, float]:
    """How far the log-probabilities with which tokens are drawn are from the plain pass of the rows they make."""
    lengths = torch.tensor([COMPLETION, 2, 3, COMPLETION], device=prompts.ids.device)

    def stopped(so_far: Tensor) -> Tensor:
        """Rows leave the batch at different times. They are told apart by their first token."""
        first = so_far[:, :1] == starts.unsqueeze(0)
        return so_far.shape[1] >= torch.where(first, lengths.unsqueeze(0), COMPLETION + 1).min(1).values

    noise = (torch.arange(GROUP * len(PROMPTS) * COMPLETION) * 0.381966 % 1).view(-1, COMPLETION)
    ending = Ending(torch.tensor([-1], device=prompts.ids.device), 0)
    starts = sample(network, reading, *prompts, noise[:, :1], temperature=1.0, ending=ending).ids[:, 0]
    drawn = sample(network, reading, *prompts, noise, temperature=1.0, ending=ending._replace(stopped=stopped))
    found, truth = [], []
    for i, n in enumerate(drawn.mask.sum(1).long().tolist()):
        prompt = prompts.ids[i // GROUP][prompts.mask[i // GROUP].bool()]
        found.append(drawn.logp[i, :n])
        truth.append(_plain(network.model, prompt, drawn.ids[i, :n]))
    return _apart(torch.cat(found), torch.cat(truth), network.model.dtype), TOLERANCE[network.model.dtype]


class _Scoring:
    """Log-probabilities of given completions [B, T] and a gradient, held against plain passes row by row."""

    def __init__(self, network: Network, prompts: Prompts, ids: Tensor) -> None:
        self._network, self._prompts, self._ids = network, prompts, ids
        self._mask = torch.ones(ids.shape, device=ids.device)
        self._mask[1, -2:] = 0  # one completion is shorter
        trained = [weight for weight in network.model.parameters() if weight.requires_grad]
        early = sorted(trained[: len(trained) // 2], key=torch.numel)[:WEIGHTS]  # a gradient goes through all layers
        self._weights = early + sorted(trained[len(trained) // 2 :], key=torch.numel)[:WEIGHTS]
        self._truth, self._slope = self._values(self._plainly)

    def apart(self, reading: ReadingPlan) -> tuple[float, float]:
        """The distance of the log-probabilities or of the gradient, whichever is worse, and how much is allowed."""
        logp, slope = self._values(lambda: self._scored(reading))
        dtype = self._network.model.dtype
        near = _apart(logp[self._mask.bool()], self._truth[self._mask.bool()], dtype), TOLERANCE[dtype]
        steep = float((slope - self._slope).norm() / self._slope.norm().clamp(min=1e-6)), GRADIENT_TOLERANCE[dtype]
        return max(near, steep, key=lambda each: each[0] / each[1] if math.isfinite(each[0]) else math.inf)

    def _plainly(self) -> Tensor:
        prompts = [ids[mask.bool()] for ids, mask in zip(*self._prompts, strict=True)]
        rows = [_plain(self._network.model, prompts[i // GROUP], row) for i, row in enumerate(self._ids)]
        return torch.stack(rows)

    def _scored(self, reading: ReadingPlan) -> Tensor:
        end = self._ids[0, :1]
        return score(self._network, reading, self._prompts, self._ids, self._mask, temperature=1.0, eos_ids=end).logp

    def _values(self, read: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
        """Log-probabilities, and the gradient of their sum in the smallest trained weights, which costs no memory."""
        with torch.set_grad_enabled(bool(self._weights)):
            logp = read()
            if not self._weights:
                return logp, logp.new_zeros(1)
            slopes = torch.autograd.grad((logp * self._mask).sum(), self._weights, allow_unused=True)
        known = [slope for slope in slopes if slope is not None]
        return logp.detach(), torch.cat([slope.flatten().float() for slope in known]) if known else logp.new_zeros(1)


def _apart(found: Tensor, truth: Tensor, dtype: torch.dtype) -> float:
    """The largest difference, in half precision the mean one; NaN where either holds one."""
    difference = (found.clamp(min=FLOOR) - truth.clamp(min=FLOOR)).abs()
    return float(difference.max() if dtype in (torch.float32, torch.float64) else difference.mean())


def _reraise_memory(error: BaseException) -> None:
    """Too little memory says nothing of the way a model is read."""
    if isinstance(error, torch.OutOfMemoryError):
        raise error


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
