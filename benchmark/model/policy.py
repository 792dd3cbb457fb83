"""A language model as the harness sees it: prompts, samples, log-probabilities with gradient, a frozen reference.

Thin on purpose: `load` says where a model comes from, `tokens` how a problem becomes tokens, `network` how the model is
read, `sampler` and `scoring` what is done with it, `verify` that all of it is the model itself.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from benchmark.contract import Completion, KeptBatches, Model, Prompt, Till
from benchmark.model import scoring
from benchmark.model.network import Network, ReadingPlan
from benchmark.model.sampler import Ending, Sampled, sample
from benchmark.model.scoring import Prompts, Scored, label_and_end_logp
from benchmark.model.tokens import PromptFormat, Vocabulary, format_of
from benchmark.model.verify import prove

__all__ = ["LanguagePolicy", "Prompts", "Scored", "label_and_end_logp"]


@dataclass
class LanguagePolicy:
    """A causal language model with its tokenizer, on one device."""

    model: Any
    tokenizer: Any
    prompt: PromptFormat = field(default_factory=PromptFormat)
    """How a problem becomes the text that the model reads."""
    lora: bool = False
    """Whether `model` is wrapped by peft: then only its adapter is trained."""
    reading: ReadingPlan | None = None
    """How the model is read; `None` finds the fastest way that is proved right, at the first use."""
    till: Till | None = None
    """Where this policy and its copies charge completions, sampled and given ones; `None` outside of training."""

    def __post_init__(self) -> None:
        self.network = self.model.get_base_model() if self.lora else self.model  # with or without adapters inside
        self.vocabulary = Vocabulary(self.tokenizer, self.network, self.prompt)
        self.model.eval()  # no dropout, neither in sampling nor in training: the ratio is exactly 1 on-policy

    def asked_as(
        self, model: Model, prompt: Prompt, instruction: str, examples: Sequence[tuple[str, str]] | None = None
    ) -> LanguagePolicy:
        """The same weights with another task's sentence on how to answer; examples stay unless others are given."""
        asked = format_of(model, prompt, instruction, self.prompt.examples if examples is None else examples)
        return LanguagePolicy(self.model, self.tokenizer, asked, self.lora, self.proved(), self.till)

    def charged_to(self, till: Till) -> Self:
        """The same policy, model and all, whose completions are charged."""
        charged = copy.copy(self)
        charged.till = till
        return charged

    def proved(self) -> ReadingPlan:
        """How the model is read, after the proof. Raises `ConfigurationError` for a model that has no right way."""
        if self.reading is None:
            name = str(self.network.config.name_or_path or type(self.network).__name__)
            self.reading = prove(self.network, self.vocabulary.ordinary(), name)
        return self.reading

    @cached_property
    def _net(self) -> Network:
        return Network(self.network, self.proved().logits)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        weight: Tensor = next(self.model.parameters())
        return weight.device

    @cached_property
    def hidden_size(self) -> int:
        """H, the width of the states that heads see: those which the output head reads."""
        token = torch.tensor([self.vocabulary.ordinary()[:1]], device=self.device)
        with torch.no_grad():
            return int(self._net.read(token, None).hidden.shape[-1])

    @property
    def trainable(self) -> list[torch.nn.Parameter]:
        """The weights training may change."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def render(self, prompt: str) -> str:
        """The text the model reads for a problem's prompt, without the special tokens a tokenizer adds."""
        return self.vocabulary.render(prompt)

    def encode(self, prompts: Sequence[str]) -> Prompts:
        """Rendered and tokenised, left-padded."""
        rows = self.vocabulary.prompt_rows(prompts)
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self.vocabulary.pad)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        return Prompts(ids.to(self.device), mask.to(self.device))

    def encode_completions(self, texts: Sequence[str], limit: int) -> Sampled:
        """Given solutions as if they had been sampled, behind the prompt's `answer_prefix` and closed by the end token.

        `logp` is zero; rows are cut at `limit`.
        """
        before = self.prompt.answer_prefix
        rows = [[*self.vocabulary.text_ids(f"{before}{text}"), self.vocabulary.closing] for text in texts]
        longest = min(limit, max(map(len, rows)))
        ids = torch.full((len(rows), longest), self.vocabulary.pad)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens[:longest])
        lengths = torch.tensor([len(tokens) for tokens in rows])
        mask = (torch.arange(longest) < lengths.unsqueeze(1)).float()
        self.charge(mask)
        device = self.device
        return Sampled(
            ids.to(device), mask.to(device), torch.zeros_like(mask, device=device), (lengths <= longest).to(device)
        )

    def sample(self, prompts: Prompts, noise: Tensor, *, temperature: float) -> Sampled:
        """Completions from the current weights; see `benchmark.model.sampler`."""
        stopped = self.vocabulary.stopped if self.prompt.stop else None
        drawn = sample(
            self._net,
            self.proved(),
            prompts.ids,
            prompts.mask,
            noise.to(self.device),
            temperature=temperature,
            ending=Ending(self._ends, self.vocabulary.pad, stopped),
        )
        self.charge(drawn.mask)
        return drawn

    def charge(self, mask: Tensor) -> None:
        """Charge completions with this mask [B, T], if this policy charges any. Raises `BudgetSpent`."""
        if self.till is not None:
            self.till.charge(len(mask), int(mask.sum(1).long().sum()))

    @cached_property
    def _ends(self) -> Tensor:
        return torch.tensor(self.vocabulary.ends, device=self.device)

    def decode(self, sampled: Sampled) -> list[Completion]:
        """Texts with their token counts, special tokens left out, cut where the first stop string begins."""
        lengths = sampled.mask.sum(1).int().tolist()
        rows = [row[:length] for row, length in zip(sampled.ids.tolist(), lengths, strict=True)]
        texts = self.vocabulary.decode(rows)
        ended = sampled.terminated.tolist()
        return [Completion(text, length, not end) for text, length, end in zip(texts, lengths, ended, strict=True)]

    def complete(
        self,
        prompts: Sequence[str],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        seed: int,
        batch_completions: int,
        kept: KeptBatches | None = None,
    ) -> list[list[Completion]]:
        """`samples` completions of each prompt; does not depend on `batch_completions`, but for rounding.

        Batches that `kept` has are not sampled again, others are given to it.
        """
        noise = torch.rand(len(prompts) * samples, max_tokens, generator=torch.Generator().manual_seed(seed))
        size = max(1, batch_completions // samples)
        completions: list[Completion] = []
        for start in range(0, len(prompts), size):
            chunk = prompts[start : start + size]
            part = noise[start * samples : (start + len(chunk)) * samples]
            name = f"{seed}-{samples}-{temperature:g}-{start}"
            drawn = kept.get(name) if kept is not None else None
            if drawn is None:
                drawn = self.decode(self.sample(self.encode(chunk), part, temperature=temperature))
                if kept is not None:
                    kept.put(name, drawn)
            completions += drawn
        return [completions[i : i + samples] for i in range(0, len(completions), samples)]

    def prefixes(self, sampled: Sampled) -> list[list[str]]:
        """Texts of all prefixes of each completion: after 0, 1, … n tokens, as `decode` would give them."""
        lengths = sampled.mask.sum(1).int().tolist()
        rows = sampled.ids.tolist()
        cut = [row[:t] for row, n in zip(rows, lengths, strict=True) for t in range(n + 1)]
        texts = iter(self.vocabulary.decode(cut))
        return [[next(texts) for _ in range(n + 1)] for n in lengths]

    def score(self, prompts: Prompts, ids: Tensor, mask: Tensor, *, temperature: float, ends: bool = False) -> Scored:
        """Log-probabilities of given completions [B, T]; see `benchmark.model.scoring`."""
        return scoring.score(
            self._net,
            self.proved(),
            prompts,
            ids,
            mask,
            temperature=temperature,
            eos_ids=self._ends,
            ends=ends,
        )

    def snapshot(self) -> LanguagePolicy:
        """A frozen copy of the policy as it is now, adapter included."""
        frozen = copy.deepcopy(self.model).requires_grad_(False)
        return LanguagePolicy(frozen, self.tokenizer, self.prompt, self.lora, self.reading, self.till)

    def reference(self) -> LanguagePolicy:
        """The policy as it is now, frozen: a copy, or for LoRA the same weights with the adapter switched off."""
        if self.lora:
            return _WithoutAdapter(self.model, self.tokenizer, self.prompt, self.lora, self.reading, self.till)
        return self.snapshot()

    def digest(self) -> str:
        """SHA-256 over names and values of all weights."""
        total = hashlib.sha256()
        for name, value in sorted(self.model.state_dict().items()):
            total.update(name.encode())
            total.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return total.hexdigest()

    def prompt_digest(self) -> str:
        """SHA-256 over how a fixed prompt is rendered and tokenised, and over what ends a completion before its end."""
        text = self.render("{problem}")
        shown: tuple[object, ...] = (text, self.vocabulary.prompt_rows(["{problem}"])[0])
        if self.prompt.stop:
            shown = (*shown, self.prompt.stop)
        return hashlib.sha256(repr(shown).encode()).hexdigest()


class _WithoutAdapter(LanguagePolicy):
    """The base model under a LoRA adapter."""

    def score(self, prompts: Prompts, ids: Tensor, mask: Tensor, *, temperature: float, ends: bool = False) -> Scored:
        with self.model.disable_adapter():
            return super().score(prompts, ids, mask, temperature=temperature, ends=ends)
